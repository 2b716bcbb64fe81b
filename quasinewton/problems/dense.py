"""Functions of n variables in which all are coupled: MGH (20), (23)-(27), (35)."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.problem import Problem, dimension, mgh

PENALTY = 1e-5  # weight a of MGH (23) and (24)


@kernel
def watson_residual(i, x):
    """Return r_i, t and the second sum of MGH (20), i ≤ 29.

    r_i = Σ (j−1)x_j t^{j−2} − (Σ x_j t^{j−1})² − 1, t = i/29.
    """
    t = (i + 1) / 29.0
    a, b = 0.0, 0.0
    for j in range(x.size - 1, -1, -1):
        a = a * t + b
        b = b * t + x[j]
    return a - b * b - 1.0, t, b


@kernel
def watson_value(x):
    """f = Σ r_i² with r₃₀ = x₁, r₃₁ = x₂ − x₁² − 1."""
    f = x[0] ** 2 + (x[1] - x[0] ** 2 - 1.0) ** 2
    for i in range(29):
        r = watson_residual(i, x)[0]
        f += r * r
    return f


@kernel
def watson_gradient(x):
    """g = 2 Jᵀr, ∂r_i/∂x_j = (j−1)t^{j−2} − 2b t^{j−1}."""
    g = np.zeros(x.size)
    r = x[1] - x[0] ** 2 - 1.0
    g[0] = 2.0 * x[0] - 4.0 * x[0] * r
    g[1] = 2.0 * r
    for i in range(29):
        r, t, b = watson_residual(i, x)
        below, power = 0.0, 1.0  # t^{j−2}, t^{j−1}
        for j in range(x.size):
            g[j] += 2.0 * r * (j * below - 2.0 * b * power)
            below, power = power, power * t
    return g


@kernel
def watson_hessian(x):
    """H = 2 (JᵀJ + Σ r_i ∇²r_i), ∂²r_i/∂x_j∂x_k = −2t^{j+k−2}."""
    H = np.zeros((x.size, x.size))
    for i in range(29):
        r, t, b = watson_residual(i, x)
        below_j, power_j = 0.0, 1.0
        for j in range(x.size):
            slope = j * below_j - 2.0 * b * power_j
            below_k, power_k = 0.0, 1.0
            for k in range(x.size):
                H[j, k] += 2.0 * slope * (k * below_k - 2.0 * b * power_k) - 4.0 * r * (power_j * power_k)
                below_k, power_k = power_k, power_k * t
            below_j, power_j = power_j, power_j * t
    H[0, 0] += 2.0 + 8.0 * x[0] ** 2 - 4.0 * (x[1] - x[0] ** 2 - 1.0)
    H[1, 0] -= 4.0 * x[0]
    H[0, 1] -= 4.0 * x[0]
    H[1, 1] += 2.0
    return H


def watson(n=6):
    """Return Watson's function, a power-series solution of an initial-value problem; 2 ≤ n ≤ 31."""
    n = dimension(n, least=2, most=31)
    fmin = {6: 2.28767005355242e-3, 9: 1.39976013810e-6, 12: 4.722381106e-10}
    return Problem("Watson", watson_value, watson_gradient, watson_hessian, start=np.zeros(n), source=mgh(20),
                   fmin=fmin.get(n))


@kernel
def penalty_1_value(x):
    """f = a Σ (x_j − 1)² + (Σ x_j² − ¼)², a = 10⁻⁵; MGH (23)."""
    f, s = 0.0, -0.25
    for j in range(x.size):
        f += PENALTY * (x[j] - 1.0) ** 2
        s += x[j] * x[j]
    return f + s * s


@kernel
def penalty_1_gradient(x):
    """g_j = 2a(x_j − 1) + 4s x_j, s = Σ x_j² − ¼."""
    g = np.empty(x.size)
    s = -0.25
    for j in range(x.size):
        s += x[j] * x[j]
    for j in range(x.size):
        g[j] = 2.0 * PENALTY * (x[j] - 1.0) + 4.0 * s * x[j]
    return g


@kernel
def penalty_1_hessian(x):
    """H = (2a + 4s) I + 8 xxᵀ."""
    H = np.empty((x.size, x.size))
    s = -0.25
    for j in range(x.size):
        s += x[j] * x[j]
    for j in range(x.size):
        for k in range(x.size):
            H[j, k] = 8.0 * x[j] * x[k]
        H[j, j] += 2.0 * PENALTY + 4.0 * s
    return H


def penalty_1(n=10):
    """Return penalty function I: n + 1 residuals, f small long before x is right."""
    n = dimension(n)
    fmin = {4: 2.249977500899937e-5, 10: 7.08765146709037e-5}
    return Problem("Penalty I", penalty_1_value, penalty_1_gradient, penalty_1_hessian, start=np.arange(1.0, n + 1.0),
                   source=mgh(23), fmin=fmin.get(n))


@kernel
def penalty_2_constraint(x):
    """s = Σ (n − j + 1) x_j² − 1, the last residual of MGH (24)."""
    s = -1.0
    for j in range(x.size):
        s += (x.size - j) * x[j] * x[j]
    return s


@kernel
def penalty_2_value(x):
    """f = (x₁ − 0.2)² + a Σ_{i≥2} ((e_i + e_{i−1} − y_i)² + (e_i − e^{−1/10})²) + s².

    Here e_i = e^{x_i/10}, y_i = e^{i/10} + e^{(i−1)/10}, a = 10⁻⁵; MGH (24).
    """
    f = (x[0] - 0.2) ** 2
    before = np.exp(0.1 * x[0])
    for i in range(1, x.size):
        e = np.exp(0.1 * x[i])
        f += PENALTY * (e + before - np.exp(0.1 * (i + 1)) - np.exp(0.1 * i)) ** 2
        f += PENALTY * (e - np.exp(-0.1)) ** 2
        before = e
    return f + penalty_2_constraint(x) ** 2


@kernel
def penalty_2_gradient(x):
    """Gradient of MGH (24), where ∂e_i/∂x_i = e_i/10."""
    g = np.empty(x.size)
    s = penalty_2_constraint(x)
    for j in range(x.size):
        g[j] = 4.0 * s * (x.size - j) * x[j]
    g[0] += 2.0 * (x[0] - 0.2)
    before = np.exp(0.1 * x[0])
    for i in range(1, x.size):
        e = np.exp(0.1 * x[i])
        r = e + before - np.exp(0.1 * (i + 1)) - np.exp(0.1 * i)
        g[i - 1] += 0.2 * PENALTY * r * before
        g[i] += 0.2 * PENALTY * (r + e - np.exp(-0.1)) * e
        before = e
    return g


@kernel
def penalty_2_hessian(x):
    """Hessian of MGH (24): a diagonal, a rank-one term of s², neighbours coupled by e_i + e_{i−1}.
    """
    n = x.size
    H = np.empty((n, n))
    s = penalty_2_constraint(x)
    for j in range(n):
        for k in range(n):
            H[j, k] = 8.0 * ((n - j) * x[j]) * ((n - k) * x[k])
        H[j, j] += 4.0 * s * (n - j)
    H[0, 0] += 2.0
    before = np.exp(0.1 * x[0])
    for i in range(1, n):
        e = np.exp(0.1 * x[i])
        r = e + before - np.exp(0.1 * (i + 1)) - np.exp(0.1 * i)
        H[i - 1, i - 1] += 0.02 * PENALTY * before * (before + r)
        H[i, i] += 0.02 * PENALTY * e * (e + r + 2.0 * e - np.exp(-0.1))
        H[i, i - 1] += 0.02 * PENALTY * e * before
        H[i - 1, i] += 0.02 * PENALTY * e * before
        before = e
    return H


def penalty_2(n=10):
    """Return penalty function II: 2n residuals."""
    n = dimension(n)
    fmin = {4: 9.37629300735544e-6, 10: 2.93660537456746e-4}
    return Problem("Penalty II", penalty_2_value, penalty_2_gradient, penalty_2_hessian, start=np.full(n, 0.5),
                   source=mgh(24), fmin=fmin.get(n))


@kernel
def variably_dimensioned_value(x):
    """f = Σ (x_j − 1)² + s² + s⁴, s = Σ j(x_j − 1); MGH (25)."""
    f, s = 0.0, 0.0
    for j in range(x.size):
        d = x[j] - 1.0
        f += d * d
        s += (j + 1) * d
    return f + s * s + s ** 4


@kernel
def variably_dimensioned_gradient(x):
    """g_j = 2(x_j − 1) + j(2s + 4s³)."""
    g = np.empty(x.size)
    s = 0.0
    for j in range(x.size):
        s += (j + 1) * (x[j] - 1.0)
    for j in range(x.size):
        g[j] = 2.0 * (x[j] - 1.0) + (j + 1) * (2.0 * s + 4.0 * s ** 3)
    return g


@kernel
def variably_dimensioned_hessian(x):
    """H_jk = 2δ_jk + jk(2 + 12s²)."""
    H = np.empty((x.size, x.size))
    s = 0.0
    for j in range(x.size):
        s += (j + 1) * (x[j] - 1.0)
    for j in range(x.size):
        for k in range(x.size):
            H[j, k] = (j + 1) * (k + 1) * (2.0 + 12.0 * s * s)
        H[j, j] += 2.0
    return H


def variably_dimensioned(n=10):
    """Return the variably dimensioned function, a sphere with a stiff direction.

    |g(x0)| is of order n⁷.
    """
    n = dimension(n)
    return Problem("Variably dimensioned", variably_dimensioned_value, variably_dimensioned_gradient,
                   variably_dimensioned_hessian, start=1.0 - np.arange(1.0, n + 1.0) / n, source=mgh(25),
                   fmin=0.0, minimiser=np.ones(n))


@kernel
def trigonometric_residual(i, x, total):
    """r_i = n − Σ cos x_j + i(1 − cos x_i) − sin x_i, given the sum; MGH (26)."""
    return x.size - total + (i + 1) * (1.0 - np.cos(x[i])) - np.sin(x[i])


@kernel
def sum_of_cosines(x):
    """Return Σ cos x_j."""
    total = 0.0
    for j in range(x.size):
        total += np.cos(x[j])
    return total


@kernel
def trigonometric_value(x):
    """f = Σ r_i²."""
    total = sum_of_cosines(x)
    f = 0.0
    for i in range(x.size):
        f += trigonometric_residual(i, x, total) ** 2
    return f


@kernel
def trigonometric_gradient(x):
    """g_j = 2(sin x_j Σr_i + r_j d_j), d_j = j sin x_j − cos x_j.

    The Jacobian is ∂r_i/∂x_j = sin x_j + δ_ij d_j.
    """
    g = np.empty(x.size)
    total = sum_of_cosines(x)
    r_sum = 0.0
    for i in range(x.size):
        r_sum += trigonometric_residual(i, x, total)
    for j in range(x.size):
        s, c = np.sin(x[j]), np.cos(x[j])
        g[j] = 2.0 * (s * r_sum + trigonometric_residual(j, x, total) * ((j + 1) * s - c))
    return g


@kernel
def trigonometric_hessian(x):
    """H_jk = 2(n s_j s_k + s_j d_k + d_j s_k) for j ≠ k, s = sin x.

    The diagonal adds d_j² and the curvature of r.
    """
    n = x.size
    H = np.empty((n, n))
    total = sum_of_cosines(x)
    r_sum = 0.0
    for i in range(n):
        r_sum += trigonometric_residual(i, x, total)
    for j in range(n):
        s, c = np.sin(x[j]), np.cos(x[j])
        d = (j + 1) * s - c
        for k in range(n):
            sk = np.sin(x[k])
            H[j, k] = 2.0 * (n * (s * sk) + (s * ((k + 1) * sk - np.cos(x[k])) + d * sk))
        H[j, j] += 2.0 * (d * d + c * r_sum + trigonometric_residual(j, x, total) * ((j + 1) * c + s))
    return H


def trigonometric(n=10):
    """Return the trigonometric function, zero at the origin and elsewhere.

    Between the zeros it has local minima.
    """
    n = dimension(n)
    local_minima = {10: (2.79505612188e-5,)}
    return Problem("Trigonometric", trigonometric_value, trigonometric_gradient, trigonometric_hessian,
                   start=np.full(n, 1.0 / n), source=mgh(26), fmin=0.0, minimiser=np.zeros(n),
                   local_minima=local_minima.get(n, ()))
