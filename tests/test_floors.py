"""The house has floors: a file imports only from floors below its own."""

import ast
from pathlib import Path

import pytest

import quasinewton

ROOT = Path(quasinewton.__file__).parent

# From the ground up. Rooms on one floor do not import each other. A room that is not listed is a door: it stands on
# top of everything, and is imported by nothing but other doors and the package itself.
FLOORS = [
    {"jit", "status", "settings"},
    {"clock", "linalg", "bounds"},
    {"autodiff"},
    {"objective"},
    {"searches", "methods", "schedules"},
    {"state", "starts"},
    {"endgame"},
    {"descent"},
    {"stepping", "epochs"},
    {"options", "result", "diagnosis", "samples"},
    {"course", "checkpoint"},
    {"beginnings"},
    {"endings"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
DOOR = len(FLOORS)
CATALOGUE = "problems"

FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def room(file):
    """Return the file or folder of the package that a file belongs to."""
    return Path(file.parts[0]).stem


def imported_rooms(source):
    """Return the rooms that a source imports, wherever in the file it does so."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("quasinewton.")}
    return found


def allowed(importer, imported):
    """Whether a file of one room may import from another."""
    if importer == imported or importer == "__init__":
        return True
    if importer == CATALOGUE:
        return imported == "jit"
    if imported == CATALOGUE:
        return False
    if LEVEL.get(importer, DOOR) == LEVEL.get(imported, DOOR) == DOOR:
        return True
    return LEVEL.get(imported, DOOR) < LEVEL.get(importer, DOOR)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_go_down(file):
    imported = imported_rooms((ROOT / file).read_text())
    assert [other for other in sorted(imported) if not allowed(room(file), other)] == []


def test_every_room_of_the_table_exists():
    assert set(LEVEL) <= {room(file) for file in FILES}


def test_doors_do_not_import_in_circles():
    doors = {room(file) for file in FILES} - set(LEVEL) - {"__init__", CATALOGUE}
    graph = {door: set() for door in doors}
    for file in FILES:
        if room(file) in doors:
            graph[room(file)] |= imported_rooms((ROOT / file).read_text()) & doors - {room(file)}
    while graph:
        leaves = {door for door, others in graph.items() if not others & set(graph)}
        assert leaves, f"circle among {sorted(graph)}"
        graph = {door: others for door, others in graph.items() if door not in leaves}


@pytest.mark.parametrize(
    "importer, imported",
    [
        ("methods", "searches"),
        ("searches", "methods"),
        ("jit", "linalg"),
        ("descent", "minimize"),
        ("problems", "linalg"),
        ("objective", "methods"),
    ],
)
def test_the_rule_forbids(importer, imported):
    assert not allowed(importer, imported)


def test_the_rule_sees_every_form_of_import():
    source = (
        "import quasinewton.a\nfrom quasinewton import b\ndef f():\n    from quasinewton.c.d import e\nimport numpy"
    )
    assert imported_rooms(source) == {"a", "b", "c"}


def test_numba_is_configured_in_one_place():
    """Options such as fastmath and cache are set in `jit` alone."""
    for file in FILES:
        if file.name == "jit.py":
            continue
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.keyword):
                assert node.arg not in {"fastmath", "error_model", "nogil", "cache", "parallel"}, file
