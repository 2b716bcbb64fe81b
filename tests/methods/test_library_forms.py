"""Forms of first-order methods in other libraries: definitions, public functions, legal values.

Covers: _methods/first_order/*, _options/read.py.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numba import njit
from numba.core.errors import TypingError
from oracles import forms, porting

import quasinewton
from quasinewton import Solver, minimize, minimize_batch, minimize_stochastic, schedules
from quasinewton._methods.first_order.base import FIRST_ORDER
from quasinewton._options.names import METHODS, NAMES
from quasinewton._options.read import with_fields

X0 = np.array([1.5, -0.5])


def iterates(fun, method, steps, x0=X0, **options):
    """Return all iterates, shape (steps + 1, n)."""
    options = {"maxiter": steps, "gtol": -1.0, "return_all": True, **options}
    res = minimize(fun, x0, method=method, jac=True, options=options)
    assert res.nit == steps
    return np.array(res.allvecs)


RATE = schedules.step(4, factor=0.5)
flags = st.booleans()
betas = st.tuples(st.floats(0.1, 0.95), st.floats(0.5, 0.995))
starts = st.lists(st.floats(-2.0, 2.0).map(lambda value: round(value, 3)), min_size=2, max_size=2)
DECAY = {"weight_decay": 0.125, "decoupled": True}


def given_flags(*names):
    return st.fixed_dictionaries({name: flags for name in names})


def assert_defined(method, definition, x0, *numbers, lr=1 / 32, form=None, tolerance=1e-12, **options):
    """Compare twelve iterates of a method with those of a definition.

    The schedule halves the learning rate twice.
    """
    form = form or {}
    grad = lambda x: porting.curved(x)[1]  # noqa: E731
    steps = definition(grad, np.array(x0), lambda t: lr * 0.5 ** (t // 4), *numbers, 0.125, **form)
    expected = np.array([x0, *(next(steps) for _ in range(12))])
    found = iterates(porting.curved, method, 12, x0, lr=lr, schedule=RATE, **options, **form, **DECAY)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


class TestDefinitions:
    """Every form as its library documents it, under a schedule and with decoupled weight decay."""

    @given(x0=starts)
    def test_sgd(self, x0):
        assert_defined("sgd", forms.gradient_descent, x0)

    @given(x0=starts, mu=st.floats(0.1, 0.95), nu=st.floats(0.0, 0.9), form=given_flags("lr_in_buffer", "dampen_first"))
    def test_momentum(self, x0, mu, nu, form):
        def definition(grad, x, rate, lamda):
            return forms.momentum(grad, x, rate, mu, nu, lamda, form["lr_in_buffer"], form["dampen_first"])

        assert_defined("momentum", definition, x0, momentum=mu, dampening=nu, **form)

    @given(x0=starts, mu=st.floats(0.1, 0.95), in_buffer=flags)
    def test_sgdw(self, x0, mu, in_buffer):
        def definition(grad, x, rate, lamda):
            return forms.momentum(grad, x, rate, mu, 0.0, lamda, in_buffer, True)

        assert_defined("sgdw", definition, x0, momentum=mu, lr_in_buffer=in_buffer)

    @given(x0=starts, mu=st.floats(0.1, 0.95), in_buffer=flags)
    def test_nesterov(self, x0, mu, in_buffer):
        def definition(grad, x, rate, lamda):
            return forms.nesterov(grad, x, rate, mu, lamda, in_buffer)

        assert_defined("nesterov", definition, x0, momentum=mu, lr_in_buffer=in_buffer)

    @given(
        x0=starts,
        alpha=st.floats(0.5, 0.99),
        mu=st.sampled_from([0.0, 0.5, 0.875]),
        start=st.sampled_from([0.0, 0.25, 1.0]),
        form=given_flags("centered", "eps_in_sqrt", "bias_correction", "lr_in_buffer", "nesterov"),
    )
    def test_rmsprop(self, x0, alpha, mu, start, form):
        form = form | {"initial_accumulator_value": start}
        # The corrected variance of a single gradient is 0, as a difference of equal numbers.
        assume(not (form["centered"] and form["bias_correction"] and start == 0.0))
        # Later it may cancel down to rounding, 1e-17, whose root over eps is 2e-7.
        tolerance = 1e-6 if form["centered"] else 1e-12
        given = dict(form=form, alpha=alpha, eps=2**-6, momentum=mu)
        assert_defined("rmsprop", forms.rmsprop, x0, alpha, 2**-6, mu, **given, tolerance=tolerance)

    @pytest.mark.parametrize("method", ["adam", "adamw", "amsgrad"])
    @given(x0=starts, betas=betas, form=given_flags("eps_hat", "bias_correction"), root=st.sampled_from([0.0, 2**-8]))
    def test_adam(self, method, x0, betas, form, root):
        form = form | {"eps_root": root}

        def definition(*numbers, **form):
            return forms.adam(*numbers, **form, maximum=method == "amsgrad")

        assert_defined(method, definition, x0, betas, 2**-7, form=form, betas=betas, eps=2**-7)

    @given(x0=starts, betas=betas, root=st.sampled_from([0.0, 2**-8]))
    def test_amsgrad_corrected_before_the_maximum(self, x0, betas, root):
        form = {"eps_hat": False, "bias_correction": True, "correct_before_max": True, "eps_root": root}
        assert_defined("amsgrad", forms.adam, x0, betas, 2**-7, form=form, betas=betas, eps=2**-7)

    @given(x0=starts, betas=betas, form=given_flags("eps_after_max", "bias_correction"))
    def test_adamax(self, x0, betas, form):
        assert_defined("adamax", forms.adamax, x0, betas, 2**-5, form=form, betas=betas, eps=2**-5)

    @given(
        x0=starts,
        betas=betas,
        psi=st.floats(0.0, 1.0),
        root=st.sampled_from([0.0, 2**-8]),
        form=given_flags("eps_hat", "bias_correction", "constant_momentum", "correct_ahead"),
    )
    def test_nadam(self, x0, betas, psi, root, form):
        form = form | {"eps_root": root}
        options = {"betas": betas, "eps": 2**-7, "momentum_decay": psi}
        assert_defined("nadam", forms.nadam, x0, betas, 2**-7, psi, form=form, **options)

    @given(
        x0=starts,
        beta1=st.floats(0.1, 0.95),
        beta2=st.floats(0.8, 0.995),
        threshold=st.sampled_from([4.0, 4.5, 5.0, 7.25]),
        form=given_flags("eps_hat", "degenerated_to_sgd"),
    )
    def test_radam(self, x0, beta1, beta2, threshold, form):
        pair, form = (beta1, beta2), form | {"threshold": threshold}
        assert_defined("radam", forms.radam, x0, pair, 2**-7, form=form, betas=pair, eps=2**-7)

    @given(x0=starts)
    def test_adagrad_and_adadelta(self, x0):
        assert_defined("adagrad", forms.adagrad, x0, 2**-7, eps=2**-7)
        assert_defined("adadelta", forms.adadelta, x0, 0.9, 2**-7, lr=1.0, rho=0.9, eps=2**-7)

    @pytest.mark.parametrize("method", ["sgdw", "adamw", "lion"])
    def test_decay_of_the_decoupled_methods_as_l2(self, method):
        """L2 decay adds λ x to the gradient."""
        options = {"lr": 1 / 32, "schedule": RATE} | ({"momentum": 0.5} if method == "sgdw" else {})

        def penalised(x):
            f, g = porting.curved(x)
            return f, g + 0.25 * x

        found = iterates(porting.curved, method, 12, weight_decay=0.25, decoupled=False, **options)
        expected = iterates(penalised, method, 12, weight_decay=0.0, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        assert not np.allclose(found, iterates(porting.curved, method, 12, weight_decay=0.25, **options), atol=1e-4)

    @given(x0=starts, norm=st.floats(0.1, 2.0), eps=st.sampled_from([0.0, 1e-6, 0.1]))
    def test_clipping_with_something_added_to_the_norm(self, x0, norm, eps):
        """Clip as clip_grad_norm_ of PyTorch: g *= min(1, norm/(‖g‖ + eps))."""

        def clipped(x):
            f, g = porting.curved(x)
            return f, g * min(1.0, norm / (np.linalg.norm(g) + eps))

        found = iterates(porting.curved, "momentum", 12, x0, lr=1 / 16, clip_norm=norm, clip_norm_eps=eps)
        np.testing.assert_allclose(found, iterates(clipped, "momentum", 12, x0, lr=1 / 16), rtol=1e-12, atol=1e-12)


# One object per method, with every option of the page at a value other than its default.
SMALL = {"lr": 1 / 64, "weight_decay": 0.125, "decoupled": True}
KIN = SMALL | {"eps": 2**-7, "betas": (0.75, 0.9), "eps_hat": True, "eps_root": 2**-8}
OBJECTS = [
    quasinewton.SGD(**SMALL),
    quasinewton.Momentum(**SMALL, lr_in_buffer=True, dampen_first=True, dampening=0.25),
    quasinewton.Nesterov(**SMALL, lr_in_buffer=True),
    quasinewton.SGDW(lr=1 / 64, momentum=0.75, lr_in_buffer=True, decoupled=False),
    quasinewton.AdaGrad(**SMALL),
    quasinewton.RMSprop(
        **SMALL,
        alpha=0.75,
        eps=2**-7,
        momentum=0.5,
        centered=True,
        eps_in_sqrt=True,
        initial_accumulator_value=0.5,
        bias_correction=True,
        lr_in_buffer=True,
        nesterov=True,
    ),
    quasinewton.AdaDelta(weight_decay=0.125, decoupled=True),
    quasinewton.Adam(**KIN, bias_correction=False),
    quasinewton.AdamW(**(KIN | {"decoupled": False}), bias_correction=False),
    quasinewton.AMSGrad(**(KIN | {"eps_hat": False}), correct_before_max=True),
    quasinewton.AdaMax(**SMALL, eps=2**-7, eps_after_max=True, bias_correction=False),
    quasinewton.NAdam(**KIN, bias_correction=False, constant_momentum=True, correct_ahead=False),
    quasinewton.RAdam(**SMALL, eps=2**-7, betas=(0.75, 0.9), eps_hat=False, threshold=4.0, degenerated_to_sgd=False),
    quasinewton.Lion(lr=1 / 64, weight_decay=0.5, decoupled=False),
]
NEW = {
    "decoupled",
    "lr_in_buffer",
    "dampen_first",
    "eps_in_sqrt",
    "bias_correction",
    "nesterov",
    "eps_hat",
    "eps_root",
    "eps_after_max",
    "correct_before_max",
    "constant_momentum",
    "correct_ahead",
    "threshold",
    "degenerated_to_sgd",
    "initial_accumulator_value",
}
each_object = pytest.mark.parametrize("method", OBJECTS, ids=lambda method: type(method).__name__)
# Six methods that together have all options; a door compiles for more than a second for each.
FEW = quasinewton.Momentum, quasinewton.RMSprop, quasinewton.AMSGrad
FEW += quasinewton.AdaMax, quasinewton.NAdam, quasinewton.RAdam
few_objects = pytest.mark.parametrize(
    "method",
    [pytest.param(method, marks=() if type(method) in FEW else pytest.mark.slow) for method in OBJECTS],
    ids=lambda method: type(method).__name__,
)
STEPS = 15


@njit
def inside(x0, method, steps, schedule):
    """Run in compiled code."""
    return minimize(porting.curved, x0, method=method, jac=True, maxiter=steps, gtol=-1.0, schedule=schedule)


@njit
def inside_by_keywords(x0, steps, start, hat):
    """Run in compiled code, with settings as keywords whose values are known at run time only."""
    first = minimize(
        porting.curved,
        x0,
        method="rmsprop",
        jac=True,
        maxiter=steps,
        gtol=-1.0,
        weight_decay=0.125,
        decoupled=True,
        eps_in_sqrt=True,
        initial_accumulator_value=start,
        bias_correction=True,
    )
    return minimize(porting.curved, first.x, method="nadam", jac=True, maxiter=steps, gtol=-1.0, eps_hat=hat)


@njit
def inside_by_a_wrong_keyword(x0):
    """Pass a setting of another method."""
    return minimize(porting.curved, x0, method="sgd", jac=True, eps_hat=True)


@njit
def one_sample(x, weight):
    """Return the curved problem as one sample of a mean over equal samples."""
    f, g = porting.curved(x)
    return f * np.mean(weight), g * np.mean(weight)


class TestDoors:
    """Options give the same bits in the object and beside the name of the method."""

    def reference(self, method):
        return iterates(porting.curved, method, STEPS, schedule=RATE)

    def test_every_method_and_option_is_here(self):
        assert [type(method) for method in OBJECTS] == [*dict.fromkeys(type(method) for method in OBJECTS)]
        assert {type(method) for method in OBJECTS} == set(FIRST_ORDER)
        changed = {
            name
            for method in OBJECTS
            for name, default in type(method)._field_defaults.items()
            if type(method) in FEW and getattr(method, name) != default
        }
        assert changed >= NEW

    @each_object
    def test_options_beside_the_name(self, method):
        given_options = {name: bool(value) if type(value) is int else value for name, value in method._asdict().items()}
        expected = self.reference(method)
        assert np.array_equal(
            iterates(porting.curved, NAMES[type(method)], STEPS, schedule=RATE, **given_options), expected
        )

    @each_object
    def test_each_option_matters(self, method):
        """Each option at its default gives other iterates, unless it is known to be idle."""
        expected, idle = self.reference(method), set()
        for name, default in type(method)._field_defaults.items():
            if name in NEW and getattr(method, name) != default:
                other = self.reference(method._replace(**{name: default}))
                if np.array_equal(other, expected):
                    idle.add(name)
        # Without bias correction ε̂ equals eps, and the order of corrections does not matter.
        assert idle == {
            "Adam": {"eps_hat"},
            "AdamW": {"eps_hat"},
            "NAdam": {"eps_hat", "correct_ahead"},
        }.get(type(method).__name__, set())

    @few_objects
    def test_batch(self, method):
        starts = np.array([X0, [0.5, 0.25], [-1.0, 1.0]])
        options = {"gtol": -1.0, "maxiter": STEPS, "schedule": RATE}
        found = minimize_batch(porting.curved, starts, method=method, jac=True, options=options)
        expected = [iterates(porting.curved, method, STEPS, x0, schedule=RATE)[-1] for x0 in starts]
        assert np.array_equal(found.x, expected)

    @few_objects
    def test_compiled_code(self, method):
        assert np.array_equal(inside(X0, method, STEPS, RATE).x, self.reference(method)[-1])

    def test_keywords_in_compiled_code(self):
        options = {"weight_decay": 0.125, "decoupled": True, "eps_in_sqrt": True, "bias_correction": True}
        options["initial_accumulator_value"] = 0.5
        middle = iterates(porting.curved, "rmsprop", STEPS, **options)[-1]
        for hat in True, False:
            expected = iterates(porting.curved, "nadam", STEPS, middle, eps_hat=hat)[-1]
            assert np.array_equal(inside_by_keywords(X0, STEPS, 0.5, hat).x, expected)
        with pytest.raises(ValueError, match="eps_hat must be True or False"):
            inside_by_keywords(X0, STEPS, 0.5, 2)
        with pytest.raises(ValueError, match=r"initial_accumulator_value must be in \[0, inf\)"):
            inside_by_keywords(X0, STEPS, -0.5, True)
        with pytest.raises(TypingError, match="`eps_hat` is no setting of SGD"):
            inside_by_a_wrong_keyword(X0)

    @few_objects
    def test_stochastic(self, method):
        """If all batches are equal, an epoch is a run with the exact gradient."""
        common = {"jac": True, "batch_size": 1, "schedule": RATE, "shuffle": False}
        expected = self.reference(method)[-1]
        whole = minimize_stochastic(one_sample, X0, (np.ones(STEPS),), method, epochs=1, **common)
        given_options = {name: bool(value) if type(value) is int else value for name, value in method._asdict().items()}
        named = minimize_stochastic(
            one_sample, X0, (np.ones(STEPS),), NAMES[type(method)], epochs=1, options=given_options, **common
        )
        assert np.array_equal(whole.x, expected) and np.array_equal(named.x, expected)

    @each_object
    def test_ask_tell_and_checkpoints(self, method, tmp_path):
        """Stop in the middle, save the solver, load it and continue."""
        options = {"gtol": -1.0, "maxiter": STEPS, "schedule": RATE}
        solver = Solver(X0, method=method, options=options)
        file = tmp_path / "half.npz"
        for _ in range(8):
            solver.tell(*porting.curved(solver.ask()))
        solver.save(file)
        solver = Solver.load(file)
        while not solver.done:
            solver.tell(*porting.curved(solver.ask()))
        assert np.array_equal(solver.result.x, self.reference(method)[-1])

    @each_object
    def test_a_run_goes_on(self, method):
        options = {"gtol": -1.0, "schedule": RATE}
        half = minimize(porting.curved, X0, method=method, jac=True, options=options | {"maxiter": 7})
        task = dict(method=method, jac=True, options=options | {"maxiter": STEPS})
        whole = minimize(porting.curved, None, checkpoint=half.checkpoint, **task)
        assert np.array_equal(whole.x, self.reference(method)[-1])

    def test_a_run_does_not_go_on_in_other_units(self):
        """A run is not continued under an option that changes the content of its buffer.

        The learning rate of a later epoch may be another.
        """
        common = {"jac": True, "batch_size": 1, "epochs": 1}
        data = (np.ones(5),)
        for method, name in (
            ("momentum", "lr_in_buffer"),
            ("amsgrad", "correct_before_max"),
            ("adamax", "eps_after_max"),
        ):
            state = minimize_stochastic(one_sample, X0, data, method, **common).checkpoint
            assert minimize_stochastic(one_sample, None, data, method, lr=0.01, checkpoint=state, **common).nepochs == 2
            with pytest.raises(ValueError, match=f"checkpoint belongs to method .*{name}=0.*{name}=1"):
                minimize_stochastic(one_sample, None, data, method, options={name: True}, checkpoint=state, **common)

    def test_a_run_does_not_go_on_with_other_clipping(self):
        options = {"gtol": -1.0, "maxiter": 3, "clip_norm": 1.0}
        half = minimize(porting.curved, X0, method="sgd", jac=True, options=options | {"clip_norm_eps": 1e-6})
        with pytest.raises(ValueError, match="clip_norm_eps=1e-06; this call says 0.0"):
            minimize(porting.curved, None, method="sgd", jac=True, options=options, checkpoint=half.checkpoint)


FLAGS = [
    (kind, name) for kind in FIRST_ORDER for name, default in kind._field_defaults.items() if isinstance(default, bool)
]


class TestLegal:
    @pytest.mark.parametrize("kind, name", FLAGS, ids=lambda value: getattr(value, "__name__", value))
    def test_a_flag_is_true_or_false(self, kind, name):
        for value in True, False, 1, 0, np.True_, np.int64(1), 1.0:
            assert getattr(kind(**{name: value}), name) == int(value)
            assert type(getattr(kind(**{name: value}), name)) is int
        for value in "yes", None, 2, -1, 0.5, np.nan, [True], np.ones(2, bool):
            with pytest.raises(ValueError, match=f"{name} must be True or False, got"):
                kind(**{name: value})
        with pytest.raises(ValueError, match=f"{name} must be True or False, got 'yes'"):
            minimize(porting.curved, X0, method=NAMES[kind], jac=True, options={name: "yes"})

    @pytest.mark.parametrize(
        "method, options, message",
        [
            (
                "rmsprop",
                {"initial_accumulator_value": -1.0},
                r"initial_accumulator_value must be in \[0, inf\), got -1.0",
            ),
            ("adam", {"eps_root": -1e-8}, r"eps_root must be in \[0, inf\), got -1e-08"),
            ("amsgrad", {"eps_root": np.inf}, r"eps_root must be in \[0, inf\), got inf"),
            ("radam", {"threshold": 3.5}, r"threshold must be in \[4, inf\), got 3.5"),
            ("sgd", {"clip_norm_eps": -1.0}, r"clip_norm_eps must be in \[0, inf\), got -1.0"),
            ("adam", {"lr_in_buffer": True}, "adam'? has no option 'lr_in_buffer'"),
            ("sgd", {"eps_hat": True}, "sgd'? has no option 'eps_hat'"),
            ("radam", {"decoupled_weight_decay": True}, "'decoupled_weight_decay'; perhaps decoupled is meant"),
            ("rmsprop", {"initial_scale": 1.0}, "'initial_scale'; perhaps initial_accumulator_value is meant"),
        ],
    )
    def test_illegal_values_are_named(self, method, options, message):
        with pytest.raises(ValueError, match=message):
            minimize(porting.curved, X0, method=method, jac=True, options=options)
        with pytest.raises(ValueError, match=message):
            minimize_stochastic(one_sample, X0, (np.ones(3),), method, jac=True, batch_size=1, options=options)

    def test_all_methods_have_decoupled_decay(self):
        assert all("decoupled" in METHODS[NAMES[kind]]._fields for kind in FIRST_ORDER)
        assert {NAMES[kind] for kind in FIRST_ORDER if kind().decoupled} == {"sgdw", "adamw", "lion"}

    @settings(max_examples=20)
    @given(x0=starts, mask=st.lists(flags, min_size=2, max_size=2))
    def test_decay_mask_with_either_kind(self, x0, mask):
        """Exempt components do not shrink.

        On a separable function nothing else changes.
        """

        def separable(x):
            return float(x @ x), 2.0 * x

        for method in OBJECTS:
            for decoupled in False, True:
                chosen = with_fields(method, {"decoupled": decoupled, "weight_decay": 0.25})
                masked = iterates(separable, chosen, 6, x0, decay_mask=np.array(mask))
                free = iterates(separable, with_fields(chosen, {"weight_decay": 0.0}), 6, x0)
                decayed = iterates(separable, chosen, 6, x0)
                assert np.array_equal(masked, np.where(mask, decayed, free))

    @each_object
    def test_nothing_over_nothing_is_no_step(self, method):
        """With eps = 0, variables that f does not depend on stay where they are, in every form."""

        def flat(x):
            return 0.5 * x[1] ** 2, np.array([0.0, x[1]])

        fields = {"weight_decay": 0.0} | {name: 0.0 for name in ("eps", "eps_root") if name in method._fields}
        chosen = with_fields(method, fields)
        found = iterates(flat, chosen, 20, [2.0, 1.0])
        assert np.isfinite(found).all() and np.all(found[:, 0] == 2.0)
