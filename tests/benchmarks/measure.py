"""Common parts of the benchmarks: one BLAS thread, minima of repeated runs, Markdown tables."""

import os
import platform
import timeit
from datetime import date

for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")
# A loop that is not on disk would be measured in Python, where it runs until compiling it pays.
os.environ.setdefault("QUASINEWTON_PYTHON_FIRST", "0")


def seconds(function, budget=0.5, repeats=7):
    """Return the least time of one call of `function`, over `repeats` runs after a first call.

    The runs share `budget` seconds.
    """
    function()
    once = max(timeit.timeit(function, number=1), 1e-7)
    number = max(1, int(budget / repeats / once))
    return min(timeit.repeat(function, number=number, repeat=repeats)) / number


def processor():
    """Return the name of the processor, where the system provides it."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def heading():
    """Return a line with the date, the machine and the versions."""
    import numba
    import numpy
    import scipy

    versions = f"Python {platform.python_version()}, numba {numba.__version__}, numpy {numpy.__version__}"
    return f"{date.today()}, {processor()}, {os.cpu_count()} cores; {versions}, scipy {scipy.__version__}."


def table(header, rows):
    """Return a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
