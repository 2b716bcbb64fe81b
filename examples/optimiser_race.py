"""First-order methods from the same start
=======================================

In a ravine, at a saddle, and under noise.

The ravine is at an angle to the axes, so that no method that scales the axes has an advantage; the
steps until f is a millionth of its first value are at the best of seventeen learning rates, inf if
there is none. The other columns are at one rate: steps until the ridge of the saddle is left; on a
quadratic with a noisy gradient, the mean of f, and f after a rate that falls to zero along a
cosine.
"""

import argparse

import numpy as np
from numba import njit

from quasinewton import SGD, AdaDelta, AdaGrad, Adam, AMSGrad, Momentum, Nesterov, RMSprop, minimize, schedules

METHODS = SGD, Momentum, Nesterov, AdaGrad, RMSprop, AdaDelta, Adam, AMSGrad
RATES, START = 10.0 ** np.arange(-3.0, 1.1, 0.25), np.array([-7.8, -4.6])  # start: 9 along the ravine, 1 up its wall


@njit
def ravine(x):
    along, across = 0.8 * x[0] + 0.6 * x[1], 0.8 * x[1] - 0.6 * x[0]
    g = np.array([0.8 * along - 60.0 * across, 0.6 * along + 80.0 * across])
    return 0.5 * along**2 + 50.0 * across**2, g


@njit
def saddle(x):
    return 0.5 * (x[0] ** 2 - x[1] ** 2) + 0.25 * (x[1] ** 4 + 1.0), np.array([x[0], x[1] ** 3 - x[1]])


@njit
def noisy(x, noise, calls):
    calls[0] += 1  # Arrays in args may be written to: every call gets other noise.
    return 0.5 * (x[0] ** 2 + 10.0 * x[1] ** 2), np.array([x[0] + noise[calls[0], 0], 10.0 * x[1] + noise[calls[0], 1]])


def run(fun, x0, method, args=(), **options):
    """Make 3000 steps, whatever the size of the gradient, unless f falls to f_target."""
    common = {"maxiter": 3000, "gtol": -1.0, "history": True, "return_all": True}
    return minimize(fun, x0, args, method, jac=True, options=common | options)


def swings(method):
    """Return how many steps in the ravine cross its floor, their number, and the first overshoot.
    """
    res = run(ravine, START, method, f_target=1e-6 * ravine(START)[0])
    across = np.array(res.allvecs) @ [-0.6, 0.8]
    return np.sum(across[1:] * across[:-1] < 0.0), res.nit, -across.min()


def main(plot=None):
    noise, paths, steps, left, mean, last = np.random.default_rng(0).standard_normal((3002, 2)), {}, {}, {}, {}, {}
    print(f"{'':10}{'ravine, steps':>15}{'saddle, steps':>15}{'noise, mean of f':>18}{'with cosine, f':>16}")
    for kind in METHODS:
        runs = [run(ravine, START, kind(lr=lr), f_target=1e-6 * ravine(START)[0]) for lr in RATES]
        steps[kind], best = min((res.nit if res.success else np.inf, k) for k, res in enumerate(runs))
        method = kind(lr=1.0 if kind is AdaDelta else 0.01)  # AdaDelta's rate is a factor, 1 in the paper.
        escape = run(saddle, [1.0, 1e-6], method)
        left[kind] = np.argmax(np.abs(np.array(escape.allvecs)[:, 1]) > 0.5)
        mean[kind] = run(noisy, [0.3, 0.1], method, (noise, np.zeros(1, int))).history.f[-1000:].mean()
        last[kind] = run(noisy, [0.3, 0.1], method, (noise, np.zeros(1, int)), schedule=schedules.cosine()).fun
        paths[kind.__name__] = runs[best], escape
        print(f"{kind.__name__:10}{steps[kind]:15}{left[kind]:15}{mean[kind]:18.5f}{last[kind]:16.5f}")

    plain, damped = swings(SGD(lr=0.019)), swings(Momentum(lr=0.019))
    print(f"Momentum damps the zig-zag: SGD crosses the floor {plain[0]} times, momentum {damped[0]} times.")
    assert damped[0] < plain[0] / 3 and damped[1] < plain[1] / 2
    over, better = swings(Momentum(lr=0.005))[2], swings(Nesterov(lr=0.005))[2]
    print(f"Nesterov corrects momentum's overshoot: {better:.2f} beyond the floor instead of {over:.2f}.")
    assert 0.0 < better < 0.6 * over and steps[Nesterov] < steps[Momentum]
    assert steps[Adam] < 0.5 * min(steps[SGD], steps[AdaGrad], steps[RMSprop]), "Adam has momentum in the ravine,"
    assert max(left[RMSprop], left[Adam], left[AMSGrad]) < 0.5 * left[Momentum] < 0.5 * left[SGD], "and scales steps"
    assert all(last[kind] < 0.2 * mean[kind] for kind in set(METHODS) - {AdaGrad, AdaDelta}), "noise dies with the rate"
    if plot:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, 3, figsize=(16.0, 5.0))[1]
        for axis, fun, line in zip(axes, (ravine, saddle), np.linspace((-15.0, -1.5), (15.0, 1.5), 200).T):
            axis.contour(line, line, [[fun(np.array([a, b]))[0] ** 0.5 for a in line] for b in line], 30, colors="0.8")
        for name, (descent, escape) in paths.items():
            axes[0].plot(*np.transpose(descent.allvecs))
            axes[1].plot(*np.transpose(escape.allvecs))
            axes[2].loglog(descent.history.f, label=name)
        axes[2].legend()
        plt.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="save the paths and the losses as a picture (needs matplotlib)")
    main(parser.parse_args().plot)
