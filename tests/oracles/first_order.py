"""Iterates and learning rates of torch.optim, stored so that tests do not need PyTorch.

Run by hand, `python tests/oracles/first_order.py`, to write first_order.npz anew. PyTorch gets the
gradients of this file's functions, as the package does, so that only the methods are compared.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".npz")
STEPS = 100
KEPT = [1, 2, 3, 10, 40, 100]


def rosenbrock(x):
    """Return Rosenbrock's function and its gradient."""
    a, b = x[1] - x[0] * x[0], 1.0 - x[0]
    return 100.0 * a * a + b * b, np.array([-400.0 * a * x[0] - 2.0 * b, 200.0 * a])


# Eigenvalues 0.1 to 100, rotated by a reflection that couples every component with every other.
_v = np.arange(1.0, 6.0)
_Q = np.eye(5) - 2.0 * np.outer(_v, _v) / (_v @ _v)
_A = _Q @ np.diag([0.1, 1.0, 5.0, 30.0, 100.0]) @ _Q
_b = np.array([1.0, -2.0, 3.0, -4.0, 5.0])


def quadratic(x):
    """Return x·A x/2 − b·x and its gradient, of condition 1000."""
    r = _A @ x
    return 0.5 * (x @ r) - _b @ x, r - _b


_i = np.arange(12.0)
_X = np.column_stack([np.ones(12), np.sin(1.0 + 2.0 * _i), np.cos(_i * _i), 3.0 * np.sin(5.0 * _i)])
_y = np.where(np.sin(3.0 + _i) > -0.2, 1.0, -1.0)


def logistic(w):
    """Return the mean of log(1 + exp(−y X w)) and its gradient, for twelve data and four weights.
    """
    margin = _y * (_X @ w)
    return np.mean(np.logaddexp(0.0, -margin)), -(_X.T @ (_y / (1.0 + np.exp(margin)))) / 12.0


# Problem: function, start, and a learning rate for methods whose steps have the length of the
# gradient.
PROBLEMS = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0], 2e-4),
    "quadratic": (quadratic, [1.0, -1.0, 2.0, 0.5, -2.0], 3e-3),
    "logistic": (logistic, [0.5, -0.5, 1.0, -1.0], 0.3),
}

# Method and options of this package; PyTorch's are equal except as `torch_optimizer` says. For lr =
# None the problem's learning rate is used.
DESCENT = {"lr": None}
GROUPS = [
    ("sgd", {}),
    ("sgd", DESCENT),
    ("sgd", DESCENT | {"weight_decay": 0.1}),
    ("momentum", {"momentum": 0.9}),
    ("momentum", DESCENT | {"momentum": 0.9}),
    ("momentum", DESCENT | {"momentum": 0.5}),
    ("momentum", DESCENT | {"momentum": 0.9, "dampening": 0.3}),
    ("momentum", DESCENT | {"momentum": 0.8, "dampening": 1.0}),
    ("momentum", DESCENT | {"momentum": 0.7, "dampening": 0.1, "weight_decay": 0.2}),
    ("nesterov", {"momentum": 0.9}),
    ("nesterov", DESCENT | {"momentum": 0.9}),
    ("nesterov", DESCENT | {"momentum": 0.5, "weight_decay": 0.2}),
    ("adagrad", {}),
    ("adagrad", {"lr": 0.1}),
    ("adagrad", {"lr": 0.1, "lr_decay": 0.05}),
    ("adagrad", {"lr": 0.1, "initial_accumulator_value": 0.1}),
    ("adagrad", {"lr": 0.1, "eps": 1e-2}),
    (
        "adagrad",
        {"lr": 0.05, "lr_decay": 0.01, "weight_decay": 0.3, "initial_accumulator_value": 2.0, "eps": 1e-3},
    ),
    ("rmsprop", {}),
    ("rmsprop", {"lr": 2e-3, "alpha": 0.9}),
    ("rmsprop", {"lr": 5e-3, "eps": 1e-2}),
    ("rmsprop", {"lr": 5e-3, "weight_decay": 0.3}),
    ("rmsprop", {"lr": 5e-4, "momentum": 0.9}),
    ("rmsprop", {"lr": 5e-3, "centered": True}),
    ("rmsprop", {"lr": 1e-3, "alpha": 0.95, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.5, "centered": True}),
    ("adadelta", {}),
    ("adadelta", {"rho": 0.95}),
    ("adadelta", {"lr": 0.5, "eps": 1e-4}),
    ("adadelta", {"lr": 2.0, "rho": 0.5, "weight_decay": 0.1}),
    *[
        # RAdam's first steps also have the length of the gradient.
        (method, options | DESCENT if options and method == "radam" else options)
        for method in ("adam", "amsgrad", "adamw", "adamax", "nadam", "radam")
        for options in (
            {},
            {"lr": 0.02},
            {"lr": 0.01, "betas": (0.8, 0.95)},
            {"lr": 2e-3, "betas": (0.0, 0.999)},
            {"lr": 0.02, "eps": 1e-2},
            {"lr": 0.02, "weight_decay": 0.3},
            {"lr": 0.01, "betas": (0.5, 0.99), "eps": 1e-4, "weight_decay": 0.1},
        )
    ],
    ("adam", {"lr": 1e-3, "betas": (0.9, 0.0)}),
    ("adamw", {"lr": 0.02, "weight_decay": 0.0}),
    ("adamw", {"lr": 0.02, "betas": (0.8, 0.7), "weight_decay": 0.1, "amsgrad": True}),
    ("amsgrad", {"lr": 0.02, "betas": (0.9, 0.5)}),
    ("nadam", {"lr": 0.02, "momentum_decay": 0.1}),
    ("nadam", {"lr": 0.02, "momentum_decay": 0.0}),
]

# Schedules of torch.optim.lr_scheduler, with functions of the step for LambdaLR; the optimiser has
# lr = 1.
SCHEDULES = {
    "step": ("StepLR", {"step_size": 7, "gamma": 0.5}),
    "exponential": ("ExponentialLR", {"gamma": 0.96}),
    "cosine": ("CosineAnnealingLR", {"T_max": STEPS}),
    "cosine to a tenth": ("CosineAnnealingLR", {"T_max": 60, "eta_min": 0.1}),
    "one cycle": ("OneCycleLR", {"max_lr": 1.0, "total_steps": STEPS}),
    "one cycle, early": (
        "OneCycleLR",
        {"max_lr": 1.0, "total_steps": 75, "pct_start": 0.12, "div_factor": 5.0, "final_div_factor": 40.0},
    ),
    "warm-up": ("LambdaLR", {"lr_lambda": lambda t: min(1.0, (t + 1) / 8)}),
    "inverse square root": ("LambdaLR", {"lr_lambda": lambda t: min((t + 1) / 5, (5 / (t + 1)) ** 0.5)}),
    "hyperbola": ("LambdaLR", {"lr_lambda": lambda t: 1.0 / (1.0 + 0.05 * t)}),
}

# Runs under a schedule: the learning rate must be kept apart from coupled decay, momentum buffers
# and bias corrections.
SCHEDULED = [
    ("sgd", DESCENT | {"weight_decay": 0.1}, "exponential"),
    ("momentum", DESCENT | {"momentum": 0.9}, "step"),
    ("nesterov", DESCENT | {"momentum": 0.9}, "cosine"),
    ("adagrad", {"lr": 0.1, "lr_decay": 0.05}, "hyperbola"),
    ("rmsprop", {"lr": 2e-3, "momentum": 0.5}, "inverse square root"),
    ("adadelta", {}, "cosine to a tenth"),
    ("adam", {"lr": 0.02}, "one cycle"),
    ("amsgrad", {"lr": 0.02}, "step"),
    ("adamw", {"lr": 0.02, "weight_decay": 0.3}, "cosine"),
    ("adamax", {"lr": 0.02}, "warm-up"),
    ("nadam", {"lr": 0.02}, "exponential"),
    ("radam", DESCENT, "one cycle, early"),
]

# Horizons of schedules that end before the runs do: beyond them PyTorch's cosine rises again and
# its cycle raises an error.
HORIZON = {"cosine to a tenth": 60, "one cycle, early": 75}


def label(method, options, schedule=None):
    """Return the name of a run, by which tests also check that the file matches these groups."""
    words = [method, *(f"{name}={value}" for name, value in options.items()), schedule or ""]
    return " ".join(words).strip()


def with_rate(options, rate):
    """Return the options, with the problem's learning rate where they have None."""
    return options | {"lr": rate} if "lr" in options and options["lr"] is None else options


def torch_optimizer(method, parameters, options):
    """Return the optimiser of torch.optim that corresponds to a method of this package."""
    import torch.optim

    names = {"sgd": "SGD", "momentum": "SGD", "nesterov": "SGD", "adagrad": "Adagrad", "rmsprop": "RMSprop"}
    names |= {"adadelta": "Adadelta", "adam": "Adam", "amsgrad": "Adam", "adamw": "AdamW", "adamax": "Adamax"}
    names |= {"nadam": "NAdam", "radam": "RAdam"}
    own = {"nesterov": {"nesterov": True}, "amsgrad": {"amsgrad": True}}.get(method, {})
    return getattr(torch.optim, names[method])(parameters, **options, **own)


def torch_run(problem, method, options, schedule=None):
    """Return all iterates of PyTorch, shape (steps + 1, n), starting with x0."""
    import torch

    fun, x0, rate = PROBLEMS[problem]
    x = torch.tensor(x0, dtype=torch.float64)
    single = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam's product of momenta has the default type.
    optimizer = torch_optimizer(method, [x], with_rate(options, rate))
    scheduler, steps = None, STEPS
    if schedule is not None:
        factors, steps = torch_factors(schedule), HORIZON.get(schedule, STEPS)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: factors[min(t, steps - 1)])
    iterates = [np.array(x0)]
    for _ in range(steps):
        x.grad = torch.from_numpy(fun(x.numpy())[1])
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        iterates.append(x.numpy().copy())
    torch.set_default_dtype(single)
    return np.array(iterates)


def torch_factors(schedule):
    """Return the learning rates of a PyTorch scheduler with lr = 1, shape (steps,)."""
    import torch

    name, arguments = SCHEDULES[schedule]
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    own = {"cycle_momentum": False} if name == "OneCycleLR" else {}
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **arguments, **own)
    factors = []
    for _ in range(HORIZON.get(schedule, STEPS)):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(factors) < HORIZON.get(schedule, STEPS):
            scheduler.step()
    return np.array(factors)


def runs():
    """Return method, options and schedule of every stored run."""
    return [*((method, options, None) for method, options in GROUPS), *SCHEDULED]


def kept(iterates):
    """Return the iterates that the file stores."""
    return iterates[[k for k in KEPT if k < len(iterates)]]


def compute():
    """Return everything that the file stores: iterates by problem and run, rates by schedule."""
    found = {f"{problem}: {label(*run)}": kept(torch_run(problem, *run)) for problem in PROBLEMS for run in runs()}
    return found | {name: torch_factors(name) for name in SCHEDULES}


def pack(found):
    """Return the results of `compute` as three arrays.

    Every entry of an archive costs more time to read than a run.
    """
    names = list(found)
    return {
        "names": np.array(names),
        "sizes": np.array([found[name].shape + (1,) * (2 - found[name].ndim) for name in names]),
        "numbers": np.concatenate([found[name].ravel() for name in names]),
    }


def load():
    """Return what `compute` returned when the file was written."""
    with np.load(FILE) as file:
        names, sizes, numbers = (file[name] for name in ("names", "sizes", "numbers"))
    pieces = np.split(numbers, np.cumsum(sizes.prod(axis=1))[:-1])
    return {
        str(name): piece.reshape(size) if size[1] > 1 else piece
        for name, size, piece in zip(names, sizes, pieces, strict=True)
    }


if __name__ == "__main__":
    np.savez_compressed(FILE, **pack(compute()))
    print(f"{FILE.name}: {FILE.stat().st_size} bytes")
