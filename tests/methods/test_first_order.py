"""First-order methods against PyTorch's iterates, their papers, and properties.

Covers: _methods/first_order/*.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from oracles import first_order as oracle
from oracles import papers

from quasinewton import minimize, schedules
from quasinewton._methods.first_order.base import FIRST_ORDER
from quasinewton._options.names import NAMES
from quasinewton.schedules import user_functions

ALL = [NAMES[kind] for kind in FIRST_ORDER]
DECOUPLED = ["sgdw", "adamw", "lion"]
each_method = pytest.mark.parametrize("method", ALL)
each_problem = pytest.mark.parametrize("problem", oracle.PROBLEMS)

# Learning rates at which every method makes visible progress in a few dozen steps.
RATE = {"sgd": 0.05, "momentum": 0.02, "nesterov": 0.02, "sgdw": 0.05, "adadelta": 1.0}


def rate(method):
    return RATE.get(method, 0.03)


def iterates(fun, x0, method, steps, **options):
    """Return all iterates, shape (steps + 1, n)."""
    options = {"maxiter": steps, "gtol": -1.0, "return_all": True, **options}
    res = minimize(fun, x0, method=method, jac=True, options=options)
    assert res.nit == steps
    return np.array(res.allvecs)


def assert_close(found, expected, tolerance=1e-10):
    """Compare iterates, with a tolerance relative to the size of each."""
    error = np.abs(found - expected).max(axis=1)
    assert np.all(error <= tolerance * np.abs(expected).max(axis=1))


def fed(gradients):
    """Return an objective whose successive gradients are the rows of a matrix."""
    rows = iter([*gradients, np.zeros_like(gradients[0])])
    return lambda x: (0.0, next(rows))


def bowl(x):
    """Return the separable function Σ c_i x_i²/2 with c_i = 1 … n, and its gradient."""
    c = np.arange(1.0, x.size + 1.0)
    return 0.5 * np.sum(c * x * x), c * x


numbers = st.floats(-1e3, 1e3)
# Numbers whose squares do not underflow.
starts = st.lists(st.floats(-3.0, 3.0).map(lambda value: round(value, 6)), min_size=5, max_size=5)


class TestPyTorch:
    """Compare with torch.optim in float64: with stored iterates and, if PyTorch is installed, live.
    """

    SCHEDULES = {
        "step": schedules.step(7, factor=0.5),
        "exponential": schedules.exponential(0.96),
        "cosine": schedules.cosine(),
        "cosine to a tenth": schedules.cosine(60, final=0.1),
        "one cycle": schedules.one_cycle(),
        "one cycle, early": schedules.one_cycle(75, rise=0.12, start=1 / 5, final=1 / 200),
        "warm-up": schedules.constant(warmup=8),
        "inverse square root": schedules.inverse_sqrt(warmup=5),
        "hyperbola": njit(lambda t: 1.0 / (1.0 + 0.05 * t)),
    }
    each_run = pytest.mark.parametrize("run", oracle.runs(), ids=lambda run: oracle.label(*run))

    @pytest.fixture(scope="class")
    @classmethod
    def stored(cls):
        return oracle.load()

    def ours(self, problem, method, options, schedule):
        fun, x0, own_rate = oracle.PROBLEMS[problem]
        steps = oracle.HORIZON.get(schedule, oracle.STEPS)
        options = oracle.with_rate(options, own_rate)
        return iterates(fun, x0, method, steps, schedule=self.SCHEDULES.get(schedule), **options)

    @each_run
    def test_iterates(self, run, stored):
        for problem in oracle.PROBLEMS:
            assert_close(oracle.kept(self.ours(problem, *run)), stored[f"{problem}: {oracle.label(*run)}"])

    @each_run
    def test_iterates_live(self, run, stored):
        pytest.importorskip("torch")
        for problem in oracle.PROBLEMS:
            live = oracle.torch_run(problem, *run)
            assert_close(self.ours(problem, *run), live)
            assert_close(oracle.kept(live), stored[f"{problem}: {oracle.label(*run)}"])

    @pytest.mark.parametrize("name", oracle.SCHEDULES)
    def test_rates(self, name, stored):
        schedule = user_functions.as_schedule(self.SCHEDULES[name], oracle.STEPS)
        found = [schedule(t) for t in range(len(stored[name]))]
        assert found == pytest.approx(stored[name].tolist(), rel=1e-10, abs=1e-14)

    @pytest.mark.parametrize("name", oracle.SCHEDULES)
    def test_rates_live(self, name, stored):
        pytest.importorskip("torch")
        assert oracle.torch_factors(name).tolist() == pytest.approx(stored[name].tolist(), rel=1e-12, abs=1e-15)

    def test_file_is_that_of_these_runs(self, stored):
        names = {f"{problem}: {oracle.label(*run)}" for problem in oracle.PROBLEMS for run in oracle.runs()}
        assert set(stored) == names | set(oracle.SCHEDULES)
        assert oracle.FILE.stat().st_size < 200_000


@each_problem
@pytest.mark.parametrize(
    "method, options, algorithm, settings",
    [
        ("momentum", {"lr": None, "momentum": 0.9}, papers.polyak, (None, 0.9)),
        ("nesterov", {"lr": None, "momentum": 0.9}, papers.look_ahead, (None, 0.9)),
        ("sgdw", {"lr": 2e-4, "momentum": 0.9, "weight_decay": 30.0}, papers.sgdw, (2e-4, 0.9, 6e-3)),
        ("sgdw", {"lr": 2e-4, "momentum": 0.0, "weight_decay": 0.5}, papers.sgdw, (2e-4, 0.0, 1e-4)),
        ("adagrad", {"lr": 0.1, "eps": 1e-3}, papers.adagrad, (0.1, 1e-3)),
        ("rmsprop", {"lr": 1e-3, "alpha": 0.9, "eps": 0.0}, papers.rmsprop, (1e-3, 0.9)),
        (
            "rmsprop",
            {"lr": 1e-4, "alpha": 0.95, "eps": 0.0, "momentum": 0.9, "centered": True},
            papers.graves,
            (1e-4, 0.95, 0.9),
        ),
        ("adadelta", {"rho": 0.95}, papers.adadelta, (0.95, 1e-6)),
        ("adam", {"lr": 0.01}, papers.adam, (0.01, 0.9, 0.999, 1e-8)),
        ("adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 0.01}, papers.adam, (0.01, 0.8, 0.95, 0.01)),
        ("adamw", {"lr": 0.01, "weight_decay": 0.4}, papers.adam, (0.01, 0.9, 0.999, 1e-8, 4e-3)),
        (
            "amsgrad",
            {"lr": 0.02, "eps": 0.0, "bias_correction": False, "schedule": schedules.inverse_sqrt()},
            papers.amsgrad,
            (0.02, 0.9, 0.999),
        ),
        ("adamax", {"lr": 0.01, "eps": 0.0}, papers.adamax, (0.01, 0.9, 0.999)),
        ("nadam", {"lr": 0.01, "momentum_decay": 0.05}, papers.nadam, (0.01, 0.9, 0.999, 0.05, 1e-8)),
        ("radam", {"lr": 2e-3, "eps": 0.0, "betas": (0.8, 0.99)}, papers.radam, (2e-3, 0.8, 0.99, 5)),
        ("lion", {"lr": 0.01, "weight_decay": 0.2}, papers.lion, (0.01, 0.9, 0.99, 0.2)),
        ("lion", {"lr": 3e-3, "betas": (0.6, 0.8)}, papers.lion, (3e-3, 0.6, 0.8, 0.0)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_algorithm_as_it_is_printed(problem, method, options, algorithm, settings):
    fun, x0, own_rate = oracle.PROBLEMS[problem]
    settings = [own_rate if value is None else value for value in settings]
    steps = algorithm(lambda x: fun(x)[1], np.array(x0), *settings)
    expected = np.array([x0, *(next(steps) for _ in range(100))])
    assert_close(iterates(fun, x0, method, 100, **oracle.with_rate(options, own_rate)), expected)


class TestRepairs:
    """Cases where PyTorch returns NaN."""

    @given(
        g=st.floats(1e-6, 1e6),
        alpha=st.floats(0.5, 0.9),
        eps=st.sampled_from([0.0, 1e-8]),
        momentum=st.sampled_from([0.0, 0.5]),
    )
    def test_centred_variance_is_never_negative(self, g, alpha, eps, momentum):
        """The centred variance of a constant gradient is 0, and rounding must not make it negative.

        The step is then lr g/eps, up to rounding.
        """
        options = {"alpha": alpha, "eps": eps, "centered": True, "momentum": momentum, "lr": 1e-9}
        X = iterates(lambda x: (0.0, np.array([g])), [1.0], "rmsprop", 400, **options)
        assert np.all(np.isfinite(X))
        if eps > 0.0:
            assert np.all(-np.diff(X[360:, 0]) > 1e-9 * g / (2e-7 * g + eps))

    def test_centred_is_pytorchs_until_that_fails(self):
        torch = pytest.importorskip("torch")
        x = torch.tensor([1.0], dtype=torch.float64)
        optimizer = torch.optim.RMSprop([x], lr=0.01, alpha=0.9, centered=True)
        theirs = [1.0]
        for _ in range(400):
            x.grad = torch.tensor([0.1], dtype=torch.float64)
            optimizer.step()
            theirs.append(x.item())
        options = {"lr": 0.01, "alpha": 0.9, "centered": True}
        ours = iterates(lambda x: (0.0, np.array([0.1])), [1.0], "rmsprop", 400, **options)
        assert math.isnan(theirs[-1]) and np.all(np.isfinite(ours))
        assert np.all(-np.diff(ours[360:, 0]) > 0.01 * 0.1 / (2e-8 + 1e-8))
        assert ours[:101, 0].tolist() == pytest.approx(theirs[:101], rel=1e-9)  # Later iterates are all rounding.

    @pytest.mark.parametrize(
        "method, options",
        [
            ("adagrad", {}),
            ("rmsprop", {}),
            ("rmsprop", {"centered": True}),
            ("rmsprop", {"centered": True, "momentum": 0.5}),
            ("adadelta", {}),
            ("adam", {}),
            ("adam", {"betas": (0.0, 0.0)}),
            ("adamw", {"weight_decay": 0.0}),
            ("adamw", {"weight_decay": 0.0, "amsgrad": True}),
            ("amsgrad", {}),
            ("amsgrad", {"bias_correction": False}),
            ("adamax", {}),
            ("nadam", {}),
            ("radam", {}),
        ],
        ids=str,
    )
    def test_nothing_over_nothing_is_no_step(self, method, options):
        """With eps = 0, variables that f does not depend on, or no longer, stay where they are."""
        options = {"lr": 0.03, "eps": 0.0, **options}
        X = iterates(lambda x: (0.5 * x[1] ** 2, np.array([0.0, x[1], -0.0])), [2.0, 1.0, -3.0], method, 30, **options)
        alone = iterates(lambda x: (0.5 * x[0] ** 2, x.copy()), [1.0], method, 30, **options)
        assert np.array_equal(X[:, 1:2], alone)
        assert np.all(X[:, [0, 2]] == [2.0, -3.0])
        late = np.zeros((40, 1))
        late[0] = 1e-160  # Its square is subnormal, and its average soon decays to 0.
        assert np.all(np.isfinite(iterates(fed(late), [1.0], method, 40, **options)))


@each_method
@given(x0=starts)
def test_components_go_their_own_ways(method, x0):
    """On a separable function each component follows its one-dimensional run, bit for bit."""
    options = {"lr": rate(method), "weight_decay": 0.1}
    together = iterates(bowl, x0, method, 12, **options)
    for i in 0, 2, 4:
        alone = iterates(lambda x, c=i + 1.0: (0.5 * c * x[0] ** 2, c * x), [x0[i]], method, 12, **options)
        assert np.array_equal(together[:, i], alone[:, 0])


@each_method
def test_goes_down(method):
    """Every method descends on a quadratic at its learning rate."""
    x0 = [3.0, -2.0, 1.0, 0.5, -1.0]
    res = minimize(bowl, x0, method=method, jac=True, options={"lr": rate(method), "maxiter": 300})
    assert res.fun < (0.999 if method == "adadelta" else 0.3) * bowl(np.array(x0))[0]


class TestClipping:
    """Clipping gives the iterates that clipping the gradient by hand gives."""

    def by_hand(self, value=math.inf, norm=math.inf):
        def fun(x):
            f, g = oracle.rosenbrock(x)
            g = np.clip(g, -value, value)
            return f, g * (norm / max(norm, np.linalg.norm(g)) if norm < math.inf else 1.0)

        return fun

    @pytest.mark.parametrize("method", ["sgd", "momentum", "adam", "lion"])
    @given(x0=st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=2), value=st.floats(1e-3, 1e3))
    def test_by_value(self, method, x0, value):
        options = {"lr": 1e-4, "weight_decay": 0.3}
        clipped = iterates(oracle.rosenbrock, x0, method, 20, clip_value=value, **options)
        assert np.array_equal(clipped, iterates(self.by_hand(value=value), x0, method, 20, **options))

    @pytest.mark.parametrize("method", ["sgd", "momentum", "adam"])
    @given(x0=st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=2), norm=st.floats(1e-3, 1e3))
    def test_by_norm(self, method, x0, norm):
        options = {"lr": 1e-4, "weight_decay": 0.3}
        clipped = iterates(oracle.rosenbrock, x0, method, 20, clip_norm=norm, **options)
        assert_close(clipped, iterates(self.by_hand(norm=norm), x0, method, 20, **options), 1e-9)

    def test_by_value_before_norm(self):
        clipped = iterates(oracle.rosenbrock, [-1.2, 1.0], "sgd", 20, clip_value=30.0, clip_norm=20.0)
        assert_close(clipped, iterates(self.by_hand(30.0, 20.0), [-1.2, 1.0], "sgd", 20))

    def test_comes_before_weight_decay(self):
        """The step has the length lr times the clipped gradient plus the decay."""
        X = iterates(lambda x: (0.0, np.array([1e6])), [2.0], "sgd", 1, lr=0.1, clip_value=1.0, weight_decay=0.5)
        assert X[1] == pytest.approx([2.0 - 0.1 * (1.0 + 0.5 * 2.0)])

    @pytest.mark.parametrize("size", [1e-200, 1.0, 1e160, 1e300])
    def test_by_norm_whatever_the_size(self, size):
        """The norm is right where the square of the gradient overflows."""
        g = size * np.array([3.0, -4.0])
        X = iterates(lambda x: (0.0, g), [0.0, 0.0], "sgd", 1, lr=1.0, clip_norm=2.0)
        assert X[1] == pytest.approx(-g if size < 0.1 else [-1.2, 1.6], rel=1e-12)

    @pytest.mark.parametrize("options", [{"clip_value": 1.0}, {"clip_norm": 1.0}, {"decay_mask": [True, False]}])
    def test_does_not_reach_the_result(self, options):
        """The gradient in the result and in the test of gtol is that of f, not the clipped one."""
        res = minimize(oracle.rosenbrock, [-1.2, 1.0], method="sgd", jac=True, options={"maxiter": 3, **options})
        f, g = oracle.rosenbrock(res.x)
        assert res.fun == f and np.array_equal(res.jac, g)


class TestWeightDecay:
    @each_method
    @given(x0=starts, mask=st.lists(st.booleans(), min_size=5, max_size=5))
    def test_mask_exempts(self, method, x0, mask):
        """On a separable function exempt components follow the run without decay.

        The others follow the run with decay.
        """
        options = {"lr": rate(method), "schedule": schedules.exponential(0.95)}
        masked = iterates(bowl, x0, method, 10, weight_decay=0.7, decay_mask=mask, **options)
        free, decayed = (iterates(bowl, x0, method, 10, weight_decay=decay, **options) for decay in (0.0, 0.7))
        assert np.array_equal(masked, np.where(mask, decayed, free))
        if method != "lion" and any(abs(value) > 0.1 for value in x0):  # For Lion both signs may agree.
            assert not np.array_equal(free, decayed)

    @each_method
    @each_problem
    def test_mask_of_all_is_none(self, method, problem):
        fun, x0, own_rate = oracle.PROBLEMS[problem]
        options = {"lr": own_rate, "weight_decay": 0.3}
        plain, masked = (
            iterates(fun, x0, method, 20, decay_mask=mask, **options) for mask in (None, np.ones(len(x0), bool))
        )
        assert np.array_equal(plain, masked)

    def test_mask_is_copied_and_kept(self):
        mask = np.array([True, False])
        calls = []

        def fun(x):
            calls.append(mask.copy())
            mask[:] = False
            return 0.0, np.zeros(2)

        X = iterates(fun, [1.0, 1.0], "sgd", 3, lr=0.5, weight_decay=1.0, decay_mask=mask)
        assert X[-1].tolist() == [0.125, 1.0]
        assert calls[0].tolist() == [True, False]

    @given(x0=starts, decay=st.floats(0.0, 1.0))
    def test_is_the_same_either_way_without_momentum(self, x0, decay):
        """For SGD without momentum, L2 and decoupled decay agree."""
        l2, decoupled = (iterates(bowl, x0, method, 20, lr=0.05, weight_decay=decay) for method in ("sgd", "sgdw"))
        assert np.abs(l2 - decoupled).max() <= 1e-12 * max(1.0, np.abs(l2).max())

    def test_is_not_the_same_with_momentum(self):
        options = {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.5}
        l2, decoupled = (iterates(bowl, [1.0, 2.0], method, 20, **options) for method in ("momentum", "sgdw"))
        assert np.abs(l2 - decoupled).max() > 0.01

    @pytest.mark.parametrize("method", DECOUPLED)
    def test_decoupled_shrinks_by_lr_times_decay_under_a_schedule(self, method):
        """With a zero gradient, decay alone changes x."""
        schedule = schedules.step(2, factor=0.5)
        X = iterates(fed(np.zeros((6, 2))), [1.0, -8.0], method, 6, lr=0.1, weight_decay=2.0, schedule=schedule)
        factors = np.cumprod([1.0, 0.8, 0.8, 0.9, 0.9, 0.95, 0.95])
        assert pytest.approx(np.outer(factors, [1.0, -8.0]), rel=1e-14) == X

    def test_decoupled_shrinks_all_alike_and_l2_in_adam_does_not(self):
        """Under L2, weights with large gradients are regularised less.

        Loshchilov & Hutter (2019) section 2.
        """
        g = np.array([-1e-3, -1.0, -1e3])
        x0, options = [1.0, 1.0, 1.0], {"lr": 1e-3, "eps": 0.0}
        free = iterates(lambda x: (0.0, g), x0, "adam", 100, **options)[-1]
        shrunk = {
            method: free - iterates(lambda x: (0.0, g), x0, method, 100, weight_decay=0.1, **options)[-1]
            for method in ("adam", "adamw")
        }
        assert shrunk["adamw"] == pytest.approx(np.full(3, shrunk["adamw"][0]), rel=1e-9)
        assert shrunk["adamw"][0] == pytest.approx(1e-3 * 0.1 * 100, rel=0.1)
        assert shrunk["adam"][0] > 0.1 and abs(shrunk["adam"][2]) < 1e-4


class TestInvariance:
    @pytest.mark.parametrize("method", ["adagrad", "rmsprop", "adam", "adamw", "amsgrad", "adamax", "nadam", "lion"])
    @given(x0=starts, power=st.integers(-60, 60))
    def test_to_the_scale_of_f(self, method, x0, power):
        """With eps = 0 the scale of f changes nothing; for powers of 2 to the bit."""
        options = {"lr": 0.03, "weight_decay": 0.1 if method in DECOUPLED else 0.0}
        if method != "lion":
            options["eps"] = 0.0
        scale = 2.0**power
        scaled = iterates(lambda x: tuple(scale * part for part in bowl(x)), x0, method, 20, **options)
        assert np.array_equal(scaled, iterates(bowl, x0, method, 20, **options))

    @given(x0=starts, scale=st.floats(1e-3, 1e3))
    def test_of_adam_to_any_scale_of_f(self, x0, scale):
        scaled = iterates(lambda x: tuple(scale * part for part in bowl(x)), x0, "adam", 10, lr=1e-3, eps=0.0)
        assert scaled == pytest.approx(iterates(bowl, x0, "adam", 10, lr=1e-3, eps=0.0), abs=1e-10)

    @each_method
    @given(x0=starts, signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=5, max_size=5))
    def test_to_reflections(self, method, x0, signs):
        X, mirrored = (
            iterates(bowl, x, method, 10, lr=rate(method), weight_decay=0.1) for x in (x0, np.array(x0) * signs)
        )
        assert np.array_equal(X * signs, mirrored)


class TestBounds:
    gradients = st.lists(numbers, min_size=1, max_size=40).map(lambda values: np.array(values)[:, None])

    @given(gradients=gradients, beta1=st.floats(0.0, 0.95), beta2=st.floats(0.0, 0.95))
    def test_of_a_step_of_lion(self, gradients, beta1, beta2):
        """Each component of a step of Lion is −lr, 0 or lr."""
        X = iterates(fed(gradients), [0.0], "lion", len(gradients), lr=0.125, betas=(beta1, beta2))
        assert set(np.abs(np.diff(X[:, 0]))) <= {0.0, 0.125}

    @given(gradients=gradients, beta1=st.floats(0.0, 0.99), beta2=st.floats(0.1, 0.999))
    def test_of_a_step_of_adam(self, gradients, beta1, beta2):
        """Bound a step of Adam by the Cauchy-Schwarz inequality.

        (Σ w_i g_i)² <= Σ w_i²/u_i Σ u_i g_i², where w and u are the weights of the two averages.
        """
        X = iterates(fed(gradients), [0.0], "adam", len(gradients), lr=0.1, betas=(beta1, beta2))
        for t, length in enumerate(np.abs(np.diff(X[:, 0])), 1):
            w, u = (beta ** np.arange(t) * (1 - beta) / (1 - beta**t) for beta in (beta1, beta2))
            assert length <= 0.1 * math.sqrt(np.sum(w * w / u)) * (1.0 + 1e-9) + 1e-12

    @given(gradients=gradients)
    def test_of_the_rate_of_amsgrad(self, gradients):
        """lr/√c never rises; without momentum it is the step divided by the gradient."""
        gradients[np.abs(gradients) < 1e-3] = 1.0
        options = {"lr": 0.1, "betas": (0.0, 0.5), "eps": 0.0, "bias_correction": False}
        X = iterates(fed(gradients), [0.0], "amsgrad", len(gradients), **options)
        rates = -np.diff(X[:, 0]) / gradients[:, 0]
        assert np.all(rates > 0.0) and np.all(np.diff(rates) <= 1e-6 * rates[:-1])
