"""The functions of Moré, Garbow & Hillstrom within the bounds that Gay added to them.

The starts are the standard ones. The bounds cut off the unconstrained minimum of most, and some
starts.
"""

import numpy as np

from quasinewton.problems import dense, fits, linear, polynomial, systems
from quasinewton.problems.problem import boxed, mgh


def gay(problem, low, high, **known):
    """Return a function of Moré, Garbow & Hillstrom within Gay's bounds."""
    number = int(problem.source.rpartition("(")[2].rstrip(")"))
    source = ("Gay (1984), A trust-region approach to linearly constrained optimization, Lecture Notes in Mathematics "
              f"1066, 72-105; {mgh(number)}")
    return boxed(problem, low, high, source, **known)


def boxed_rosenbrock(n=2):
    """Return Rosenbrock's valley, or n/2 copies of it, on [−50, 0.5] × [0, 100]; n even.

    It is least at (0.5, 0.25).
    """
    problem = systems.rosenbrock() if n == 2 else systems.extended_rosenbrock(n)
    copies = problem.n // 2
    return gay(problem, np.tile((-50.0, 0.0), copies), np.tile((0.5, 100.0), copies),
               fmin=0.25 * copies, minimiser=np.tile((0.5, 0.25), copies))


def boxed_freudenstein_roth():
    """Return the Freudenstein-Roth cubics on [0, 20] × [−30, −0.9].

    The bounds cut off the local minimum, too.
    """
    return gay(systems.freudenstein_roth(), (0.0, -30.0), (20.0, -0.9), fmin=48.985202)


def boxed_powell_badly_scaled():
    """Return Powell's badly scaled system on [0, 1] × [1, 9]; starts in a corner.

    The valley ends at the bound.
    """
    return gay(systems.powell_badly_scaled(), (0.0, 1.0), (1.0, 9.0), fmin=1.5125936724e-10)


def boxed_brown_badly_scaled():
    """Return Brown's badly scaled system on [0, 10⁶] × [3·10⁻⁵, 100]."""
    return gay(systems.brown_badly_scaled(), (0.0, 3e-5), (1e6, 100.0), fmin=783.999999295184)


def boxed_beale():
    """Return Beale's function on [0.6, 10] × [0.5, 100].

    It is least at (3, 0.5), on a bound whose multiplier is 0.
    """
    return gay(systems.beale(), (0.6, 0.5), (10.0, 100.0), fmin=0.0, minimiser=(3.0, 0.5))


def boxed_jennrich_sampson():
    """Return the Jennrich-Sampson fit on [0.26, 10] × [0, 20]."""
    return gay(fits.jennrich_sampson(), (0.26, 0.0), (10.0, 20.0), fmin=124.383112916378)


def boxed_helical_valley():
    """Return the helical valley on [−100, 0.8] × [−1, 1]²."""
    return gay(systems.helical_valley(), (-100.0, -1.0, -1.0), (0.8, 1.0, 1.0), fmin=0.990422120961399)


def boxed_bard():
    """Return Bard's fit on [0.1, 50] × [0, 100] × [0, 50]."""
    return gay(fits.bard(), (0.1, 0.0, 0.0), (50.0, 100.0, 50.0), fmin=9.58228472115324e-3)


def boxed_gaussian():
    """Return the fit of a peak on [0.398, 4.2] × [1, 2] × [−0.5, 0.1]; starts on a bound."""
    return gay(fits.gaussian(), (0.398, 1.0, -0.5), (4.2, 2.0, 0.1), fmin=1.127932769619e-8)


def boxed_meyer():
    """Return Meyer's thermistor fit on [0.006, 2] × [0, 3·10⁵] × [0, 3·10⁴]."""
    return gay(fits.meyer(), (0.006, 0.0, 0.0), (2.0, 3e5, 3e4), fmin=127.451771211)


def boxed_gulf():
    """Return the Gulf fit on [0, 10]³; m = 99. f has no limit at x₁ = 0."""
    return gay(fits.gulf(), (0.0, 0.0, 0.0), (10.0, 10.0, 10.0), fmin=5.12168571558317)


def boxed_box():
    """Return Box's fit on [0, 2] × [5, 9.5] × [0, 20]; starts outside.

    The projected start is a corner.
    """
    return gay(fits.box(), (0.0, 5.0, 0.0), (2.0, 9.5, 20.0), fmin=1.1434818026414e-4)


def boxed_powell_singular(n=4):
    """Return n/4 copies of Powell's singular function within bounds; n a multiple of 4.

    Each copy is on [0.1, 100] × [−20, 20] × [−1, 1] × [−1, 50].
    """
    problem = systems.powell_singular() if n == 4 else systems.extended_powell_singular(n)
    copies = problem.n // 4
    return gay(problem, np.tile((0.1, -20.0, -1.0, -1.0), copies), np.tile((100.0, 20.0, 1.0, 50.0), copies),
               fmin=1.878196300583e-4 * copies)


def boxed_wood():
    """Return Wood's function with x₁ ≤ 0."""
    return gay(systems.wood(), -100.0, (0.0, 10.0, 100.0, 100.0),
               fmin=1.55670080043857, local_minima=(7.09383642512905,))


def boxed_kowalik_osborne():
    """Return the Kowalik-Osborne fit on [0, 10] × [−1, 12] × [0.13, 13] × [0.12, 12]."""
    return gay(fits.kowalik_osborne(), (0.0, -1.0, 0.13, 0.12), (10.0, 12.0, 13.0, 12.0), fmin=3.078307234642e-4)


def boxed_brown_dennis():
    """Return the Brown-Dennis function on [−10, 100] × [0, 15] × [−100, 0] × [−20, 0.2]."""
    return gay(fits.brown_dennis(), (-10.0, 0.0, -100.0, -20.0), (100.0, 15.0, 0.0, 0.2), fmin=88860.4797675004)


def boxed_osborne_1():
    """Return Osborne's first fit on [0, 50] × [0, 1.9] × [−50, −0.1] × [0, 10]²."""
    return gay(fits.osborne_1(), (0.0, 0.0, -50.0, 0.0, 0.0), (50.0, 1.9, -0.1, 10.0, 10.0),
               fmin=5.4702833433735e-5, local_minima=(0.0245182951387327,))


def boxed_biggs():
    """Return Biggs' EXP6 fit within 0, 0, 0, 1, 0, 0 and 2, 8, 1, 7, 5, 5."""
    return gay(fits.biggs(), (0.0, 0.0, 0.0, 1.0, 0.0, 0.0), (2.0, 8.0, 1.0, 7.0, 5.0, 5.0),
               fmin=5.32098659078e-4)


def boxed_watson():
    """Return Watson's function of nine variables within narrow bounds."""
    return gay(dense.watson(9), (-1e-5, 0.0, 0.0, 0.0, 0.0, -3.0, 0.0, -3.0, 0.0),
               (1e-5, 0.9, 0.1, 1.0, 1.0, 0.0, 4.0, 0.0, 2.0), fmin=0.0374013977931844)


def boxed_penalty_1():
    """Return penalty function I of ten variables within 0 and 100, but x₂, x₆, x₁₀ ≥ 1."""
    return gay(dense.penalty_1(10), (0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), 100.0,
               fmin=7.56256999987273)


def boxed_penalty_2():
    """Return penalty function II on [−10, 50] × [0.3, 50] × [0, 50] × [−1, 0.5]."""
    return gay(dense.penalty_2(4), (-10.0, 0.3, 0.0, -1.0), (50.0, 50.0, 50.0, 0.5), fmin=9.43420467091e-6)


def boxed_variably_dimensioned():
    """Return the variably dimensioned function of ten variables; starts on a bound.

    The bounds are 0 and 10, 20, …, 90, 0.5.
    """
    return gay(dense.variably_dimensioned(10), 0.0, (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 0.5),
               fmin=0.337412680713832)


def boxed_trigonometric():
    """Return the trigonometric function on [0, 10] × [10, 20] × … × [90, 100].

    The start is far outside.
    """
    low = np.arange(0.0, 100.0, 10.0)
    return gay(dense.trigonometric(10), low, low + 10.0, fmin=609.515345915699)


def boxed_brown_almost_linear():
    """Return Brown's almost linear function of ten variables within bounds.

    They are 0 and 100, but x₂ ≥ 1 and x₃ ≤ 0.9.
    """
    low, high = np.zeros(10), np.full(10, 100.0)
    low[1], high[2] = 1.0, 0.9
    return gay(polynomial.brown_almost_linear(10), low, high, fmin=6.0931785765968e-3)


def boxed_linear_full_rank():
    """Return the linear function of full rank and five variables within bounds; m = 10.

    They are x₁ ≥ −0.5, and x ≥ −2 for the others.
    """
    # f = m − n + Σ (x_j + 1)².
    return gay(linear.linear_full_rank(5), (-0.5, -2.0, -2.0, -2.0, -2.0), 100.0,
               fmin=5.25, minimiser=(-0.5, -1.0, -1.0, -1.0, -1.0))


def boxed_linear_rank_1():
    """Return the linear function of rank 1 and five variables within bounds; m = 10.

    They are x₁ ≥ −0.9, and x ≥ −2 for the others.
    """
    m = 10.0
    return gay(linear.linear_rank_1(5), (-0.9, -2.0, -2.0, -2.0, -2.0), 100.0,
               fmin=m * (m - 1.0) / (2.0 * (2.0 * m + 1.0)))


def boxed_chebyquad():
    """Return Chebyquad of eight variables within bounds.

    They are [0, 1], but x₁ ≤ 0.04, x₂ ≤ 0.2, 0.1 ≤ x₃ ≤ 0.3.
    """
    return gay(polynomial.chebyquad(8), (0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0),
               (0.04, 0.2, 0.3, 1.0, 1.0, 1.0, 1.0, 1.0), fmin=3.592242385974e-3)
