"""The examples run as scripts, and the Python of the README and of docs/ runs page by page.

Examples whose names begin with plot_ are run by the gallery, whenever the site is built.

Covers: examples/, README.md, docs/.
"""

import ast
import doctest
import re
from pathlib import Path

import pytest
from processes import environment, finish, start_python

from quasinewton import Status

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")


def name(path):
    """Return the name of a file in the names of tests."""
    return path.relative_to(ROOT).as_posix()


def run_script(*command):
    """Run a script as a user does, without a display, and return what it prints."""
    return finish(start_python(*command, env=environment(MPLBACKEND="Agg")))


def run_page(path):
    """Run the Python blocks of a page in order, in one namespace.

    Blocks with prompts run as doctests.
    """
    text = path.read_text(encoding="utf-8")
    namespace = {"__name__": path.stem}
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        code = block[1]
        if code.startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(code, namespace, path.name, str(path), line)
            complaints = []
            runner.run(test, out=complaints.append, clear_globs=False)
            assert not complaints, "".join(complaints)
            namespace.update(test.globs)
        else:
            # Leading blank lines give tracebacks the line numbers of the page.
            exec(compile("\n" * line + code, str(path), "exec"), namespace)


LONG = {"tour_of_methods.py"}  # This example compiles every method under every line search.
# Likelihoods and fits by `minimize`, as in logistic_regression.py, and comparisons of methods.
ALIKE = {"count_regression.py", "growth.py", "lifetimes.py", "optimiser_race.py", "softmax_digits.py", "why_lbfgs.py"}


def is_slow(path):
    """Return True for an example that is long or like another, or that the gallery runs as well."""
    return path.name in LONG | ALIKE or path.name.startswith("plot_")


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=pytest.mark.slow if is_slow(path) else ()) for path in EXAMPLES], ids=name
)
def test_example_runs(path, tmp_path):
    picture = tmp_path / "picture.png"
    draws = path.name == "logistic_regression.py"
    assert run_script(path, *(("--plot", picture) if draws else ())), "an example shows something"
    assert not draws or picture.stat().st_size > 0


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_example_is_short_and_checks_itself(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 120
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_example_has_a_title_for_the_gallery(path):
    title, line, *_ = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()
    assert line == "=" * len(title) and not title.endswith(".")


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_page_runs(path):
    run_page(path)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_page_links_to_what_exists(path):
    broken = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if not (path.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.RUNNING], ids=lambda s: s.name)
def test_status_is_documented(status):
    rows = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").splitlines()
    at_precision = "yes, unless f is higher than at x0"
    success = "yes" if status.converged else at_precision if status is Status.PRECISION else "no"
    assert f"| `{status.name}` | {int(status)} | {success} | {status.message} |" in rows


def test_a_page_that_is_wrong_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\n>>> x + 1\n3\n```\n")
    with pytest.raises(AssertionError, match="Expected:"):
        run_page(page)
