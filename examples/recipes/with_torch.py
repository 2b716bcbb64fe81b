"""Objectives of PyTorch, in float64 and in float32, with gradients by its autograd.

A module's parameters are one flat vector here. The type of what the function returns is seen, and
stopping tests and line search go by its precision: in float32 a run ends where float32 can tell no
more. The answers are compared with torch's own L-BFGS.
"""

import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from quasinewton import minimize

torch.manual_seed(0)
X = torch.randn(200, 3, dtype=torch.float64)
y = torch.tanh(X @ torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)) + 0.05 * torch.randn(200, dtype=torch.float64)


def problem(dtype):
    """Return a model of a few parameters, its loss as a closure, and the loss for `minimize`."""
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1)).to(dtype)
    inputs, target = X.to(dtype), y.to(dtype)

    def loss():
        penalty = sum((p**2).sum() for p in model.parameters())
        return ((model(inputs)[:, 0] - target) ** 2).mean() + 1e-3 * penalty

    def objective(x):
        vector_to_parameters(torch.as_tensor(x, dtype=dtype), model.parameters())
        f = loss()
        g = torch.autograd.grad(f, list(model.parameters()))
        return f.detach().numpy()[()], parameters_to_vector(g).numpy()

    return model, loss, objective


for dtype, accuracy in ((torch.float64, 1e-6), (torch.float32, 1e-5)):
    model, loss, objective = problem(dtype)
    start = parameters_to_vector(model.parameters()).detach().numpy()
    res = minimize(objective, start, jac=True, method="lbfgs", gtol=1e-7 if dtype == torch.float64 else 1e-5)
    vector_to_parameters(torch.as_tensor(res.x, dtype=dtype), model.parameters())  # the fitted model

    other, other_loss, _ = problem(dtype)
    theirs = torch.optim.LBFGS(other.parameters(), max_iter=1000, line_search_fn="strong_wolfe", tolerance_change=0.0)

    def closure(other_loss=other_loss, theirs=theirs):
        theirs.zero_grad()
        f = other_loss()
        f.backward()
        return f

    theirs.step(closure)
    lowest = other_loss().item()
    print(f"{dtype}: f = {res.fun:.8f} after {res.nfev} evaluations, {res.status.name}; torch: {lowest:.8f}")
    assert res.success and res.fun <= lowest + accuracy and abs(loss().item() - res.fun) < accuracy
