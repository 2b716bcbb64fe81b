"""The error raised for operations that cannot be differentiated."""


class Refused(TypeError):
    """Raised for an operation that cannot be differentiated; the message names it and its place.

    It is not one of Numba's errors, so that Numba passes it on unchanged.
    """
