#!/usr/bin/env bash
# Numba 0.68.1: a compiled function takes two NamedTuple classes of one name for one class.
#
# Expected: the type of a named tuple is its class with the types of its fields, so that a function
# called from Python with objects of two classes has two compiled versions: a dispatcher compiles one
# version for each type that `numba.typeof` gives, and it gives two unequal ones here
# (https://numba.readthedocs.io/en/stable/reference/types.html#numba.typeof).
# Seen: if two classes have the same `__name__` and fields of the same types, the call from Python
# enters the code that was compiled for the class seen first; no error, no warning.
#
# Output seen: types equal: False
#              versions: 1, answers: 1 1
#              under different names: versions: 2, answers: 1 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numba==0.68.1 numpy==2.4.6
cat > "$folder/namesakes.py" <<'PYTHON'
from collections import namedtuple

import numba
from numba.extending import overload


def number(point):
    """Stands for what differs between the classes."""


@overload(number)
def _number(point):
    answer = NUMBERS[point.instance_class]
    return lambda point: answer


def compare(first, second):
    """Return the versions and the answers of one function for objects of two classes."""

    @numba.njit
    def ask(point):
        return number(point)

    return ask(first(1.0)), ask(second(1.0)), len(ask.signatures)


A, B, C = namedtuple("Point", "x"), namedtuple("Point", "x"), namedtuple("Place", "x")
NUMBERS = {A: 1, B: 2, C: 2}
alike = numba.typeof(A(1.0)) == numba.typeof(B(1.0))
one, two, versions = compare(A, B)
print("types equal:", alike)
print(f"versions: {versions}, answers: {one} {two}")
first, third, more = compare(A, C)
print(f"under different names: versions: {more}, answers: {first} {third}")
assert not alike and (one, two, versions) == (1, 1, 1) and (first, third, more) == (1, 2, 2)
PYTHON
"$folder/venv/bin/python" "$folder/namesakes.py"
