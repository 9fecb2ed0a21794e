#!/usr/bin/env python3
"""What the emulator does to a whole process: its status, what it prints, the counters it writes.

usage: process_test.py EMULATOR_FOLDER PROGRAM (built from programs/process.cu)
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

FOLDER, PROGRAM = sys.argv[1:]


def run(*arguments, **settings):
    environment = {**os.environ, "LD_LIBRARY_PATH": FOLDER}
    environment.update({f"JETCAL_EMULATOR_{name}": value for name, value in settings.items()})
    return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)


def check(condition, what, done):
    if not condition:
        sys.exit(f"{what}: status {done.returncode}\n{done.stdout}{done.stderr}")


def main():
    done = run()
    check(done.returncode == 0 and done.stdout == "cudaSuccess\n" and not done.stderr, "a right program", done)

    done = run("bounds")
    check(done.returncode == 97, "a finding must be seen in the status", done)
    check(done.stdout == "cudaErrorIllegalAddress\n", "a finding must be an error of the runtime", done)
    for part in ("emulator: out of bounds: read of 4 bytes", "0 bytes behind the 400 bytes of cudaMalloc",
                 "block (3,0,0), thread (4,0,0), PTX line", "process.cu:11"):
        check(part in done.stderr, f"the finding must say '{part}'", done)
    check(run("bounds", QUIET="1").stderr == "", "quiet", done)

    done = run("leak")
    check(done.returncode == 97 and done.stdout == "cudaSuccess\n", "a leak must be seen in the status", done)
    check("device memory leak: 400 bytes in 1 allocation" in done.stderr, "the leak must be named", done)

    done = run("touch")  # the host may not touch device memory
    check(done.returncode != 0 and done.stdout in ("", "cudaSuccess\n"), "device memory must not be the host's", done)

    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder, name) for name in ("a.json", "b.json")]
        for number, file in enumerate(files):
            done = run(COUNTERS=str(file), SEED=str(number + 1), THREADS=str(number + 1))
            check(done.returncode == 0, "counters", done)
        check(files[0].read_text() == files[1].read_text(), "counters must not depend on the order of execution", done)
        kernel = json.loads(files[0].read_text())["kernels"]["double_kernel(float*, int)"]
        check(kernel["threads"] == 128 and kernel["distinct_bytes_written"] == 400, "the numbers", done)

    for name, value in (("SEED", "x"), ("THREADS", "-1"), ("LANES", "all"), ("APPROXIMATE", "most"), ("MEMORY_MIB", "0"), ("STEPS", "1e9")):
        done = run(**{name: value})
        check(done.returncode == 97 and f"JETCAL_EMULATOR_{name} is '{value}' (must be" in done.stderr,
              f"{name}={value} must be refused", done)
    done = run(CAPABILITY="75")
    check(done.returncode == 97 and "has no PTX for a device of capability 7.5" in done.stderr, "an older device", done)
    done = run(STEPS="3")
    check(done.returncode == 97 and "step limit" in done.stderr, "the step limit", done)
    done = run(MEMORY_MIB="1", LANES="independent")
    check(done.returncode == 0, "a small device", done)
    print("the emulator's processes behave")


if __name__ == "__main__":
    main()
