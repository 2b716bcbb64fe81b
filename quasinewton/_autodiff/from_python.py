"""Calls of derivatives from Python: their arguments are converted, or refused in one line."""

import inspect
import weakref

import numpy as np
from numba.core.registry import CPUDispatcher

from quasinewton._arguments.convert_args import PLAIN, as_args, native
from quasinewton._arguments.initial_values import start_point
from quasinewton._autodiff import FEW, SEVERAL, Refused, has_adjoint, remembered, settled
from quasinewton._numba_ext.introspection import (
    gist,
    numba_type,
    parameter_names,
    result_type,
)
from quasinewton._numba_ext.jit import OPTIONS

FLOAT = np.dtype(np.float64)
enter = CPUDispatcher.__call__  # calls the compiled code, with arguments of the types that it expects


class NotFitting(BaseException):
    """Arguments must be converted before anything is compiled for them.

    It is no Exception, since Numba's dispatcher must not take it for one of the compiler's.
    """


class Derivative(CPUDispatcher):
    """A compiled derivative that takes from Python what `minimize` takes as x0 and `args`.

    Compiled code calls it as any other compiled function.

    Parameters
    ----------
    function : callable
        The Python function that is compiled: (x, *args), or (x, v, *args) for products with the
        Hessian.
    f : numba dispatcher
        The user's function.
    how : (str, str or None, int or None)
        Kind, mode and number of variables, as for `autodiff.remembered`.
    """

    chooses = False  # True if another derivative is called, one for the number of variables

    def __init__(self, function, f, how):
        super().__init__(function, {}, {"nopython": True, "boundscheck": None} | OPTIONS)  # as numba.njit does
        self.reference, self.how = weakref.ref(f), how  # weak, because f holds its derivatives
        self.vectors = ("x", "v") if how[0] == "hvp" else ("x",)

    def __reduce__(self):
        f = self.reference()
        if f is None:
            raise ReferenceError(f"the function of which {self.__name__} is a derivative does not exist any more")
        return remembered, (f, *self.how)

    def __call__(self, *given, **keywords):
        # Layouts and types of numbers are left to Numba's dispatcher, which is fast at them: those
        # that are new to it come to `_compile_for_args`. It takes other byte orders, and subclasses
        # of arrays, for arrays that it knows.
        k = len(self.vectors)
        if not keywords and len(given) >= k:
            for value in given:
                if type(value) is np.ndarray:
                    if value.dtype is not FLOAT and not value.dtype.isnative:
                        break
                elif type(value) not in PLAIN:
                    break
            else:
                n = getattr(given[0], "size", 0)
                if n:
                    try:
                        return enter(self.chosen(n, given[k:]) if self.chooses else self, *given)
                    except NotFitting:
                        pass
        given = self.converted(given, keywords)
        return enter(self.chosen(given[0].size, given[k:]) if self.chooses else self, *given)

    def converted(self, given, keywords):
        """Return vectors and arguments in the types that compiled code expects.

        Raises
        ------
        TypeError, ValueError
            If that cannot be done; the message names the argument, its type and the remedy.
        """
        if keywords:
            given = self.by_position(given, keywords)
        k = len(self.vectors)
        if len(given) < k:
            vectors = " and ".join(self.vectors)
            raise TypeError(f"{self.__name__} takes {vectors}, and then the other arguments of the function")
        vectors = tuple(value if fits(value) else start_point(value, name) for value, name in zip(given, self.vectors))
        if k == 2 and vectors[0].size != vectors[1].size:
            raise ValueError(f"x and v must be of one length; got {vectors[0].size} and {vectors[1].size}")
        return vectors + as_args(given[k:], self, names=lambda: self.names(len(given) - k))

    def names(self, count):
        """Return the names of `count` arguments after the vectors, those of the user's function."""
        f = self.reference()
        return [f"args[{i}]" for i in range(count)] if f is None else parameter_names(f, count + 1)[1:]

    def by_position(self, given, keywords):
        """Return arguments, some of them given by the names of the user's function, as a tuple."""
        f = self.reference()
        if f is None:
            raise TypeError(f"{self.__name__} takes its arguments by position")
        signature = inspect.signature(f.py_func)
        x, *args = signature.parameters.values()
        if len(self.vectors) == 2:
            args = [x.replace(name="v"), *args]
        bound = signature.replace(parameters=[x, *args]).bind(*given, **keywords)
        if bound.kwargs:  # a default precedes an argument that is given
            bound.apply_defaults()
        return bound.args

    def _compile_for_args(self, *given):
        """Compile for arguments of new types; called by Numba's dispatcher.

        Raises
        ------
        NotFitting
            If they must be converted first.
        Refused
            If the user's function cannot be differentiated.
        TypeError
            If it does not compile for these arguments; the message names them.
        """
        *vectors, args = given  # Numba passes what *args collects as one tuple
        if not all(map(fits, vectors)) or not all(map(needs_no_conversion, args)):
            raise NotFitting
        try:
            return super()._compile_for_args(*given)
        # Numba's compiler raises other errors than NumbaError, too.
        except Exception as error:
            f = self.reference()
            if f is not None:
                result_type(f, tuple(map(numba_type, (vectors[0], *args))), f.__name__)
            if isinstance(error, Refused):
                raise
            raise TypeError(f"{self.__name__} does not compile: {gist(error)}") from error


class Chooser(Derivative):
    """A derivative that selects its mode by the number of variables.

    Compiled code contains both modes. A call from Python compiles only the mode it needs, since the
    number of variables is then at hand.
    """

    chooses = True

    def __init__(self, function, f, how):
        super().__init__(function, f, how)
        self.known = {}  # derivatives by number of variables, where it alone decides

    def chosen(self, n, args):
        """Return the derivative to be called for n variables: that of one mode."""
        key = min(n, FEW + 1)
        if key in self.known:
            return self.known[key]
        f = self.reference()
        if f is None:
            return self
        mode = settled("auto", n, lambda: has_adjoint(f, tuple(map(numba_type, args))))
        found = remembered(f, self.how[0], mode, n if mode == "forward" else None)
        if key < SEVERAL or key > FEW:
            self.known[key] = found
        return found


def derivative(function, f, how):
    """Make the Derivative of `f` from the Python function that is to be compiled; see there."""
    return (Chooser if how[1] == "auto" else Derivative)(function, f, how)


def fits(vector):
    """Return True for a vector of the type that compiled derivatives are given."""
    if type(vector) is not np.ndarray or vector.dtype != FLOAT:
        return False
    return vector.ndim == 1 and vector.size > 0 and vector.flags.carray


def needs_no_conversion(value):
    """Return True if a value is no array, or an array of a type that compiled functions take."""
    try:
        return type(value) is not np.ndarray or native(value, "") is value
    except TypeError:
        return False
