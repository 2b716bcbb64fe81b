"""Settings of other libraries: their iterates, and the page that lists what repeats them.

Covers: _methods/first_order/*, docs/first-order/porting.md.
"""

import ast

import numpy as np
import pytest
from oracles import porting

import quasinewton
from quasinewton import minimize, schedules

DATA = porting.load()
RUNS = [row for row in DATA["runs"] if "port" in row]
ROWS = DATA["runs"] + DATA["further"]
X0 = np.array(DATA["x0"])


def label(row):
    return f"{row['lib']} {row['opt']} {row['call']}"


def iterates(fun, method, steps, x0=X0, **options):
    """Return all iterates, shape (steps + 1, n)."""
    options = {"maxiter": steps, "gtol": -1.0, "return_all": True, **options}
    res = minimize(fun, x0, method=method, jac=True, options=options)
    assert res.nit == steps
    return np.array(res.allvecs)


def before_look_ahead(points, mu):
    """Return Nesterov's own points, given those where the gradient is taken."""
    points = points.copy()
    for t in range(1, len(points)):
        points[t] = (points[t] + mu * points[t - 1]) / (1.0 + mu)
    return points


class TestLibraries:
    @pytest.mark.parametrize("row", RUNS, ids=label)
    def test_iterates_are_theirs(self, row):
        for problem, fun in porting.PROBLEMS.items():
            found = iterates(fun, row["port"]["method"], max(DATA["steps"]), **porting.options(row["port"]))
            if row["port"].get("before_look_ahead"):
                found = before_look_ahead(found, row["port"]["options"]["momentum"])
            assert np.abs(found[DATA["steps"]] - row[problem]).max() <= row["tol"]

    def test_tolerances_are_those_of_the_numbers(self):
        """Iterates agree to double precision, with few exceptions.

        These are a library that computes in single precision, and four settings that round to it
        inside.
        """
        loose = [row for row in RUNS if row["tol"] > 1e-12]
        assert {row["lib"] for row in loose} == {"nnabla", "mlx", "optax"}
        assert [row["opt"] for row in loose if row["lib"] == "optax"] == ["adam", "adam"]
        assert max(row["tol"] for row in RUNS) <= 2e-6

    def test_what_is_not_offered(self):
        """Three of the settings that were compared step by step are not offered."""
        missing = [(row["lib"], row["opt"]) for row in DATA["runs"] if "gap" in row]
        assert missing == [("torch", "Rprop"), ("torch", "Adafactor"), ("torch", "Adam + OneCycleLR")]

    def test_problems_have_these_gradients(self):
        for fun in porting.PROBLEMS.values():
            assert quasinewton.check_gradient(fun, True, X0).correct

    @pytest.mark.parametrize("row", [row for row in DATA["further"] if "port" in row], ids=label)
    def test_settings_without_iterates_run(self, row):
        found = iterates(porting.quadratic, row["port"]["method"], 12, **porting.options(row["port"]))
        assert np.isfinite(found).all() and not np.array_equal(found[0], found[-1])


class TestPage:
    def test_is_what_the_data_say(self):
        assert porting.PAGE.read_text(encoding="utf-8") == porting.page()

    def test_has_every_setting(self):
        assert all("port" in row or row["gap"].startswith("not offered") for row in ROWS)
        text = porting.page()
        assert all(porting.there(row) in text and porting.here(row) in text for row in ROWS)

    @pytest.mark.parametrize("row", [row for row in ROWS if "port" in row], ids=label)
    def test_cell_says_the_options(self, row):
        """Read the options of a cell as Python, with the letters replaced by their values."""
        cell = porting.here(row).split("`: `")[1].split("`")[0]
        call = ast.parse(f"dict({cell})", mode="eval")
        makers = {name: getattr(schedules, name) for name in ("step", "exponential", "cosine", "one_cycle")}
        names = {**DATA["constants"], **makers, "inverse_time": schedules.inverse_time, "dict": dict}
        said = eval(compile(call, "cell", "eval"), names)
        meant = porting.options(row["port"])
        assert said.keys() == meant.keys()
        for name, value in meant.items():
            assert said[name] == (pytest.approx(value, rel=1e-15) if isinstance(value, float) else value)
