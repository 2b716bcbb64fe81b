"""Fresh interpreters, for what cannot be tested within one.

`conftest.py` ends those that a failed test leaves behind.
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
    """Return a copy of this process's environment for a new interpreter.

    `path` comes first on the import path, and `variables` replace variables of the environment.
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
    """Start a new interpreter that runs `code`, without waiting for it."""
    return start_python("-P", "-c", code, env=environment(*path, **variables))


def finish(process):
    """Wait for a process, require that it succeeded, and return what it printed."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.strip()


def run(code, *path, **variables):
    """Run `code` in a new interpreter, and return what it prints."""
    return finish(start(code, *path, **variables))


def end_all():
    """End the processes that a test has left behind, and close their pipes."""
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.kill()
        with process:  # Leaving the block closes the pipes and waits for the process.
            pass
