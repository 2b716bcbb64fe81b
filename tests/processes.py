"""Fresh interpreters, for what cannot be tested within one."""

import os
import subprocess
import sys
from pathlib import Path

import quasinewton

PACKAGE = Path(quasinewton.__file__).parent
TESTS = Path(__file__).parent


def environment(*path, **variables):
    """Return this process's environment with `path` ahead of everything importable, and with some variables changed."""
    path = [*map(str, path), str(PACKAGE.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **variables}


def start(code, *path, **variables):
    """Run `code` in a new interpreter, without waiting for it."""
    command = [sys.executable, "-P", "-c", code]
    env = environment(*path, **variables)
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, timeout=300):
    """Wait for a process that must succeed; return what it printed."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, err
    return out.strip()


def run(code, *path, **variables):
    """Return what `code` prints in a new interpreter."""
    return finish(start(code, *path, **variables))
