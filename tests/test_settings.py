"""Settings are checked when created, and the message names the value and what is legal.

Covers: _validation.py, _options/{read,keywords}.py, _objective/problem.py.
"""

import inspect
import math
import warnings

import numpy as np
import pytest
from numba import njit

from quasinewton import (
    BFGS,
    LBFGS,
    Adam,
    Armijo,
    Fixed,
    HagerZhang,
    MoreThuente,
    Newton,
    Solver,
    StrongWolfe,
    minimize,
    minimize_batch,
    minimize_multistart,
    minimize_stochastic,
)
from quasinewton._api import minimize_stochastic as minimize_stochastic_module
from quasinewton._api import root as root_module
from quasinewton._line_searches.registry import BY_NAME
from quasinewton._loops.clock import NEVER
from quasinewton._methods.registry import TRAITS
from quasinewton._objective.choose_gradient import with_gradient
from quasinewton._objective.finite_differences import CENTRAL, EXACT
from quasinewton._objective.problem import read_problem
from quasinewton._options import names
from quasinewton._options.keywords import BatchArguments, BatchOptions, Options, RootOptions, StochasticOptions
from quasinewton._options.read import read, with_limits
from quasinewton._validation import count, number


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: MoreThuente(c1=0.6), r"c1 must be in \(0, 0.5\), got 0.6"),
        (lambda: MoreThuente(narrow=1.0), r"narrow must be in \[0, 1\), got 1.0"),
        (lambda: MoreThuente(c1=0.1, c2=0.1), r"c2 must be in \(0.1, 1\), got 0.1"),
        (lambda: StrongWolfe(c2=1.0), r"c2 must be in \(0.0001, 1\), got 1.0"),
        (lambda: HagerZhang(c1=0.0), r"c1 must be in \(0, 0.5\), got 0.0"),
        (lambda: HagerZhang(maxls=0), "maxls must be at least 1, got 0"),
        (lambda: Armijo(c1=math.nan), r"c1 must be in \(0, 1\), got nan"),
        (lambda: Fixed(alpha=-1.0), r"alpha must be in \(0, inf\), got -1.0"),
        (lambda: Fixed(alpha=math.inf), r"alpha must be in \(0, inf\), got inf"),
        (lambda: LBFGS(memory=0), "memory must be at least 1, got 0"),
        (lambda: Newton(floor=1.0), r"floor must be in \(0, 1\), got 1.0"),
    ],
)
def test_illegal_value_cannot_be_constructed(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: LBFGS(memory=2.5), "memory must be an integer, got 2.5"),
        (lambda: LBFGS(memory="ten"), "memory must be an integer, got 'ten'"),
        (lambda: LBFGS(memory=math.nan), "memory must be an integer, got nan"),
        (lambda: MoreThuente(c1=None), "c1 must be a real number, got None"),
        (lambda: MoreThuente(c2=0.9j), "c2 must be a real number"),
    ],
)
def test_wrong_type_is_named(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_numbers_become_plain():
    assert LBFGS(memory=7.0).memory == 7 and type(LBFGS(memory=7.0).memory) is int
    assert BFGS(damping=True).damping == 1
    assert type(number("x", 1, 0, 2)) is float and type(count("x", 3.0, 1)) is int


def test_closed_ends_are_legal():
    assert number("x", 0.0, 0.0, 1.0, open_low=False) == 0.0
    with pytest.raises(ValueError, match=r"x must be in \(0, 1\], got 0"):
        number("x", 0, 0.0, 1.0, open_high=False)


def test_equal_settings_are_equal():
    assert MoreThuente() == MoreThuente(1e-4, 0.9, 20, 0.0) and LBFGS(5) != LBFGS(6)


def test_searches_of_the_same_numbers_are_told_apart():
    """Searches that are equal as tuples are different settings.

    Options are cached together with their types.
    """
    searches = [HagerZhang(c1=1e-4, maxls=30), StrongWolfe(maxls=30)]
    assert searches[0] == searches[1]
    for search in (*searches, *searches):
        assert type(read("lbfgs", 2, None, {"line_search": search}).search) is type(search)


BOUNDS = np.array([0.0, -1.0]), np.array([1.0, 2.0])


@pytest.mark.parametrize("bounds", [None, BOUNDS])
@pytest.mark.parametrize(
    "method, differenced, maxiter, maxfun, value_first",
    [
        ("lbfgs", False, 15000, 15000, 0),
        ("lbfgs", True, 15000, 45000, 1),
        ("gradient-descent", True, 15000, 45000, 1),
        ("bfgs", False, 15000, NEVER, 0),
        ("newton-cg", True, 15000, NEVER, 1),
        (Adam(), True, 15000, NEVER, 0),
    ],
)
def test_limits_follow_from_the_cost_of_a_gradient(method, differenced, maxiter, maxfun, value_first, bounds):
    settings = read(method, 2, None, {}, bounds)
    assert settings.limits is None
    limits = with_limits(settings, 2, differenced).limits
    assert (limits.maxiter, limits.maxfun, limits.value_first) == (maxiter, maxfun, value_first)
    limits = with_limits(read(method, 2, None, {"maxiter": 7, "maxfun": 8}, bounds), 2, differenced).limits
    assert (limits.maxiter, limits.maxfun) == (7, 8)


@pytest.mark.parametrize("method, maxiter", [("lbfgs", 15000), ("bfgs", 20000), ("newton", 20000)])
def test_many_variables_have_more_iterations(method, maxiter):
    assert with_limits(read(method, 100, None, {}), 100, False).limits.maxiter == maxiter


def test_a_search_that_accepts_any_value_sees_none_before_the_gradient():
    assert with_limits(read("lbfgs", 2, None, {"line_search": "fixed"}), 2, True).limits.value_first == 0


def test_a_problem_is_read_once():
    problem = read_problem(abs, "3-point", (), 2, {"finite_diff_rel_step": 0.5, "x_scale": 3.0, "precond": None})
    assert (problem.form, problem.scheme, problem.relative) == ("value", CENTRAL, True)
    assert problem.step.tolist() == [0.5] and problem.scales.tolist() == [3.0, 3.0]
    assert read_problem(abs, True, (), 2)[4:6] == ("joint", EXACT)
    assert with_gradient(problem) is problem
    for options in {"eps": 0.0}, {"eps": [1.0, 2.0, 3.0]}, {"x_scale": -1.0}, {"precond": True}:
        with pytest.raises(ValueError, match=next(iter(options))):
            read_problem(abs, None, (), 2, options)


def test_a_given_step_means_differences():
    square = njit(lambda x: x[0] * x[0])
    for options in {"eps": 1e-7}, {"finite_diff_rel_step": 1e-7}:
        assert with_gradient(read_problem(square, None, (), 1, options)).jac is None


def test_a_warning_names_the_line_that_called():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        minimize(lambda x: float(x @ x), [1.0, 2.0], foo=1, maxiter=1)
        Solver([1.0, 2.0], foo=1)
        minimize(lambda x: float(x @ x), [1.0], method="bfgs", hess=lambda x: np.eye(1), maxiter=1)
    assert [each.filename for each in caught] == [__file__] * 3


def is_ours(kind):
    """Return True for a class of this package, False for one that a test has registered."""
    return kind.__module__.startswith("quasinewton.")


def test_the_types_of_options_have_every_option():
    options = {*names.LIMITS, *names.CONTROLS, *names.SEARCHING, *names.FIRST_ORDER_CONTROLS, *names.SYNONYMS}
    for kind, traits in TRAITS.items():
        options |= {*kind._fields, *traits.initial, *traits.options} if is_ours(kind) else set()
    for kind in BY_NAME.values():
        options |= set(kind._fields) if is_ours(kind) else set()
    assert Options.__optional_keys__ == options
    assert RootOptions.__optional_keys__ == set(root_module.OPTIONS)


def test_options_of_minibatches_are_those_that_are_no_arguments():
    legal = {*names.FIRST_ORDER_CONTROLS, *minimize_stochastic_module.LEGAL}
    for kind, traits in TRAITS.items():
        legal |= set(kind._fields) if traits.first_order and is_ours(kind) else set()
    own = inspect.signature(minimize_stochastic).parameters.keys()
    assert StochasticOptions.__optional_keys__ == legal - own
    assert set(minimize_stochastic_module.ARGUMENTS) < own


def test_arguments_that_several_starts_hand_on_are_those_of_a_batch():
    keywords = inspect.signature(minimize_batch).parameters.keys() - {"keywords"}
    own = inspect.signature(minimize_multistart).parameters.keys() | {"batch_args"}
    given = BatchArguments.__optional_keys__ - BatchOptions.__optional_keys__
    assert given == keywords - own
