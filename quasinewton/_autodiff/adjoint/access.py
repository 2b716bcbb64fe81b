"""Access to items of arrays by valid indices, without wraparound of negative ones or bounds tests.
"""

import functools

from numba.core import types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic

from quasinewton._autodiff.active_types import Term
from quasinewton._autodiff.elementary_rules import real
from quasinewton._numba_ext.array_items import address_of_counted


def fetched(context, builder, signature, args):
    """Emit the load of an item of an array."""
    kind = signature.args[0]
    item = context.unpack_value(builder, kind.dtype, address_of_counted(builder, kind, args[0], args[1:]))
    return impl_ret_borrowed(context, builder, kind.dtype, item)


def deposited(context, builder, signature, args):
    """Emit the store of an item."""
    kind, (array, value, *indices) = signature.args[0], args
    value = context.cast(builder, value, signature.args[1], kind.dtype)
    context.pack_value(builder, kind.dtype, value, address_of_counted(builder, kind, array, indices))
    return context.get_dummy_value()


def increased(context, builder, signature, args):
    """Emit an addition to an item."""
    kind, (array, value, *indices) = signature.args[0], args
    at = address_of_counted(builder, kind, array, indices)
    item = Term(context, builder, kind.dtype, context.unpack_value(builder, kind.dtype, at))
    total = real(item) + real(Term(context, builder, signature.args[1], value))
    context.pack_value(builder, kind.dtype, total.cast(kind.dtype).value, at)
    return context.get_dummy_value()


I = types.int64


@functools.cache
def fetch(rank):
    """Make the intrinsic (array, indices) -> item."""
    forms = {
        1: lambda typingctx, a, i: (a.dtype(a, I), fetched),
        2: lambda typingctx, a, i, j: (a.dtype(a, I, I), fetched),
        3: lambda typingctx, a, i, j, k: (a.dtype(a, I, I, I), fetched),
    }
    return made(f"fetch{rank}", forms[rank])


@functools.cache
def deposit(rank):
    """Make the intrinsic (array, value, indices) that stores an item."""
    forms = {
        1: lambda typingctx, a, v, i: (types.void(a, v, I), deposited),
        2: lambda typingctx, a, v, i, j: (types.void(a, v, I, I), deposited),
        3: lambda typingctx, a, v, i, j, k: (types.void(a, v, I, I, I), deposited),
    }
    return made(f"deposit{rank}", forms[rank])


@functools.cache
def increase(rank):
    """Make the intrinsic (array, value, indices) that adds to an item."""
    forms = {
        1: lambda typingctx, a, v, i: (types.void(a, v, I), increased),
        2: lambda typingctx, a, v, i, j: (types.void(a, v, I, I), increased),
        3: lambda typingctx, a, v, i, j, k: (types.void(a, v, I, I, I), increased),
    }
    return made(f"increase{rank}", forms[rank])


def made(name, form):
    """Make a named intrinsic from a typing function."""
    form.__name__ = name
    return intrinsic(form)
