#!/usr/bin/env python3
"""The same training gives the same bits on x86-64 and, under qemu, on aarch64.

usage: compare.py NATIVE_PROGRAM BUILD_FOLDER GENERATED_HEADERS SOURCE ...

NATIVE_PROGRAM is train_hash of this build; it prints a line `ISA HASH` for every instruction set.
The same program is cross-compiled in BUILD_FOLDER from those of the SOURCEs that need no library
but Highway, Random123, JSON and xxHash. All hashes must be the same. Exit status 77: no cross
compiler or no qemu here.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Header-only as used here, and the same text on every processor. /usr/include itself is not.
PORTABLE_HEADERS = ("hwy", "Random123", "nlohmann", "xxhash.h")


def is_portable(source, options):
    """Whether the cross compiler finds all that a source includes (HDF5 and oneDNN it does not)."""
    command = ["aarch64-linux-gnu-g++", *options, "-E", "-o", os.devnull, source]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def hashes_of(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    if not lines or any(len(line) != 2 for line in lines):
        sys.exit(f"compare.py: {command[-1]} must print lines `ISA HASH`, it printed:\n{done.stdout}")
    return dict(lines)


def main():
    native, build, generated, *sources = sys.argv[1:]
    build = pathlib.Path(build)
    for tool in ("aarch64-linux-gnu-g++", "qemu-aarch64"):
        if not shutil.which(tool):
            print(f"compare.py: no {tool} here: skipped (tools/install-deps test)")
            sys.exit(77)
    headers = build / "headers"
    headers.mkdir(parents=True, exist_ok=True)
    for name in PORTABLE_HEADERS:
        if not (headers / name).exists():
            (headers / name).symlink_to(pathlib.Path("/usr/include", name))
    options = ["-std=c++20", f"-I{ROOT}", f"-I{generated}", "-isystem", str(headers)]
    portable = [source for source in sources if is_portable(source, options)]
    print(f"cross-compiling {len(portable)} of {len(sources)} sources")
    configure = [
        "cmake", "-S", str(ROOT / "tests/portable/aarch64"), "-B", str(build), "-DCMAKE_BUILD_TYPE=Release",
        f"-DROOT={ROOT}", f"-DGENERATED={generated}", f"-DHEADERS={headers}", f"-DSOURCES={';'.join(portable)}",
    ]
    if not (build / "CMakeCache.txt").exists():
        if shutil.which("ninja"):
            configure += ["-G", "Ninja"]
        if shutil.which("ccache"):
            configure += ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    subprocess.run(configure, stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["cmake", "--build", str(build), "--parallel", str(os.cpu_count())], check=True)
    here = hashes_of([native])
    there = hashes_of(["qemu-aarch64", str(build / "train_hash")])
    for machine, hashes in (("native", here), ("aarch64", there)):
        for isa, value in hashes.items():
            print(f"{machine:8} {isa:8} {value}")
    if len(set(here.values()) | set(there.values())) != 1:
        sys.exit("compare.py: the hashes differ (every instruction set must give the same bits)")
    if "neon" not in there or len(here) < 2:
        sys.exit("compare.py: each machine must show its vector instructions beside plain C++")


if __name__ == "__main__":
    main()
