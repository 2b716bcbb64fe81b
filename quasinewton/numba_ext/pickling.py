"""Functions as bytes, by what they consist of: the cloudpickle that Numba ships to send compiled
functions with.
"""

from numba.cloudpickle import dumps

__all__ = ["dumps"]
