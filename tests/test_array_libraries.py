"""Arrays and numbers of other libraries, really of them, as arguments of compiled functions.

`tests/test_args_conversion.py` imitates them by their protocols.

Covers: _arguments/convert_args.py, _arguments/initial_values.py.
"""

import warnings

import numpy as np
import pytest
from numba import njit

from quasinewton import check_gradient, line_search, minimize, minimize_batch, minimize_stochastic, root

pytestmark = pytest.mark.recipes
DATA = np.array([1.0, 2.0, 4.0])


@njit
def loss(x, d):
    total = 0.0
    for value in d:
        total += (x[0] - value) ** 2
    return total


@njit
def slope(x, d):
    total = 0.0
    for value in d:
        total += 2.0 * (x[0] - value)
    return np.array([total])


@njit
def distance(x, a):
    return (x[0] - a) ** 2


@njit
def sampled(x, batch):
    return np.mean((x[0] - batch) ** 2)


@njit
def sampled_with(x, batch, d):
    return sampled(x, batch) + 0.0 * d[0]


DOORS = {
    "minimize": lambda d: minimize(loss, [0.0], (d,)).x,
    "jac alone is compiled": lambda d: minimize(lambda x, d: loss.py_func(x, DATA), [0.0], (d,), jac=slope).x,
    "SciPy's method": lambda d: minimize(loss, [0.0], (d,), "CG").x,
    "root": lambda d: root(njit(lambda x, d: slope(x, d)), [0.0], (d,)).x,
    "line_search": lambda d: line_search(loss, [0.0], [1.0], (d,)).alpha,
    "check_gradient": lambda d: check_gradient(loss, slope, [0.5], (d,)).error,
    "args of a batch": lambda d: minimize_batch(loss, np.zeros((2, 1)), (d,), n_jobs=1).x,
    "batch_args": lambda d: minimize_batch(distance, np.zeros((3, 1)), batch_args=(d,), n_jobs=1).x,
    "args of samples": lambda d: minimize_stochastic(sampled_with, [0.0], DATA, args=(d,), epochs=2, rng=1).x,
    "samples": lambda d: minimize_stochastic(sampled, [0.0], (d,), epochs=2, rng=1).x,
    "start": lambda d: minimize(lambda x: float(np.sum((x - 1.0) ** 2)), d).x,
}


def arrays(folder):
    """Yield names and arrays of many libraries, each with the values of DATA."""
    import h5py
    import jax
    import jax.numpy as jnp
    import ml_dtypes
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import torch
    import xarray as xr
    import zarr
    from astropy.table import Column

    jax.config.update("jax_enable_x64", True)
    yield "pandas", pd.Series(DATA)
    yield "pandas nullable", pd.Series(DATA, dtype="Float64")
    yield "pandas pyarrow", pd.Series(DATA, dtype="double[pyarrow]")
    yield "pandas index", pd.Index(DATA)
    yield "pandas category", pd.Series(DATA).astype("category")
    yield "xarray", xr.DataArray(DATA, dims="t")
    yield "polars", pl.Series(DATA)
    yield "polars chunks", pl.concat([pl.Series(DATA[:1]), pl.Series(DATA[1:])], rechunk=False)
    yield "pyarrow", pa.array(DATA)
    yield "pyarrow chunks", pa.chunked_array([DATA[:1], DATA[1:]])
    yield "pyarrow half", pa.array(DATA.astype(np.float16))
    yield "h5py", h5py.File(folder / "a.h5", "w").create_dataset("d", data=DATA)
    kept = zarr.create_array(store=str(folder / "a.zarr"), shape=(3,), dtype="f8")
    kept[:] = DATA
    yield "zarr", kept
    tensor = torch.tensor(DATA)
    yield from (("torch", tensor), ("torch half", tensor.half()), ("torch bfloat16", tensor.bfloat16()))
    yield "torch strided", torch.tensor(np.repeat(DATA, 2))[::2]
    yield from (("jax", jnp.asarray(DATA)), ("jax bfloat16", jnp.asarray(DATA, jnp.bfloat16)))
    yield from (("bfloat16", DATA.astype(ml_dtypes.bfloat16)), ("float8", DATA.astype(ml_dtypes.float8_e5m2)))
    yield from (("big-endian", DATA.astype(">f8")), ("big-endian half", DATA.astype(">f2")))
    yield from (("half", DATA.astype(np.float16)), ("longdouble", DATA.astype(np.longdouble)))
    yield "astropy column", Column(DATA)


@pytest.mark.parametrize("door", DOORS)
def test_arrays_of_every_library_give_what_numpys_give(door, tmp_path):
    expected, wrong = DOORS[door](DATA), []
    for name, given in arrays(tmp_path):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = DOORS[door](given)
        if not np.allclose(found, expected, rtol=0.0, atol=1e-12):
            wrong.append(name)
    assert wrong == []


def refused():
    """Yield names and what no compiled function takes, with a part of the message."""
    import astropy.units
    import pandas as pd
    import pint
    import polars as pl
    import pyarrow as pa
    import torch
    import unyt
    import xarray as xr
    from astropy.table import QTable, Table

    metre = pint.UnitRegistry().m
    yield "mask", np.ma.masked_array(DATA, [0, 0, 1]), "is a masked array"
    for library, array in (("pint", DATA * metre), ("astropy", DATA * astropy.units.m), ("unyt", DATA * unyt.m)):
        yield library, array, "with a unit"
    yield "astropy column", QTable({"a": DATA * astropy.units.m})["a"], "with a unit"
    yield "pint number", 3.0 * metre, "with a unit"
    yield "pint in xarray", xr.DataArray(DATA * metre, dims="t"), "with a unit"
    for table in (pd.DataFrame({"a": DATA}), pl.DataFrame({"a": DATA}), pa.table({"a": DATA}), Table({"a": DATA})):
        yield type(table).__module__, table, "a table"
    yield "xarray dataset", xr.Dataset({"a": ("t", DATA)}), "cannot be had as an array"
    yield "torch", torch.tensor(DATA, requires_grad=True), "Use tensor.detach"
    yield "text", pd.Series(["a", "b", "c"]), "holds Python objects"


def test_what_cannot_be_taken_is_named_in_one_line():
    for name, given, message in refused():
        with warnings.catch_warnings(), pytest.raises(TypeError, match=message) as caught:
            warnings.simplefilter("error")
            minimize(loss, [0.0], (given,))
        assert str(caught.value).startswith("args[0]") and "\n" not in str(caught.value), name


def test_numbers_of_every_library_are_floats():
    import mpmath
    import sympy
    import torch

    for number in (mpmath.mpf("0.5"), sympy.Rational(1, 2), torch.tensor(0.5), np.float16(0.5), np.longdouble(0.5)):
        assert minimize(distance, [0.0], (number,)).x == pytest.approx(0.5, abs=1e-6)


def test_values_of_bfloat16_are_numbers():
    import jax.numpy as jnp

    def fun(x):
        x = jnp.asarray(x, jnp.bfloat16)
        return jnp.sum(x * x), 2 * x

    res = minimize(fun, [0.5, -3.0], jac=True)
    assert res.success and np.allclose(res.x, 0.0, atol=1e-4)
