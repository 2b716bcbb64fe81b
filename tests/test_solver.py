"""Ask-tell: the iterates of `minimize`, bit for bit; runs saved, resumed and continued anywhere.

Covers: _api/ask_tell.py, _drivers/checkpoint.py, _drivers/resume.py.
"""

import copy
import json
import math
import pickle
import time
import zipfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from objectives import (
    Counted,
    rosenbrock,
    rosenbrock_gradient,
    rosenbrock_hessian,
    rosenbrock_inplace,
    rosenbrock_joint,
)
from processes import finish, start
from scipy.optimize import OptimizeWarning

from quasinewton import BFGS, LBFGS, Armijo, Checkpoint, Solver, Status, minimize, schedules
from quasinewton._line_searches import BY_NAME
from quasinewton._methods.first_order.base import FIRST_ORDER
from quasinewton._options.names import NAMES

X0 = np.array([-1.2, 1.0])
STEPPING = [NAMES[kind] for kind in FIRST_ORDER]
METHODS = ["lbfgs", "bfgs", "newton", "gradient-descent", *STEPPING]
GRADIENT_STEPS = ["sgd", "sgdw", "momentum", "nesterov", "radam"]  # Their first steps are as long as the gradient.
each_method = pytest.mark.parametrize("method", METHODS)
few = hypothesis.settings(max_examples=max(5, hypothesis.settings().max_examples // 5))  # examples; a fifth
coordinates = st.floats(-3.0, 3.0)
starts = st.lists(coordinates, min_size=2, max_size=4).map(np.array)


def settings(method):
    """Return options under which every method makes progress and none diverges."""
    if method not in STEPPING:
        return {"method": method}
    return {"method": method, "lr": 1e-5 if method in GRADIENT_STEPS else 0.01}


def solve(method, x0=X0, fun=rosenbrock_joint, jac=True, **options):
    """Run `minimize` with all derivatives that the method uses."""
    hess = rosenbrock_hessian if method == "newton" else None
    return minimize(fun, x0, jac=jac, hess=hess, **settings(method), **options)


def evaluate(solver, x):
    """Tell the solver what it asks for at x, and nothing else."""
    told = {}
    if "value" in solver.wants:
        told["f"] = rosenbrock(x)
    if "gradient" in solver.wants:
        told["g"] = rosenbrock_gradient(x)
    if "hessian" in solver.wants:
        told["hess"] = rosenbrock_hessian(x)
    solver.tell(**told)


def drive(solver, evaluations=None):
    """Evaluate to the end, or so many times; return the points."""
    points = []
    while not solver.done and len(points) != evaluations:
        points.append(solver.ask())
        evaluate(solver, points[-1])
    return points


def assert_same(result, expected, but=()):
    """Assert that both results have the same fields and the same numbers, bit for bit."""
    assert set(result) == set(expected)
    for name in set(expected) - {"hess_inv", "checkpoint", *but}:
        np.testing.assert_array_equal(result[name], expected[name], err_msg=name)
    assert result.status is expected.status
    if "hess_inv" in expected:
        np.testing.assert_array_equal(dense(result.hess_inv), dense(expected.hess_inv))


def dense(H):
    """Return the inverse Hessian as a matrix."""
    return H if isinstance(H, np.ndarray) else H.todense()


class TestSameAsMinimize:
    @each_method
    @few
    @given(x0=starts, maxiter=st.integers(0, 40))
    def test_every_evaluation_and_the_result(self, method, x0, maxiter):
        fun, hess = Counted(rosenbrock_joint), Counted(rosenbrock_hessian)
        expected = minimize(
            fun, x0, jac=True, hess=hess if method == "newton" else None, maxiter=maxiter, **settings(method)
        )
        solver = Solver(x0, maxiter=maxiter, **settings(method))
        points = drive(solver)
        if method == "newton":  # Newton does not ask for the Hessian at the last x.
            assert len(points) in (fun.calls + hess.calls, fun.calls + hess.calls - 1)
            result = solver.result
            last = hess.calls - result.nhev
            assert np.isnan(result.hess).all() if last else np.array_equal(result.hess, expected.hess)
            assert_same(result, expected, but={"nhev", "hess"})
        else:
            assert np.array_equal(points, fun.points)
            assert_same(solver.result, expected, but={"message", "diagnosis"})

    @pytest.mark.parametrize("search", BY_NAME)
    @few
    @given(x0=starts)
    def test_under_every_search(self, search, x0):
        options = {"line_search": search, "maxiter": 30} | ({"alpha": 1e-3} if search == "fixed" else {})
        fun = Counted(rosenbrock_joint)
        expected = minimize(fun, x0, jac=True, options=options)
        solver = Solver(x0, options=options)
        assert np.array_equal(drive(solver), fun.points)
        assert_same(solver.result, expected)

    def test_newton_told_everything_at_once(self):
        """The solver does not ask for what it has been told already."""
        solver, points = Solver(X0, "newton"), []
        while not solver.done:
            x = solver.ask()
            points.append(x)
            solver.tell(*rosenbrock_joint(x), rosenbrock_hessian(x))
        expected = solve("newton")
        assert_same(solver.result, expected)
        assert len(points) == expected.nfev

    def test_newton_leaves_a_saddle(self):
        def saddle(x):
            return x[0] ** 4 - x[0] ** 2 + x[1] ** 2, np.array([4.0 * x[0] ** 3 - 2.0 * x[0], 2.0 * x[1]])

        def hessian(x):
            return np.diag([12.0 * x[0] ** 2 - 2.0, 2.0])

        solver = Solver([0.0, 1.0], "newton")
        while not solver.done:
            solver.tell(*saddle(solver.ask()), hessian(solver.ask()))
        assert solver.result.success and abs(solver.result.x[0]) == pytest.approx(0.5**0.5)
        assert_same(solver.result, minimize(saddle, [0.0, 1.0], jac=True, hess=hessian, method="newton"))

    def test_value_first(self):
        """A gradient by differences costs values, so it is requested only at acceptable points."""
        expected = minimize(rosenbrock, X0, jac="2-point")
        for generous in False, True:
            solver, wanted = Solver(X0, value_first=True), []
            while not solver.done:
                x = solver.ask()
                wanted.append(solver.wants)
                told = generous or "gradient" in solver.wants
                g = minimize(rosenbrock, x, jac="2-point", maxiter=0).jac if told else None
                solver.tell(rosenbrock(x), g)
            result = solver.result
            assert np.array_equal(result.x, expected.x) and result.nit == expected.nit and result.njev == expected.njev
            assert wanted[0] == ("value", "gradient") and ("value",) in wanted
            assert (("gradient",) in wanted) is not generous

    def test_options_are_those_of_minimize(self):
        H = np.diag([0.01, 0.005])
        expected = solve("bfgs", hess_inv0=H, gtol=1e-9, c2=0.5, f_target=1e-3)
        solver = Solver(X0, "BFGS", options={"hess_inv0": H, "gtol": 1e-9}, c2=0.5, f_target=1e-3)
        drive(solver)
        assert_same(solver.result, expected)
        treated = {"clip_norm": 2.0, "decay_mask": np.array([True, False]), "weight_decay": 0.1, "maxiter": 25}
        solver = Solver(X0, **settings("adamw"), **treated, schedule=schedules.cosine())
        drive(solver)
        assert_same(solver.result, solve("adamw", **treated, schedule=schedules.cosine()))


class TestContract:
    def test_ask_is_idempotent_and_gives_copies(self):
        solver = Solver(X0)
        x = solver.ask()
        x[:] = 7.0
        assert np.array_equal(solver.ask(), X0) and solver.ask() is not solver.ask()

    def test_wants(self):
        solver = Solver(X0, "newton")
        assert solver.wants == ("value", "gradient") and not solver.done
        solver.ask()
        evaluate(solver, X0)
        assert solver.wants == ("hessian",) and np.array_equal(solver.ask(), X0)
        drive(solver)
        assert solver.wants == () and solver.done is True

    def test_tell_without_ask(self):
        solver = Solver(X0)
        with pytest.raises(RuntimeError, match="tell without ask"):
            solver.tell(1.0, X0)
        x = solver.ask()
        solver.tell(*rosenbrock_joint(x))
        with pytest.raises(RuntimeError, match="nothing has been asked since the last tell"):
            solver.tell(*rosenbrock_joint(x))

    def test_nothing_after_the_end(self):
        solver = Solver(np.ones(2))
        drive(solver)
        with pytest.raises(RuntimeError, match="nothing is left to ask: .*gradient is within gtol"):
            solver.ask()
        with pytest.raises(RuntimeError, match="nothing is left to tell"):
            solver.tell(1.0, X0)

    @pytest.mark.parametrize(
        "told, kind, words",
        [
            ((), TypeError, "value and gradient wanted, value and gradient not told"),
            ((1.0,), TypeError, "gradient not told"),
            ((None, X0), TypeError, "value and gradient wanted, value not told"),
            (("one", X0), ValueError, "f must be one real number, got 'one'"),
            ((1j, X0), ValueError, "f must be one real number"),
            ((X0, X0), ValueError, "f must be one real number"),
            ((1.0, np.ones(3)), ValueError, r"g must be real, of shape \(2,\); got float64 of shape \(3,\)"),
            ((1.0, 1.0), ValueError, "g must be real"),
            ((1.0, X0 * 1j), ValueError, "g must be real"),
            ((1.0, ["a", "b"]), ValueError, "g must be real"),
            ((1.0, X0, np.ones(2)), ValueError, r"hess must be real, of shape \(2, 2\)"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_told(self, told, kind, words):
        solver = Solver(X0, "lbfgs", gtol=1e-8)
        drive(solver, 3)
        x = solver.ask()
        with pytest.raises(kind, match=words):
            solver.tell(*told)
        assert np.array_equal(solver.ask(), x)
        evaluate(solver, x)
        drive(solver)
        assert_same(solver.result, solve("lbfgs", gtol=1e-8))

    def test_what_is_told_is_not_kept(self):
        solver, g = Solver(X0, "lbfgs"), np.empty(2)
        while not solver.done:
            f = rosenbrock_inplace(solver.ask(), g)
            solver.tell(np.float32(f) if f == 0.0 else np.array([f]), g.reshape(1, 2))
            g[:] = math.nan
        assert_same(solver.result, solve("lbfgs"))

    @pytest.mark.parametrize("f, g", [(math.nan, X0), (math.inf, X0), (1.0, [math.nan, 1.0])])
    def test_not_finite_is_a_step_that_failed(self, f, g):
        solver = Solver(X0)
        drive(solver, 2)
        x, best = solver.ask(), solver.result
        solver.tell(f, g)
        assert solver.result.fun == best.fun and not np.array_equal(solver.ask(), x)
        drive(solver)
        assert solver.result.success

    def test_not_finite_at_the_start(self):
        solver = Solver(X0)
        solver.ask()
        solver.tell(math.nan, X0)
        assert solver.done and solver.result.status is Status.NONFINITE

    @pytest.mark.parametrize("name", ["history", "disp", "eps", "finite_diff_rel_step", "jac", "callback"])
    def test_options_of_those_who_evaluate(self, name):
        with pytest.raises(ValueError, match=f"option '{name}' means nothing to a Solver"):
            Solver(X0, options={name: 1})

    def test_illegal_input(self):
        with pytest.raises(ValueError, match="Unknown solver 'simplex'"):
            Solver(X0, "simplex")
        with pytest.raises(TypeError, match="'x0' may be None only with a checkpoint"):
            Solver()
        with pytest.raises(ValueError, match="'x0' must only have one dimension"):
            Solver(np.zeros((2, 2)))
        with pytest.raises(ValueError, match="value_first must be True or False, got 'no'"):
            Solver(X0, value_first="no")
        with pytest.warns(OptimizeWarning, match="nonsense") as caught:
            Solver(X0, nonsense=3)
        assert caught[0].filename == __file__

    def test_repr(self):
        method, wants = "LBFGS(memory=None, damping=0, single=0)", "('value', 'gradient')"
        assert repr(Solver(X0, "lbfgs")) == f"Solver({method}, n=2, nit=0, wants={wants})"


class TestResult:
    def test_before_anything_is_told(self):
        result = Solver(X0).result
        assert result.status is Status.RUNNING and result.success is False and result.nfev == 0
        assert np.array_equal(result.x, X0) and math.isnan(result.fun) and np.isnan(result.jac).all()

    @each_method
    def test_at_any_time_is_the_best_point_and_disturbs_nothing(self, method):
        solver, values = Solver(X0, maxiter=30, **settings(method)), []
        while not solver.done:
            x = solver.ask()
            if "value" in solver.wants:
                values.append(rosenbrock(x))
            evaluate(solver, x)
            result = solver.result
            assert result.fun == rosenbrock(result.x)
            if method not in STEPPING:
                assert result.fun == min(values)
            for array in result.x, result.jac, dense(result.get("hess_inv", result.x)):
                array[...] = math.nan
        assert np.array_equal(solver.result.x, solve(method, maxiter=30).x)

    def test_time_limit(self):
        """An evaluation that exceeds the time limit of the run is the last."""
        solver = Solver(X0, time_limit=0.0)
        assert len(drive(solver)) == 1 and solver.result.status is Status.TIME and solver.result.fun == rosenbrock(X0)
        assert len(drive(Solver(X0, time_limit=1e6))) == solve("bfgs").nfev


def pickled(solver, folder):
    return pickle.loads(pickle.dumps(solver))


def saved(solver, folder):
    solver.save(folder / "run.npz")
    return Solver.load(folder / "run.npz")


def copied(solver, folder):
    twin = copy.copy(solver)
    assert twin.result.nfev == solver.result.nfev
    if not solver.done:  # The copy has a state of its own.
        solver.ask()
        solver.tell(*(math.nan, np.zeros(2)) if "value" in solver.wants else (None, None), hess=np.eye(2))
    return twin


class TestSaved:
    @each_method
    @few
    @given(trips=st.dictionaries(st.integers(0, 30), st.sampled_from([pickled, saved, copied])), asked=st.booleans())
    def test_anywhere_is_as_good_as_never(self, method, trips, asked, tmp_path_factory):
        folder = tmp_path_factory.mktemp("runs")
        solver, count = Solver(X0, maxiter=25, **settings(method)), 0
        while not solver.done:
            if asked:
                x = solver.ask()
            solver = trips.get(count, lambda solver, folder: solver)(solver, folder)
            if not asked:
                x = solver.ask()
            evaluate(solver, x)
            count += 1
        reference = Solver(X0, maxiter=25, **settings(method))
        drive(reference)
        assert_same(solver.result, reference.result)
        assert_same(trips.get(count, saved)(solver, folder).result, reference.result)

    def test_in_another_process(self, tmp_path):
        paths, expected = [], []
        for method in "lbfgs", "bfgs", "newton", "adam":
            solver = Solver(X0, maxiter=40, **settings(method))
            drive(solver, 7)
            solver.ask()
            paths.append(str(tmp_path / f"{method}.npz"))
            solver.save(paths[-1])
            Path(paths[-1] + ".pickle").write_bytes(pickle.dumps(solver))
            drive(solver)
            expected.append(f"{solver.result.x.tobytes().hex()} {solver.result.nfev}")
        code = f"""
import pickle
from pathlib import Path
from quasinewton import Solver
from test_solver import drive, evaluate
for path in {paths}:
    for solver in Solver.load(path), pickle.loads(Path(path + ".pickle").read_bytes()):
        evaluate(solver, solver._checkpoint.state.x_trial.copy())  # asked in the other process
        drive(solver)
        print(solver.result.x.tobytes().hex(), solver.result.nfev)
"""
        assert finish(start(code)).splitlines() == [line for line in expected for _ in range(2)]

    def test_time_on_disk_does_not_count(self, tmp_path, monkeypatch):
        solver = Solver(X0, time_limit=1e6)
        drive(solver, 3)
        deadline = int(solver._scalars["deadline"])
        monkeypatch.setattr(time, "monotonic_ns", lambda: deadline - 3600)
        solver.save(tmp_path / "run.npz")
        monkeypatch.setattr(time, "monotonic_ns", lambda: 10**15)  # This is the clock of another machine.
        assert Solver.load(tmp_path / "run.npz")._scalars["deadline"] == 10**15 + 3600

    def test_file_is_arrays_and_json(self, tmp_path):
        solver = Solver(X0, LBFGS(memory=3), line_search=Armijo(c1=0.2))
        drive(solver, 5)
        solver.save(str(tmp_path / "run"))
        with np.load(tmp_path / "run", allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            assert header["method"] == ["lbfgs", {"memory": 3, "damping": 0, "single": 0}]
            assert header["search"][0] == "armijo" and header["search"][1]["c1"] == 0.2 and header["format"] == 1
            assert file["memory.S"].shape == (3, 2)

    def test_a_file_that_is_there_is_replaced_or_left(self, tmp_path, monkeypatch):
        path = tmp_path / "run.npz"
        solver = Solver(X0)
        solver.save(path)

        def fail(file, **arrays):
            file.write(b"half of it")
            raise OSError("disk full")

        drive(solver, 4)
        with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
            patch.setattr(np, "savez", fail)
            solver.save(path)
        assert Solver.load(path).result.nfev == 0 and list(tmp_path.iterdir()) == [path]
        solver.save(path)
        assert Solver.load(path).result.nfev == 4 and list(tmp_path.iterdir()) == [path]


class TestBadFiles:
    @pytest.fixture
    def path(self, tmp_path):
        solver = Solver(X0, "lbfgs")
        drive(solver, 5)
        solver.save(tmp_path / "run.npz")
        return tmp_path / "run.npz"

    def test_none(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            Solver.load(tmp_path / "none.npz")

    def test_truncated(self, path):
        whole = path.read_bytes()
        for length in 0, 1, 4, 100, len(whole) // 2, len(whole) - 1:
            path.write_bytes(whole[:length])
            with pytest.raises(ValueError, match="run.npz is truncated, damaged, or no .npz file"):
                Solver.load(path)

    def test_damaged(self, path):
        data = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            place = archive.getinfo("memory.S.npy").header_offset + 300
        data[place] ^= 0xFF
        path.write_bytes(data)
        with pytest.raises(ValueError, match="truncated, damaged"):
            Solver.load(path)

    def test_foreign(self, path):
        np.savez(path, x=X0)
        with pytest.raises(ValueError, match="cannot be used: it is no checkpoint of quasinewton"):
            Solver.load(path)
        np.savez(path, header=np.array("no json"))
        with pytest.raises(ValueError, match="cannot be used"):
            Solver.load(path)
        np.savez(path, header=np.array([Status], dtype=object))
        with pytest.raises(ValueError, match="damaged"):
            Solver.load(path)
        with open(path, "wb") as file:
            np.save(file, X0)
        with pytest.raises(ValueError, match="no .npz file"):
            Solver.load(path)
        path.write_text("x = 1\n")
        with pytest.raises(ValueError, match="no .npz file"):
            Checkpoint.load(path)
        with open(path) as file, pytest.raises(TypeError, match="not int"):
            Solver.load(file.fileno())

    def change(self, path, header=(), **changes):
        with np.load(path) as file:
            arrays = dict(file)
        header = json.loads(str(arrays["header"])) | dict(header)
        arrays = arrays | changes | {"header": np.array(json.dumps(header))}
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})

    @pytest.mark.parametrize(
        "header, words",
        [
            ({"format": 2}, "it is of format 2, and this version reads format 1"),
            ({"format": None}, "it is of format None"),
            ({"kind": "letter"}, "it is no checkpoint"),
            ({"method": ["simplex", {}]}, "its method or search is unknown to this version"),
            ({"method": ["lbfgs", {"memory": 0, "damping": 0, "single": 0}]}, "memory must be at least 1"),
            ({"method": ["lbfgs", {"storage": 3}]}, "unknown to this version"),
            ({"method": None}, "unknown to this version"),
            ({"method": ["adam", {}]}, "does not go with"),
            ({"method": ["bfgs", {}]}, "there is no array memory.H"),
            ({"method": ["lbfgs", {"memory": 9, "damping": 0, "single": 0}]}, r"memory.S must be of shape \(9, 2\)"),
        ],
    )
    def test_of_another_version(self, path, header, words):
        self.change(path, header)
        with pytest.raises(ValueError, match=f"run.npz cannot be used: .*{words}"):
            Solver.load(path)

    @pytest.mark.parametrize(
        "arrays, words",
        [
            ({"g": np.zeros(3)}, r"the array g must be of shape \(2,\); it is of shape \(3,\)"),
            ({"g": np.zeros(2, np.float32)}, "the array g is of another type"),
            ({"scalars": np.zeros(1)}, "the array scalars is of another type"),
            ({"p": None}, "there is no array p"),
            ({"x": None}, "there is no vector x"),
            ({"x": np.zeros((2, 2))}, "there is no vector x"),
            ({"x": np.zeros(3)}, "must be of shape"),
        ],
    )
    def test_with_wrong_arrays(self, path, arrays, words):
        self.change(path, **arrays)
        with pytest.raises(ValueError, match=words):
            Solver.load(path)


@njit
def halving(t):
    """Return the factor of a user's schedule."""
    return 0.5 ** (t // 5)


class TestUsersSchedule:
    options = settings("momentum") | {"maxiter": 20, "schedule": halving}

    def test_is_given_again(self, tmp_path):
        path = tmp_path / "run.npz"
        solver = Solver(X0, **self.options)
        drive(solver, 7)
        solver.save(path)
        with pytest.raises(ValueError, match="had a function of yours as its schedule"):
            Solver.load(path)
        for twin in Solver.load(path, schedule=halving), copy.deepcopy(solver):
            drive(twin)
            assert_same(twin.result, minimize(rosenbrock_joint, X0, jac=True, **self.options))

    def test_is_not_pickled(self):
        with pytest.raises(TypeError, match="cannot be pickled: save"):
            pickle.dumps(Solver(X0, **self.options))

    def test_where_there_was_none(self, tmp_path):
        Solver(X0, "adam").save(tmp_path / "run.npz")
        with pytest.raises(ValueError, match="had none as its schedule"):
            Solver.load(tmp_path / "run.npz", schedule=halving)

    def test_in_a_run_that_goes_on(self):
        options = self.options
        first = minimize(rosenbrock_joint, X0, jac=True, **(options | {"maxiter": 8}))
        there = pickle.loads(pickle.dumps(first.checkpoint))
        assert_same(
            minimize(rosenbrock_joint, None, jac=True, checkpoint=there, **options),
            minimize(rosenbrock_joint, X0, jac=True, **options),
        )
        with pytest.raises(ValueError, match="a run with an @njit function of the step; this call says constant"):
            minimize(rosenbrock_joint, None, jac=True, checkpoint=there, **(options | {"schedule": None}))


class TestGoingOn:
    """Continue a run by `minimize(..., checkpoint=res.checkpoint)`."""

    @each_method
    @few
    @given(x0=starts, parts=st.lists(st.integers(0, 12), min_size=1, max_size=3))
    def test_is_as_good_as_never_having_stopped(self, method, x0, parts):
        more = {"ftol": 1e-9, "xtol": 1e-9, "gtol": 1e-9}
        whole = solve(method, x0, maxiter=40, **more)
        res, nit = solve(method, x0, maxiter=parts[0], **more), parts[0]
        for part in parts[1:]:
            nit += part
            res = solve(method, None, checkpoint=res.checkpoint, maxiter=nit, **more)
            assert res.nit <= nit
        res = solve(method, None, checkpoint=res.checkpoint, maxiter=40, **more)
        # A continued run that has converged converges again, from the same point, with the same
        # counts.
        assert_same(res, whole, but={"diagnosis", "message"} | ({"nfev"} if "diagnosis" in whole else set()))

    @each_method
    def test_changes_nothing_that_the_user_holds(self, method):
        first = solve(method, maxiter=5)
        kept = pickle.loads(pickle.dumps(first))
        for _ in range(2):
            res = solve(method, X0, checkpoint=first.checkpoint, maxiter=30)
            assert res.nit == 30 or res.success
            assert_same(first, kept)
            assert_same(solve(method, None, checkpoint=kept.checkpoint, maxiter=30), res)

    @each_method
    def test_by_ask_and_tell(self, method, tmp_path):
        first, whole = solve(method, maxiter=5), solve(method, maxiter=12)
        first.checkpoint.save(tmp_path / "run.npz")
        assert Solver.load(tmp_path / "run.npz").done
        solver = Solver(None, checkpoint=Checkpoint.load(tmp_path / "run.npz"), maxiter=12, **settings(method))
        drive(solver, 3)
        assert_same(solve(method, None, checkpoint=solver.result.checkpoint, maxiter=12), whole)

    @each_method
    def test_after_a_callback_has_stopped_it(self, method):
        def stop(intermediate_result):
            if intermediate_result.nit == 4:
                raise StopIteration

        first = solve(method, maxiter=20, callback=stop)
        assert first.status is Status.CALLBACK
        assert_same(solve(method, None, checkpoint=first.checkpoint, maxiter=20), solve(method, maxiter=20))

    @each_method
    @few
    @given(after=st.integers(1, 12))
    def test_after_an_exception(self, method, after):
        """The evaluation that failed is repeated."""
        calls = []

        def fun(x):
            calls.append(x)
            if len(calls) == after:
                raise KeyboardInterrupt
            return rosenbrock_joint(x)

        with pytest.raises(KeyboardInterrupt) as caught:
            solve(method, fun=fun, maxiter=20)
        first = caught.value.result
        assert first.status is Status.INTERRUPTED
        assert_same(solve(method, None, checkpoint=first.checkpoint, maxiter=20), solve(method, maxiter=20))

    def test_after_an_exception_of_a_function_that_had_overwritten_x(self):
        @njit
        def spoil(x, limit):
            f, g = rosenbrock_joint(x)
            x[:] = np.nan
            if f < limit:
                raise ValueError
            return f, g

        with pytest.raises(ValueError) as caught:
            minimize(spoil, X0, (1.0,), "lbfgs", jac=True)
        res = minimize(spoil, None, (-1.0,), "lbfgs", jac=True, checkpoint=caught.value.result.checkpoint)
        assert_same(res, solve("lbfgs"))

    def test_after_a_limit_on_time_or_values(self):
        for limit in {"time_limit": 0.0}, {"maxfun": 9}:
            first = solve("lbfgs", **limit)
            assert not first.success
            res = solve("lbfgs", None, checkpoint=first.checkpoint)
            assert res.success and res.nfev > first.nfev

    def test_to_a_smaller_gradient(self):
        first = solve("newton", gtol=1.0)
        res = solve("newton", None, checkpoint=first.checkpoint, gtol=1e-10)
        assert first.success and res.success and res.nit > first.nit
        assert_same(res, solve("newton", gtol=1e-10))

    def test_of_a_run_that_has_ended_ends_at_once(self):
        first = solve("bfgs")
        res = minimize(rosenbrock_joint, None, method="bfgs", jac=True, checkpoint=first.checkpoint)
        assert_same(res, first)

    def test_of_a_start_that_was_not_finite(self):
        broken = minimize(lambda x: (math.nan, x), X0, jac=True)
        res = minimize(rosenbrock_joint, None, jac=True, checkpoint=broken.checkpoint)
        assert res.success and res.nfev == solve("bfgs").nfev + 1

    @pytest.mark.parametrize("method", ["lbfgs", "adam"])
    def test_history_begins_where_it_goes_on(self, method):
        first = solve(method, maxiter=5)
        res = solve(method, None, checkpoint=first.checkpoint, maxiter=12, history=True, return_all=True)
        assert len(res.history.f) == len(res.allvecs) == 8 and res.history.f[0] == first.fun
        assert np.array_equal(res.allvecs[0], first.x) and res.history.f[-1] == res.fun

    def test_with_a_schedule_over_the_whole(self):
        options = settings("adam") | {"jac": True, "schedule": schedules.cosine(total=30)}
        first = minimize(rosenbrock_joint, X0, maxiter=10, **options)
        res = minimize(rosenbrock_joint, None, checkpoint=first.checkpoint, maxiter=30, **options)
        assert_same(res, minimize(rosenbrock_joint, X0, maxiter=30, **options))

    @pytest.mark.parametrize(
        "method, options, call, words",
        [
            (
                "bfgs",
                {},
                {"method": "lbfgs"},
                r"the checkpoint is that of a run with BFGS\(damping=0\); this call says LBFGS",
            ),
            ("lbfgs", {"maxcor": 20}, {}, r"LBFGS\(memory=20, damping=0, single=0\); this call says LBFGS\(memory=N"),
            ("lbfgs", {}, {"line_search": "armijo"}, "a run with MoreThuente.*; this call says Armijo"),
            ("lbfgs", {}, {"c2": 0.5}, "a run with MoreThuente"),
            ("bfgs", {}, {"hess_inv0": np.eye(2)}, "hess_inv0 is for the beginning of a run"),
            ("adam", {}, {"lr": 0.5}, "a run with Adam.*this call says Adam"),
            ("adam", {}, {"schedule": schedules.exponential(0.9)}, r"constant\(\); this call says exponential\(rate"),
            ("adam", {"schedule": schedules.cosine()}, {"schedule": schedules.cosine(), "maxiter": 9}, "total=9"),
            ("bfgs", {"bounds": [(0.0, 2.0)] * 2}, {}, "a run with bounds; this call is without bounds"),
            ("bfgs", {}, {"bounds": [(0.0, 2.0)] * 2}, "a run without bounds; this call is with bounds"),
            ("adam", {"clip_norm": 1.0}, {}, "clip_norm=1.0; this call says inf"),
            ("adam", {"decay_mask": np.array([True, False])}, {}, "another decay_mask"),
            ("lbfgs", {}, {"x0": np.zeros(3)}, "x0 has 3 variables, the checkpoint 2"),
        ],
    )
    def test_with_other_settings(self, method, options, call, words):
        first = minimize(rosenbrock_joint, X0, method=method, jac=True, maxiter=3, **options)
        call = {"x0": None, "method": method} | call
        for again in (lambda **call: minimize(rosenbrock_joint, jac=True, **call)), Solver:
            with pytest.raises(ValueError, match=words):
                again(checkpoint=first.checkpoint, **call)

    @pytest.mark.parametrize("state", [X0, "run.npz", {}])
    def test_from_what_is_no_state(self, state):
        with pytest.raises(TypeError, match="checkpoint must be a Checkpoint, such as that of a result"):
            solve("lbfgs", checkpoint=state)

    def test_repr(self):
        assert repr(solve("bfgs", maxiter=3).checkpoint) == "Checkpoint(BFGS(damping=0), n=2, nit=3)"
        assert "checkpoint: Checkpoint(" in repr(solve(BFGS(), maxiter=3))


@pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
def test_endings_are_judged_by_what_was_told(method):
    """`minimize` evaluates more where a run stagnates; here only the caller can."""
    solver, asked = Solver([3.0, -2.0], method, gtol=0.0), 0
    while not solver.done:
        x, asked = solver.ask(), asked + 1
        solver.tell(1e3 + x @ x, 2.0 * x + 1e-6 * np.cos(1e9 * x))
    res = solver.result
    assert res.nfev == res.njev == asked and res.status in (Status.LINE_SEARCH, Status.PRECISION)


def test_a_callback_does_not_hide_the_time_limit():
    """The limit also holds where every evaluation completes an iteration."""
    res = minimize(rosenbrock_joint, X0, jac=True, method="adam", callback=lambda x: None, time_limit=0.0)
    assert res.status is Status.TIME and res.nit <= 2


class TestFormerName:
    """The former name `state`, supported for one version."""

    def test_of_the_argument(self):
        first = solve("lbfgs", maxiter=3)
        expected = solve("lbfgs", None, checkpoint=first.checkpoint)
        with pytest.warns(DeprecationWarning, match="state= is now called checkpoint="):
            assert_same(solve("lbfgs", None, state=first.checkpoint), expected)
        with pytest.warns(DeprecationWarning, match="state= is now called checkpoint="):
            assert Solver(state=first.checkpoint).result.nit == 3
        with pytest.raises(TypeError, match="give one of them"):
            solve("lbfgs", None, state=first.checkpoint, checkpoint=first.checkpoint)

    def test_of_the_field(self):
        res = solve("lbfgs", maxiter=3)
        for read in (lambda: res.state, lambda: res["state"]):
            with pytest.warns(DeprecationWarning, match="the field state is now called checkpoint"):
                assert read() is res.checkpoint
        assert "state" not in res and "state" not in dir(res)
        with pytest.raises(AttributeError):
            res.nothing
        with pytest.raises(KeyError):
            res["nothing"]
