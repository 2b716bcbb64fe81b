"""Settings of other libraries, the options that repeat them here, and the page that lists both.

``python tests/oracles/porting.py`` writes docs/first-order/porting.md anew, from porting_head.md
and port_trajectories.json. The iterates in that file were made by the libraries themselves, in the
versions that it names; the settings under "further" were compared with them formula by formula, and
their iterates are not stored.
"""

import json
from pathlib import Path

import numpy as np
from numba import njit

from quasinewton import schedules

FILE = Path(__file__).with_name("port_trajectories.json")
HEAD = Path(__file__).with_name("porting_head.md")
PAGE = Path(__file__).parents[2] / "docs" / "first-order" / "porting.md"

NAMES = {
    "torch": "PyTorch (torch)",
    "optax": "Optax",
    "keras": "Keras",
    "mlx": "MLX",
    "nnabla": "NNabla",
    "river": "River",
    "autograd": "Autograd",
    "paddlepaddle": "PaddlePaddle",
    "mindspore": "MindSpore",
    "chainer": "Chainer",
    "numpyro": "NumPyro",
    "jax.example_libraries": "JAX (example_libraries)",
    "pyro-ppl": "Pyro",
    "pymc": "PyMC",
    "pennylane": "PennyLane",
    "qiskit-algorithms": "Qiskit (qiskit-algorithms)",
}

# Meaning of the values in the file, for the options that have them.
SYMBOLS = {
    "lr": {1 / 16: "LR", 1 / 256: "LR/16", 1 / 128: "(1 - MU) * LR", 3 / 64: "3/4 * LR"},
    "momentum": {7 / 8: "MU"},
    "betas": {(7 / 8, 63 / 64): "(B1, B2)", (7 / 8, 7 / 8): "(B1, B1)"},
    "alpha": {15 / 16: "RHO"},
    "rho": {15 / 16: "RHO"},
    "eps": {2.0**-10: "EPS"},
    "eps_root": {2.0**-10: "EPS"},
    "weight_decay": {1 / 8: "WD"},
    "initial_accumulator_value": {2.0**-10: "EPS", 0.1 + 2.0**-10: "0.1 + EPS", 0.25 + 2.0**-10: "1/4 + EPS"},
    "rate": {1e-4 / 16: "1e-4 * LR", 1 / 3: "1/3"},
    "rise": {1 / 3: "1/3"},
    "dampening": {0.25: "1/4"},
    "momentum_decay": {0.125: "1/8"},
}

MIDDLE = """
## Compared step by step

20 steps on two problems, with the iterates of the library itself: they agree to $10^{-12}$, or as well as float32 lets
them where the library computes in that.
"""

FURTHER = """
## Compared formula by formula

"""


def load():
    """Return the contents of port_trajectories.json."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def options(port):
    """Return the options of `minimize` for a port, including its schedule."""
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in port["options"].items()}
    return given | ({"schedule": schedule(port["schedule"])} if "schedule" in port else {})


def schedule(named):
    """Return the schedule with this name and these arguments."""
    return getattr(schedules, named["name"])(**named["arguments"])


@njit
def quadratic(x):
    """Return 3a²/2 + ab + b² − a + b and its gradient."""
    a, b = x[0], x[1]
    return 1.5 * a * a + a * b + b * b - a + b, np.array([3.0 * a + b - 1.0, a + 2.0 * b + 1.0])


@njit
def curved(x):
    """Return a⁴/4 + (a − b)²/2 + exp(−b) and its gradient."""
    a, b = x[0], x[1]
    return a**4 / 4.0 + (a - b) ** 2 / 2.0 + np.exp(-b), np.array([a**3 + a - b, b - a - np.exp(-b)])


PROBLEMS = {"quadratic": quadratic, "curved": curved}


def shown(name, value):
    """Return an option as the page shows it."""
    key = tuple(value) if isinstance(value, list) else value
    text = SYMBOLS.get(name, {}).get(key)
    if text is None:
        key = tuple(f"{part:g}" for part in key) if isinstance(key, tuple) else key
        text = (
            f"({', '.join(key)})" if isinstance(key, tuple) else str(key) if key is True or key is False else f"{key:g}"
        )
    return f"{name}={text}"


def here(row):
    """Return the cell with the equivalent options of this package."""
    if "gap" in row:
        return row["gap"]
    port = row["port"]
    parts = [shown(name, value) for name, value in port["options"].items()]
    if "schedule" in port:
        arguments = ", ".join(shown(name, value) for name, value in port["schedule"]["arguments"].items())
        parts.append(f"schedule={port['schedule']['name']}({arguments})")
    text = f'`"{port["method"]}"`: `{", ".join(parts)}`'
    notes = [row["note"]] if "note" in row else []
    if port.get("before_look_ahead"):
        notes.append("their points: see above")
    return "; ".join((text, *notes))


def there(row):
    """Return the cell with a setting in the notation of its library."""
    opt, call = row["opt"], row["call"]
    return f"`{opt}({call})`" if opt.isidentifier() else f"{opt}: `{call}`"


def tables(rows, versions):
    """Yield the lines of one table per library."""
    for lib in dict.fromkeys(row["lib"] for row in rows):
        yield f"\n### {NAMES.get(lib, lib)} {versions[lib]}\n\n| there | here |\n|---|---|"
        for row in rows:
            if row["lib"] == lib:
                cells = (cell.replace("|", "\\|") for cell in (there(row), here(row)))
                yield f"| {' | '.join(cells)} |"


def page():
    """Return the text of the page."""
    data = load()
    further = {row["lib"]: row["version"] for row in data["further"]}
    compared = "\n".join(tables(data["runs"], data["versions"]))
    others = "\n".join(tables(data["further"], further))
    return f"{HEAD.read_text(encoding='utf-8')}{MIDDLE}{compared}\n{FURTHER.rstrip()}\n{others}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
