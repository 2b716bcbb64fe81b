"""Settings are checked when created, and the message names the value and what is legal.

Covers: validation.py, options/read.py.
"""

import math

import pytest

from quasinewton import BFGS, LBFGS, Armijo, Fixed, HagerZhang, MoreThuente, Newton, StrongWolfe
from quasinewton.options.read import read
from quasinewton.validation import count, number


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: MoreThuente(c1=0.6), r"c1 must be in \(0, 0.5\), got 0.6"),
        (lambda: MoreThuente(narrow=1.0), r"narrow must be in \[0, 1\), got 1.0"),
        (lambda: MoreThuente(c1=0.1, c2=0.1), r"c2 must be in \(0.1, 1\), got 0.1"),
        (lambda: StrongWolfe(c2=1.0), r"c2 must be in \(0.0001, 1\), got 1.0"),
        (lambda: HagerZhang(c1=0.0), r"c1 must be in \(0, 0.5\), got 0.0"),
        (lambda: HagerZhang(maxls=0), "maxls must be at least 1, got 0"),
        (lambda: Armijo(c1=math.nan), r"c1 must be in \(0, 1\), got nan"),
        (lambda: Fixed(alpha=-1.0), r"alpha must be in \(0, inf\), got -1.0"),
        (lambda: Fixed(alpha=math.inf), r"alpha must be in \(0, inf\), got inf"),
        (lambda: LBFGS(memory=0), "memory must be at least 1, got 0"),
        (lambda: Newton(floor=1.0), r"floor must be in \(0, 1\), got 1.0"),
    ],
)
def test_illegal_value_cannot_be_constructed(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: LBFGS(memory=2.5), "memory must be an integer, got 2.5"),
        (lambda: LBFGS(memory="ten"), "memory must be an integer, got 'ten'"),
        (lambda: LBFGS(memory=math.nan), "memory must be an integer, got nan"),
        (lambda: MoreThuente(c1=None), "c1 must be a real number, got None"),
        (lambda: MoreThuente(c2=0.9j), "c2 must be a real number"),
    ],
)
def test_wrong_type_is_named(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_numbers_become_plain():
    assert LBFGS(memory=7.0).memory == 7 and type(LBFGS(memory=7.0).memory) is int
    assert BFGS(damping=True).damping == 1
    assert type(number("x", 1, 0, 2)) is float and type(count("x", 3.0, 1)) is int


def test_closed_ends_are_legal():
    assert number("x", 0.0, 0.0, 1.0, open_low=False) == 0.0
    with pytest.raises(ValueError, match=r"x must be in \(0, 1\], got 0"):
        number("x", 0, 0.0, 1.0, open_high=False)


def test_equal_settings_are_equal():
    assert MoreThuente() == MoreThuente(1e-4, 0.9, 20, 0.0) and LBFGS(5) != LBFGS(6)


def test_searches_of_the_same_numbers_are_told_apart():
    """Searches that are equal as tuples are different settings.

    Options are cached together with their types.
    """
    searches = [HagerZhang(c1=1e-4, maxls=30), StrongWolfe(maxls=30)]
    assert searches[0] == searches[1]
    for search in (*searches, *searches):
        assert type(read("lbfgs", 2, None, {"line_search": search}).search) is type(search)
