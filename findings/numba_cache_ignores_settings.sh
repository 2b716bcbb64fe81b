#!/usr/bin/env bash
# Numba 0.68.1: its cache on disk does not tell NUMBA_OPT and NUMBA_BOUNDSCHECK apart.
#
# Expected: a function compiled with cache=True is compiled anew in a process whose environment asks
# for other code, since both variables change what the compiler writes: NUMBA_OPT is the
# optimisation level, and NUMBA_BOUNDSCHECK overrides the option of the decorator.
# https://numba.readthedocs.io/en/stable/reference/envvars.html
# Numba's issue 10821 (2026, open) reports it of NUMBA_OPT and of the vectorisers' variables, not of
# NUMBA_BOUNDSCHECK.
# Seen: the second process loads what the first has compiled, and so runs optimised code without
# checks although it asks for unoptimised code, or for checks. Without the first process it compiles.
#
# Output seen: alone: hits 0 misses 1
#              NUMBA_OPT=0 after the default: hits 1 misses 0
#              NUMBA_BOUNDSCHECK=1 after the default: hits 1 misses 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numba==0.68.1 numpy==2.4.6
cat > "$folder/total.py" <<'PYTHON'
import numpy as np
from numba import njit


@njit(cache=True)
def total(a):
    s = 0.0
    for i in range(a.size):
        s += a[i]
    return s


assert total(np.ones(3)) == 3.0
print("hits", sum(total.stats.cache_hits.values()), "misses", sum(total.stats.cache_misses.values()))
PYTHON
run() {
    NUMBA_CACHE_DIR="$folder/$1" "$folder/venv/bin/python" "$folder/total.py"
}
{
    echo "alone: $(NUMBA_OPT=0 run first)"
    run second > /dev/null
    echo "NUMBA_OPT=0 after the default: $(NUMBA_OPT=0 run second)"
    echo "NUMBA_BOUNDSCHECK=1 after the default: $(NUMBA_BOUNDSCHECK=1 run second)"
} | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
alone: hits 0 misses 1
NUMBA_OPT=0 after the default: hits 1 misses 0
NUMBA_BOUNDSCHECK=1 after the default: hits 1 misses 0
EXPECTED
