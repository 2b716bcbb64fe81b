"""A file imports only from its own folder and from floors below.

Covers: the imports of every module.
"""

import ast
from pathlib import Path

import pytest

import quasinewton

ROOT = Path(quasinewton.__file__).parent

# The floors from the lowest up; docs/development.md has the same list. A room is a folder, or a
# file at the top of the package. Rooms on one floor do not import each other.
FLOORS = [
    {"_floats", "_numba_ext", "status", "_validation"},
    {"_arguments", "special"},
    {"_autodiff"},
    {"_objective"},
    {"_line_searches", "_methods", "schedules"},
    {"extending", "_loops", "result"},
    {"_options"},
    {"_drivers"},
    {"_api"},
    {"__main__", "plot", "testing"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
CATALOGUE = "problems"

# Imports of Numba's internals may break with every release, so they are confined to these two
# folders.
NUMBA_INSIDE = ("numba.core", "numba.np", "llvmlite")
FENCE = {"_autodiff", "_numba_ext"}

FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def room(file):
    """Return the file or folder of the package that a file belongs to."""
    return Path(file.parts[0]).stem


def imported_names(source):
    """Yield the dotted names that a source imports, anywhere in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_rooms(source):
    """Return the rooms that a source imports."""
    return {name.split(".")[1] for name in imported_names(source) if name.startswith("quasinewton.")}


def allowed(importer, imported):
    """Return True if a file of one room may import from another."""
    if importer == imported or importer == "__init__":
        return True
    if importer == CATALOGUE:
        return imported == "_numba_ext"
    if imported == CATALOGUE:
        return importer == "testing"
    return LEVEL[imported] < LEVEL[importer]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_go_down(file):
    imported = imported_rooms((ROOT / file).read_text())
    assert [other for other in sorted(imported) if not allowed(room(file), other)] == []


def test_the_table_has_every_room():
    assert set(LEVEL) == {room(file) for file in FILES} - {"__init__", CATALOGUE}


def test_the_development_page_has_the_same_floors():
    page = (ROOT.parent / "docs" / "development.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()]
    cells = [line.replace("`", "").replace(",", " ").split("|") for line in lines]
    told = {int(floor): set(rooms.split()) for _, floor, rooms, *_ in cells}
    assert told == dict(enumerate(FLOORS))


@pytest.mark.parametrize(
    "importer, imported",
    [
        ("_methods", "_line_searches"),
        ("_line_searches", "_methods"),
        ("_numba_ext", "_objective"),
        ("_loops", "_api"),
        ("problems", "_methods"),
        ("_objective", "_methods"),
    ],
)
def test_the_rule_forbids(importer, imported):
    assert not allowed(importer, imported)


def test_the_rule_sees_every_form_of_import():
    source = (
        "import quasinewton.a\nfrom quasinewton import b\ndef f():\n    from quasinewton.c.d import e\nimport numpy"
    )
    assert imported_rooms(source) == {"a", "b", "c"}


@pytest.mark.parametrize("file", [file for file in FILES if room(file) not in FENCE], ids=str)
def test_numbas_inside_is_imported_behind_the_fence_alone(file):
    inside = [name for name in imported_names((ROOT / file).read_text()) if name.startswith(NUMBA_INSIDE)]
    assert inside == []


def test_numba_is_configured_in_one_place():
    """Only `_numba_ext.jit` sets options such as fastmath and cache."""
    for file in FILES:
        if file.name == "jit.py":
            continue
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.keyword):
                assert node.arg not in {"fastmath", "error_model", "nogil", "cache", "parallel"}, file
