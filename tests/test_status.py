"""Statuses: SciPy's integers, with a text each."""

import pickle

import pytest

from quasinewton import Status


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
