"""Derivatives of compiled objectives, derived and compiled before a run begins, or refused before it begins."""

import warnings

from scipy.optimize import OptimizeWarning

from quasinewton import autodiff
from quasinewton.objective import from_njit

TRIED = "_quasinewton_tried"  # where a function keeps what came of it


def derive(fun, kind, jac, n, args_type, packed=True):
    """A derivative of a compiled function, for compiled code; compiled here, so that what cannot be is refused here.

    Parameters
    ----------
    fun : numba dispatcher
    kind : {"value_and_grad", "value_and_jacobian", "hvp", "hessian"}
    jac : {"auto", "forward", "reverse"}
    n : int or None
        Number of variables.
    args_type : numba tuple type
    packed : bool
        Whether it is for compiled code alone; see `autodiff.derivative`.

    Returns
    -------
    (numba dispatcher, str)
        With the mode that was chosen.

    Raises
    ------
    autodiff.Refused
        Naming in one line what cannot be differentiated.
    TypeError
        If `fun` is not compiled.
    """
    function, mode = autodiff.derivative(fun, kind, jac, n, packed=packed)
    tried = vars(fun).setdefault(TRIED, {})
    key = kind, mode, function, args_type
    if key not in tried:
        from_njit.result_type(fun, (from_njit.X, *args_type), "fun")
        try:
            autodiff.attempt(fun, kind, jac, n, tuple(args_type))
            tried[key] = None
        except autodiff.Refused as refusal:
            tried[key] = str(refusal)
    if tried[key] is not None:
        raise autodiff.Refused(tried[key])
    return function, mode


def derive_if_possible(fun, kind, n, args_type, stacklevel, packed=True):
    """The same by the mode that suits; where that is refused (None, None), with a warning that says why.

    Warns
    -----
    OptimizeWarning
        At the caller that is `stacklevel` frames above this function.
    """
    try:
        return derive(fun, kind, "auto", n, args_type, packed)
    except autodiff.Refused as refusal:
        reason = str(refusal).partition(";")[0]  # the ways out that it goes on to name are those of a gradient
        message = f"differences take the place of exact derivatives: {reason}"
        warnings.warn(message, OptimizeWarning, stacklevel=stacklevel + 1)
        return None, None
