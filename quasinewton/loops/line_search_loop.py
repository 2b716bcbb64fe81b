"""The descent: a method chooses a direction, a search chooses a step, and this joins them.

The descent is a state machine that asks for one evaluation at a time: `scalars.want` says what to evaluate at
`x_trial`, and `tell` digests the result. Whoever evaluates is a door: the compiled loop `run`, the user's own code
(ask–tell), a batch.

Convention, between two calls of `tell`: x, f, g are the current iterate, all finite, and never worse than an earlier
one except by rounding; `x_trial` is a gift that the objective may overwrite; p is the direction from x and
`line.alpha` the step to `x_trial` = x + alpha p.
"""

import numpy as np
from numba.extending import register_jitable

from quasinewton.line_searches import protocol as searches
from quasinewton.loops import last_look
from quasinewton.loops.clock import begin_slice, slice_over
from quasinewton.loops.stagnation import EPSILON, is_exact, is_flatter, is_over, may_restart
from quasinewton.loops.state import CERTIFY, CURVATURE, ESCAPE, NOTHING, RECALL, RECOVER, RESUME, SEARCH, START
from quasinewton.methods import protocol as methods
from quasinewton.numba_ext.jit import fragment, inlined, kernel
from quasinewton.numba_ext.linalg import copy, dot, negate, norm_inf
from quasinewton.numba_ext.tuples import borrow
from quasinewton.objective.interface import GRADIENT, HESSIAN, PRODUCT, VALUE, attempt
from quasinewton.status import (
    AT_SADDLE,
    CONVERGED,
    F_CONVERGED,
    NO_PROGRESS,
    NOT_BOUNDED,
    NOT_FINITE,
    OUT_OF_EVALUATIONS,
    OUT_OF_ITERATIONS,
    PRECISION_LIMIT,
    REACHED,
    RUNNING,
    TIME_OVER,
    X_CONVERGED,
)

UNBOUNDED_BELOW = -1e20  # times the scale of f at x0
FAR = 1e4  # times max(1, ‖x‖): a longest step as far as this is one to nowhere
ROOT_EPSILON = EPSILON**0.5
PRECISION = 1e4 * EPSILON  # a predicted decrease of f, relative to |f|, that rounding may hide
ESCAPE_TRIALS = 60
ESCAPE_DECREASE = 1e-4  # c1 of the curvilinear decrease

# How often `run` returns, other than at the end and after a slice of time.
EACH_ITERATION = 1
EACH_EVALUATION = 2


@kernel
def run(objective, method, search, state, each):
    """Evaluate and tell until the descent ends, or something should be seen to by the caller.

    Parameters
    ----------
    objective : Objective
    method, search : NamedTuple
    state : State
        Updated.
    each : int
        0, or EACH_ITERATION or EACH_EVALUATION to return after every one.

    Returns
    -------
    int
        What the descent wants next; NOTHING when it has ended. Otherwise the caller goes on by calling again: an
        iteration is complete, the trace is full, or the time of a slice is over.
    """
    state = borrow(state)  # the caller holds the arrays: nothing in the loop need count references
    s = state.scalars[0]
    begin_slice(s)
    last_look.prepare(objective, s, state.x.size)
    while s.want != NOTHING:
        operand = methods.operand(method, state.hessian, state.p)
        tell(method, search, state, evaluate(objective, state, operand))
        if last_look.is_exhausted(objective, s) or (s.want == NOTHING and last_look.is_in_doubt(objective, s)):
            look_again(objective, method, state)
        if pausing(state, each):
            break
    return s.want


@fragment
def look_again(objective, method, state):
    """See whether a run that has ended stands; if not, it goes on."""
    s, x, g = state.scalars[0], state.x, state.g
    low, high = methods.box(method, state.memory, x)
    found = last_look.look(objective, s, x, g, state.p, state.x_trial, state.g_trial, low, high)
    if found == last_look.REPLACED:
        methods.replaced(method, state.memory)
        s.g_norm = methods.measure(method, state.memory, x, g)
    elif found == last_look.RESUMED:
        methods.restart(method, state.memory)


@inlined
def evaluate(objective, state, operand):
    """Evaluate what is wanted at the trial, unless it is known, and count it; return f.

    `operand` is what the method says: where a Hessian goes, or the vector to be multiplied.
    """
    s = state.scalars[0]
    f = s.f_trial
    if not known(s):
        # Differences of the Hessian read the gradient at x; everything else writes one at the trial.
        g = state.g if s.want == HESSIAN else state.g_trial
        lenient = s.phase != START and s.want & (VALUE | GRADIENT) != 0
        value = attempt(objective.address, state.x_trial, g, operand, s.want, objective.data, lenient)
        if s.want & VALUE:
            f = value
            s.nfev += 1
            last_look.types_tell(objective, s)
        if s.want & GRADIENT:
            s.njev += 1
            s.nfev += last_look.gradient_values(objective, state.x.size)
        elif s.want & (HESSIAN | PRODUCT):
            s.nhev += 1
            s.nfev += objective.hessian_values
            s.njev += objective.hessian_gradients
    return f


@register_jitable
def known(s):
    """Whether what is wanted is known from before a run was resumed: f and g, or the Hessian, at x."""
    return s["phase"] == RESUME or (s["want"] == HESSIAN and s["hessian_nit"] == s["nit"])


@inlined
def pausing(state, each):
    """Whether the caller should see to something: what it wants each of; a full trace; the end of a slice."""
    s = state.scalars[0]
    # The slice comes first: it counts evaluations, and looks at the deadline.
    return slice_over(s) or each + s.iterated > 1 or (s.iterated and s.rows == state.trace.shape[0] > 0)


@register_jitable
def succeeded(status, g_norm, gtol, f, f0):
    """Return True if a descent from f0 that ended at f with this status has met a tolerance.

    At the precision limit it has: what was asked for cannot be had, but what is left to gain is hidden by rounding.
    """
    if status == PRECISION_LIMIT:
        return f <= f0
    return status == CONVERGED or status == F_CONVERGED or status == X_CONVERGED or status == REACHED


# What to do next, in digesting an evaluation.
WAIT = 0  # nothing: an evaluation is wanted, or the descent has ended
PLACE = 1  # put x_trial where the next evaluation is to be
MOVE = 2  # make the trial the iterate
SET_OUT = 3  # find a direction and begin a search
COPY_X = 4  # put x_trial at x and g_trial at g, for the curvature there
PROCEED = 5  # see what the iterate calls for
PROPOSE = 6  # ask for the search's next trial
PROPOSE_ESCAPE = 7  # ask for a trial along negative curvature
COPY_PASSED = 8  # put x_trial at x_passed, to end there
GO_BACK = 9  # make that the iterate
NO_STEP = 10  # the search has ended without an acceptable step
END = 11  # end with the status s.ending, at the best point evaluated
INQUIRE = 12  # ask for curvature at x
ASK_ON = 13  # ask for more of it


@inlined
def tell(method, search, state, f):
    """Digest the evaluation that was wanted and decide on the next.

    All work on vectors is done here; the decisions are functions of the scalars alone.

    Parameters
    ----------
    method, search : NamedTuple
    state : State
        Updated; its `g_trial`, or its `hessian`, holds the derivative that was wanted.
    f : float
        The value at `x_trial`.
    """
    s = state.scalars[0]
    x, g, p, memory = state.x, state.g, state.p, state.memory
    curved = methods.curved(method, state.hessian)
    s.iterated = 0
    if s.phase == CURVATURE or s.phase == CERTIFY:
        s.want = methods.answer(method, memory, state.g_trial, p)
        if s.want != NOTHING:
            todo = ASK_ON
        else:
            s.hessian_nit = s.nit
            if s.phase == CERTIFY:
                s.curvature = methods.negative_curvature(method, memory, state.hessian, x, g, p)
                if s.curvature < 0.0 and dot(g, p) > 0.0:
                    negate(p, p)
            todo = digest(search, s, f, norm_inf(x))
    elif s.phase == SEARCH:
        todo = digest(search, s, f, dot(state.g_trial, p))
    else:
        measure = norm_inf(state.g_trial)
        if s.phase == START:
            s.x0_norm = norm_inf(x)
            measure += 0.0 * s.x0_norm  # NaN where x0 is no point, whatever the objective says of it
        todo = digest(search, s, f, measure)
        if s.phase == START:
            copy(g, state.g_trial)
            s.g_norm = methods.measure(method, memory, x, g)
            s.f_scale = max(1.0, max(abs(s.f0), s.g_norm * max(1.0, s.x0_norm)))
    while todo != WAIT:
        if todo == PLACE:
            if methods.place(method, memory, x, s.alpha, p, state.x_trial):
                todo = WAIT
            else:  # the trial is x itself, to rounding
                s.verdict = searches.STUCK
                todo = END if s.phase == ESCAPE else NO_STEP
        elif todo == MOVE:
            if s.phase == SEARCH and s.phi_best < min(s.f_trial - s.noise, s.f_passed):
                # A lower trial whose slope was no good: not a step, but not to be forgotten.
                methods.place(method, memory, x, s.best, p, state.x_passed)
                s.f_passed, s.g_passed = s.phi_best, np.inf
            if is_flatter(s, f):
                copy(state.x_passed, x)
                s.f_passed, s.g_passed = s.f, s.g_norm
            methods.update(method, memory, x, g, p, s.alpha, state.g_trial)
            s.f_old, s.f, s.g_norm, s.step = s.f, f, methods.measured(method, memory, x, g), s.alpha
            s.nit += 1
            s.iterated, s.restarted = 1, 0
            s.best = 0.0
            if s.xtol > 0.0:
                s.s_norm, s.x_norm = abs(s.step) * norm_inf(p), norm_inf(x)
            todo = PROCEED
        elif todo == SET_OUT:
            slope, alpha = methods.direction(method, memory, state.hessian, x, g, p)
            if not (slope < 0.0 and np.isfinite(slope)):
                methods.restart(method, memory)
                slope, alpha = methods.descend(method, memory, x, g, s.g_norm, p)
            if not s.restarted:
                s.predicted = -0.5 * min(alpha, 1.0) * slope  # by the method's own model, least at alpha = 1
            least = min(s.least, s.f)
            searches.start(search, s, s.f, slope, alpha, methods.longest(method, memory, x, p))
            s.least = least  # no licence to climb a little in every search
            exact = is_exact(s) and abs(s.alpha) * norm_inf(p) <= ROOT_EPSILON * max(s.x0_norm, norm_inf(x))
            todo = END if is_over(s, exact) else PROPOSE
        elif todo == INQUIRE:
            s.want = methods.inquire(method, memory, x, g, p, s.phase == CERTIFY)
            todo = COPY_X
        elif todo == COPY_X:
            copy(state.x_trial, x)
            copy(state.g_trial, g)
            todo = WAIT
        elif todo == COPY_PASSED:
            copy(state.x_trial, state.x_passed)
            todo = WAIT
        elif todo == GO_BACK:
            copy(x, state.x_passed)
            copy(g, state.g_trial)
            s.f, s.g_norm, s.hessian_nit = s.f_trial, methods.measure(method, memory, x, g), -1
            todo = END
        elif todo == NO_STEP and s.verdict == searches.LONGEST:
            # Unbounded if that is far in x, too; else the scale was wrong, or the way ends: the step is one to take.
            far = s.alpha < s.end and abs(s.best) * norm_inf(p) >= FAR * max(1.0, norm_inf(x))
            s.ending = NOT_BOUNDED if far else RUNNING
            todo = MOVE if s.best == s.alpha else END
        elif todo == NO_STEP and may_restart(s) and methods.restart(method, memory):
            s.restarted = 1
            todo = SET_OUT
        else:
            if todo == PROCEED and s.rows < state.trace.shape[0]:
                row = state.trace[s.rows]
                row[0], row[1], row[2], row[3] = s.f, s.g_norm, s.step, s.nfev
                s.rows += 1
            todo = decide(s, todo, curved)


@fragment
def digest(search, s, f, measure):
    """Take in an evaluation; return what to do next.

    `measure` is what has to be known of the vectors: in a search the slope at the trial, at a single point
    ‖g‖_∞ there, with curvature ‖x‖_∞.
    """
    s.f_trial = f
    if s.phase == SEARCH:
        trial = s.alpha
        if s.want == VALUE:
            if f <= s.phi0 + s.noise and f != -np.inf:
                s.want = GRADIENT  # promising: now its gradient is worth having, at the same point
                return PLACE
            # Not a step, whatever its slope: that of the parabola through the lower end of the interval will do.
            measure = 2.0 * (f - s.phi_a) / (trial - s.a) - s.dphi_a
        s.verdict = searches.step(search, s, f, measure)
        if s.verdict == searches.CONTINUE:
            return PROPOSE
        # A search that ends where it found its best point needs not go back for it.
        ended = s.best == trial and s.want != VALUE and f < s.f and s.verdict < searches.LONGEST
        if s.verdict == searches.ACCEPT or ended:
            s.alpha = trial
            return MOVE
        return NO_STEP
    if s.phase == CURVATURE:
        return SET_OUT
    if s.phase == RESUME:
        return PROCEED
    if s.phase == CERTIFY:
        s.alpha, s.count = max(1.0, measure), 0
        if s.curvature < 0.0:
            return PROPOSE_ESCAPE
        s.ending = CONVERGED
        return END
    finite = np.isfinite(f) and np.isfinite(measure)
    if s.phase == START:
        s.f = s.f0 = s.f_old = s.least = f
        s.g_norm = measure
        if not finite:
            s.ending = NOT_BOUNDED if f == -np.inf else NOT_FINITE
        return PROCEED if finite else END
    if s.phase == RECOVER:
        if s.ending == RUNNING and not finite:
            s.ending = NO_PROGRESS
        return MOVE if finite else END
    if s.phase == RECALL:
        s.f_passed = s.g_passed = np.inf
        return GO_BACK if finite else END
    # f <= f(x) + c1 alpha² λ/2, the decrease condition of Moré & Sorensen (Math. Prog. 16, 1979) on a line.
    if finite and f <= s.f + 0.5 * ESCAPE_DECREASE * s.curvature * s.alpha**2:
        return MOVE
    s.count += 1
    s.alpha = -s.alpha if s.count % 2 else 0.25 * abs(s.alpha)
    return PROPOSE_ESCAPE


@fragment
def decide(s, todo, curved):
    """Carry out what is a matter of scalars; return what to do next. `curved`: whether the method wants curvature."""
    if todo == PROCEED:
        converged = s.g_norm <= s.gtol
        if s.f <= s.f_target:
            s.ending = REACHED
        elif converged and not curved:
            s.ending = CONVERGED
        elif s.ending != RUNNING or converged:
            pass
        elif s.nit > 0 and s.ftol > 0.0 and abs(s.f_old - s.f) <= s.ftol * max(abs(s.f_old), abs(s.f), 1.0):
            s.ending = F_CONVERGED
        elif s.nit > 0 and s.xtol > 0.0 and s.s_norm <= s.xtol * max(s.x_norm, 1.0):
            s.ending = X_CONVERGED
        elif s.f <= UNBOUNDED_BELOW * s.f_scale:
            s.ending = NOT_BOUNDED
        elif s.nit >= s.maxiter:
            s.ending = OUT_OF_ITERATIONS
        elif s.nfev >= s.maxfun:
            s.ending = OUT_OF_EVALUATIONS
        elif s.overdue:
            s.ending = TIME_OVER
        if s.ending == RUNNING:
            if not curved:
                return SET_OUT
            s.phase, s.f_trial = CERTIFY if converged else CURVATURE, s.f
            return INQUIRE
    elif todo == ASK_ON:
        if s.nfev < s.maxfun and not s.overdue:
            return COPY_X
        s.ending = TIME_OVER if s.overdue else OUT_OF_EVALUATIONS
    elif todo == PROPOSE:
        if s.nfev < s.maxfun and not s.overdue:
            s.phase = SEARCH
            s.want = VALUE if s.value_first else VALUE | GRADIENT
            return PLACE
        s.ending = TIME_OVER if s.overdue else OUT_OF_EVALUATIONS
    elif todo == PROPOSE_ESCAPE:
        if s.nit < s.maxiter and s.nfev < s.maxfun and s.count < ESCAPE_TRIALS:
            s.phase, s.want = ESCAPE, VALUE | GRADIENT
            return PLACE
        s.ending = OUT_OF_EVALUATIONS if s.nfev >= s.maxfun else OUT_OF_ITERATIONS if s.nit >= s.maxiter else AT_SADDLE
    elif s.phase == ESCAPE:
        s.ending = AT_SADDLE
    elif todo == NO_STEP:
        if s.verdict == searches.UNBOUNDED:
            s.ending = NOT_BOUNDED
        elif s.phi_best >= s.f - s.noise:
            s.ending = NOT_FINITE if s.verdict == searches.NONFINITE else NO_PROGRESS
    # The best point evaluated may be a trial of the search in progress: ask for it once more, to end there (or, if a
    # search without an acceptable step has found a lower point after all, to go on from it).
    if s.phase == SEARCH and s.best > 0.0 and s.phi_best < s.f:
        s.alpha = s.best
        s.phase, s.want = RECOVER, VALUE | GRADIENT
        return PLACE
    # So may a trial of an earlier search. A run that has used up its iterations ends at the last of them. Of points
    # that are equally low, to rounding, it is the one with the least gradient.
    stopped = s.ending == OUT_OF_EVALUATIONS or s.ending == TIME_OVER or s.ending == NO_PROGRESS
    flatter = s.ending == NO_PROGRESS and s.f_passed <= s.f + s.noise and s.g_passed < s.g_norm
    if stopped and (s.f_passed < s.f - s.noise or flatter):
        s.phase, s.want = RECALL, VALUE | GRADIENT
        return COPY_PASSED
    if s.ending == NO_PROGRESS and s.predicted_mark <= PRECISION * max(abs(s.f), PRECISION * abs(s.f0)):
        s.ending = PRECISION_LIMIT  # what was left to gain is what rounding may hide
    s.status, s.want = s.ending, NOTHING
    return WAIT
