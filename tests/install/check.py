#!/usr/bin/env python3
"""Installs a build into an empty folder and builds and runs a project of somebody else with it.

usage: check.py BUILD_FOLDER WORK_FOLDER

The installed files may not name the build or source folder: an installation can be moved.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def check_report(prefix, work):
    """`jetcal validate` draws with the script that is installed beside it."""
    script = prefix / "libexec/jetcal/plot"
    if "VALIDATION_DIR" not in run(script, "--help"):
        sys.exit("the installed plot has no help")
    script.write_text("#!/bin/sh\necho drawn by \"$0\" \"$@\"\n")
    run(prefix / "bin/jetcal", "generate", "--jets", "300", "--out", work / "toy")
    said = run(prefix / "bin/jetcal", "validate", *sorted((work / "toy").glob("*.h5")), "--out", work / "validation")
    if f"drawn by {script} -- {work / 'validation'}" not in said:
        sys.exit(f"validate does not run {script}:\n{said}")


def main():
    build, work = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    shutil.rmtree(work, ignore_errors=True)
    made, prefix, project = work / "made", work / "moved", work / "consumer"
    run("cmake", "--install", build, "--prefix", made)
    made.rename(prefix)

    for path in sorted(prefix.rglob("*.cmake")):
        for folder in (build, ROOT, made):
            if str(folder) in path.read_text(encoding="utf-8"):
                sys.exit(f"{path.relative_to(prefix)} names {folder}")

    version = run(prefix / "bin/jetcal", "--version")
    if not version.startswith("jetcal 0."):
        sys.exit(f"the installed program's --version says: {version}")
    check_report(prefix, work)
    run("cmake", "-S", ROOT / "tests/install/consumer", "-B", project, f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_BUILD_TYPE=Release", *(["-G", "Ninja"] if shutil.which("ninja") else []))
    run("cmake", "--build", project, "--parallel", str(os.cpu_count()))
    print(run(project / "consumer"), end="")


if __name__ == "__main__":
    main()
