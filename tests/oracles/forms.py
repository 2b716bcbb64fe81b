"""The forms that other libraries give to first-order methods, each as its library documents it.

Every function takes the gradient as a function, a start, the learning rate as a function of the
step (from 0) and the settings, and yields the iterates after the start without end. λ is the
decoupled weight decay, which Keras and Optax have for every method.
"""

import math

import numpy as np


def gradient_descent(grad, x, rate, lamda):
    """Keras SGD with weight_decay: x ← (1 − η λ) x − η g."""
    t = 0
    while True:
        x, t = x - rate(t) * lamda * x - rate(t) * grad(x), t + 1
        yield x


def momentum(grad, x, rate, mu, nu, lamda, in_buffer, dampen_first):
    """Keras (Sutskever et al. 2013 eq. 1) v ← μ v − η (1 − ν) g, x ← x + v; or PyTorch.

    PyTorch has a ← μ a + (1 − ν) g.
    """
    v, t = np.zeros_like(x), 0
    while True:
        g = grad(x)
        share = 1.0 if t == 0 and not dampen_first else 1.0 - nu
        if in_buffer:
            v = mu * v - rate(t) * share * g
            move = v
        else:
            v = mu * v + share * g
            move = -rate(t) * v
        x, t = (1 - rate(t) * lamda) * x + move, t + 1
        yield x


def nesterov(grad, x, rate, mu, lamda, in_buffer):
    """Keras SGD(nesterov=True), v ← μ v − η g, x ← x + μ v − η g; or PyTorch.

    PyTorch has the learning rate outside the buffer.
    """
    v, t = np.zeros_like(x), 0
    while True:
        g, eta = grad(x), rate(t)
        if in_buffer:
            v = mu * v - eta * g
            move = mu * v - eta * g
        else:
            v = mu * v + g
            move = -eta * (g + mu * v)
        x, t = (1 - eta * lamda) * x + move, t + 1
        yield x


def rmsprop(grad, x, rate, alpha, eps, mu, lamda, **form):
    """Optax rmsprop and Keras RMSprop; `form` has the names of this package's options."""
    a, b, c, t = np.full_like(x, form["initial_accumulator_value"]), np.zeros_like(x), np.zeros_like(x), 0
    while True:
        g, eta = grad(x), rate(t)
        a = alpha * a + (1 - alpha) * g**2
        b = alpha * b + (1 - alpha) * g
        lack = 1 - alpha ** (t + 1) if form["bias_correction"] else 1.0
        square = np.maximum(a / lack - (b / lack) ** 2, 0.0) if form["centered"] else a / lack
        q = g / np.sqrt(square + eps) if form["eps_in_sqrt"] else g / (np.sqrt(square) + eps)
        if form["lr_in_buffer"]:
            q, eta_outside = eta * q, 1.0
        else:
            eta_outside = eta
        c = mu * c + q
        x, t = (1 - eta * lamda) * x - eta_outside * (q + mu * c if form["nesterov"] and mu > 0 else c), t + 1
        yield x


def adam(grad, x, rate, betas, eps, lamda, **form):
    """Kingma & Ba (2015) Algorithm 1, or the form after it with ε̂.

    Also Optax's eps_root and the maxima of AMSGrad.
    """
    (b1, b2), m, v, largest, t = betas, np.zeros_like(x), np.zeros_like(x), np.zeros_like(x), 0
    while True:
        t += 1
        g, eta = grad(x), rate(t - 1)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        lack1, lack2 = (1 - b1**t, 1 - b2**t) if form["bias_correction"] else (1.0, 1.0)
        if form.get("correct_before_max"):
            largest = np.maximum(largest, v / lack2)
            v_hat = largest
        elif form.get("maximum"):
            largest = np.maximum(largest, v)
            v_hat = largest / lack2
        else:
            v_hat = v / lack2
        if form["eps_hat"]:
            step = eta * math.sqrt(lack2) / lack1 * m / (np.sqrt(lack2 * (v_hat + form["eps_root"])) + eps)
        else:
            step = eta * (m / lack1) / (np.sqrt(v_hat + form["eps_root"]) + eps)
        x = (1 - eta * lamda) * x - step
        yield x


def adamax(grad, x, rate, betas, eps, lamda, **form):
    """Keras Adamax, u ← max(β₂ u, |g|), x ← x − η/(1 − β₁ᵗ) m/(u + eps); or PyTorch.

    PyTorch adds eps to |g|.
    """
    (b1, b2), m, u, t = betas, np.zeros_like(x), np.zeros_like(x), 0
    while True:
        t += 1
        g, eta = grad(x), rate(t - 1)
        m = b1 * m + (1 - b1) * g
        u = np.maximum(b2 * u, np.abs(g) if form["eps_after_max"] else np.abs(g) + eps)
        lack = 1 - b1**t if form["bias_correction"] else 1.0
        x = (1 - eta * lamda) * x - eta * (m / lack) / (u + eps if form["eps_after_max"] else u)
        yield x


def nadam(grad, x, rate, betas, eps, psi, lamda, **form):
    """Dozat (2016), or constant μ = β₁.

    Optax corrects the bias of both averages by their own weights, River as at step t.
    """
    (b1, b2), m, v, t, product = betas, np.zeros_like(x), np.zeros_like(x), 0, 1.0
    while True:
        t += 1
        g, eta = grad(x), rate(t - 1)
        mu, mu_next = (b1 if form["constant_momentum"] else b1 * (1 - 0.5 * 0.96 ** (i * psi)) for i in (t, t + 1))
        product *= mu
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        now, ahead = 1 - product, 1 - product * (mu_next if form["correct_ahead"] else 1.0)
        lack2 = 1 - b2**t
        if not form["bias_correction"]:
            now = ahead = lack2 = 1.0
        m_bar = (1 - mu) * g / now + mu_next * m / ahead
        if form["eps_hat"]:
            divisor = (np.sqrt(v + lack2 * form["eps_root"]) + eps) / math.sqrt(lack2)
        else:
            divisor = np.sqrt(v / lack2 + form["eps_root"]) + eps
        x = (1 - eta * lamda) * x - eta * m_bar / divisor
        yield x


def radam(grad, x, rate, betas, eps, lamda, eps_hat, threshold, degenerated_to_sgd):
    """Liu et al. (2020) Algorithm 2, with eps added to √v (PyTorch) or to √v̂ (Optax).

    Both libraries have an option that leaves out the first steps.
    """
    (b1, b2), m, v, t = betas, np.zeros_like(x), np.zeros_like(x), 0
    limit = 2 / (1 - b2) - 1
    while True:
        t += 1
        g, eta = grad(x), rate(t - 1)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        m_hat, lack2 = m / (1 - b1**t), 1 - b2**t
        length = limit - 2 * t * b2**t / lack2
        x = (1 - eta * lamda) * x
        if length > threshold:
            r = math.sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))
            divisor = (np.sqrt(v) + eps) / math.sqrt(lack2) if eps_hat else np.sqrt(v / lack2) + eps
            x = x - eta * r * m_hat / divisor
        elif degenerated_to_sgd:
            x = x - eta * m_hat
        yield x


def adagrad(grad, x, rate, eps, lamda):
    """PyTorch's Adagrad with the weight decay of Keras."""
    a, t = np.zeros_like(x), 0
    while True:
        g, eta = grad(x), rate(t)
        a, t = a + g**2, t + 1
        x = (1 - eta * lamda) * x - eta * g / (np.sqrt(a) + eps)
        yield x


def adadelta(grad, x, rate, rho, eps, lamda):
    """Keras Adadelta with weight_decay."""
    a, b, t = np.zeros_like(x), np.zeros_like(x), 0
    while True:
        g, eta = grad(x), rate(t)
        a, t = rho * a + (1 - rho) * g**2, t + 1
        delta = np.sqrt(b + eps) / np.sqrt(a + eps) * g
        b = rho * b + (1 - rho) * delta**2
        x = (1 - eta * lamda) * x - eta * delta
        yield x
