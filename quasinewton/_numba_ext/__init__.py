"""Everything that uses Numba's internals: options, cache, addresses, memory.

Only `_autodiff` imports those internals, too.

Private: the public names are those of `quasinewton` itself.
"""
