"""Objectives: from the functions that the user gave to one function that the loops call.

`problem` reads what was given, `choose_gradient` and `choose_hessian` where derivatives come from,
and `build` makes the objective: `from_njit` and `from_python` enter the user's functions,
`differenced`, `hessian_products` and `kept_hessian` wrap an objective in another one that adds
derivatives, and `linking` exchanges uncompiled functions for compiled ones. `in_njit` does the same
inside compiled code. `interface` defines what an objective is.
"""
