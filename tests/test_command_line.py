"""``python -m quasinewton``: compiles ahead of use, and reports what it did.

Covers: __main__.py, _api/command_line.py, _numba_ext/stamps.py, _numba_ext/notice.py.
"""

import ast
import io
import logging
import shutil
import tokenize

import numpy as np
import pytest
from numba import njit
from processes import run

from quasinewton import minimize
from quasinewton._api import command_line
from quasinewton._numba_ext import lazy, notice, operation_tables, stamps, user_cache
from quasinewton._options.names import NAMES

COMMAND = """
import sys
sys.argv = ["quasinewton", {arguments}]
import runpy
try:
    runpy.run_module("quasinewton", run_name="__main__")
except SystemExit as end:
    print("ended with", end.code)
"""
# Print the functions of the package that are compiled rather than loaded from the cache.
USE = """
from numba.core import event
made = []
class Listener(event.Listener):
    def on_start(self, event): made.append(event.data["dispatcher"].py_func.__qualname__)
    def on_end(self, event): pass
event.register("numba:compile", Listener())
import numpy as np
from quasinewton import minimize
res = minimize(lambda x: float(x @ x), np.ones(4), jac=lambda x: 2.0 * x, method="sgd", options={"maxiter": 4})
print(res.nit, made)
"""


def test_what_is_compiled_ahead_is_there(tmp_path):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    out = run(COMMAND.format(arguments="'compile', 'sgd'"), **cache)
    assert "ended with 0" in out and str(tmp_path) in out
    assert run(USE, **cache) == "4 []"
    info = run(COMMAND.format(arguments="'info'"), **cache)
    assert "sgd" in next(line for line in info.splitlines() if line.startswith("of the methods"))


def test_a_name_has_any_case_and_is_guessed(capsys):
    assert command_line.chosen_methods(["AdamW", "L-BFGS-B", "lbfgs"]) == ["adamw", "lbfgs"]
    assert len(command_line.chosen_methods([])) == len(NAMES)
    with pytest.raises(SystemExit):
        command_line.main(["compile", "adma"])
    assert "perhaps adamax is meant" in capsys.readouterr().err


def test_rarely_entered_kernels_are_compiled_ahead(monkeypatch):
    ours = {name: call for name, call in lazy.CALLS.items() if name.startswith(f"{lazy.SYMBOL}quasinewton.")}
    monkeypatch.setattr(lazy, "CALLS", ours)  # without kernels of other tests
    command_line.load_rare_kernels()
    assert len(ours) > 10
    assert all(operation_tables.FAMILIES[name].table(name).words[0] for name in ours)


def test_info_names_versions_and_places(capsys):
    assert command_line.main(["info"]) == 0
    out = capsys.readouterr().out
    for word in np.__version__, str(stamps.ROOT), str(user_cache.folder()), "threads", "llvmlite":
        assert word in out


@pytest.mark.parametrize("arguments", [["compile", "simplex"], ["compile", "--workers", "0"], [], ["run"]])
def test_mistakes_are_named(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        command_line.main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err


def test_an_unknown_method_is_told_what_there_is():
    with pytest.raises(ValueError, match="Unknown solver 'simplex'; known are .*lbfgs"):
        command_line.compile_ahead(["simplex"])


def test_a_place_that_can_only_be_read_is_used_if_it_holds_code(tmp_path, monkeypatch):
    monkeypatch.setattr(stamps, "is_writable", lambda place: False)
    monkeypatch.setattr(stamps.config, "CACHE_DIR", str(tmp_path))
    find = stamps.cache_folder.__wrapped__
    assert find("/source") is None
    monkeypatch.setattr(stamps, "is_writable", lambda place: True)
    place = find("/source")
    assert place.startswith(str(tmp_path))
    monkeypatch.setattr(stamps, "is_writable", lambda place: False)
    (tmp_path / place).mkdir()
    assert find("/source") is None
    (tmp_path / place / "f.nbi").write_text("")
    assert find("/source") == place


class TestNotice:
    @pytest.fixture(autouse=True)
    def forget(self, tmp_path, monkeypatch):
        monkeypatch.setenv(user_cache.SWITCH, str(tmp_path))
        notice.derivatives.cache_clear()
        notice.solver.cache_clear()

    def test_derivatives_are_announced_once(self, caplog):
        f = njit(lambda x: (x[0] - 1.0) ** 2)
        with caplog.at_level(logging.INFO, "quasinewton"):
            minimize(f, [0.5])
            minimize(f, [0.7])
        assert len(caplog.messages) == 1
        assert "derivatives" in caplog.messages[0] and "once" in caplog.messages[0]

    def test_and_why_they_cannot_be_kept(self, caplog):
        scale = np.zeros(3, dtype=[("a", "f8")])[0]
        f = njit(lambda x: (x[0] - 1.0) ** 2 + scale.a)
        with caplog.at_level(logging.INFO, "quasinewton"):
            minimize(f, [0.5])
        assert ("every process" in caplog.messages[0]) == (user_cache.key([f]) is None)

    def test_nothing_is_said_at_other_levels(self, caplog):
        with caplog.at_level(logging.WARNING, "quasinewton"):
            minimize(njit(lambda x: (x[0] - 1.0) ** 2), [0.5])
        assert caplog.messages == []


class TestStamps:
    """The stamps that change when one file is edited."""

    @pytest.fixture
    def package(self, tmp_path):
        shutil.copytree(stamps.ROOT, tmp_path / "quasinewton", ignore=shutil.ignore_patterns("__pycache__"))
        return tmp_path / "quasinewton"

    def edited(self, package, *edits):
        """Return the names of the modules whose stamp edits change, and undo the edits.

        An edit is a file, what is in it, and what takes its place.
        """
        before, sources = stamps.stamps(), {}
        for file, old, new in edits:
            sources[file] = (package / file).read_text()
            assert old in sources[file]
            (package / file).write_text(sources[file].replace(old, new, 1))
        after = stamps.stamps_of(package)
        for file, source in sources.items():
            (package / file).write_text(source)
        return {name for name in after if before[name] != after[name]}

    def test_documentation_changes_nothing(self, package):
        docstring = "_numba_ext/linalg.py", '"""', '"""Edited. '
        assert self.edited(package, docstring, ("_loops/line_search_loop.py", "# ", "# Edited: ")) == set()

    @pytest.fixture
    def sources(self):
        return [path.read_text(encoding="utf-8") for path in stamps.ROOT.rglob("*.py")]

    def test_documentation_alone_is_left_out(self, sources):
        """What is left has the syntax tree of the file, but for texts that stand alone."""
        for source in sources:
            left = stamps.without_documentation(source)
            tokens = tokenize.generate_tokens(io.StringIO(left).readline)
            assert not any(token.type == tokenize.COMMENT for token in tokens)
            trees = ast.parse(source), ast.parse(left)
            alone = [[node for node in ast.walk(tree) if isinstance(node, ast.Expr)] for tree in trees]
            texts, empty = ([node.value for node in nodes if isinstance(node.value, ast.Constant)] for nodes in alone)
            assert {text.value for text in empty} <= {""}
            for text in texts:
                text.value = ""
            assert ast.dump(trees[0]) == ast.dump(trees[1])

    def test_imports_are_those_of_the_syntax_tree(self, sources):
        for source in sources:
            imported = {}
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.ImportFrom):
                    imported |= {each.asname or each.name: (node.module, each.name) for each in node.names}
                elif isinstance(node, ast.Import):
                    imported |= {each.asname or each.name: (each.name, None) for each in node.names}
            assert stamps.names_imported(stamps.without_documentation(source)) == imported

    def test_what_registers_is_that_of_the_syntax_tree(self, sources):
        """Of what functions are registered with, or what they overload, no name is missed."""
        for source in sources:
            found = " ".join(stamps.owners(stamps.without_documentation(source)))
            for node in ast.walk(ast.parse(source)):
                function, owner = getattr(node, "func", None), []
                if isinstance(function, ast.Attribute) and function.attr == "register":
                    owner = [function.value]
                elif isinstance(function, ast.Name) and function.id == "overload":
                    owner = node.args[:1]
                names = {each.id for part in owner for each in ast.walk(part) if isinstance(each, ast.Name)}
                assert names <= set(stamps.WORD.findall(found)), (names, found)

    def test_what_no_kernel_imports_changes_no_kernel(self, package):
        files = "problems/problem.py", "_api/minimize.py", "_drivers/finalize.py", "_options/read.py"
        changed = self.edited(package, *((file, "\n\n\n", "\n\nEDITED = 1\n\n\n") for file in files))
        names = {"quasinewton." + file.removesuffix(".py").replace("/", ".") for file in files}
        assert names <= changed
        assert not changed & {"", "quasinewton._loops.line_search_loop", "quasinewton._numba_ext.linalg"}

    def test_a_helper_changes_all_that_calls_it(self, package):
        changed = self.edited(package, ("_numba_ext/linalg.py", "alpha * p[i]", "2.0 * alpha * p[i]"))
        assert {"", "quasinewton._loops.line_search_loop", "quasinewton._objective.hessian_products"} <= changed
        assert "quasinewton.status" not in changed

    def test_what_registers_with_a_protocol_changes_the_loops(self, package):
        changed = self.edited(package, ("_methods/newton.py", "\n\n\n", "\n\nEDITED = 1\n\n\n"))
        assert "quasinewton._loops.line_search_loop" in changed
        assert not changed & {"", "quasinewton._objective.finite_differences"}

    def test_they_are_computed_once_an_edit_and_old_code_is_removed(self, tmp_path, monkeypatch):
        monkeypatch.setattr(stamps, "cache_folder", lambda folder: str(tmp_path))
        old, other = tmp_path / f"f-01234567-{'0' * 16}.{stamps.TAG}.nbi", tmp_path / "mine.txt"
        for path in old, other:
            path.write_text("")
        found = stamps.stamps.__wrapped__()
        assert not old.exists() and other.exists()
        monkeypatch.setattr(stamps, "stamps_of", lambda: 1 / 0)
        assert stamps.stamps.__wrapped__() == found
