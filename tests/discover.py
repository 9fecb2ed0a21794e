#!/usr/bin/env python3
"""Lists the cases of a Catch2 program as ctest entries, one a case.

usage: discover.py [--environment NAME=VALUE] NAME PROGRAM OUTPUT CATCH_VERSION [LABEL ...]

Run after the program is linked (jetcal_test in cmake/options.cmake). A case tagged [slow] gets the
label `slow`, every other `fast`. A case that cannot run says so through JETCAL_SKIP. The cases are
listed and run with the environment variable, if one is given.
"""

import os
import subprocess
import sys


def case_names(program, version, *spec):
    """Names of the cases that match `spec`, one a line of the program's list."""
    flags = ["--list-test-names-only"] if version < 3 else ["--list-tests", "--verbosity", "quiet"]
    # Catch2 v2 returns the number of cases as exit status; a crash is a negative one.
    done = subprocess.run([program, *spec, *flags], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode < 0:
        sys.exit(f"discover.py: {program} --list died with signal {-done.returncode}")
    return [line for line in done.stdout.splitlines() if line.strip()]


def quoted(text):
    """`text` as a CMake bracket argument."""
    level = "="
    while f"]{level}]" in text:
        level += "="
    return f"[{level}[{text}]{level}]"


def pattern(name):
    """`name` as a Catch2 test specification that matches this case only."""
    for special in "\\,[":
        name = name.replace(special, "\\" + special)
    return name.strip()


def main():
    arguments = sys.argv[1:]
    environment = ""
    if arguments[0] == "--environment":
        environment = ";" + arguments[1]
        variable, value = arguments[1].split("=", 1)
        os.environ[variable] = value
        del arguments[:2]
    name, program, output, version, *labels = arguments
    version = int(version.split(".")[0])
    skip_status = 77 if version < 3 else 4
    warn = "--warn NoTests" if version < 3 else ""  # v3 fails by itself when no case matches
    slow = set(case_names(program, version, "[slow]"))
    cases = case_names(program, version)
    if not cases:
        sys.exit(f"discover.py: {program} has no test case (every test program must have one)")
    lines = []
    for case in cases:
        entry = quoted(f"{name}: {case.strip().strip(chr(34))}")
        label = ";".join(["slow" if case in slow else "fast", *labels])
        lines.append(f"add_test({entry} {quoted(program)} {quoted(pattern(case))} {warn})")
        lines.append(
            f"set_tests_properties({entry} PROPERTIES LABELS {quoted(label)} RESOURCE_LOCK {name}"
            f" TIMEOUT {600 if case in slow else 300} SKIP_RETURN_CODE {skip_status}"
            f" ENVIRONMENT {quoted(f'JETCAL_SKIP_STATUS={skip_status}{environment}')})"
        )
    with open(output, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
