"""Compiled state machines that run the algorithms, one evaluation at a time.

No loop calls an objective by name: it is called by address, or evaluated by the caller.

Private: the public names are those of `quasinewton` itself.
"""
