#!/usr/bin/env bash
# llvmlite 0.50.0 (LLVM 22): a private function of one module replaces a namesake of a later module.
#
# Expected: a function with linkage "internal" is invisible outside its module, so that two modules
# of one MCJIT engine may use the same name for different helpers. LLVM's language reference says of
# internal linkage that such a symbol is local to its object file, as `static` makes it in C:
# https://llvm.org/docs/LangRef.html#linkage-types
# Seen: if the later module defines the name with linkage "linkonce_odr", which is what Numba gives
# to everything that it links into a function, its calls go to the private function of the earlier
# module. With "internal" on both sides each keeps its own. A private function needs a name that no
# other module has.
#
# Output seen: internal then linkonce_odr: 1 1
#              internal then internal: 1 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet llvmlite==0.50.0
cat > "$folder/namesakes.py" <<'PYTHON'
import ctypes

import llvmlite.binding as llvm

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()


def both(later):
    """Load two modules whose helpers share a name; return what each one's entry returns."""
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    results = []
    for number, linkage in (1, "internal"), (2, later):
        text = f"""
        define {linkage} i32 @helper() noinline {{ ret i32 {number} }}
        define i32 @entry{number}() {{
          %a = call i32 @helper()
          ret i32 %a
        }}"""
        module = llvm.parse_assembly(text)
        module.verify()
        engine.add_module(module)
        engine.finalize_object()
        results.append(ctypes.CFUNCTYPE(ctypes.c_int)(engine.get_function_address(f"entry{number}"))())
    return results


mixed, private = both("linkonce_odr"), both("internal")
print("internal then linkonce_odr:", *mixed)
print("internal then internal:", *private)
assert mixed == [1, 1] and private == [1, 2]
PYTHON
"$folder/venv/bin/python" "$folder/namesakes.py"
