"""First-order methods: one family a file; `base` holds what they share."""
