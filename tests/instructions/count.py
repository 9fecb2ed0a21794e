#!/usr/bin/python3
"""count.py PROGRAM BASELINE.json [--write]: instructions a jet of PROGRAM's training steps, by callgrind.

Of the AVX2 kernels, since valgrind knows no AVX-512. What a second step adds is counted, so the
start of the program does not enter. Fails above 1.08 times the baseline (another compiler of the same age
differs by less), says so below 0.92 times. 77 (skipped) without valgrind or AVX2.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

JETS = 126


def collected(program, steps):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, str(steps)],
                          env=os.environ | {"JETCAL_ISA": "avx2"}, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"{program} under valgrind ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return int(found.group(1))


def main():
    program, baseline = sys.argv[1], pathlib.Path(sys.argv[2])
    cpu = pathlib.Path("/proc/cpuinfo")
    if shutil.which("valgrind") is None or not cpu.exists() or " avx2 " not in cpu.read_text():
        print("skipped: no valgrind (tools/install-deps test) or no AVX2 here")
        return 77
    a_jet = round((collected(program, 2) - collected(program, 1)) / JETS)
    if sys.argv[3:] == ["--write"]:
        baseline.write_text(json.dumps({"instructions_a_jet": a_jet}) + "\n")
    want = json.loads(baseline.read_text())["instructions_a_jet"]
    print(f"{a_jet} instructions a jet, {a_jet / want:.3f} of the baseline's {want}")
    if a_jet < 0.92 * want:
        print(f"Fewer: lower the baseline with {sys.argv[0]} {program} {baseline} --write")
    return 0 if a_jet <= 1.08 * want else 1


if __name__ == "__main__":
    sys.exit(main())
