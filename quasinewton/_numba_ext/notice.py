"""Log messages about long waits, once per process, through `logging`."""

import functools
import logging

LOGGER = logging.getLogger("quasinewton")


@functools.cache
def solver() -> None:
    """Log that a solver is being compiled."""
    LOGGER.info(
        "compiling the solver: this takes seconds, once for every version of the package on every kind of processor; "
        "`python -m quasinewton compile` does it beforehand"
    )


@functools.cache
def derivatives(name: str, reason: str) -> None:
    """Log that derivatives of a function are being compiled.

    Parameters
    ----------
    name : str
        Name of the function.
    reason : str
        Reason why they will not be kept on disk; empty if they will.
    """
    if reason:
        fate = f"again in every process, since it cannot be kept on disk: {reason}"
    else:
        fate = "once, as long as neither the function nor what it refers to changes"
    LOGGER.info("compiling the derivatives of %s: this may take seconds, %s", name, fate)
