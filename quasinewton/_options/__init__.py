"""Reading of user input into checked settings: names, options, bounds.

Private: the public names are those of `quasinewton` itself.
"""
