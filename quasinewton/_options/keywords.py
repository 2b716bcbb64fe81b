"""The options as types, by which type checkers and editors know their names and values.

What an option means is in the docstrings of the functions that take it, and on the pages of the
methods. At run time nothing looks at these types.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from numpy.typing import ArrayLike


class _Common(TypedDict, total=False):
    """Options of `minimize` and of `root`."""

    ftol: float | None
    xtol: float | None
    maxiter: int | None
    # Of line searches.
    c1: float
    maxls: int
    # Of differences.
    eps: ArrayLike | None
    finite_diff_rel_step: ArrayLike | None


class RootOptions(_Common, total=False):
    """Options of `root`: keys of its `options`, or plain keywords.

    The docstring of `root` describes them.
    """

    disp: bool
    progress: bool


class _FirstOrder(TypedDict, total=False):
    """Settings of first-order methods, without those that are arguments of `minimize_stochastic`.
    """

    # Of all of them.
    decoupled: bool
    clip_norm_eps: float
    # Of some of them.
    alpha: float
    amsgrad: bool
    betas: tuple[float, float]
    bias_correction: bool
    centered: bool
    constant_momentum: bool
    correct_ahead: bool
    correct_before_max: bool
    dampen_first: bool
    dampening: float
    degenerated_to_sgd: bool
    eps_after_max: bool
    eps_hat: bool
    eps_in_sqrt: bool
    eps_root: float
    initial_accumulator_value: float
    lr_decay: float
    lr_in_buffer: bool
    momentum: float
    momentum_decay: float
    nesterov: bool
    rho: float
    threshold: float


class StochasticOptions(_FirstOrder, total=False):
    """Options of `minimize_stochastic`."""

    eps: ArrayLike | None
    finite_diff_rel_step: ArrayLike | None
    time_limit: float | None


class BatchOptions(_Common, _FirstOrder, total=False):
    """Options of `minimize_batch`, and of the runs of `minimize_multistart`."""

    # Tolerances and limits.
    gtol: float | None
    xrtol: float | None
    f_target: float | None
    maxfun: int | None
    maxfev: int | None
    time_limit: float | None
    # Of differences.
    x_scale: ArrayLike | None
    typical_x: ArrayLike | None
    # Of line searches.
    line_search: Any
    search: Any
    c2: float
    narrow: float
    # Of BFGS, L-BFGS, Newton and truncated Newton.
    memory: int | None
    maxcor: int | None
    damping: bool
    single: bool
    hess_inv0: ArrayLike | None
    H0: ArrayLike | None
    floor: float
    eta: float
    precond: Callable[..., ArrayLike] | ArrayLike | None
    # Of all first-order methods.
    lr: float
    weight_decay: float
    schedule: Any
    clip_value: float | None
    clip_norm: float | None
    decay_mask: ArrayLike | None


class BatchArguments(BatchOptions, total=False):
    """Arguments that `minimize_multistart` hands to `minimize_batch`."""

    hess: Callable[..., ArrayLike] | str | None
    hessp: Callable[..., ArrayLike] | None
    tol: float | None
    options: Mapping[str, Any] | None
    bounds: Any
    n_jobs: int | None
    progress: bool
    callback: Callable[[Any], Any] | None
    executor: Any
    chunk_size: int | None
    vectorized: bool


class Options(BatchOptions, total=False):
    """Options of `minimize`: keys of its `options`, or plain keywords.

    The docstring of `minimize` describes them; those of one method or line search are the
    parameters of its class. Options of methods of other packages are not known here: a type checker
    accepts them in the dictionary `options` alone.

    Examples
    --------
    >>> from quasinewton import Options, minimize
    >>> strict: Options = {"gtol": 1e-10, "maxiter": 500}
    >>> minimize(lambda x: (x - 1.0) @ (x - 1.0), [3.0, 4.0], **strict).success
    True
    """

    disp: bool
    progress: bool
    history: bool
    return_all: bool
    check_gradient: bool
