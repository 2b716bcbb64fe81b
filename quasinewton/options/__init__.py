"""What users write, checked and turned into settings: names, options, bounds, initial values.

Private: the public names are those of `quasinewton` itself.
"""
