"""Pictures show the numbers they are given.

Covers: plot.py.
"""

import subprocess
import sys

import numpy as np
import pytest
from objectives import rosenbrock, rosenbrock_gradient

from quasinewton import minimize, minimize_batch, minimize_stochastic, plot

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib comes with the extra test")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402, after the backend is chosen


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


def runs(**options):
    return {
        method: minimize(rosenbrock, [-1.2, 1.0], jac=rosenbrock_gradient, method=method, options=options)
        for method in ("bfgs", "lbfgs")
    }


def ink(axes):
    """Return the share of pixels that are not white, in the picture of these axes."""
    figure = axes.figure
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    return float(np.mean(np.any(pixels < 250, axis=-1)))


def test_convergence_draws_f_and_the_gradient_of_every_run():
    results = runs(history=True)
    values, gradients = plot.convergence(results, f_min=0.0)
    for axes, field in (values, "f"), (gradients, "g_norm"):
        assert axes.get_yscale() == "log"
        assert [line.get_label() for line in axes.lines] == ["bfgs", "lbfgs"]
        for line, run in zip(axes.lines, results.values(), strict=True):
            assert np.array_equal(line.get_xdata(), run.history.nfev)
            assert np.array_equal(line.get_ydata(), getattr(run.history, field))
    assert ink(values) > 0.02


def test_convergence_of_one_run_has_no_legend_and_counts_iterations():
    values, _ = plot.convergence(runs(history=True)["bfgs"], against="nit")
    (line,) = values.lines
    assert line.get_xdata()[-1] == line.get_xdata().size - 1 and values.get_legend() is None
    assert np.isnan(line.get_ydata()[-1])  # The least value is at distance 0, which has no logarithm.


def test_a_path_goes_from_the_start_to_the_minimum():
    results = runs(return_all=True)
    axes = plot.path(rosenbrock, results)
    line = axes.lines[0]
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (-1.2, 1.0)
    assert np.allclose([line.get_xdata()[-1], line.get_ydata()[-1]], 1.0, atol=1e-3)
    assert axes.get_xlim()[0] < -1.2 and axes.get_xlim()[1] > 1.0 and ink(axes) > 0.05


def test_contours_leave_out_what_is_not_finite():
    points = [[0.5, 0.0], [0.2, 0.1]]
    axes = plot.path(lambda x: np.log(x[0]) if x[0] > 0.0 else np.nan, points, limits=((-1, 1), (-1, 1)))
    assert len(axes.collections) == 1


def test_the_profile_of_a_quadratic_is_its_parabola():
    A = np.array([[2.0, 0.9], [0.9, 1.0]])
    res = minimize(lambda x: 0.5 * x @ A @ x, [1.0, -1.0], jac=lambda x: A @ x, hess=lambda x: A, method="newton")
    axes = plot.profiles(lambda x: 0.5 * x @ A @ x, res, points=5, jac=lambda x: A @ x)
    for where, variance in zip(axes, np.diag(np.linalg.inv(A)), strict=True):
        profile = next(line for line in where.lines if line.get_label() == "profile")
        assert profile.get_ydata() == pytest.approx([4.5, 1.125, 0.0, 1.125, 4.5], abs=1e-8)
        assert profile.get_xdata()[-1] == pytest.approx(3.0 * np.sqrt(variance))


def test_a_batch_is_counted_by_its_endings(rng):
    result = minimize_batch(rosenbrock, rng.uniform(-2.0, 2.0, (12, 3)), jac=rosenbrock_gradient, maxiter=15)
    endings, iterations = plot.batch(result)
    widths = [patch.get_width() for patch in endings.patches]
    assert sum(widths) == 12 and sum(widths[::2]) == result.success.sum()
    assert iterations.get_xlabel() == "iterations" and ink(endings) > 0.02


def test_a_performance_profile_is_that_of_its_definition():
    costs = {"one": [1.0, 4.0, np.nan], "two": [2.0, 2.0, 3.0]}
    axes = plot.performance_profile(costs)
    for line, name in zip(axes.lines, costs, strict=True):
        at = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
        best = np.array([1.0, 2.0, 3.0])
        for tau in (1.0, 2.0):
            share = np.mean(np.nan_to_num(np.array(costs[name]), nan=np.inf) <= tau * best)
            assert max(value for ratio, value in at.items() if ratio <= tau) == pytest.approx(share)


def test_axes_that_are_given_are_used():
    _, ax = pyplot.subplots()
    assert plot.performance_profile({"one": [1.0]}, ax=ax) is ax and len(ax.lines) == 1


def of_minibatches():
    """Return the result of a run over mini-batches."""
    return minimize_stochastic(lambda x, rows: (x @ x, 2.0 * x), np.ones(2), (np.ones(3),), jac=True, epochs=1)


@pytest.mark.parametrize(
    "draw, message",
    [
        (lambda: plot.convergence(runs()["bfgs"]), "no history: run it with"),
        (lambda: plot.convergence(runs(history=True), against="time"), "against must be 'nfev' or 'nit', got 'time'"),
        (lambda: plot.path(rosenbrock, runs()), "no iterates: run it with"),
        (lambda: plot.path(rosenbrock, np.ones((4, 3))), r"two variables; these have shape \(4, 3\)"),
        (lambda: plot.profiles(rosenbrock, runs()["bfgs"], points=2), "points must be at least 3, got 2"),
        (lambda: plot.profiles(rosenbrock, runs()["bfgs"], names=["a"]), "names must be 2 names"),
        (lambda: plot.performance_profile({"a": [1.0], "b": [1.0, 2.0]}), "vectors of one length"),
        (lambda: plot.performance_profile({"a": [0.0]}), "costs must be positive"),
        (lambda: plot.convergence({}), "at least one result; the dictionary is empty"),
        (lambda: plot.path(rosenbrock, np.ones((4, 2)), limits=(0.0, 1.0)), r"two pairs of numbers.*got \(0.0, 1.0\)"),
        (lambda: plot.profiles(rosenbrock, runs()["bfgs"], width=-1.0), "width must be in"),
        (lambda: plot.convergence(of_minibatches()), "has a row an epoch: draw history.loss"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize(
    "draw, message",
    [
        (lambda: plot.convergence([1.0]), "a result of minimize, or a dictionary of them; got list"),
        (lambda: plot.batch(runs()["bfgs"]), "result must be that of minimize_batch, got OptimizeResult"),
        (lambda: plot.performance_profile([1.0]), "costs must be a dictionary, by solver; got list"),
    ],
)
def test_what_is_no_result_is_named(draw, message):
    with pytest.raises(TypeError, match=message):
        draw()


def test_the_package_does_not_load_matplotlib():
    code = "import sys, quasinewton; assert 'matplotlib' not in sys.modules and 'quasinewton.plot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
