"""The recipes with other libraries: each script runs and compares itself with its library.

Covers: examples/recipes, docs/recipes.md.
"""

import ast
import re
import shutil
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from processes import environment, finish, start_python

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.py"))
PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")

# Open MPI refuses to run as root, and more processes than cores, without these.
MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
}


def run_script(*command):
    return finish(start_python(*command, env=environment(**MPI)))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_short_checks_itself_and_is_on_the_page(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 90
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))
    assert f"(../examples/recipes/{path.name})" in PAGE


def test_the_page_names_the_versions_that_are_installed():
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    pinned = settings["options.extras_require"]["recipes"].split()
    rows = [line for line in PAGE.splitlines() if "(../examples/recipes/" in line]
    assert len(pinned) == len(rows) == len(RECIPES)
    for package in pinned:
        name, version = re.fullmatch(r"([\w-]+)(?:\[\w+\])?==([\d.]+)", package).groups()
        script = {"scikit-learn": "scikit_learn", "mpi4py": "mpi"}.get(name, name)
        (row,) = (row for row in rows if f"with_{script}.py" in row)
        assert re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", row)


@pytest.mark.recipes
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_runs(path):
    assert run_script(path), "a recipe shows something"


@pytest.mark.recipes
def test_mpi_with_two_workers_that_are_spawned():
    assert run_script(ROOT / "examples" / "recipes" / "with_mpi.py", 2).startswith("2 workers")


@pytest.mark.recipes
def test_mpi_started_by_mpiexec():
    script = f"""
import os
command = ["mpiexec", "-n", "3", {sys.executable!r}, "-m", "mpi4py.futures", "examples/recipes/with_mpi.py"]
os.chdir({str(ROOT)!r})
os.execvp(command[0], command)
"""
    assert shutil.which("mpiexec"), "Open MPI is a package of the system, such as openmpi-bin"
    assert "2 workers" in run_script("-c", script)
