"""Objectives of JAX, in float64 and in float32, with value and gradient from one compiled function.

JAX computes in float32 unless told otherwise. The type of what it returns is seen, and stopping
tests and line search go by its precision: such a run ends where float32 can tell no more. The
answers are compared with jax.scipy's BFGS.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.optimize import minimize as minimize_by_jax

from quasinewton import minimize

rng = np.random.default_rng(4)
X = rng.normal(size=(300, 4))
y = (rng.uniform(size=300) < 1.0 / (1.0 + np.exp(-X @ [1.0, -1.0, 0.5, 0.0]))).astype(float)


def loss(w, X, y):
    z = X @ w
    return jnp.mean(jnp.logaddexp(0.0, z) - y * z) + 0.01 * jnp.sum(w**2)


both = jax.jit(jax.value_and_grad(loss))
for double, accuracy in ((True, 1e-6), (False, 1e-3)):
    jax.config.update("jax_enable_x64", double)
    data = jnp.asarray(X), jnp.asarray(y)
    res = minimize(both, np.zeros(4), data, jac=True, method="bfgs", gtol=1e-8 if double else 1e-5)
    theirs = minimize_by_jax(loss, jnp.zeros(4), data, method="BFGS", options={"gtol": 1e-5})
    print(f"{data[0].dtype}: f = {res.fun:.8f} after {res.nfev} evaluations, {res.status.name}; JAX: {theirs.fun:.8f}")
    assert res.success and np.allclose(res.x, theirs.x, atol=1e2 * accuracy) and res.fun <= theirs.fun + accuracy
    if double:
        exact = res.x
    else:
        assert np.allclose(res.x, exact, atol=accuracy)

# Products with the Hessian, by JAX, for truncated Newton: forward mode over reverse mode.
jax.config.update("jax_enable_x64", True)
product = jax.jit(lambda w, v, X, y: jax.jvp(lambda w: jax.grad(loss)(w, X, y), (w,), (v,))[1])
data = jnp.asarray(X), jnp.asarray(y)
res = minimize(both, np.zeros(4), data, "newton-cg", jac=True, hessp=product, gtol=1e-8)
assert res.success and np.allclose(res.x, exact, atol=1e-6)
