"""First-order methods, without a line search. One family per file; `base` holds shared code."""
