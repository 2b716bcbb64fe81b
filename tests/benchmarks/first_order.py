"""Time of first-order steps and mini-batch epochs, against PyTorch and scikit-learn.

Both must be installed. Run as ``python tests/benchmarks/first_order.py``. One thread and float64 on
all sides. PyTorch's optimisers come in up to four forms (default, for-loop, foreach, fused): the
time is that of the fastest.
"""

import tempfile
import time
import timeit

import numpy as np
import sklearn
import startup
import torch
from measure import heading, table  # This import must come first: it sets the BLAS threads.
from numba import njit
from sklearn.linear_model import SGDClassifier

import quasinewton
from quasinewton._methods.first_order.base import FIRST_ORDER, advance
from quasinewton._methods.protocol import allocate
from quasinewton._numba_ext.linalg import isolated

torch.set_num_threads(1)

# Names of the methods in PyTorch, which has no Lion and no SGDW.
TORCH = {
    "SGD": (torch.optim.SGD, {}),
    "Momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "Nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "AdaGrad": (torch.optim.Adagrad, {}),
    "RMSprop": (torch.optim.RMSprop, {}),
    "AdaDelta": (torch.optim.Adadelta, {}),
    "Adam": (torch.optim.Adam, {}),
    "AMSGrad": (torch.optim.Adam, {"amsgrad": True}),
    "AdamW": (torch.optim.AdamW, {}),
    "AdaMax": (torch.optim.Adamax, {}),
    "NAdam": (torch.optim.NAdam, {}),
    "RAdam": (torch.optim.RAdam, {}),
}
FORMS = {}, {"foreach": False}, {"foreach": True}, {"fused": True}
# Number of vectors that a step reads and writes: x twice, g, and each vector of memory twice. (In
# the cache this costs no time.)
TRAFFIC = {"SGD": 3, "Momentum": 5, "Nesterov": 5, "SGDW": 5, "AdaGrad": 5, "RMSprop": 5, "Lion": 5, "AMSGrad": 9}


@njit(error_model="numpy")
def steps(method, memory, x, g, number):
    """Make steps along a gradient that does not change."""
    for _ in range(number):
        advance(method, memory, x, g, 1e-9)


@njit
def stream(x, g, a, b, number):
    """Move as much memory as a step of Adam must: read four vectors, write three of them."""
    for _ in range(number):
        for i in range(x.size):
            a_i, b_i = a[i] + g[i], b[i] + g[i]
            a[i], b[i] = a_i, b_i
            x[i] += a_i + b_i


def least(function, repeats=100):
    """Return the least processor time of a call in seconds, over runs of a millisecond or more.

    The minimum excludes disturbance by other processes.
    """
    function()
    once = min(timeit.repeat(function, timer=time.thread_time, number=1, repeat=3))
    number = max(1, int(1e-3 / max(once, 1e-7)))
    return min(timeit.repeat(function, timer=time.thread_time, number=number, repeat=repeats)) / number


def vector(values):
    """Return a copy of the values, away from other arrays in memory."""
    x = isolated(len(values))
    x[:] = values
    return x


def optimisers(kind, settings, parameters, lr):
    """Yield PyTorch's optimiser in all forms that it has for these parameters."""
    for form in FORMS:
        try:
            optimiser = kind(parameters, lr=lr, **settings, **form)
            optimiser.step()
        except (TypeError, RuntimeError):
            continue
        yield optimiser


def torch_step(name, gradient):
    """Return the seconds of a step of PyTorch's fastest form."""
    parameter = torch.nn.Parameter(torch.zeros(gradient.size, dtype=torch.float64))
    parameter.grad = torch.tensor(gradient)
    return min(least(optimiser.step) for optimiser in optimisers(*TORCH[name], [parameter], 1e-9))


def update_rows(n, repeats):
    """Yield rows: a step of every method, and PyTorch's."""
    gradient = np.random.default_rng(0).standard_normal(n)
    x, g, a, b = (vector(values) for values in (np.zeros(n), gradient, np.zeros(n), np.zeros(n)))
    floor = least(lambda: stream(x, g, a, b, repeats)) / repeats
    yield "stream of Adam's vectors", f"{floor / n * 1e9:.2f}", "", "", ""
    for kind in FIRST_ORDER:
        method, name = kind(), kind.__name__
        memory = allocate(method, n)
        ours = least(lambda: steps(method, memory, x, g, repeats)) / repeats  # noqa: B023
        moved = f"{ours / floor * 7 / TRAFFIC.get(name, 7):.2f}" if n > 100_000 else "–"
        if name in TORCH:
            theirs = torch_step(name, gradient)
            yield name, f"{ours / n * 1e9:.2f}", moved, f"{theirs / n * 1e9:.2f}", f"{theirs / ours:.1f}×"
        else:
            yield name, f"{ours / n * 1e9:.2f}", moved, "", ""


@njit
def logistic(x, g, A, t):
    """Return the mean of log(1 + exp(−t a·x)) over a batch, and write its gradient."""
    f = 0.0
    for j in range(x.size):
        g[j] = 0.0
    for i in range(t.size):
        z = 0.0
        for j in range(x.size):
            z += A[i, j] * x[j]
        margin = t[i] * z
        e = np.exp(-abs(margin))
        f += np.log1p(e) + max(-margin, 0.0)
        slope = -t[i] * (e if margin > 0.0 else 1.0) / (1.0 + e) / t.size
        for j in range(x.size):
            g[j] += slope * A[i, j]
    return f / t.size


def samples(count=10_000, features=20):
    """Return the data of a logistic regression."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((count, features))
    return A, np.where(A @ rng.standard_normal(features) + rng.standard_normal(count) > 0.0, 1.0, -1.0)


def epoch(fit, few=1, many=6):
    """Return the seconds of an epoch, without the start of a fit that takes the number of epochs.
    """
    return (least(lambda: fit(many)) - least(lambda: fit(few))) / (many - few)


def torch_epoch(name, A, t, batch):
    """Return the seconds of an epoch of a plain PyTorch loop.

    The gradient is by hand or by autograd, whichever is faster.
    """
    A, t = torch.tensor(A), torch.tensor(t)
    w = torch.zeros(A.shape[1], dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)
    kind, settings = TORCH[name]

    def by_hand(optimiser):
        order = torch.randperm(len(t))
        with torch.no_grad():
            for a, signs in zip(A[order].split(batch), t[order].split(batch), strict=True):
                w.grad = (torch.sigmoid(-signs * (a @ w)) * -signs) @ a / len(signs)
                optimiser.step()

    def by_autograd(optimiser):
        order = torch.randperm(len(t))
        for a, signs in zip(A[order].split(batch), t[order].split(batch), strict=True):
            optimiser.zero_grad()
            torch.nn.functional.softplus(-signs * (a @ w)).mean().backward()
            optimiser.step()

    times = [
        least(lambda: run(optimiser), repeats=5)  # noqa: B023
        for run in (by_hand, by_autograd)
        for optimiser in optimisers(kind, settings, [w], 1e-3)
    ]
    return min(times)


def epoch_rows():
    """Yield rows: epochs of small models."""
    A, t = samples()
    x0 = np.zeros(A.shape[1])

    def fit(epochs, method, batch):
        return quasinewton.minimize_stochastic(
            logistic, x0, (A, t), method, jac="inplace", batch_size=batch, epochs=epochs, lr=1e-3, rng=0
        )

    for name in ("SGD", "Adam"):
        ours = epoch(lambda epochs: fit(epochs, name.lower(), 32))  # noqa: B023
        call = least(lambda: fit(1, name.lower(), 32))  # noqa: B023
        theirs = torch_epoch(name, A, t, 32)
        yield f"{name}, batches of 32; PyTorch", *rates(len(t), ours, call, theirs)

    def other(epochs):
        return SGDClassifier(
            loss="log_loss",
            penalty=None,
            learning_rate="constant",
            eta0=1e-3,
            fit_intercept=False,
            tol=None,
            max_iter=epochs,
        ).fit(A, t)

    ours = epoch(lambda epochs: fit(epochs, "sgd", 1))
    call = least(lambda: fit(1, "sgd", 1))
    yield "SGD, single samples; scikit-learn", *rates(len(t), ours, call, epoch(other))


def rates(count, ours, call, theirs):
    """Return cells: millions of samples per second, and the ratio."""
    return *(f"{count / time / 1e6:.2f}" for time in (ours, call, theirs)), f"{theirs / ours:.2f}×"


def startup_rows(repeats=5):
    """Yield rows: the first call in a new process, with the objective compiled before."""
    for method in ("adam", "sgd"):
        with tempfile.TemporaryDirectory() as cache:
            startup.run(method, cache)
            runs = [startup.run(method, cache, startup.COMPILE) for _ in range(repeats)]
        yield method, f"{min(run[0] for run in runs):.2f}", f"{min(run[2] for run in runs):.2f}"


if __name__ == "__main__":
    print(heading()[:-1] + f", torch {torch.__version__}, scikit-learn {sklearn.__version__}.", end="\n\n")
    for n, repeats in (1_000_000, 1), (1000, 100):
        header = f"a step, n = {n}, ns a parameter", "ours", "to the stream of its vectors", "PyTorch", "ratio"
        print(table(header, update_rows(n, repeats)), end="\n\n")
    header = "20 features, 10 000 samples", "ours, 10⁶ samples/s", "ours, a call of one epoch", "theirs", "ratio"
    print(table(header, epoch_rows()), end="\n\n")
    print(table(("new process, warm cache", "import, s", "minimize, s"), startup_rows()))
