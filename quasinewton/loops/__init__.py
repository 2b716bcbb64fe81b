"""The compiled state machines. Each asks for one evaluation at a time; none calls an objective by
name.

Private: the public names are those of `quasinewton` itself.
"""
