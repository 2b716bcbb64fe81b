"""`args` of compiled functions: arrays of other libraries, numbers, text, lists, named tuples.

Classes with the same protocols imitate libraries that are not dependencies; arrays with units or
masks are refused.

Covers: _arguments/convert_args.py, _objective/packed_args.py, _arguments/real_values.py.
"""

import array
import warnings
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction

import numba
import numpy as np
import pytest
from numba import njit, types
from numba.experimental import jitclass
from numba.typed import List
from scipy.optimize import OptimizeWarning

from quasinewton import check_gradient, line_search, minimize, minimize_batch, minimize_stochastic, root
from quasinewton._arguments.convert_args import as_args, converted

DATA = np.array([1.0, 2.0, 4.0])


@njit
def loss(x, d):
    return np.sum((x[0] - d) ** 2)


@njit
def residual(x, d):
    return x - np.mean(d)


class ByArray:
    """Imitate arrays of pandas, polars, xarray, pyarrow, h5py, zarr, torch or JAX."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


class ByDlpack:
    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **keywords):
        return self.values.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Series(ByArray):
    """Imitate a labelled column of pandas."""

    class Index(tuple):
        def equals(self, other):
            return self == other

    def __init__(self, values, index):
        super().__init__(values)
        self.index = self.Index(index)


class Table(ByArray):
    columns = "a", "b"


class Grad(ByArray):
    """Imitate a tensor of torch that requires gradients."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.\nMore lines")


class OfPint:
    units = property(lambda self: "metre")

    def to(self, unit):
        return self

    def __array__(self, dtype=None, copy=None):
        return DATA


class OfAstropy(np.ndarray):
    unit = property(lambda self: "m")

    def to(self, unit):
        return self


class OfUnyt(np.ndarray):
    def to(self, unit):
        return self


class OfH5py(ByArray):
    dims = ("t",)  # as xarray has, but without `data`


class Column(np.ndarray):
    """Imitate a column of astropy that has no unit."""

    unit = property(lambda self: None)

    def to(self, unit):
        raise NotImplementedError


class ColumnTable(ByArray):
    colnames = ["a", "b"]


class Bfloat16:
    """Imitate a tensor of torch in bfloat16, which only its own library converts."""

    dtype = "torch.bfloat16"

    def float(self):
        return ByArray(DATA.astype(np.float32))

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Got unsupported ScalarType BFloat16")


class OfXarray(ByArray):
    dims = ("t",)

    @property
    def data(self):
        return self.values

    @property
    def units(self):  # An ordinary attribute, not the unit of a quantity.
        return "m"


unyt = DATA.view(OfUnyt)
unyt.units = "m"


class TestArrays:
    @pytest.mark.parametrize(
        "given",
        [
            ByArray(DATA),
            ByDlpack(DATA),
            OfXarray(DATA),
            OfH5py(DATA),
            DATA.view(Column),
            Bfloat16(),
            array.array("d", DATA),
            memoryview(DATA),
            DATA.astype(">f8"),
            DATA.astype(">i2"),
            DATA.astype(np.float16),
            DATA.astype(np.longdouble),
            ByArray(DATA.astype(np.float16)),
            DATA.view(np.memmap),
        ],
        ids=lambda given: f"{type(given).__name__} {getattr(given, 'dtype', '')}",
    )
    def test_of_every_kind_give_what_numpys_give(self, given):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            res, expected = minimize(loss, [0.0], (given,)), minimize(loss, [0.0], (DATA,))
        assert res.x == expected.x and res.fun == expected.fun and res.jac_mode == "forward"

    @pytest.mark.parametrize("kind", [ByArray, ByDlpack, memoryview, lambda a: a, lambda a: a.view(np.memmap)])
    def test_share_memory_where_they_can(self, kind):
        assert np.shares_memory(converted(kind(DATA), "args[0]"), DATA)

    def test_are_as_they_are_where_nothing_needs_converting(self):
        args = DATA, 1.0, 2, True, None, "text", np.float32(1.0)
        assert all(a is b for a, b in zip(as_args(args, loss), args, strict=True))

    def test_of_no_dimension_are_numbers(self):
        assert isinstance(converted(ByArray(np.array(2.0)), "args[0]"), np.float64)

    def test_go_to_python_functions_as_they_are(self):
        given = ByArray(DATA)

        def own(x, d):
            assert d is given
            return (x[0] - 1.0) ** 2

        assert minimize(own, [0.0], (given,)).success

    def test_at_every_door(self):
        given = (ByArray(DATA),)
        mean = DATA.mean()
        assert root(residual, [0.0], given).x == pytest.approx(mean)
        assert line_search(loss, [0.0], [1.0], given).success
        assert check_gradient(loss, njit(lambda x, d: np.array([2.0 * np.sum(x[0] - d)])), [0.5], given)
        assert minimize_batch(loss, np.zeros((2, 1)), given).x == pytest.approx(mean)
        assert minimize_batch(njit(lambda x, a: (x[0] - a) ** 2), np.zeros((3, 1)), (), given).x[:, 0] == pytest.approx(
            DATA
        )

        @njit
        def sampled(x, batch, d):
            return np.mean((x[0] - batch) ** 2) + 0.0 * d[0]

        res = minimize_stochastic(sampled, [0.0], given, args=given, epochs=2, rng=1)
        assert np.isfinite(res.fun)


class TestNumbers:
    @pytest.mark.parametrize(
        "number, value",
        [
            (Fraction(1, 2), 0.5),
            (Decimal("0.5"), 0.5),
            (np.float16(0.5), 0.5),
            (np.longdouble(0.5), 0.5),
            (np.array(0.5, ">f8")[()], 0.5),
            (2**70, 2.0**70),
        ],
        ids=str,
    )
    def test_of_every_kind_are_floats(self, number, value):
        @njit
        def shifted(x, a):
            return (x[0] - a) ** 2

        assert converted(number, "args[0]") == value
        numba.typeof(converted(number, "args[0]"))
        assert minimize(shifted, [value], (number,)).success

    def test_that_numba_knows_stay(self):
        for number in (2**63, -(2**63), np.uint8(3), 1j):
            assert converted(number, "args[0]") is number


Pair = namedtuple("Pair", "a b")


class TestTuples:
    @pytest.mark.parametrize("method", ["lbfgs", "newton"])
    def test_that_are_named_are_spread(self, method):
        @njit
        def both(x, a, b):
            return (x[0] - a) ** 2 + np.sum((x - b) ** 2)

        args = Pair(1.0, np.ones(2))
        res = minimize(both, np.zeros(2), args, method)
        assert res.success and res.jac_mode == "forward"
        assert np.array_equal(res.x, minimize(both, np.zeros(2), tuple(args), method).x)

    def test_inside_keep_their_names(self):
        @njit
        def both(x, p, scale):
            return scale[1][0] * (x[0] - p.a) ** 2 + np.sum((x - p.b) ** 2)

        res = minimize(both, np.zeros(3), (Pair(1.0, ByArray(DATA)), (1, (2.0,))))
        assert res.jac_mode == "forward" and np.allclose(res.x, [1.0, 2.0, 4.0], atol=1e-5)

    def test_name_what_is_wrong_in_them(self):
        with pytest.raises(TypeError, match=r"args\[0\]\.b is a masked array"):
            minimize(loss, [0.0], (Pair(1.0, np.ma.masked_array(DATA)),))
        with pytest.raises(TypeError, match=r"args\[0\]\[1\] is of type dict"):
            minimize(loss, [0.0], ((1.0, {}),))


@jitclass([("centre", types.float64[:])])
class Model:
    def __init__(self, centre):
        self.centre = centre

    def loss(self, x):
        return np.sum((x - self.centre) ** 2)


@njit
def named(x, kind):
    return np.sum((x - 1.0) ** 2) if kind == "square" else np.sum((x - 2.0) ** 4)


@njit
def listed(x, centre):
    total = 0.0
    for i in range(len(centre)):
        total += (x[i] - centre[i]) ** 2
    return total


class TestOthers:
    @pytest.mark.parametrize("text", ["square", "größer", "\N{SNOWMAN}"])
    def test_text_is_differentiated_and_packed(self, text):
        res = minimize(named, np.zeros(2), (text,))
        assert res.jac_mode == "forward" and np.allclose(res.x, 1.0 if text == "square" else 2.0, atol=0.05)
        assert minimize(named, np.zeros(2), (text,), "newton").hess_mode == "derived"
        batch = minimize_batch(named, np.zeros((3, 2)), (text,))
        assert np.array_equal(batch.x[1], res.x)

    @pytest.mark.parametrize("kind", [List, list], ids=["typed", "reflected"])
    @pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPendingDeprecationWarning")
    def test_lists_are_differentiated(self, kind):
        with warnings.catch_warnings():
            warnings.simplefilter("error", OptimizeWarning)
            res = minimize(listed, np.zeros(2), (kind([1.0, 2.0]),))
        assert res.jac_mode == "forward" and np.allclose(res.x, [1.0, 2.0], atol=1e-5)
        res = minimize(listed, np.zeros(2), (kind([1.0, 2.0]),), "newton")
        assert res.hess_mode == "derived" and np.allclose(res.hess, 2.0 * np.eye(2))

    def test_a_root_with_a_list_is_differentiated(self):
        @njit
        def system(x, c):
            return x * x - c[0]

        res = root(system, [1.0], (List([2.0]),))
        assert res.jac_mode == "forward" and res.x == pytest.approx(2.0**0.5)

    def test_what_cannot_be_differentiated_is_warned_of(self):
        @njit
        def modelled(x, model):
            return model.loss(x)

        with pytest.warns(OptimizeWarning, match="differences take the place of exact derivatives: cannot"):
            res = minimize(modelled, np.zeros(2), (Model(np.ones(2)),))
        assert res.jac_mode == "2-point" and np.allclose(res.x, 1.0, atol=1e-4)


class TestRefusals:
    @pytest.mark.parametrize(
        "given, message",
        [
            (np.ma.masked_array(DATA, [0, 0, 1]), r"args\[0\] is a masked array, .* pass args\[0\].compressed\(\)"),
            (OfXarray(np.ma.masked_array(DATA)), r"args\[0\] is a masked array"),
            (OfPint(), r"args\[0\] is of type test_args_conversion.OfPint, with a unit"),
            (DATA.view(OfAstropy), "with a unit, and compiled functions do not see units"),
            (unyt, "with a unit, and compiled functions do not see units"),
            (OfXarray(OfPint()), "OfPint, with a unit"),
            (Table(DATA), "a table, .* pass its columns one by one"),
            (ColumnTable(DATA), "a table, .* pass its columns one by one"),
            (Grad(DATA), "cannot be had as an array, which is to be passed: Can't call numpy"),
            ({"a": 1.0}, "of type dict, .* pass its values, as a tuple"),
            (np.array([1.0, None]), "holds Python objects"),
            ([], "of type list, .* pass an array"),
            ([1, "a"], "of type list, .* pass an array"),
            (object(), "of type object, .* pass what it holds"),
            (len, "compile it by numba.njit"),
            (np.array([["a"]], dtype="S1").view("V1"), "cannot take"),
        ],
        ids=lambda given: given if isinstance(given, str) else type(given).__name__,
    )
    def test_are_one_line_that_says_what_to_do(self, given, message):
        for jac in (None, njit(lambda x, d: x)):
            with pytest.raises(TypeError, match=message) as caught:
                minimize(loss, [0.0], (given,), jac=jac)
            assert "\n" not in str(caught.value) and str(caught.value).startswith("args[0]")

    def test_a_matrix_is_refused(self):
        with pytest.warns(PendingDeprecationWarning):
            given = np.matrix(DATA)
        with pytest.raises(TypeError, match=r"\* means another product"):
            minimize(loss, [0.0], (given,))

    def test_rows_and_samples_with_masks_or_units_are_refused(self):
        for given, message in ((np.ma.masked_array(DATA), "masked array"), (OfPint(), "with a unit")):
            with pytest.raises(TypeError, match=rf"batch_args\[0\] is .*{message}"):
                minimize_batch(loss, np.zeros((3, 1)), batch_args=(given,))
            with pytest.raises(TypeError, match=rf"data\[0\] is .*{message}"):
                minimize_stochastic(loss, [0.0], (given,))

    def test_starts_with_masks_or_units_are_refused(self):
        for given, message in ((np.ma.masked_array(DATA), "masked array"), (OfPint(), "with a unit")):
            with pytest.raises(TypeError, match=f"x0 is .*{message}, and the solver does not see"):
                minimize(np.sum, given)
        with pytest.raises(TypeError, match="X0 is a masked array, and the solver does not see"):
            minimize_batch(np.sum, np.ma.masked_array([DATA]))
        with pytest.raises(TypeError, match="'x0' must hold real numbers, got datetime64"):
            minimize(np.sum, np.array(["2026-01-01"], "M8[D]"))

    @pytest.mark.parametrize(
        "given, message",
        [
            (Grad(DATA), "cannot be had as an array, which is to be passed: Can't call numpy"),
            ([[1.0], [2.0, 3.0], [4.0]], "cannot be had as an array"),
            (np.array([1.0, None, 2.0]), "holds Python objects"),
        ],
        ids=["unwilling", "ragged", "objects"],
    )
    def test_rows_and_samples_that_cannot_be_converted_are_named(self, given, message):
        with pytest.raises(TypeError, match=rf"batch_args\[0\].* {message}") as caught:
            minimize_batch(loss, np.zeros((3, 1)), batch_args=(given,))
        assert "\n" not in str(caught.value)
        with pytest.raises(TypeError, match=r"data\[0\].* (cannot be had as an array|must hold numbers, got object)"):
            minimize_stochastic(loss, [0.0], (given,))

    def test_rows_of_objects_go_to_python_functions(self):
        res = minimize_batch(lambda x, a: (x[0] - a["a"]) ** 2, np.zeros((2, 1)), (), (np.array([{"a": 1}, {"a": 2}]),))
        assert np.allclose(res.x[:, 0], [1.0, 2.0], atol=1e-4)

    def test_labels_that_differ_are_warned_of(self):
        @njit
        def two(x, a, b):
            return np.sum((x[0] * a - b) ** 2)

        first, same, other, short = (
            Series(DATA[:k], index) for k, index in ((3, "abc"), (3, "abc"), (3, "abd"), (2, "xy"))
        )
        with pytest.warns(OptimizeWarning, match=r"args\[0\] and args\[1\] have different labels"):
            minimize(two, [0.0], (first, other))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            minimize(two, [0.0], (first, same))
            as_args((first, short), two)


class TestCompilation:
    """A compile error is reported in one line, with Numba's error as its cause."""

    def test_failures_of_every_kind_are_type_errors(self):
        @njit
        def mixed_rows(z):
            return np.sum(np.array([[2, z[0]], [0, 1]])) ** 2

        with pytest.raises(TypeError, match=r"fun does not .* AssertionError, File .*\.py\", line \d+$") as caught:
            minimize(mixed_rows, [0.3], jac="2-point")
        assert isinstance(caught.value.__cause__, AssertionError) and "\n" not in str(caught.value)

    def test_check_gradient_says_so_in_one_line(self):
        wrong = njit(lambda x, d: x.nothing)
        for fun, jac, name in ((lambda x, d: 0.0, wrong, "jac"), (wrong, True, "fun"), (loss, wrong, "jac")):
            with pytest.raises(TypeError, match=f"^{name} does not compile for the arguments") as caught:
                check_gradient(fun, jac, [0.3], (DATA,))
            assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "names, message",
        [
            (dict(jac=lambda x, d: x), "fun does not compile"),
            (dict(jac=njit(lambda x: x)), "fun does not compile"),
        ],
    )
    def test_beside_functions_of_python_too(self, names, message):
        @njit
        def wrong(x, d):
            return x.nothing + d

        with pytest.raises(TypeError, match=message) as caught:
            minimize(wrong, [0.3], (1.0,), **names)
        assert "\n" not in str(caught.value)


class TestSequences:
    """Gradients, Hessians and residuals that compiled functions return as lists or tuples.

    The functions of sympy.lambdify return such lists.
    """

    @pytest.mark.parametrize(
        "jac",
        [
            njit(lambda x: [2.0 * (x[0] - 1.0), 4.0 * x[1]]),
            njit(lambda x: (2.0 * (x[0] - 1.0), 4.0 * x[1])),
            njit(lambda x: (2.0 * (x[0] - 1.0), 4.0 * x[1] if x[1] > 0 else 0)),
        ],
        ids=["list", "tuple", "mixed"],
    )
    @pytest.mark.parametrize(
        "hess",
        [
            njit(lambda x: [[2.0, 0.0], [0.0, 4.0]]),
            njit(lambda x: ((2, 0.0), (0.0, 4))),
            njit(lambda x: [(2.0, 0.0), (0.0, 4.0)]),
        ],
        ids=["lists", "tuples", "list of tuples"],
    )
    def test_are_taken(self, jac, hess):
        fun = njit(lambda x: (x[0] - 1.0) ** 2 + 2.0 * x[1] ** 2)
        res = minimize(fun, [3.0, 2.0], method="newton", jac=jac, hess=hess)
        assert res.success and np.allclose(res.x, [1.0, 0.0]) and np.array_equal(res.hess, np.diag([2.0, 4.0]))

    def test_of_another_length_are_refused(self):
        fun = njit(lambda x: x[0] ** 2 + x[1] ** 2)
        for jac in (njit(lambda x: [x[0]]), njit(lambda x: (x[0], x[1], 1))):
            with pytest.raises(ValueError, match="does not have the size that belongs to x"):
                minimize(fun, [3.0, 2.0], jac=jac)
        for hess in (njit(lambda x: [[1.0, 2.0]]), njit(lambda x: [[1.0], [2.0]])):
            with pytest.raises(ValueError, match="does not have the size that belongs to x"):
                minimize(fun, [3.0, 2.0], method="newton", jac=njit(lambda x: 2.0 * x), hess=hess)

    def test_of_residuals_and_joint_functions(self):
        assert root(njit(lambda x: [x[0] - 1.0, x[1] - 2.0]), [0.0, 0.0]).x == pytest.approx([1.0, 2.0])
        both = njit(lambda x: (x[0] ** 2 + x[1] ** 2, [2.0 * x[0], 2.0 * x[1]]))
        assert minimize(both, [3.0, 2.0], jac=True).success
