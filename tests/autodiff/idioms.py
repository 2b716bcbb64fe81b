"""Objectives as people write them: everyday numerical Python that Numba accepts, differentiated."""

import math

import numpy as np
from numba import njit

RNG = np.random.default_rng(3)
X = np.array([0.31, 0.92, 0.55, 1.3, 0.77, 0.62])
D = RNG.standard_normal(6)
A = RNG.standard_normal((6, 6))
S = A @ A.T + 6.0 * np.eye(6)
K = 2.5
IDIOMS = []


def idiom(*args):
    """Return a decorator that adds a function of x and `args` to the list."""

    def add(function):
        IDIOMS.append((function.__name__, njit(function), args))
        return function

    return add


@njit
def helper(u, v):
    return math.exp(-u) * v + u * v


@njit
def helper_of_array(z):
    return np.sum(z * z)


@njit
def power_by_recursion(u, n):
    return u * power_by_recursion(u, n - 1) if n > 0 else 1.0 * u


def with_captured(c, data):
    def captured(x):
        return c * np.sum((x - data) ** 2)

    return captured


idiom()(with_captured(1.7, D.copy()))


@idiom()
def accumulate(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] ** 2 * math.sin(x[i])
    return s


@idiom()
def accumulate_from_integer(x):
    s = 0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


@idiom()
def for_each(x):
    s = 0.0
    for v in x:
        s += v * v * v
    return s


@idiom(D)
def enumerate_and_zip(x, d):
    s = 0.0
    for i, v in enumerate(x):
        s += i * v * v
    for a, b in zip(x, d):
        s += a * b
    return s


@idiom()
def while_loop(x):
    s, i = 0.0, 0
    while i < x.size:
        s += math.cosh(x[i])
        i += 1
    return s


@idiom()
def break_and_continue(x):
    s = 1.0
    for i in range(x.size):
        if i == 2:
            continue
        s *= 1.0 + 0.1 * x[i]
        if s > 1.3:
            break
    return s


@idiom()
def branches(x):
    s = 0.0
    for i in range(x.size):
        if x[i] > 0.7:
            y = x[i] ** 2
        elif x[i] < 0.2:
            y = -x[i]
        else:
            y = 0.0
        s += y
    return s


@idiom()
def conditional_expression(x):
    return (x[0] if x[0] > x[1] else x[1] * 2.0) ** 2 + x[2]


@idiom()
def swap(x):
    a, b, c = x[0], x[1], x[2]
    a, b = b, a
    return a * b + c / a


@idiom()
def unpack_slice(x):
    a, b, c = x[:3]
    return a * b * c


@idiom()
def tuples(x):
    t = (x[0] * x[1], x[2])
    return t[0] * t[1]


@idiom()
def global_constant(x):
    return K * x[0] ** 3 + x[1] ** K


@idiom()
def powers(x):
    return x[0] ** -2 + x[1] ** 0.5 + 2.0 ** x[2] + x[3] ** x[4] + x[5] ** 0


@idiom(3)
def power_of_argument(x, n):
    return x[0] ** n + x[1] ** (n - 3)


@idiom()
def absolute_and_extremes(x):
    return abs(x[0] - x[1]) + max(x[2], x[3]) * min(x[4], 0.4) + math.fabs(x[5]) + max(x[0], 0.1, x[1])


@idiom()
def helpers(x):
    return helper(x[0], x[1]) + helper(2.0, x[2]) + helper(x[3], 1.0) + helper(1.0, 2.0)


@idiom()
def helpers_of_arrays(x):
    return helper_of_array(x[1:]) + helper_of_array(2.0 * x)


@idiom()
def recursion(x):
    return power_by_recursion(x[0], 3) * x[1]


@idiom()
def inner_function(x):
    def q(u):
        return u * u + 1.0

    return q(x[0]) * q(x[1])


@idiom()
def penalty(x):
    if np.any(x < 0.0):
        return np.inf
    return np.sum(np.log(x))


@idiom(np.array([0, 3, 3, 5]))
def index_by_integers(x, index):
    s = 0.0
    for k in range(index.shape[0]):
        s += x[index[k]] ** 2
    return s


@idiom()
def index_by_array(x):
    return np.sum(x[np.array([0, 2, 2])] ** 2)


@idiom()
def functions_of_math(x):
    s = math.exp(x[0]) + math.log(x[1]) + math.sqrt(x[2]) + math.sin(x[3]) * math.cos(x[4]) + math.tan(x[5])
    s += math.tanh(x[0]) + math.atan(x[1]) + math.log1p(x[2]) + math.expm1(x[3]) + math.asin(x[0]) * math.acos(x[5])
    s += math.sinh(x[4]) * math.asinh(x[1]) + math.acosh(1.0 + x[3]) + math.atanh(x[0]) + math.log2(x[1])
    return s + math.log10(x[1]) + math.radians(x[2]) + math.degrees(x[3])


@idiom()
def functions_of_numpy(x):
    s = np.exp(x[0]) + np.log(x[1]) + np.sqrt(x[2]) + np.sin(x[3]) * np.cos(x[4]) + np.tan(x[5])
    s += np.arcsin(x[0]) * np.arccos(x[5]) + np.arctan(x[1]) + np.sinh(x[4]) * np.arcsinh(x[1]) + np.arccosh(1.0 + x[3])
    return s + np.exp2(x[2]) + np.log2(x[1]) + np.log10(x[1]) + np.square(x[2]) + np.reciprocal(x[3]) + np.cbrt(x[4])


@idiom()
def special_functions(x):
    return math.lgamma(x[0]) + math.erf(x[1]) * math.erfc(x[2]) + math.gamma(x[3]) + math.lgamma(x[4] - 3.0)


@idiom()
def functions_of_two(x):
    return math.pow(x[0], 2.5) + math.atan2(x[1], x[2]) + math.hypot(x[3], x[4]) + np.copysign(x[5], -1.0)


@idiom()
def log_add_exp(x):
    return np.logaddexp(x[0], x[1]) + np.logaddexp2(x[2], 1.0)


@idiom()
def floor_and_remainder(x):
    return x[0] // 0.3 + x[1] % 0.3 + np.fmod(x[2], 0.2) + math.floor(x[3]) + np.sign(x[4])


@idiom()
def array_functions(x):
    return np.sum(np.log(1.0 + np.exp(-x)) / (1.0 + x**2)) + np.sum(np.tanh(x) * np.arctan2(x, 2.0))


@idiom()
def concatenate(x):
    return np.sum(np.concatenate((x[:2], 2.0 * x[2:])) ** 2)


@idiom()
def copy_and_change(x):
    y = x.copy()
    y[0] = 3.0 * y[1]
    y *= 2.0
    y += 1.0
    y -= x
    y /= 3.0
    y[1:3] *= x[:2]
    return np.sum(y * y)


@idiom()
def buffer_of_zeros(x):
    h = np.zeros(x.size)
    for i in range(x.size):
        h[i] = x[i] ** 2 + (h[i - 1] if i > 0 else 0.0)
    return h[-1]


@idiom()
def buffer_like_x(x):
    h = np.zeros_like(x)
    h[:] = 1.0
    h[1:] += x[:-1]
    return np.mean(h**2)


@idiom()
def buffer_of_type(x):
    h, k = np.empty(x.size, x.dtype), np.ones(2, np.float64)
    for i in range(x.size):
        h[i] = x[i] ** 2
    k[0] += x[3]
    return h.sum() * k[0]


@idiom()
def buffer_full(x):
    h = np.full(3, 2.0)
    h[0] *= x[0]
    return h.sum()


@idiom()
def buffer_matrix(x):
    M = np.zeros((2, 2))
    M[0, 0], M[1, 1], M[0, 1] = x[0], x[1], x[2]
    return M[0, 0] * M[1, 1] - M[0, 1] ** 2


@idiom()
def buffer_identity(x):
    M = np.eye(3)
    M[0, 1] = x[0]
    M[2, 2] = x[1] ** 2
    return np.sum(M * M) + M[0, 1] * M[2, 2]


@idiom()
def counting_buffer(x):
    count = np.zeros(2, np.int64)
    for v in x:
        count[0 if v > 0.6 else 1] += 1
    return count[0] * x[0] + count[1] * x[1]


@idiom(D)
def copied_argument(x, d):
    y = d.copy()
    y[0] = x[0]
    y[2] += x[1]
    return np.sum(y**2)


@idiom()
def reshape(x):
    M = x.reshape(3, 2)
    s = 0.0
    for i in range(3):
        s += M[i, 0] * M[i, 1]
    return s


@idiom()
def columns(x):
    M = x.reshape((3, 2))
    return np.sum(M[:, 0] * M[:, 1]) + np.sum(M.T[1]) ** 2


@idiom()
def sums_along_axes(x):
    M = x.reshape((3, 2))
    return np.sum(np.sum(M, axis=1) ** 2) + np.sum(M.sum(axis=0) ** 3) + np.sum(np.sum(M * M, 0) ** 2)


@idiom(D)
def broadcasting(x, d):
    return np.sum((x.reshape((6, 1)) - d.reshape((1, 6))) ** 2)


@idiom()
def array_of_list(x):
    return np.sum(np.array([x[0] * x[1], x[2], x[3] ** 2, 1.0]) ** 2)


@idiom()
def array_of_lists(x):
    return np.linalg.det(np.array([[x[0], x[1]], [x[2], x[3]]]))


@idiom()
def where_array(x):
    return np.sum(np.where(x > 0.6, x**2, 0.5 * x)) + np.sum(np.where(x > 0.6, 0.0, x))


@idiom()
def boolean_mask(x):
    return np.sum(x[x > 0.6] ** 2)


@idiom()
def lists(x):
    values = [x[0], x[1] * x[2]]
    values.append(x[3])
    s = 0.0
    for v in values:
        s += v * v
    return s + sum(values) + max(values)


@idiom()
def list_comprehension(x):
    return sum([v * v for v in x])


@idiom()
def clip(x):
    return np.sum(np.clip(x, 0.4, 0.9) ** 2) + np.clip(x, 0.6, 10.0)[0]


@idiom()
def differences(x):
    return np.sum(np.diff(x) ** 2)


@idiom()
def absolute_array(x):
    return np.sum(np.abs(x - 0.33)) + np.sum(np.maximum(x, 0.5)) + np.sum(np.minimum(x, x[::-1] * 1.1)) + np.abs(x[0])


@idiom()
def methods(x):
    return (x**2).sum() + x.mean() + np.prod(x) + x.max() * x.min() + x.std() + x.dot(x)


@idiom()
def extremes(x):
    return np.max(x) + np.min(x) ** 2 + x[np.argmax(x)] * x[np.argmin(x)]


@idiom()
def moments(x):
    return np.std(x) + np.var(x) + np.mean(x * x)


@idiom()
def running(x):
    return np.cumsum(x)[3] ** 2 + np.sum(np.cumprod(x) ** 2) + np.prod(x[:3] - 0.55)


@idiom()
def reversed_slices(x):
    return np.sum(np.exp(x[::-1]) * x) + x[1:-1].sum() * x[-1] + np.sum(x[::2] * x[1::2])


@idiom()
def sorted_values(x):
    y = np.sort(x)
    return y[0] * y[1] + np.sum(y[3:] ** 2)


@idiom()
def log_sum_exp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


@idiom(S)
def quadratic_form(x, S):
    return x @ S @ x + np.dot(x, np.dot(S, x))


@idiom(A, D)
def residuals(x, A, d):
    return np.sum((A @ x - d) ** 2)


@idiom(D)
def inner_products(x, d):
    return np.dot(x, d) ** 2 + np.dot(d[:3], x[:3]) + np.dot(x, x) + np.vdot(x, d)


@idiom(A)
def matrix_products(x, A):
    M = x.reshape((2, 3))
    return np.sum((M @ A[:3, :4]) ** 2) + np.sum(M @ M.T) + np.sum(np.dot(A[0, :2].copy(), M))


@idiom()
def norms(x):
    return np.linalg.norm(x) + np.linalg.norm(x.reshape((2, 3)) * 2.0)


@idiom()
def outer_product(x):
    return np.sum(np.outer(x, x) ** 2) + np.trace(np.outer(x, x))


@idiom(S, D)
def solve_passive(x, S, d):
    return x @ np.linalg.solve(S, x) + np.sum(np.linalg.solve(S, x - d))


@idiom(S, D)
def solve_active(x, S, d):
    return np.sum(np.linalg.solve(S * x[0] + np.outer(x, x), d * x[1]))


@idiom(A)
def determinants(x, A):
    M = A[:2, :2] + x[:4].reshape((2, 2))
    sign, log = np.linalg.slogdet(M)
    return np.linalg.det(M) + sign * log


@idiom(S)
def inverse(x, S):
    return np.sum(np.linalg.inv(S * x[0] + np.eye(6) * x[1]) ** 2)


@idiom(S, D)
def cholesky(x, S, d):
    L = np.linalg.cholesky(S * x[0] + np.outer(x, x))
    return np.sum(np.log(np.diag(L))) + np.sum((L @ d) ** 2)


@idiom()
def independent_of_x(x):
    return 3.0


@idiom()
def one_variable_itself(x):
    return x[2]


@idiom(np.array([[0.1, 0.2], [0.3, 0.4]]))
def nested_loops(x, W):
    s = 0.0
    for i in range(W.shape[0]):
        row = 0.0
        for j in range(W.shape[1]):
            row += W[i, j] * x[j] * x[i + 2]
        s += math.log(1.0 + math.exp(row))
    return s
