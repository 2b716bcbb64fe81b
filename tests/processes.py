"""Fresh interpreters, for what cannot be tested within one. None of them outlives its test: see
`conftest.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import quasinewton

PACKAGE = Path(quasinewton.__file__).parent
TESTS = Path(__file__).parent

_started = []


def environment(*path, **variables):
    """Return this process's environment with `path` ahead of all imports, and some variables
    changed.
    """
    path = [*map(str, path), str(PACKAGE.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **variables}


def start_python(*command, env, cwd=None):
    """Start an interpreter with these arguments, without waiting for it."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, *map(str, command)], env=env, cwd=cwd, stdout=pipe, stderr=pipe, text=True
    )
    _started.append(process)
    return process


def start(code, *path, **variables):
    """Run `code` in a new interpreter, without waiting for it."""
    return start_python("-P", "-c", code, env=environment(*path, **variables))


def finish(process):
    """Wait for a process that must succeed; return what it printed."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.strip()


def run(code, *path, **variables):
    """Return what `code` prints in a new interpreter."""
    return finish(start(code, *path, **variables))


def end_all():
    """End the processes that a test has left behind, and close their pipes."""
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.kill()
        with process:  # closes the pipes and waits
            pass
