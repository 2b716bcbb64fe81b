"""Statuses: SciPy's integers, with a text each.

Covers: status.py.
"""

import operator
import pickle
import sys
import types

import pytest

from quasinewton import Status
from quasinewton.status import represent_in_yaml


@pytest.mark.parametrize(
    "status, code",
    [
        (Status.GRADIENT, 0),
        (Status.FTOL, 0),
        (Status.XTOL, 0),
        (Status.TARGET, 0),
        (Status.ITERATIONS, 1),
        (Status.EVALUATIONS, 1),
        (Status.TIME, 1),
        (Status.PRECISION, 2),
        (Status.LINE_SEARCH, 2),
        (Status.SADDLE, 2),
        (Status.NONFINITE, 3),
        (Status.CALLBACK, 99),
    ],
)
def test_status_is_scipys_integer(status, code):
    assert status == code and int(status) == code and status != code + 1


def test_statuses_are_equal_only_to_themselves():
    assert [s for s in Status if s == Status.GRADIENT] == [Status.GRADIENT]
    assert Status.GRADIENT != Status.FTOL and len(set(Status)) == len(Status)


def test_values_are_unique_and_lead_back():
    assert [Status(s.value) for s in Status] == list(Status)


def test_convergence_is_code_zero():
    assert {s for s in Status if s.converged} == {s for s in Status if int(s) == 0}


def test_every_message_is_a_sentence():
    messages = [s.message for s in Status]
    assert all(m[-1] == "." for m in messages) and len(set(messages)) == len(messages)


def test_pickles_to_itself():
    assert all(pickle.loads(pickle.dumps(s)) is s for s in Status)


def test_formats_as_an_integer_where_one_is_asked_for():
    status = Status.ITERATIONS
    assert (f"{status:d}", f"{status:03d}", f"{status:x}", "%d" % status) == ("1", "001", "1", "1")
    assert (f"{status}", f"{status:>18}", str(status)) == (
        "Status.ITERATIONS",
        " Status.ITERATIONS",
        "Status.ITERATIONS",
    )


def test_is_an_index():
    assert operator.index(Status.PRECISION) == 2 and "abc"[Status.PRECISION] == "c"


def test_the_safe_dumper_of_yaml_is_told_once_it_is_there(monkeypatch):
    """Register `Status` with PyYAML's safe dumper as soon as PyYAML is imported.

    The safe dumper accepts exact types only, unless another type is registered.
    """

    class SafeDumper:
        yaml_representers = {}

        def represent_int(self, value):
            return type(value), value

    def add_representer(kind, representer, Dumper):
        Dumper.yaml_representers[kind] = representer

    monkeypatch.setitem(
        sys.modules, "yaml", types.SimpleNamespace(SafeDumper=SafeDumper, add_representer=add_representer)
    )
    represent_in_yaml()
    assert SafeDumper.yaml_representers[Status](SafeDumper(), Status.ITERATIONS) == (int, 1)


def test_yaml_writes_the_integer():
    yaml = pytest.importorskip("yaml")
    represent_in_yaml()
    assert yaml.safe_load(yaml.safe_dump({"status": Status.ITERATIONS})) == {"status": 1}
