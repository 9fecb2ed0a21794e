#!/usr/bin/env python3
"""Compiles every header of the project alone: each must include what it uses.

usage: headers.py BUILD_FOLDER

The options are those of a source of the same folder in BUILD_FOLDER/compile_commands.json. Headers
named *-inl.hpp are Highway's kind, included once an instruction set, and not checked.
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("engine", "kernels", "data", "model", "train", "validate", "tools", "tests")


def options_of(build):
    """folder -> (compiler and options, working directory) of one of its sources."""
    options = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source.suffix != ".cpp" or not source.is_relative_to(ROOT):
            continue
        command = shlex.split(entry["command"])
        if pathlib.Path(command[0]).name == "ccache":
            command = command[1:]
        options.setdefault(source.relative_to(ROOT).parts[0], (command[: command.index("-o")], entry["directory"]))
    return options


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    options = options_of(build)
    headers = [
        path.relative_to(ROOT)
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.hpp"))
        if not path.name.endswith("-inl.hpp")
    ]

    def compile_alone(header):
        if header.parts[0] not in options:
            return f"no source of {header.parts[0]}/ is built in {build}"
        command, directory = options[header.parts[0]]
        done = subprocess.run(
            [*command, "-fsyntax-only", "-x", "c++", "-"],
            input=f'#include "{header}"\n', cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )
        return done.stdout if done.returncode else ""

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, said in zip(headers, pool.map(compile_alone, headers)):
            if said:
                bad += 1
                print(f"{header} does not compile alone:\n{said}")
    print(f"{len(headers)} headers, {bad} do not compile alone")
    sys.exit(1 if bad or not headers else 0)


if __name__ == "__main__":
    main()
