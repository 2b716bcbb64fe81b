"""Reports of one run while it goes on: a progress bar, and a table of its iterations or epochs.

Without them nothing is printed. They read what the loops keep anyway, whenever a loop returns to
the interpreter, so that a run without reports pays nothing for them.
"""

import contextlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from quasinewton._drivers.progress import import_tqdm, progress_bar
from quasinewton._loops.state import NOTHING, State

EVERY = 20  # rows; a table has all rows up to this one, then a tenth of those up to 10 EVERY, …


def is_shown(k: int) -> bool:
    """Return True if a table has row k: all below 20, every tenth below 200, and so on.

    The spacing grows with k so that a long run fits on a page.
    """
    spacing = 1
    while k >= EVERY * spacing:
        spacing *= 10
    return k % spacing == 0


class Table:
    """A table that is printed row by row, with fewer and fewer rows.

    Parameters
    ----------
    columns : sequence of (str, str)
        The heading and the format of each column; the first column numbers the rows.
    write : callable
        ``write(line)`` prints a line.
    """

    WIDTH = 12  # characters; the width of all columns but the first

    def __init__(self, columns: Sequence[tuple[str, str]], write: Callable[[str], Any] = print) -> None:
        self.columns, self.write, self.begun = columns, write, False
        self.left_out: tuple | None = None  # the last row, if it was not printed

    def row(self, k: int, *values: Any) -> None:
        """Print row k unless it is left out, and the headings before the first one.

        A value that is None is printed as a blank.
        """
        if not self.begun:
            self.begun = True
            self._line([heading for heading, _ in self.columns])
        if is_shown(k):
            self._print(k, *values)
        else:
            self.left_out = k, *values

    def close(self) -> None:
        """Print the last row if it was left out, so that a table ends where the run does."""
        if self.left_out is not None:
            self._print(*self.left_out)

    def _print(self, *values: Any) -> None:
        self.left_out = None
        cells = zip(values, self.columns, strict=True)
        self._line(["" if value is None else format(value, form) for value, (_, form) in cells])

    def _line(self, cells: Sequence[str]) -> None:
        first, *others = cells
        self.write(f"{first:>9}" + "".join(f"  {cell:>{self.WIDTH}}" for cell in others))


class RunReport:
    """Progress bar and table of one run.

    Parameters
    ----------
    progress : bool
        True for a bar with the iterations, f and the size of the gradient; requires tqdm.
    table : bool
        True for a table.
    columns : sequence of (str, str)
        Columns of the table, as for `Table`.
    size : str
        Symbol of what is driven to zero.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed.
    """

    def __init__(self, progress: bool, table: bool, columns: Sequence[tuple[str, str]], size: str = "‖g‖") -> None:
        if progress:
            import_tqdm()
        self.wants_bar, self.bar, self.size = progress, None, size
        self.table = Table(columns, self.write) if table else None

    def write(self, line: str) -> None:
        """Print a line, above the bar if there is one."""
        if self.bar is None:
            print(line)
        else:
            self.bar.write(line)

    def begin(self) -> None:
        """Show the bar, before the first evaluation."""
        if self.wants_bar:
            self.bar = progress_bar(None, "it")

    def show(self, nit: int, f: float, size: float) -> None:
        """Bring the bar to this iteration; f and the size are left out where they are not known."""
        if self.bar is None:
            return
        known = [f"{name}={value:.4g}" for name, value in (("f", f), (self.size, size)) if not math.isnan(value)]
        self.bar.set_postfix_str(", ".join(known), refresh=False)
        self.bar.update(nit - self.bar.n)

    def close(self) -> None:
        """End the table and the bar."""
        if self.table is not None:
            self.table.close()
        if self.bar is not None:
            self.bar.close()


COLUMNS = ("iteration", "d"), ("evaluations", "d"), ("f", ".6g"), ("‖g‖", ".3e"), ("step", ".3e")


class DescentReport(RunReport):
    """Report of a run of `minimize`; it is called with the state whenever the loop returns."""

    def __init__(self, progress: bool, table: bool) -> None:
        super().__init__(progress, table, COLUMNS)
        self.printed = 0  # rows of the trace that are in the table
        self.waiting: tuple | None = None  # the row after them

    def __call__(self, state: State) -> None:
        s = state.scalars[0]
        if s["njev"]:
            self.show(int(s["nit"]), float(s["f"]), float(s["g_norm"]))
        if self.table is None:
            return
        rows, full = int(s["rows"]), s["rows"] == state.trace.shape[0]
        # Before a run ends, the loop may evaluate the last iterate again and write its row anew.
        certain = rows if full or s["want"] == NOTHING else rows - 1
        first = int(s["nit"]) - rows + 1
        for i in range(self.printed, rows):
            f, g_norm, step, nfev = state.trace[i]
            row = first + i, int(nfev), f, g_norm, step if first + i else None
            if i < certain:
                self.table.row(*row)
            self.waiting = None if i < certain else row
        # The driver empties a full trace.
        self.printed = 0 if full else max(certain, 0)

    def close(self) -> None:
        if self.table is not None and self.waiting is not None:
            self.table.row(*self.waiting)
        super().close()


def descent_report(controls: Mapping[str, Any]) -> DescentReport | None:
    """Return the report that the options of a run of `minimize` ask for, or None."""
    progress, table = bool(controls.get("progress")), bool(controls.get("disp"))
    return DescentReport(progress, table) if progress or table else None


def counting(callback: Callable[..., Any] | None, report: RunReport) -> Callable[..., Any]:
    """Return a callback for a method of SciPy's that advances a report, then calls the user's.

    Its signature is that of the user's callback, by which SciPy chooses the arguments.
    """
    iterations = 0

    def each(*given: Any, **named: Any) -> Any:
        nonlocal iterations
        iterations += 1
        found = named.get("intermediate_result", given[-1] if given else None)
        report.show(iterations, float(getattr(found, "fun", math.nan)), math.nan)
        return None if callback is None else callback(*given, **named)

    if callback is None:
        parameter = inspect.Parameter("intermediate_result", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        signature = inspect.Signature([parameter])
    else:
        signature = inspect.signature(callback)
    each.__signature__ = signature  # type: ignore[attr-defined]
    return each


EPOCHS = ("epoch", "d"), ("loss", ".6g"), ("‖g‖", ".3e"), ("rate", ".3e"), ("seconds", ".3f"), ("validation", ".6g")


@contextlib.contextmanager
def epoch_report(
    progress: bool, disp: bool, epochs: int, validated: bool
) -> Iterator[Callable[[int, Sequence[float]], None]]:
    """Yield a function that reports an epoch of a stochastic run, or does nothing.

    Parameters
    ----------
    progress, disp : bool
        True for a bar, which requires tqdm, and for a table.
    epochs : int
        Epochs of this call.
    validated : bool
        True if there is a validation loss, which is the last column of the table.

    Yields
    ------
    callable
        ``show(epoch, row)`` with the number of the epoch and the values of an `EpochHistory`.
    """
    if not (progress or disp):
        yield lambda epoch, row: None
        return
    bar = progress_bar(epochs, "epoch") if progress else None
    columns = EPOCHS if validated else EPOCHS[:-1]
    table = Table(columns, print if bar is None else bar.write) if disp else None

    def show(epoch: int, row: Sequence[float]) -> None:
        loss, *_ = row
        if table is not None:
            table.row(epoch, *row[: len(columns) - 1])
        if bar is not None:
            bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
            bar.update()

    try:
        yield show
    finally:
        if table is not None:
            table.close()
        if bar is not None:
            bar.close()
