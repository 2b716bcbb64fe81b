"""First-order methods as their papers print them, in the letters of the papers.

Each takes the gradient as a function, a start and the settings, and yields the iterates after the
start without end.
"""

import math

import numpy as np


def polyak(grad, x, alpha, beta):
    """Polyak (1964) eq. 9: x⁺ = x − α ∇f(x) + β (x − x⁻)."""
    before = x
    while True:
        x, before = x - alpha * grad(x) + beta * (x - before), x
        yield x


def look_ahead(grad, y, epsilon, mu):
    """Sutskever et al. (2013) eqs. 3–4: v⁺ = μ v − ε ∇f(θ + μ v), θ⁺ = θ + v⁺.

    Yields y = θ + μ v.
    """
    theta, v = y, np.zeros_like(y)
    while True:
        v = mu * v - epsilon * grad(theta + mu * v)
        theta = theta + v
        yield theta + mu * v


def sgdw(grad, theta, alpha, beta1, lamda):
    """Loshchilov & Hutter (2019) Algorithm 1 with η = 1."""
    m = np.zeros_like(theta)
    while True:
        m = beta1 * m + alpha * grad(theta)
        theta = theta - m - lamda * theta
        yield theta


def adagrad(grad, x, eta, delta):
    """Duchi et al. (2011) Figure 1, diagonal form: H = δ I + diag(s), s_i = ‖g_{1:t,i}‖₂."""
    seen = []
    while True:
        seen.append(grad(x))
        s = np.linalg.norm(seen, axis=0)
        x = x - eta * seen[-1] / (delta + s)
        yield x


def rmsprop(grad, x, rate, decay):
    """Hinton (2012), lecture 6e."""
    mean_square = np.zeros_like(x)
    while True:
        g = grad(x)
        mean_square = decay * mean_square + (1 - decay) * g**2
        x = x - rate * g / np.sqrt(mean_square)
        yield x


def graves(grad, w, rate, aleph, beth):
    """Graves (2013) eqs. 38–41, without the constant in the root.

    The learning rate is outside the momentum.
    """
    n, g, delta = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    while True:
        e = grad(w)
        n = aleph * n + (1 - aleph) * e**2
        g = aleph * g + (1 - aleph) * e
        delta = beth * delta - rate * e / np.sqrt(n - g**2)
        w = w + delta
        yield w


def adadelta(grad, x, rho, epsilon):
    """Zeiler (2012) Algorithm 1."""
    Eg, Edx = np.zeros_like(x), np.zeros_like(x)
    while True:
        g = grad(x)
        Eg = rho * Eg + (1 - rho) * g**2
        dx = -np.sqrt(Edx + epsilon) / np.sqrt(Eg + epsilon) * g
        Edx = rho * Edx + (1 - rho) * dx**2
        x = x + dx
        yield x


def adam(grad, theta, alpha, beta1, beta2, epsilon, eta_lamda=0.0):
    """Kingma & Ba (2015) Algorithm 1; with η λ, Loshchilov & Hutter (2019) Algorithm 2."""
    m, v, t = np.zeros_like(theta), np.zeros_like(theta), 0
    while True:
        t += 1
        g = grad(theta)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - alpha * m_hat / (np.sqrt(v_hat) + epsilon) - eta_lamda * theta
        yield theta


def amsgrad(grad, x, alpha, beta1, beta2):
    """Reddi et al. (2018) Algorithm 2 with α_t = α/√t, as in their Corollary 1, and β₁ constant."""
    m, v, v_hat, t = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x), 0
    while True:
        t += 1
        g = grad(x)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        v_hat = np.maximum(v_hat, v)
        x = x - alpha / math.sqrt(t) * m / np.sqrt(v_hat)
        yield x


def adamax(grad, theta, alpha, beta1, beta2):
    """Kingma & Ba (2015) Algorithm 2."""
    m, u, t = np.zeros_like(theta), np.zeros_like(theta), 0
    while True:
        t += 1
        g = grad(theta)
        m = beta1 * m + (1 - beta1) * g
        u = np.maximum(beta2 * u, np.abs(g))
        theta = theta - alpha / (1 - beta1**t) * m / u
        yield theta


def nadam(grad, theta, alpha, beta, nu, psi, epsilon):
    """Dozat (2016) Algorithm 2, with μ_t = β (1 − ½ 0.96^{t ψ})."""
    m, n, t = np.zeros_like(theta), np.zeros_like(theta), 0
    mu = [beta * (1 - 0.5 * 0.96 ** (i * psi)) for i in range(1, 300)]
    while True:
        t += 1
        g = grad(theta)
        m = beta * m + (1 - beta) * g
        n = nu * n + (1 - nu) * g**2
        g_hat, m_hat = g / (1 - math.prod(mu[:t])), m / (1 - math.prod(mu[: t + 1]))
        m_bar = (1 - mu[t - 1]) * g_hat + mu[t] * m_hat
        theta = theta - alpha * m_bar / (np.sqrt(n / (1 - nu**t)) + epsilon)
        yield theta


def radam(grad, theta, alpha, beta1, beta2, threshold):
    """Liu et al. (2020) Algorithm 2, where the threshold is 4."""
    m, v, t = np.zeros_like(theta), np.zeros_like(theta), 0
    rho_inf = 2 / (1 - beta2) - 1
    while True:
        t += 1
        g = grad(theta)
        v = beta2 * v + (1 - beta2) * g**2
        m = beta1 * m + (1 - beta1) * g
        m_hat = m / (1 - beta1**t)
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        if rho > threshold:
            length = np.sqrt((1 - beta2**t) / v)
            r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            theta = theta - alpha * r * m_hat * length
        else:
            theta = theta - alpha * m_hat
        yield theta


def lion(grad, theta, eta, beta1, beta2, lamda):
    """Chen et al. (2023) Algorithm 2."""
    m = np.zeros_like(theta)
    while True:
        g = grad(theta)
        update = np.sign(beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g
        theta = theta - eta * (update + lamda * theta)
        yield theta
