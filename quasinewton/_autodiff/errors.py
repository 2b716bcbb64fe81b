"""The error raised for operations that cannot be differentiated, and its message."""

import linecache
import re
from pathlib import Path


class Refused(TypeError):
    """Raised for an operation that cannot be differentiated; the message names it and its place.

    It is not one of Numba's errors, so that Numba passes it on unchanged.
    """


WAYS_OUT = "pass the gradient as `jac`, or jac='3-point'"
PLAIN_ENGLISH = {  # beginning of Numba's words: words for the user
    "setitem(array": "a store into an array of plain numbers (one made by np.zeros in the function is differentiated)",
    "bool(": "a truth value",
}


def refusal(error, function):
    """The one relevant line of Numba's message: operation, arguments, and the user's source line.

    Parameters
    ----------
    error : Exception
        Raised while compiling.
    function : callable
        The function that was compiled.

    Returns
    -------
    Refused
    """
    text = re.sub(r"\x1b\[\d*m", "", str(error)).replace(" (vectorized)", "")  # the suffix of np.frompyfunc
    text = re.sub(r"array\((Dual|Var|Lin)\(.*?\)+, (\d)d, \w\)", r"differentiated \2d array", text)
    text = re.sub(r"(Dual|Var|Lin)\([^()]*(\([^()]*\))?[^()]*\)", "differentiated number", text)
    code = function.__code__
    what = re.search(r"^ ?>>> (\w+)(\(.*\))", text, re.M)
    if what:
        call = what[1] + what[2]
        what = next((words for begin, words in PLAIN_ENGLISH.items() if call.startswith(begin)), call)
    else:
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("Failed in nopython")]
        what = lines[0].strip() if lines else type(error).__name__
    # The first place that the message names at the margin is taken as that in the function itself.
    places = re.findall(r"^During: typing of .* at (.*) \((\d+)\)$", text, re.M)
    places += re.findall(r'^File "(.*)", line (\d+):$', text, re.M)
    line = int(places[0][1]) if places else code.co_firstlineno
    source = linecache.getline(code.co_filename, line).strip()
    where = f"{Path(code.co_filename).name}, line {line}" + (f": {source}" if source else "")
    return Refused(f"cannot differentiate {what} [{where}]; {WAYS_OUT}")
