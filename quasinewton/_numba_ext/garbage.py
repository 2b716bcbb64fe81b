"""Garbage collection, which is of no use while many objects are made that live for long."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection, as while compiling or parsing.

    Both make millions of objects that live until the end, so that collections would only cost time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
