#!/usr/bin/python3
"""What nvcc and ptxas make of the CUDA kernels: nothing in double or local memory that is not meant to be, no atomic
sums of floats, no spills, and no more registers and shared memory than budget.json allows.

`code_test.py --update` writes budget.json anew, from the build in JETCAL_BUILD (default: build)."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
sys.path.insert(0, str(ROOT / "benchmarks/cuda"))
import names
import resources
from e2e import Skip, check, main

BUDGET = pathlib.Path(__file__).with_name("budget.json")
CAPABILITY = 80
# More registers than budgeted that are let through: ptxas of the version the budget was made with, and any other.
TOLERANCE, OTHER_TOLERANCE = 2, 8
FLAGS = ("-v", "--warn-on-spills", "--warn-on-local-memory-usage", "--warning-as-error")


def modules():
    archive = pathlib.Path(os.environ["JETCAL_BUILD"]) / "kernels/libjetcal_cuda_kernels.a"
    found = resources.ptx_modules(archive)
    check(found, f"{archive} has no PTX")
    return found


def readable(symbols):
    """{symbol: the file and name of the kernel}."""
    done = subprocess.run(["c++filt"], input="\n".join(symbols), stdout=subprocess.PIPE, text=True, check=True)
    kernels = done.stdout.replace("(anonymous namespace)::", "").splitlines()
    pairs = zip(symbols, kernels, strict=True)
    return {symbol: names.short(types.SimpleNamespace(kernel=kernel, symbol=symbol)) for symbol, kernel in pairs}


def bodies():
    """{symbol of a kernel: its PTX}."""
    found = {}
    for text in modules():
        for part in re.split(r"^(?=\.visible \.entry |\.entry |\.func |\.visible \.func )", text, flags=re.MULTILINE)[1:]:
            found[re.search(r"\.(?:entry|func)\s+(?:\([^)]*\)\s*)?(\w+)", part).group(1)] = part
    return found


def assembled():
    """{file and name of a kernel: Resources} on the cards of CAPABILITY, and the version of ptxas."""
    ptxas = shutil.which("ptxas")
    if ptxas is None:
        raise Skip("there is no ptxas here")
    found = {}
    for text in modules():
        done = subprocess.run([ptxas, f"-arch=sm_{CAPABILITY}", *FLAGS, "-o", "/dev/null", "/dev/stdin"], input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        check(done.returncode == 0, f"ptxas warns:\n{done.stderr}")
        found.update(resources.parsed(done.stderr))
    version = subprocess.run([ptxas, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    named = readable(list(found))
    return {named[symbol]: r for symbol, r in found.items()}, re.search(r"V[\d.]+", version).group()


def uses_double(body):
    return re.search(r"\.f64\b", body) is not None


def over(now, version, budget):
    """Lines about kernels that take more than the budget, or are not in it, or no longer there."""
    more = TOLERANCE if version == budget["ptxas"] else OTHER_TOLERANCE
    lines = [f"{name}: no longer there" for name in budget["kernels"] if name not in now]
    for name, got in now.items():
        allowed = budget["kernels"].get(name)
        if allowed is None:
            lines.append(f"{name}: not in the budget")
        elif not (got.registers <= allowed["registers"] + more and got.shared <= allowed["shared"] and got.spills == 0):
            lines.append(f"{name}: {got.registers} registers, {got.shared} bytes of shared memory, {got.spills} of spills (allowed: {allowed})")
    return lines


def update():
    now, version = assembled()
    named = readable(list(bodies()))
    double = {named[symbol] for symbol, body in bodies().items() if uses_double(body)}
    kernels = {
        name: {"registers": now[name].registers, "shared": now[name].shared, **({"double": True} if name in double else {})}
        for name in sorted(now)
    }
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in kernels.items())
    BUDGET.write_text(f'{{"ptxas": "{version}", "capability": {CAPABILITY}, "kernels": {{\n{lines}\n}}}}\n', encoding="utf-8")


def budget():
    return json.loads(BUDGET.read_text(encoding="utf-8"))


def test_registers_and_shared_memory_are_within_the_budget(_):
    lines = over(*assembled(), budget())
    check(not lines, "\n".join(lines) + f"\nIf that is wanted: {pathlib.Path(__file__).name} --update, and say why in the commit")


def test_double_precision_is_where_it_is_meant_to_be(_):
    found, kernels = bodies(), budget()["kernels"]
    named = readable(list(found))
    for symbol, body in found.items():
        meant = kernels.get(named[symbol], {}).get("double", False)
        check(uses_double(body) == meant, f"{named[symbol]}: {'no double is used' if meant else 'computes in double'} (see budget.json)")


def test_no_local_memory(_):
    for symbol, body in bodies().items():
        found = re.search(r"\b(?:ld|st)\.local\S*|^\s*\.local\b.*", body, re.MULTILINE)
        check(found is None, f"{symbol}: {found and found.group()}")


def test_no_atomic_sums_of_floats(_):
    """Their order is the hardware's: other bits in every run."""
    for symbol, body in bodies().items():
        found = re.search(r"\b(?:atom|red)\.\S*\.(?:f16|bf16|f16x2|bf16x2|f32|f64)\b", body)
        check(found is None, f"{symbol}: {found and found.group()}")


def test_more_than_the_budget_is_told(_):
    allowed = {"ptxas": "V1", "kernels": {"a": {"registers": 30, "shared": 100}}}

    def lines(version="V1", name="a", **changes):
        return len(over({name: resources.Resources(**{"registers": 30, "shared": 100, "spills": 0, **changes})}, version, allowed))

    check(lines() == 0 and lines(registers=32) == 0, "the budget, and two registers more")
    check(lines(registers=33) == 1 and lines(shared=101) == 1 and lines(spills=4) == 1, "registers, shared memory, spills")
    check(lines("V2", registers=38) == 0 and lines("V2", registers=39) == 1, "another ptxas")
    check(lines(name="b") == 2, "a kernel that is new, and one that is gone")


if __name__ == "__main__":
    os.environ.setdefault("JETCAL_BUILD", str(ROOT / "build"))
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        main(globals())
