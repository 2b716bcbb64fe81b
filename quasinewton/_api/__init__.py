"""The public functions, one per file of the same name: each reads its arguments and runs a driver.

Private: the public names are those of `quasinewton` itself.
"""
