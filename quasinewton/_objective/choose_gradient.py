"""Automatic derivatives of compiled objectives, compiled or refused before a run begins."""

from typing import Any

from quasinewton import _autodiff as autodiff
from quasinewton._numba_ext.introspection import is_compiled
from quasinewton._numba_ext.uncompiled import INTERPRETED, WHAT_IS_SET
from quasinewton._numba_ext.user_cache import remembered
from quasinewton._objective import from_njit
from quasinewton._objective.derived import derived
from quasinewton._objective.finite_differences import CENTRAL, EXACT
from quasinewton._objective.problem import Problem, typed_args
from quasinewton._validation import warn

TRIED = "_quasinewton_tried"  # attribute of a function; dict of refusals by kind, mode and argument types


def with_compilation(name: str, given: Any) -> Any:
    """Return the source of a derivative, or "3-point" if it is automatic and nothing is compiled.

    Parameters
    ----------
    name : {"jac", "hess"}
    given : callable, bool, str or None
        What the user gave for it.

    Warns
    -----
    OptimizeWarning
        If differences take the place of an automatic derivative that the user asked for.
    """
    if not INTERPRETED or not isinstance(given, str) or given not in autodiff.MODES:
        return given
    warn(f"{name}='3-point' takes the place of {name}={given!r}: {WHAT_IS_SET}")
    return "3-point"


def derive(fun: Any, kind: str, jac: str, n: int | None, args_type: Any, packed: bool = True) -> tuple[Any, str]:
    """Derive and compile a derivative of a compiled function for use in compiled code.

    Compilation happens here, so that a function that cannot be differentiated is refused here.

    Parameters
    ----------
    fun : numba dispatcher
    kind : {"value_and_grad", "value_and_jacobian", "hvp", "hessian"}
    jac : {"auto", "forward", "reverse"}
    n : int or None
        Number of variables.
    args_type : numba tuple type
    packed : bool
        True if the derivative is for compiled code alone; see `autodiff.derivative`.

    Returns
    -------
    (Derived or numba dispatcher, str)
        The derivative, a dispatcher if it is not packed, and the mode that was chosen.

    Raises
    ------
    autodiff.Refused
        If the function cannot be differentiated; the message names the reason in one line.
    TypeError
        If `fun` is not compiled.
    """
    function = derived(fun, kind, jac, n, args_type)
    kind, jac, n = function.request
    tried = vars(fun).setdefault(TRIED, {})
    key = *function.how, args_type

    def attempt(source: Any) -> str | None:
        given = source, (from_njit.X, *args_type), "fun"
        from_njit.result_type(*given, compiled=False)
        try:
            autodiff.attempt(source, kind, jac, n, tuple(args_type))
        except autodiff.Refused as refusal:
            from_njit.result_type(*given)  # what does not compile is reported as such
            return str(refusal)
        return None

    if key not in tried:
        # The message of a refusal contains a source line, so its key contains the file and line.
        code = fun.py_func.__code__
        place = f"{code.co_filename}:{code.co_firstlineno}"
        words = "derivable", *function.how, str(args_type)
        tried[key] = remembered(fun, words, attempt)
        if tried[key] is not None:
            tried[key] = remembered(fun, (*words, place), attempt)
    if tried[key] is not None:
        raise autodiff.Refused(tried[key])
    return function if packed else autodiff.derivative(fun, kind, jac, n)[0], function.mode


def derive_if_possible(
    fun: Any, kind: str, n: int | None, args_type: Any, packed: bool = True
) -> tuple[Any, str | None]:
    """Derive a derivative in the suitable mode; return (None, None) with a warning if refused.

    Warns
    -----
    OptimizeWarning
        If the function cannot be differentiated.
    """
    try:
        return derive(fun, kind, "auto", n, args_type, packed)
    except autodiff.Refused as refusal:
        # The rest of the message advises on gradients, which does not apply here.
        reason = str(refusal).partition(";")[0]
        warn(f"differences take the place of exact derivatives: {reason}")
        return None, None


# Predicates of `from_njit` for the result type of `fun`, by kind of derivative.
RESULTS = {"value_and_grad": "is_value", "value_and_jacobian": "is_derivative"}


def with_gradient(problem: Problem, kind: str = "value_and_grad") -> Problem:
    """Return a problem with gradients derived from a compiled `fun`, if the user left that open.

    Parameters
    ----------
    problem : Problem
    kind : {"value_and_grad", "value_and_jacobian"}
        "value_and_jacobian" for a vector function.

    Returns
    -------
    Problem
        With the `jac` "auto", or the one given.

    Warns
    -----
    OptimizeWarning
        If a compiled `fun` cannot be differentiated, or nothing is compiled, so that differences
        are used; the message names the reason.
    """
    jac = with_compilation("jac", problem.jac)
    if jac is not problem.jac:
        differenced: dict[str, Any] = {"form": "value", "scheme": CENTRAL} if problem.form else {}
        problem = problem._replace(jac=jac, **differenced)
    # A given step means that differences are wanted.
    if not (problem.jac is None or problem.jac is False) or problem.step.size or not is_compiled(problem.fun):
        return problem
    arguments = typed_args(problem.args)
    if arguments is None:
        return problem
    jac = derived_source(problem.fun, problem.jac, tuple(arguments), problem.n, kind)
    if jac is problem.jac:
        return problem
    return problem._replace(jac=jac, form=problem.form and "derived", scheme=EXACT)


def derived_source(fun: Any, jac: Any, arguments: tuple, n: int | None, kind: str) -> Any:
    """Return "auto" if a compiled `fun` can be differentiated, otherwise `jac`.

    `arguments` are the Numba types of what follows x.
    """
    if not from_njit.returns(fun, RESULTS[kind], arguments):
        return jac
    function, _ = derive_if_possible(fun, kind, n, arguments)
    return jac if function is None else "auto"
