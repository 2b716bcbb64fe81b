"""Telling the user how far a run is: a bar, and a callback now and then."""

import time

INTERVAL = 0.25  # seconds between two calls of the callback of a batch


def progress_bar(total, unit):
    """A bar by tqdm.

    Parameters
    ----------
    total : int
    unit : str

    Returns
    -------
    tqdm.tqdm

    Raises
    ------
    ImportError
        If there is no tqdm.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError("progress=True needs tqdm: pip install quasinewton[progress]") from None
    return tqdm(total=total, unit=unit)


class Enough(Exception):
    """The callback has raised StopIteration."""


class Watch:
    """The progress bar and the callback of a batch; called with the number of problems that have
    ended.

    Parameters
    ----------
    total : int
    progress : bool
    callback : callable or None
    snapshot : callable
        Gives the callback's argument.

    Raises
    ------
    ImportError
        If there is no tqdm for the progress bar.
    """

    def __init__(self, total, progress, callback, snapshot):
        self.total, self.callback, self.snapshot = total, callback, snapshot
        self.due, self.bar = time.monotonic() + INTERVAL, None
        if progress:
            self.bar = progress_bar(total, "fit")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.bar is not None:
            self.bar.close()

    def __call__(self, finished):
        if self.bar is not None:
            self.bar.update(finished - self.bar.n)
        if self.callback is None or (time.monotonic() < self.due and finished < self.total):
            return
        try:
            self.callback(self.snapshot())
        except StopIteration:
            raise Enough from None
        self.due = time.monotonic() + INTERVAL
