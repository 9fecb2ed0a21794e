#!/usr/bin/env python3
"""Checks what every file of the project keeps to; each violation is one line `file:line: what`.

usage: check.py [ROOT]

- Includes point one way only (ALLOWED below); ours are written from the root in quotes, name a file
  that exists, and nobody else's are in quotes. Link dependencies in the folders' CMakeLists.txt too.
- No file of code above 500 lines, unless one of its first 10 lines says `Long file:` and why.
- No path of somebody's machine, no note of unfinished work.
"""

import os
import pathlib
import re
import subprocess
import sys

# folder -> folders it may include and link. "A <- B" means B includes A:
# engine <- kernels <- model <- train, engine <- data <- train, {model, data} <- validate <- tools, train <- tools
ALLOWED = {
    "engine": {"engine"},
    "kernels": {"engine", "kernels"},
    "model": {"engine", "kernels", "model"},
    "data": {"engine", "data"},
    "train": {"engine", "kernels", "model", "data", "train"},
    "validate": {"engine", "kernels", "model", "data", "validate"},
}
ALLOWED["tools"] = set(ALLOWED) | {"tools"}
ALLOWED["tests"] = ALLOWED["tools"] | {"tests"}
ALLOWED["benchmarks"] = ALLOWED["tests"] | {"benchmarks"}  # what they time they check first

GENERATED = {"engine/version.hpp"}
CODE = {".cpp", ".hpp", ".cu", ".cuh", ".py", ".sh", ".cmake", ""}
CXX = {".cpp", ".hpp", ".cu", ".cuh"}
LINE_LIMIT = 500
INCLUDE = re.compile(r"^\s*#\s*(?:include|define\s+HWY_TARGET_INCLUDE)\s*([\"<])([^\">]+)[\">]")
LIBRARY = re.compile(r"\bjetcal_([a-z]+)\b")
# Built from parts, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.$}*-])/(?:" + "|".join(("work", "root", "home", "Users", "farm", "tmp/[a-z]")) + r")\b/?[\w.]*")
UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")


def files_of(root):
    """The project's files, relative: those git tracks or, without git, all but build results."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    ) if (root / ".git").exists() else None
    if listed and listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
        return sorted(name for name in names if (root / name).is_file())
    names = []
    for folder, folders, files in os.walk(root):
        inside = pathlib.Path(folder).relative_to(root)
        folders[:] = [
            f for f in folders
            if not f.startswith((".git", ".cache", "__pycache__"))
            and not (inside == pathlib.Path(".") and re.match(r"build|runs$|quickstart$", f))
        ]
        names += [str(inside / name) for name in files]
    return sorted(names)


def check_includes(root, name, lines):
    folder = name.split("/")[0]
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        ours = target.split("/")[0] in ALLOWED
        if quote == "<":
            if ours:
                yield number, f"<{target}> is this project's (write it in quotes)"
        elif not ours or "/" not in target:
            yield number, f'"{target}" (in quotes go this project\'s files, written from the root)'
        elif ".." in target.split("/"):
            yield number, f'"{target}" (write it from the root, without ..)'
        elif target.split("/")[0] not in ALLOWED[folder]:
            yield number, f"{folder}/ includes {target} (it may include {', '.join(sorted(ALLOWED[folder]))})"
        elif target not in GENERATED and not (root / target).is_file():
            yield number, f'"{target}" does not exist'


def check_links(name, lines):
    folder = name.split("/")[0]
    for number, line in enumerate(lines, 1):
        for library in LIBRARY.findall(line.split("#")[0]):
            if library in ALLOWED and library not in ALLOWED[folder]:
                yield number, f"{folder}/ links jetcal_{library} (it may link {', '.join(sorted(ALLOWED[folder]))})"


def check_text(lines):
    for number, line in enumerate(lines, 1):
        for pattern, what in ((MACHINE_PATH, "a path of one machine"), (UNFINISHED, "a note of unfinished work")):
            found = pattern.search(line)
            if found:
                yield number, f"{found.group(0)} is {what}"


def check_length(lines):
    if len(lines) > LINE_LIMIT and not any(re.search(r"Long file:\s*\S", line) for line in lines[:10]):
        yield len(lines), f"{len(lines)} lines (at most {LINE_LIMIT}, or a line `Long file: why` among the first 10)"


def violations(root):
    for name in files_of(root):
        path = root / name
        if path.is_symlink():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # data
        found = list(check_text(lines))
        folder = name.split("/")[0]
        if path.suffix in CODE:
            found += check_length(lines)
        if path.suffix in CXX and folder in ALLOWED:
            found += check_includes(root, name, lines)
        if path.name == "CMakeLists.txt" and folder in ALLOWED:
            found += check_links(name, lines)
        for number, what in found:
            yield f"{name}:{number}: {what}"


def main():
    default = pathlib.Path(__file__).resolve().parents[2]
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else default
    found = list(violations(root))
    for line in found:
        print(line)
    print(f"layering: {len(files_of(root))} files, {len(found)} violations")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
