"""Names of methods and options, including SciPy's and those of other libraries."""

from quasinewton._methods.registry import METHODS, NAMES, RESERVED

__all__ = ["METHODS", "NAMES"]

# `minimize` passes these methods to SciPy. The dictionary holds those that accept constraints, with
# SciPy's spelling.
SCIPY_CONSTRAINED = {"slsqp": "SLSQP", "cobyla": "COBYLA", "cobyqa": "COBYQA", "trust-constr": "trust-constr"}
SCIPY_METHODS = RESERVED


# Options that are fields of the method or of the line search are not listed.
SYNONYMS = {"maxcor": "memory", "maxfev": "maxfun", "xrtol": "xtol", "search": "line_search", "typical_x": "x_scale"}
LIMITS = ("gtol", "ftol", "xtol", "f_target", "maxiter", "maxfun", "time_limit")
CONTROLS = (
    *("disp", "progress", "return_all", "history", "check_gradient"),
    *("eps", "finite_diff_rel_step", "x_scale"),
)
SEARCHING = ("line_search",)  # Options of all methods with a line search.
# Options of the first-order methods, which have no line search.
FIRST_ORDER_CONTROLS = ("schedule", "clip_value", "clip_norm", "clip_norm_eps", "decay_mask")
# Other libraries' and SciPy's older names of options and arguments, for hints in messages.
HINTS = {
    "learning_rate": "lr",
    "step_size": "lr",
    "lr_schedule": "schedule",
    "b1": "betas",
    "b2": "betas",
    "beta1": "betas",
    "beta2": "betas",
    "beta_1": "betas",
    "beta_2": "betas",
    "epsilon": "eps",
    "decay": "weight_decay",
    "wd": "weight_decay",
    "mu": "momentum",
    "rho": "alpha",
    "n_epochs": "epochs",
    "num_epochs": "epochs",
    "bs": "batch_size",
    "seed": "rng",
    "random_state": "rng",
    "max_iter": "maxiter",
    "max_iterations": "maxiter",
    "max_nfev": "maxfun",
    "maxeval": "maxfun",
    "pgtol": "gtol",
    "factr": "ftol",
    "m": "maxcor",
    "verbose": "disp",
    "iprint": "disp",
    "fprime": "jac",
    "grad": "jac",
    "gradient": "jac",
    "hessian": "hess",
    "fhess": "hess",
    "fhess_p": "hessp",
    "decoupled_weight_decay": "decoupled",
    "correct_bias": "bias_correction",
    "initial_scale": "initial_accumulator_value",
    "eps_inside_sqrt": "eps_in_sqrt",
    "momentum": "method 'momentum'",
    "nesterov": "method 'nesterov'",
    "amsgrad": "method 'amsgrad'",
    "line_search": "schedule",
}
