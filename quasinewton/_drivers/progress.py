"""Progress reports of a batch: a progress bar, and a callback at regular intervals."""

import time
from collections.abc import Callable
from typing import Any

INTERVAL = 0.25  # seconds; shortest time between two calls of a batch's callback, except the last


def import_tqdm() -> Any:
    """Return tqdm's class of progress bars.

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError("progress=True needs tqdm: pip install quasinewton[progress]") from None
    return tqdm


def progress_bar(total: int | None, unit: str) -> Any:
    """Return a progress bar of tqdm.

    Parameters
    ----------
    total : int or None
        None if it is not known.
    unit : str

    Returns
    -------
    tqdm.tqdm

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """
    return import_tqdm()(total=total, unit=unit)


class StoppedByCallback(Exception):
    """Raised when the callback of a batch has raised StopIteration."""


class Watch:
    """Progress bar and callback of a batch, to be called with the number of finished problems.

    Parameters
    ----------
    total : int
        Number of problems.
    progress : bool
        True to show a bar.
    callback : callable or None
    snapshot : callable
        snapshot() -> argument of the callback.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed.
    """

    def __init__(
        self, total: int, progress: bool, callback: Callable[[Any], Any] | None, snapshot: Callable[[], Any]
    ) -> None:
        self.total, self.callback, self.snapshot = total, callback, snapshot
        self.due, self.bar = time.monotonic() + INTERVAL, None
        if progress:
            self.bar = progress_bar(total, "fit")

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, finished: int) -> None:
        if self.bar is not None:
            self.bar.update(finished - self.bar.n)
        if self.callback is None or (time.monotonic() < self.due and finished < self.total):
            return
        try:
            self.callback(self.snapshot())
        except StopIteration:
            raise StoppedByCallback from None
        self.due = time.monotonic() + INTERVAL
