"""Public docstrings are in numpydoc layout, complete, and correct: their examples run.

Covers: the docstrings of every module, docs/extensions.
"""

import doctest
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import pytest
from numpydoc.docscrape import get_doc_object

import quasinewton
from quasinewton import Options, Status, problems
from quasinewton._options.names import CONTROLS, FIRST_ORDER_CONTROLS, LIMITS, SEARCHING

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs" / "extensions"))
import option_tables  # noqa: E402, from the folder of the site's extensions

DIRECTIVE = re.compile(r"^\.\. (currentmodule|autofunction|autoclass|automodule):: (\S+)$", re.MULTILINE)


def referenced():
    """Yield the names, modules included, that the reference pages describe."""
    module = ""
    for directive, name in DIRECTIVE.findall((ROOT / "docs" / "api.md").read_text(encoding="utf-8")):
        if directive == "currentmodule":
            module = name
        else:
            yield name if name.startswith("quasinewton.") else f"{module}.{name}"


REFERENCE = list(referenced())
NAMES = [*REFERENCE, *(f"quasinewton.{name}" for name in quasinewton.__all__)]
PUBLIC = {name: pkgutil.resolve_name(name) for name in NAMES}
PUBLIC = {name.removeprefix("quasinewton."): thing for name, thing in PUBLIC.items() if not inspect.ismodule(thing)}

# Classes whose objects users read but do not create.
RECORDS = {"GradientCheck", "LineSearchResult", "Minimum", "Root", "History", "EpochHistory", "StochasticState"}
RECORDS |= {"Schedule"}

def members():
    """Yield the public methods and properties of public classes, by name."""
    for name, thing in PUBLIC.items():
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            value = getattr(value, "__func__", value)
            if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                yield f"{name}.{member}", value


MEMBERS = dict(members())


def test_the_reference_has_all_that_is_public():
    modules = {name.split(".")[1] for name in REFERENCE}
    assert {name for name in quasinewton.__all__ if f"quasinewton.{name}" not in REFERENCE} <= modules
    assert len(REFERENCE) == len(set(REFERENCE))


def public_functions():
    """Yield public functions, methods and constructors, by name."""
    for name, thing in (PUBLIC | MEMBERS).items():
        if inspect.isclass(thing):
            # Python makes the constructors of other classes, from their annotated fields.
            thing = thing.__new__ if hasattr(thing, "_fields") else thing.__init__
        thing = thing.fget if isinstance(thing, property) else thing
        if inspect.isfunction(thing) and thing.__module__.startswith("quasinewton."):
            yield name, thing


CALLABLE = dict(public_functions())


@pytest.mark.parametrize("name", CALLABLE)
def test_what_is_public_is_annotated(name):
    signature = inspect.signature(CALLABLE[name])
    named = [each for each in signature.parameters.values() if each.name not in ("self", "cls")]
    assert [each.name for each in named if each.annotation is each.empty] == []
    assert signature.return_annotation is not signature.empty


def parameters(thing):
    """Return the names of the parameters, without ``**keywords``."""
    try:
        signature = inspect.signature(thing.__new__ if inspect.isclass(thing) and hasattr(thing, "_fields") else thing)
    except ValueError:
        return []
    named = [p.name for p in signature.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return [name for name in named if name not in ("self", "cls", "_cls")]


def is_record(thing):
    """Return True for a class whose objects users read but do not create: a status or a result."""
    if not inspect.isclass(thing) or thing is Options:  # its keys are described by `minimize`
        return False
    return issubclass(thing, (dict, int)) or thing.__name__ in RECORDS


MADE = {name: thing for name, thing in PUBLIC.items() if not is_record(thing)}
READ = {name: thing for name, thing in PUBLIC.items() if is_record(thing) and thing is not Status}


def assert_parameters_are_described(thing, but=()):
    """Assert that every parameter, except `but`, has a type and a description.

    No other names may be described.
    """
    doc = get_doc_object(thing, config={"show_class_members": False})
    described = [name.strip() for entry in doc["Parameters"] for name in entry.name.split(",")]
    assert not set(parameters(thing)) - set(described) - set(but)
    assert [entry.name for entry in doc["Parameters"] if not (entry.type and entry.desc)] == []
    assert not set(described) - set(parameters(thing)) - {"**keywords"}, "described, but not there"


@pytest.mark.parametrize("thing", [*PUBLIC.values(), *MEMBERS.values()], ids=[*PUBLIC, *MEMBERS])
def test_docstring_begins_with_a_sentence(thing):
    summary = inspect.getdoc(thing).split("\n\n")[0]
    assert summary[0].isupper() and summary.endswith((".", ":"))


@pytest.mark.parametrize("thing", MADE.values(), ids=MADE)
def test_every_parameter_is_described(thing):
    # A line search that takes maxls only for a common signature need not describe it.
    assert_parameters_are_described(thing, {"maxls"} if thing is quasinewton.Fixed else ())


@pytest.mark.parametrize(
    "thing", [m for m in MEMBERS.values() if inspect.isfunction(m)], ids=[n for n in MEMBERS if callable(MEMBERS[n])]
)
def test_every_parameter_of_a_method_is_described(thing):
    assert_parameters_are_described(thing)


@pytest.mark.parametrize("thing", READ.values(), ids=READ)
def test_attributes_of_records_are_described(thing):
    doc = get_doc_object(thing, config={"show_class_members": False})
    assert doc["Attributes"] and all(entry.type and entry.desc for entry in doc["Attributes"])
    described = {name.strip() for entry in doc["Attributes"] for name in entry.name.split(",")}
    assert set(vars(thing).get("__annotations__", ())) <= described


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_a_status_explains_itself(status):
    assert inspect.getdoc(status) == status.message


FUNCTIONS = [name for name, thing in PUBLIC.items() if inspect.isfunction(thing)]


# The special functions accept every number and raise nothing.
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if not name.startswith("special.")])
def test_functions_say_what_they_return_and_raise(name):
    doc = get_doc_object(PUBLIC[name])
    assert doc["Returns"] and doc["Raises"]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "." not in name])
def test_functions_say_where_they_come_from_and_how_they_are_used(name):
    doc = get_doc_object(PUBLIC[name])
    assert doc["References"] and doc["Examples"]


# Public functions and classes that may warn.
WARNING = ["minimize", "minimize_batch", "minimize_multistart", "minimize_stochastic", "root", "line_search", "Solver"]


@pytest.mark.parametrize("name", WARNING)
def test_what_warns_says_so(name):
    assert get_doc_object(PUBLIC[name], config={"show_class_members": False})["Warns"]


@pytest.mark.parametrize(
    "thing", [quasinewton, problems, *PUBLIC.values()], ids=lambda t: getattr(t, "__name__", str(t))
)
def test_examples_in_docstrings_run(thing):
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for test in finder.find(thing, thing.__name__, globs={}):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("file", sorted(Path(quasinewton.__file__).parent.rglob("*.py")), ids=lambda file: file.name)
def test_every_file_says_what_it_is(file):
    source = file.read_text()
    assert not source or source.startswith('"""')


class TestOptions:
    """The page of all options is made of the code; what the code does not describe is an error."""

    GROUPS = option_tables.groups()

    def test_the_page_has_all_tables(self):
        page = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
        assert re.findall(r"^\.\. option-tables:: (\S+)$", page, re.MULTILINE) != []
        assert set(re.findall(r"^\.\. option-tables:: (\S+)$", page, re.MULTILINE)) == set(self.GROUPS)

    def test_every_method_and_search_has_its_settings(self):
        shown = {row.name for tables in self.GROUPS.values() for _, rows in tables for row in rows}
        for kind in [*option_tables.METHODS, *option_tables.SEARCHES]:
            assert set(kind._fields) <= shown
        assert {*LIMITS, *CONTROLS, *SEARCHING, *FIRST_ORDER_CONTROLS} <= shown

    def test_every_row_is_complete(self):
        rows = [row for tables in self.GROUPS.values() for _, rows in tables for row in rows]
        assert all(row.type and row.default and row.meaning for row in rows)
        assert all(row.unit for row in rows if re.search(r"\b(int|float)\b", row.type) and row.name != "rng")

    @pytest.mark.parametrize(
        "group, option, default",
        [
            ("limits", "gtol", "1e-05"),
            ("methods", "memory", "none"),
            ("root", "ftol", "1e-10"),
            ("root", "c1", "0.0001"),
        ],
    )
    def test_defaults_are_those_of_the_code(self, group, option, default):
        (row,) = [row for _, rows in self.GROUPS[group] for row in rows if row.name == option]
        assert row.default == default

    def test_an_option_without_a_description_is_an_error(self):
        def door(fun, depth=3):
            """Search.

            Parameters
            ----------
            fun : callable
                The objective.
            """

        with pytest.raises(option_tables.Undescribed, match="option 'depth' of door has no type"):
            option_tables.described(door)

    def test_a_number_without_a_unit_is_an_error(self):
        def door(depth=3):
            """Search.

            Parameters
            ----------
            depth : int
                Levels of the search.
            """

        with pytest.raises(option_tables.Undescribed, match="option 'depth' of door has no unit"):
            option_tables.described(door)

    def test_an_option_in_no_table_is_an_error(self):
        with pytest.raises(option_tables.Undescribed, match="no table has .*gtol"):
            option_tables.check_nothing_is_missing({})
