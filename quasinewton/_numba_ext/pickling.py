"""Serialisation of functions by value, with the cloudpickle that Numba ships."""

from numba.cloudpickle import dumps

__all__ = ["dumps"]
