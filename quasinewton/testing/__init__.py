"""Property-based tests of optimisation code: problems with known answers, properties of every run.

Strategies for `hypothesis <https://hypothesis.readthedocs.io>`_ draw problems whose minimiser,
condition number, active bounds or saddle is known; functions named ``assert_...`` state a property
of an optimiser, or of an objective, and raise `AssertionError` with the numbers that violate it.
Use them for your own optimisers and likelihoods; the tests of this package use them too. Requires
hypothesis: ``pip install 'quasinewton[test]'``.

>>> from hypothesis import given
>>> from quasinewton import minimize
>>> from quasinewton.testing import assert_minimises, convex_quadratics
>>> @given(convex_quadratics(condition=1e4))
... def test_bfgs(problem):
...     assert_minimises(lambda p: minimize(p.fun, p.x0, jac=p.jac, method="bfgs"), problem)
>>> test_bfgs()
"""

from quasinewton.testing.properties import (
    assert_batch_equals_singles,
    assert_gradient_agrees,
    assert_in_bounds,
    assert_minimises,
    assert_never_rises,
    assert_resuming_changes_nothing,
    assert_secant_equation,
    assert_wolfe_conditions,
)
from quasinewton.testing.strategies import (
    bounded_quadratics,
    convex_quadratics,
    noisy,
    published_problems,
    saddles,
    starting_points,
)
from quasinewton.testing.transformations import (
    assert_rotation_invariant,
    assert_scale_invariant,
    assert_translation_invariant,
    rotated,
    scaled,
    shifted,
)

__all__ = [
    "assert_batch_equals_singles",
    "assert_gradient_agrees",
    "assert_in_bounds",
    "assert_minimises",
    "assert_never_rises",
    "assert_resuming_changes_nothing",
    "assert_rotation_invariant",
    "assert_scale_invariant",
    "assert_secant_equation",
    "assert_translation_invariant",
    "assert_wolfe_conditions",
    "bounded_quadratics",
    "convex_quadratics",
    "noisy",
    "published_problems",
    "rotated",
    "saddles",
    "scaled",
    "shifted",
    "starting_points",
]
