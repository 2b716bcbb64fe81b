"""Public docstrings are numpydoc, complete, and true: their examples run."""

import doctest
import inspect
from pathlib import Path

import pytest
from numpydoc.docscrape import get_doc_object

import quasinewton
from quasinewton import problems

ROOT = Path(__file__).parent.parent
PUBLIC = [
    (name, getattr(quasinewton, name))
    for name in quasinewton.__all__
    if not inspect.ismodule(getattr(quasinewton, name))
]
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    if page.exists() and ">>>" in page.read_text()
]

RECORDS = {"GradientCheck", "LineSearchResult", "Minimum", "Root"}

public = pytest.mark.parametrize("thing", [thing for _, thing in PUBLIC], ids=[name for name, _ in PUBLIC])


def parameters(thing):
    """The names of what the user may pass, other than further keywords."""
    try:
        signature = inspect.signature(thing.__new__ if inspect.isclass(thing) and hasattr(thing, "_fields") else thing)
    except ValueError:
        return []
    named = [p.name for p in signature.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return [name for name in named if name not in ("self", "cls", "_cls")]


def is_record(thing):
    """A class that users read and do not make: statuses and results."""
    return inspect.isclass(thing) and (issubclass(thing, (dict, int)) or thing.__name__ in RECORDS)


@public
def test_docstring_begins_with_a_sentence(thing):
    summary = inspect.getdoc(thing).split("\n\n")[0]
    assert summary[0].isupper() and summary.endswith(".")


@public
def test_every_parameter_is_described(thing):
    if is_record(thing):
        return
    doc = get_doc_object(thing, config={"show_class_members": False})
    described = [name.strip() for entry in doc["Parameters"] for name in entry.name.split(",")]
    # A search that takes maxls for the sake of a common signature need not explain it.
    missing = set(parameters(thing)) - set(described) - ({"maxls"} if thing is quasinewton.Fixed else set())
    assert not missing
    assert [entry.name for entry in doc["Parameters"] if not (entry.type and entry.desc)] == []
    assert not set(described) - set(parameters(thing)), "described, but not there"


@public
def test_attributes_of_records_are_described(thing):
    if is_record(thing) and not issubclass(thing, int):
        doc = get_doc_object(thing, config={"show_class_members": False})
        assert doc["Attributes"] and all(entry.type and entry.desc for entry in doc["Attributes"])


@pytest.mark.parametrize("name", [name for name, thing in PUBLIC if inspect.isfunction(thing)])
def test_functions_say_what_they_return_raise_and_come_from(name):
    doc = get_doc_object(getattr(quasinewton, name))
    assert doc["Returns"] and doc["Raises"] and doc["References"] and doc["Examples"]


@pytest.mark.parametrize(
    "thing", [quasinewton, problems, *(t for _, t in PUBLIC)], ids=lambda t: getattr(t, "__name__", str(t))
)
def test_examples_in_docstrings_run(thing):
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for test in finder.find(thing, thing.__name__, globs={}):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_on_pages_run(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0


@pytest.mark.parametrize("file", sorted(Path(quasinewton.__file__).parent.rglob("*.py")), ids=lambda file: file.name)
def test_every_file_says_what_it_is(file):
    source = file.read_text()
    assert not source or source.startswith('"""')
