"""The error that says what cannot be differentiated."""


class Refused(TypeError):
    """What cannot be differentiated, and where; not an error of Numba's, so that it comes through
    as it is.
    """
