"""What reaches into Numba: options, cache, addresses, memory. With `autodiff` the only importer of
its inside.

Private: the public names are those of `quasinewton` itself.
"""
