"""The user's functions as one objective calls them."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Callables(NamedTuple):
    """The functions of one objective, and what each of them returns.

    Attributes
    ----------
    fun : callable
        Its arguments and results depend on the form; see `trampolines.FIRST_ORDER`.
    form : str
        "value", "separate", "joint", "inplace", "residual" or "residual-joint"; compiled functions
        may have a form of `trampolines.DERIVED`, too.
    jac : callable, Derived or None
        jac(x, *args) -> g with the form "separate"; a Derived with a derived form.
    second : callable, Derived or None
        Function of second derivatives; with the form "residual" that of the Jacobian.
    second_form : {"hessian", "product", "dense"}
        What `second` means: second(x, *args) -> H, or second(x, p, *args) -> H p, or, only for
        Python functions, the Hessian of which products are taken.
    precond : callable or None
        precond(x, v, *args) -> M v.
    complex_step : bool
        True if `fun` is also called with complex x.
    """

    fun: Callable
    form: str
    jac: Any = None
    second: Any = None
    second_form: str = "hessian"
    precond: Any = None
    complex_step: bool = False
