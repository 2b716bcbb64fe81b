"""Python around the compiled loops: begin and resume a run, run it, run many, and build the result.

Private: the public names are those of `quasinewton` itself.
"""
