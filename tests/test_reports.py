"""Progress bars and tables say what a run does, change nothing in it, and appear only when wanted.

Covers: _drivers/run_report.py.
"""

import re
import sys

import numpy as np
import pytest
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient
from scipy.optimize import OptimizeWarning

from quasinewton import Solver, minimize, minimize_batch, minimize_stochastic, root
from quasinewton._drivers.run_report import Table, is_shown

START = [-1.2, 1.0]


def solve(**options):
    return minimize(rosenbrock, START, jac=rosenbrock_gradient, **options)


def table_of(printed):
    """Return the rows of a printed table as lists of numbers, without the headings."""
    rows = [line.split() for line in printed.splitlines() if re.match(r"^ *\d+  ", line)]
    return [[float(cell) for cell in row] for row in rows]


@njit
def circle_and_line(x):
    return np.array([x[0] ** 2 + x[1] ** 2 - 4.0, x[0] - x[1]])


@njit
def squares(x, A, b):
    r = A @ x - b
    return r @ r / b.size, 2.0 * (r @ A) / b.size


def train(**keywords):
    A = np.random.default_rng(0).normal(size=(100, 2))
    data = A, A @ np.array([1.0, -2.0])
    return minimize_stochastic(squares, np.zeros(2), data, "sgd", jac=True, lr=0.1, rng=1, **keywords)


class TestTable:
    def test_rows_become_rarer(self):
        assert [k for k in range(500) if is_shown(k)] == [*range(20), *range(20, 200, 10), 200, 300, 400]

    @pytest.mark.parametrize("last", [19, 25, 30])
    def test_the_last_row_is_printed_once(self, last):
        lines = []
        table = Table((("k", "d"), ("f", ".1f")), lines.append)
        for k in range(last + 1):
            table.row(k, 0.5)
        table.close()
        assert lines[0].split() == ["k", "f"] and lines[-1].split() == [str(last), "0.5"]
        assert len(lines) == len(set(lines)) and len({len(line) for line in lines}) == 1

    def test_a_value_that_is_not_known_is_blank(self, capsys):
        Table((("k", "d"), ("f", ".1f"))).row(3, None)
        assert capsys.readouterr().out.splitlines()[1].split() == ["3"]


class TestMinimize:
    @pytest.mark.parametrize("options", [{}, {"method": "adam", "lr": 0.01, "maxiter": 700}], ids=["lbfgs", "adam"])
    def test_the_table_is_the_history(self, options, capsys):
        res = solve(history=True, disp=False, **options)
        if res.success:
            solve(disp=True, **options)
        else:
            with pytest.warns(OptimizeWarning):
                solve(disp=True, **options)
        rows = table_of(capsys.readouterr().out)
        assert [int(row[0]) for row in rows] == [k for k in range(res.nit) if is_shown(k)] + [res.nit]
        for k, nfev, f, g_norm, *step in rows:
            k, history = int(k), res.history
            assert nfev == history.nfev[k]
            assert f == pytest.approx(history.f[k], rel=1e-5)
            assert g_norm == pytest.approx(history.g_norm[k], rel=1e-3)
            assert step == ([pytest.approx(history.alpha[k], rel=1e-3)] if k else [])

    def test_a_run_that_its_callback_ends_has_its_last_row(self, capsys):
        def callback(intermediate_result):
            if intermediate_result.nit == 3:
                raise StopIteration

        with pytest.warns(OptimizeWarning, match="StopIteration"):
            solve(disp=True, callback=callback)
        assert [row[0] for row in table_of(capsys.readouterr().out)] == [0, 1, 2, 3]

    def test_a_continued_run_counts_on(self, capsys):
        first = solve(maxiter=4)
        minimize(rosenbrock, None, jac=rosenbrock_gradient, checkpoint=first.checkpoint, disp=True)
        assert [row[0] for row in table_of(capsys.readouterr().out)][:3] == [4, 5, 6]

    @pytest.mark.parametrize("options", [{"progress": True}, {"progress": True, "disp": True}], ids=["bar", "both"])
    def test_the_bar_ends_where_the_run_does(self, options, capsys):
        pytest.importorskip("tqdm")
        res = solve(**options)
        assert np.array_equal(res.x, solve().x)
        printed = capsys.readouterr()
        assert f"{res.nit}it" in printed.err and f"f={res.fun:.4g}, ‖g‖={res.optimality:.4g}" in printed.err
        rows = [*filter(is_shown, range(res.nit)), res.nit] if "disp" in options else []
        assert [row[0] for row in table_of(printed.out)] == rows

    def test_the_bar_is_closed_after_an_exception(self, capsys):
        pytest.importorskip("tqdm")

        def fail(x):
            raise KeyError("mine")

        with pytest.raises(KeyError):
            minimize(fail, START, progress=True)
        assert capsys.readouterr().err.endswith("\n")

    @pytest.mark.parametrize("method", ["slsqp", "trust-constr", "nelder-mead"])
    def test_methods_of_scipy_have_a_bar(self, method, capsys):
        pytest.importorskip("tqdm")
        seen, jac = [], None if method == "nelder-mead" else rosenbrock_gradient
        res = minimize(
            rosenbrock, START, jac=jac, method=method, progress=True,
            callback=lambda intermediate_result: seen.append(intermediate_result.fun),
        )
        assert f"{len(seen)}it" in capsys.readouterr().err and len(seen) >= res.nit - 1
        alone = minimize(rosenbrock, START, jac=jac, method=method, progress=True)
        assert np.array_equal(alone.x, res.x) and f"{len(seen)}it" in capsys.readouterr().err

    def test_without_tqdm_nothing_runs(self, monkeypatch):
        def called(x):
            raise AssertionError("called")

        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
        for door in minimize, root:
            with pytest.raises(ImportError, match=r"pip install quasinewton\[progress\]"):
                door(called, START, progress=True)
        with pytest.raises(ImportError, match="tqdm"):
            minimize(called, START, progress=True, method="slsqp")
        with pytest.raises(ImportError, match="tqdm"):
            Solver(START, progress=True)


class TestOtherDoors:
    def test_root(self, capsys):
        pytest.importorskip("tqdm")
        plain = root(circle_and_line, [3.0, 1.0])
        reported = root(circle_and_line, [3.0, 1.0], disp=True, progress=True)
        assert np.array_equal(plain.x, reported.x) and plain.nfev == reported.nfev and plain.nit == reported.nit
        printed = capsys.readouterr()
        rows = table_of(printed.out)
        assert [row[0] for row in rows] == list(range(plain.nit + 1)) and rows[0][2] == pytest.approx(6.0)
        assert plain.message in printed.out and f"{plain.nit}it" in printed.err

    def test_root_without_an_iteration(self, capsys):
        res = root(circle_and_line, [3.0, 1.0], disp=True, maxiter=0)
        assert res.nit == 0 and [row[0] for row in table_of(capsys.readouterr().out)] == [0]

    def test_minimize_stochastic(self, capsys):
        res = train(epochs=4, disp=True)
        printed = capsys.readouterr().out
        rows = table_of(printed)
        assert [row[0] for row in rows] == [1, 2, 3, 4] and res.message in printed and "validation" not in printed
        assert [row[1] for row in rows] == pytest.approx(res.history.loss, rel=1e-4)

    def test_minimize_stochastic_with_validation(self, capsys):
        A = np.eye(2)
        res = train(epochs=2, disp=True, validation_data=(A, A @ np.array([1.0, -2.0])))
        rows = table_of(capsys.readouterr().out)
        assert [row[-1] for row in rows] == pytest.approx(res.history.validation_loss, rel=1e-4)

    def test_a_solver_shows_its_iterations_and_can_be_pickled(self, capsys):
        pytest.importorskip("tqdm")
        solver = Solver(START, progress=True)
        solver.tell(rosenbrock(x := solver.ask()), rosenbrock_gradient(x))
        solver.__getstate__()
        while not solver.done:
            solver.tell(rosenbrock(x := solver.ask()), rosenbrock_gradient(x))
        printed = capsys.readouterr().err
        assert f"{solver.result.nit}it" in printed and printed.endswith("\n")

    def test_a_batch_takes_it_among_the_options(self, capsys):
        pytest.importorskip("tqdm")
        minimize_batch(rosenbrock, np.zeros((3, 2)), jac=rosenbrock_gradient, options={"progress": True})
        assert "3/3" in capsys.readouterr().err

    def test_nothing_is_printed_otherwise(self, capsys):
        solve()
        root(circle_and_line, [3.0, 1.0])
        train(epochs=1)
        assert capsys.readouterr() == ("", "")
