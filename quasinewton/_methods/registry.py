"""The methods that users can choose: their names, and what the code around the loops must know.

A method is registered by its own file. What compiled code does for a method it finds by the
method's class; see `_numba_ext.dispatch`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from quasinewton._methods import protocol
from quasinewton._numba_ext.registration import (
    REGISTRATIONS,
    check_fields,
    check_functions,
    check_memory,
    distinguish,
    is_former,
    normal_name,
    note_external,
    refuse_taken,
)

METHODS: dict[str, type[Any]] = {}  # classes by name, including other names
NAMES: dict[type[Any], str] = {}  # names by class
TRAITS: dict[type[Any], "Traits"] = {}  # Traits by class
NEEDED = protocol.allocate, protocol.direction, protocol.update, protocol.restart
# Names of the methods of `scipy.optimize.minimize` that this package passes to SciPy.
RESERVED = {"slsqp", "cobyla", "cobyqa", "trust-constr", "nelder-mead", "powell", "cg", "tnc"}
RESERVED |= {"dogleg", "trust-ncg", "trust-krylov", "trust-exact"}
AUTO = "auto"  # in the place of a name: the package chooses


class Traits(NamedTuple):
    """Properties of a method.

    Attributes
    ----------
    name : str
    first_order : bool
        True if the method makes its own steps, at a learning rate, and has no line search.
    second_order : str
        Form of second derivatives that it uses: "hessian", "product", or "" for none.
    few_iterations : bool
        True if maxiter is 200 n, at least 15000, and maxfun infinite unless given.
    tol_sets_ftol : bool
        True if `tol` sets ftol as well, as in SciPy for L-BFGS.
    initial : tuple of str
        Options for the beginning of a run, which cannot be given with a checkpoint.
    options : tuple of str
        Further options that are not fields of the method.
    """

    name: str
    first_order: bool = False
    second_order: str = ""
    few_iterations: bool = False
    tol_sets_ftol: bool = False
    initial: tuple = ()
    options: tuple = ()


def add(kind: type[Any], traits: Traits, others: Sequence[str] = ()) -> None:
    """Add a class to the registry under its name and under others.

    A class of the same module and name is replaced, as in a notebook whose cell is run again.

    Raises
    ------
    ValueError
        If a name is taken by another class, or by SciPy.
    TypeError
        If a name is not a text.
    """
    names = [normal_name(name) for name in (traits.name, *others)]
    for name in names:
        if name == AUTO:
            raise ValueError(f"the name {name!r} lets the package choose a method; choose another one")
        if name in RESERVED:
            raise ValueError(f"the name {name!r} is that of a method of SciPy; choose another one")
        refuse_taken(name, METHODS.get(name), kind)
    for former in [each for each in NAMES if is_former(each, kind)]:
        forget(former)
    METHODS.update(dict.fromkeys(names, kind))
    REGISTRATIONS[0] += 1
    NAMES[kind], TRAITS[kind] = names[0], traits._replace(name=names[0])
    distinguish(kind)


def forget(kind: type[Any]) -> None:
    """Remove a class from the registry."""
    del NAMES[kind], TRAITS[kind]
    for name in [name for name, each in METHODS.items() if each is kind]:
        del METHODS[name]


def register_method(
    kind: type[Any],
    name: str,
    others: Sequence[str] = (),
    few_iterations: bool = False,
    tol_sets_ftol: bool = False,
    initial: Sequence[str] = (),
    options: Sequence[str] = (),
) -> type[Any]:
    """Register a method with a line search, so that users can choose it by name and as an object.

    Its functions must have been registered before: ``allocate``, ``direction``, ``update`` and
    ``restart``; and ``aim`` if it can be used with bounds.

    Parameters
    ----------
    kind : NamedTuple class
        The method. Its fields are numbers with defaults; a given value is converted to the type of
        the default.
    name : str
        Name of the method, in any case.
    others : sequence of str
        Further names.
    few_iterations : bool
        True for the default limits of BFGS and Newton's method: maxiter is 200 n, at least 15000,
        and maxfun is infinite. Otherwise both are 15000.
    tol_sets_ftol : bool
        True if the argument `tol` of `minimize` sets ftol as well as gtol.
    initial : sequence of str
        Options for the beginning of a run, which the method's ``begin`` reads; they cannot be given
        with a checkpoint.
    options : sequence of str
        Further options that are not fields of the method.

    Returns
    -------
    NamedTuple class
        `kind`.

    Raises
    ------
    TypeError
        If `kind` is not a class made by NamedTuple, a field has no default or is not a number, its
        memory is not a NamedTuple of arrays, or a name is not a text.
    ValueError
        If a function that a method needs is missing, or a name is taken. The messages name what is
        legal.
    """
    example = check_fields(kind)
    check_functions(kind, NEEDED)
    if note_external(kind):
        check_memory(kind, protocol.allocate(example, 1))
    second = "hessian" if protocol.hessian_order(example, 1) else "product" if protocol.multiplies(example) else ""
    add(kind, Traits(name, False, second, few_iterations, tol_sets_ftol, tuple(initial), tuple(options)), others)
    return kind
