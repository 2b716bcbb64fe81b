"""Rules of `quasinewton.special`: how its functions are called in differentiated code.

The partial derivatives of its elementwise functions are in `elementary_rules`. In differentiated
code each is replaced by a ufunc, so that Numba fuses it with the array expression that it is part
of; other code never contains that ufunc. The rules of functions of whole arrays are here.
"""

import numpy as np
import scipy.special
from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import register_jitable

from quasinewton import special
from quasinewton._autodiff.active_types import REAL, Active, Term, is_active
from quasinewton._autodiff.active_values import combine, empty, values
from quasinewton._autodiff.elementary_functions import elementwise, item, smooth_type
from quasinewton._autodiff.elementary_rules import FADING, PARTIALS, STEEP, differentiate
from quasinewton._autodiff.routing import ROUTES, rule
from quasinewton.special import reductions


def stand_in(function):
    """Make the ufunc that replaces a function of `quasinewton.special` in differentiated code.

    Parameters
    ----------
    function : callable

    Returns
    -------
    numpy.ufunc
        For active numbers it applies the rules; for others it calls the function itself.
    """
    partials = PARTIALS[function]
    number = len(partials)
    ufunc = np.frompyfunc(function, number, 1)
    PARTIALS[ufunc] = partials
    if function in STEEP:
        STEEP.add(ufunc)
    if function in FADING:
        FADING[ufunc] = FADING[function]

    class Template(AbstractTemplate):
        key = ufunc

        def generic(self, args, kws):
            items = [item(kind) for kind in args]
            if not any(map(is_active, items)):
                return self.context.resolve_function_type(self.context.resolve_value_type(function), args, kws)
            if kws or len(args) != number:
                return None
            if any(is_active(kind) and partial is None for kind, partial in zip(items, partials, strict=True)):
                return None
            return elementwise(args, number, lambda kinds: smooth_type(function)(self.context, kinds))

    infer_global(ufunc, types.Function(Template))

    @lower_builtin(ufunc, types.VarArg(types.Any))
    def plain(context, builder, signature, args):
        kind = context.typing_context.resolve_value_type(function)
        chosen = kind.get_call_type(context.typing_context, signature.args, {})
        return context.get_function(kind, chosen)(builder, args)

    def active(context, builder, signature, args):
        terms = [Term(context, builder, kind, value) for kind, value in zip(signature.args, args, strict=True)]
        return differentiate(function, terms).cast(signature.return_type).value

    pairs = [(Active, Active), *((Active, kind) for kind in REAL), *((kind, Active) for kind in REAL)]
    for kinds in [(Active,)] if number == 1 else pairs:
        lower_builtin(ufunc, *kinds)(active)
    return ufunc


for name in special.__all__:
    function = getattr(special, name)
    if function in PARTIALS:
        # SciPy's function is included because other packages can make Numba compile it.
        ROUTES[function] = ROUTES[getattr(scipy.special, name)] = stand_in(function)


@rule(reductions.logsumexp, scipy.special.logsumexp)
def logsumexp(a, axis=None):
    def of_all(a, axis=None):
        u = values(a)
        y = logsumexp(u)
        return combine(y, shares(u, y), a.flatten(), 0.0, 0.0)

    def of_rows(a, axis=None):
        out = empty(a.shape[0], a)
        for i in range(a.shape[0]):
            out[i] = logsumexp(a[i])
        return out

    return reductions.by_axis(a, axis, of_all, of_rows, lambda a, axis=None: logsumexp(a.T, 1))


@register_jitable
def shares(u, y):
    """Return the derivatives of y, the logsumexp of all items of an array: their softmax.

    If y is infinite, softmax is undefined, and the items that are equal to y share evenly;
    probabilities of 0 have the logarithm −∞, and several of them may be added up.
    """
    if not np.isinf(y):
        return softmax(u).flatten()
    w, count = np.zeros_like(u.flatten()), 0
    for number in u.flat:
        count += number == y
    for i, number in enumerate(u.flat):
        if number == y:
            w[i] = 1.0 / count
    return w


@rule(reductions.softmax, scipy.special.softmax)
def softmax(x, axis=None):
    def of_all(x, axis=None):
        return weighted(softmax(values(x)).flatten(), x.flatten()).reshape(x.shape)

    def of_rows(x, axis=None):
        out = empty(x.shape, x)
        for i in range(x.shape[0]):
            row = softmax(x[i])
            for j in range(x.shape[1]):
                out[i, j] = row[j]
        return out

    return reductions.by_axis(x, axis, of_all, of_rows, lambda x, axis=None: softmax(x.T, 1).T.copy())


@register_jitable
def weighted(s, x):
    """Return the numbers of values s and derivatives s_i (dx_i − Σ s_j dx_j)."""
    out, mean = empty(x.size, x), empty(1, x)
    mean[0] = combine(0.0 * s[0], s, x, 0.0, 0.0)
    for i in range(x.size):
        out[i] = combine(s[i], s[i], x[i : i + 1], -s[i], mean)
    return out
