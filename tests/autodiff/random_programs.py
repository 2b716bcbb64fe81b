"""Random programs made of constructs that break adjoints.

They mix loops, branches, helpers, aliases, views, stores and tuples.
"""

import linecache
import math
import random

import numpy as np
from numba import njit

X = np.array([0.31, -0.42, 0.75, 1.13])
D = np.array([0.6, -0.2, 0.4, 0.9])
NUMBERS = [
    "s",
    "t",
    "x[1]",
    "x[i % 4]",
    "h[i % 4]",
    "h[1]",
    "w[(i + 1) % 4]",
    "d[i % 4]",
    "0.5",
    "M[1, i % 4]",
    "v[0]",
    "q",
]
VECTORS = ["x", "h", "w", "d", "M[0]", "M[1]", "h[::-1]", "np.sin(w)", "M.T[:, 1]", "(M @ x)[0] * x", "y"]
UNARY = ["math.sin({})", "math.tanh({})", "math.exp(-0.3 * {0} * {0})", "math.sqrt(1.0 + {0} * {0})", "abs({} + 0.013)"]
UNARY += ["({} ** 2)", "(-{})", "root({})", "np.arctan({})", "math.log(1.5 + math.cos({}))"]
BINARY = ["({} + {})", "({} - {})", "({} * {})", "({} / (2.0 + abs({})))", "max({}, {} + 0.017)", "min({}, {} - 0.019)"]
BINARY += ["mix({}, {})", "math.hypot({}, 1.0 + abs({}))", "pair({}, {})[1]"]
ELEMENTWISE = [
    "np.tanh({})",
    "({} * {})",
    "({} - 0.3 * {})",
    "np.where({} > 0.1, {}, 0.5)",
    "({} / (2.0 + np.abs({})))",
]
ELEMENTWISE += ["np.maximum({}, {} + 0.011)", "({} ** 2)", "np.exp(-np.abs({}))"]


@njit
def root(u):
    return math.sqrt(1.0 + u * u)


@njit
def mix(u, v):
    if u > v:
        return u * v
    return 0.5 * u + v


@njit
def pair(u, v):
    return v, math.tanh(u) * v


@njit
def update(a, k, u):
    a[k] = 0.5 * a[k] + math.tanh(u)
    return a


class Writer:
    """Write the source of one random program.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed):
        self.random, self.lines, self.loops, self.kinds = random.Random(seed), [], 0, set()

    def number(self, depth=2):
        """Return the source of a random scalar expression."""
        if depth == 0 or self.random.random() < 0.25:
            return self.random.choice(NUMBERS)
        form = self.random.choice(UNARY + BINARY)
        return form.format(*(self.number(depth - 1) for _ in range(2)))

    def vector(self, depth=2):
        """Return the source of a random expression whose value is a vector of four items."""
        if depth == 0 or self.random.random() < 0.3:
            return self.random.choice(VECTORS)
        form = self.random.choice(ELEMENTWISE)
        return form.format(*(self.vector(depth - 1) for _ in range(2)))

    def condition(self):
        """Return the source of a random condition on numbers that depend on x or on indices."""
        if self.random.random() < 0.6:
            return f"{self.number(1)} > {self.random.choice(['0.1', 't', 's', '-0.2'])}"
        return f"i % {self.random.randint(2, 3)} == {self.random.randint(0, 1)}"

    def write(self, indent, text):
        """Append a line of source."""
        self.lines.append("    " * indent + text)

    def block(self, indent, depth, in_loop):
        """Append a block of random statements."""
        for _ in range(self.random.randint(1, 3)):
            self.statement(indent, depth, in_loop)

    def statement(self, indent, depth, in_loop):
        """Append one random statement."""
        simple = ["assign", "add", "store", "increase", "slice", "inplace", "fresh", "choose", "swap", "view", "matrix"]
        simple += ["tuple", "helper", "copy", "item", "mask", "rows"]
        kinds = list(simple)
        if depth:
            kinds += ["if", "if", "for", "for", "while", "each"] * 2
        if in_loop:
            kinds += ["break", "continue"]
        kind = self.random.choice(kinds)
        self.kinds.add(kind)
        getattr(self, "make_" + kind)(indent, depth, in_loop)

    def make_assign(self, indent, depth, in_loop):
        self.write(indent, f"{self.random.choice('st')} = math.tanh({self.number()})")

    def make_add(self, indent, depth, in_loop):
        self.write(indent, f"{self.random.choice('st')} += 0.3 * math.sin({self.number()})")

    def make_store(self, indent, depth, in_loop):
        target = self.random.choice(["h[i % 4]", "w[1]", "M[0, i % 4]", "M[1, 2]", "h[-1]", "v[i % 2]"])
        self.write(indent, f"{target} = math.tanh({self.number()})")

    def make_increase(self, indent, depth, in_loop):
        target = self.random.choice(["h[i % 4]", "w[3]", "M[1, i % 4]"])
        self.write(indent, f"{target} {self.random.choice(['+=', '-=', '*='])} 0.5 * math.cos({self.number()})")

    def make_slice(self, indent, depth, in_loop):
        forms = ["h[1:3] = np.tanh({})[:2]", "h[:] = np.tanh({})", "M[i % 2] = np.tanh({})", "w[2:] = math.tanh({1})"]
        forms += [
            "M[:, 1] = np.tanh({})[2:]",
            "h[:2] = h[1:3]",
            "M[0] = M[1]",
            "M[:] = np.tanh({})",
            "M[:, :2] = 0.3 * t",
        ]
        self.write(indent, self.random.choice(forms).format(self.vector(), self.number()))

    def make_inplace(self, indent, depth, in_loop):
        forms = [
            "h *= 0.7",
            "w += 0.2 * np.sin({})",
            "h[1:] -= 0.3 * np.tanh(h[:-1])",
            "M[1] *= np.cos({})",
            "h /= 1.5 + w * w",
        ]
        forms += ["M *= 0.9", "w -= 0.1 * t", "v += 0.2 * s", "M += 0.1 * np.tanh({})"]
        self.write(indent, self.random.choice(forms).format(self.vector()))

    def make_fresh(self, indent, depth, in_loop):
        self.write(indent, f"y = np.tanh({self.vector()})")
        if self.random.random() < 0.5:
            self.write(indent, f"y[i % 4] = {self.number(1)}")
            self.write(indent, f"t = math.tanh(t + y[{self.random.randint(0, 3)}] * y[1])")

    def make_choose(self, indent, depth, in_loop):
        a, b = self.random.sample(["h", "w", "h * 0.9", "np.sin(x)", "w.copy()"], 2)
        self.write(indent, f"{self.random.choice('hwy')} = {a} if {self.condition()} else {b}")

    def make_swap(self, indent, depth, in_loop):
        self.write(
            indent,
            self.random.choice(["s, t = t, s", "h, w = w, h", "s, t = 0.5 * t, math.tanh(s + t)", "y, w = w, y"]),
        )

    def make_view(self, indent, depth, in_loop):
        self.write(indent, f"v = {self.random.choice(['h[1:3]', 'w[::2]', 'M[0, 1:3]', 'h[2:]', 'M[:, 1]'])}")

    def make_matrix(self, indent, depth, in_loop):
        forms = ["s = math.tanh(np.sum(M @ {}))", "t = math.tanh(np.dot({}, {}))", "M = np.tanh(M @ B + 0.1 * s)"]
        forms += ["M = np.zeros((2, 4)) + 0.2 * {}", "t = np.tanh(np.mean(M * {}))", "h = np.tanh(M.T @ (M @ {}))"]
        self.write(indent, self.random.choice(forms).format(self.vector(1), self.vector(1)))

    def make_tuple(self, indent, depth, in_loop):
        forms = ["s, t = pair({}, {})", "p = (math.tanh({}), {})\n{pad}q = math.tanh(p[0] + p[1])"]
        forms += ["p = pair(q, {})\n{pad}q = math.tanh(p[0])", "q = 0.5 * sum3(s, (t, q))"]
        text = self.random.choice(forms).format(self.number(1), self.number(1), pad="    " * indent)
        self.lines += [line if k else "    " * indent + line for k, line in enumerate(text.split("\n"))]

    def make_helper(self, indent, depth, in_loop):
        forms = ["update(h, i % 4, {})", "w = update(w, 1, {})", "s = mix(math.tanh({}), t)", "t = root({}) - 1.0"]
        self.write(indent, self.random.choice(forms).format(self.number(1)))

    def make_copy(self, indent, depth, in_loop):
        self.write(
            indent,
            self.random.choice(["w = h.copy()", "h = w", "y = h", "y = x.copy()", "w = M[1].copy()", "h = 1.0 * y"]),
        )

    def make_item(self, indent, depth, in_loop):
        self.write(
            indent,
            self.random.choice(["q = h[i % 4] * w[0]", "q = M[i % 2, 1]", "q = np.sum(v) * s", "q = y[2]"]),
        )

    def make_mask(self, indent, depth, in_loop):
        forms = ["s = math.tanh(np.sum(h[h > 0.05] ** 2))", "h[w > 0.2] = t", "t = math.tanh(np.sum(w[index] * 0.5))"]
        self.write(indent, self.random.choice(forms))

    def make_rows(self, indent, depth, in_loop):
        j = self.counter()
        self.write(indent, f"for {j}, r in enumerate(M):")
        self.write(indent + 1, f"s = math.tanh(s + r[{j}] * np.sum(r * h))")

    def make_if(self, indent, depth, in_loop):
        self.write(indent, f"if {self.condition()}:")
        self.block(indent + 1, depth - 1, in_loop)
        if self.random.random() < 0.6:
            self.write(indent, "else:")
            self.block(indent + 1, depth - 1, in_loop)

    def counter(self):
        """Return the name of a new loop index."""
        self.loops += 1
        return f"k{self.loops}"

    def make_for(self, indent, depth, in_loop):
        self.write(indent, f"for i in range({self.random.choice(['3', '4', '1, 4', '3, 0, -1', '0', 'x.size'])}):")
        self.block(indent + 1, depth - 1, True)

    def make_while(self, indent, depth, in_loop):
        j = self.counter()
        self.write(indent, f"{j} = 0")
        self.write(indent, f"while {j} < 3{self.random.choice(['', ' and s < 0.9'])}:")
        self.write(indent + 1, f"{j} += 1")
        self.block(indent + 1, depth - 1, True)

    def make_each(self, indent, depth, in_loop):
        forms = ["for e in {}:", "for i, e in enumerate({}):", "for e, f in zip({}, d):"]
        self.write(indent, self.random.choice(forms).format(self.random.choice(["x", "h", "w", "d", "h[1:]", "M[1]"])))
        self.write(indent + 1, f"{self.random.choice('st')} = math.tanh(s + e * {self.number(1)})")
        self.block(indent + 1, depth - 1, True)

    def make_break(self, indent, depth, in_loop):
        self.write(indent, f"if {self.condition()}:")
        self.write(indent + 1, "break")

    def make_continue(self, indent, depth, in_loop):
        self.write(indent, f"if {self.condition()}:")
        self.write(indent + 1, "continue")


@njit
def sum3(a, b):
    return a + b[0] * b[1]


HELPERS = root, mix, pair, update, sum3
KINDS = {name.removeprefix("make_") for name in vars(Writer) if name.startswith("make_")}


def written(seed):
    """Return the source of the program of a seed, and the kinds of statements in it."""
    writer = Writer(seed)
    writer.lines += ["def f(x, d, B, index):", "    s, t, q, i = 0.1, x[0], 0.2 * x[2], 0"]
    writer.lines += [
        "    h, w, M = np.zeros(4), x.copy(), np.zeros((2, 4))",
        "    M[1] = x",
        "    y, v = x * d, h[1:3]",
    ]
    for _ in range(writer.random.randint(3, 5)):
        writer.statement(1, 3, False)
        if writer.random.random() < 0.1:
            writer.write(1, f"if {writer.condition()}:")
            writer.write(2, f"return s * {writer.number(1)}")
    writer.write(1, "c = np.sum(h * w) + np.sum(M * d) + np.sum(v) + np.sum(y * x)")
    writer.write(1, f"return s + 0.5 * t * t + q + c + {writer.number(1)}")
    return "\n".join(writer.lines) + "\n", writer.kinds


def program(seed):
    """Return the program of a seed, compiled when first called, and its arguments."""
    B = np.cos(np.arange(16.0)).reshape((4, 4))
    return njit(made(seed, lambda helper: helper)), (X.copy(), D, B, np.array([0, 2, 2]))


def interpreted(seed):
    """Return the program of a seed as a Python function that calls nothing compiled."""
    return made(seed, lambda helper: helper.py_func)


def made(seed, form):
    """Return the program of a seed as a Python function; `form` makes what it calls of a helper."""
    (text, _), name = written(seed), f"<random program {seed}>"
    linecache.cache[name] = len(text), None, text.splitlines(True), name
    scope = {"np": np, "math": math} | {helper.__name__: form(helper) for helper in HELPERS}
    exec(compile(text, name, "exec"), scope)  # noqa: S102
    return scope["f"]
