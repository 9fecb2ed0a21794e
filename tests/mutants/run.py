#!/usr/bin/env python3
"""Makes one small mistake after the other in the CUDA code and sees whether the tests notice.

usage: tests/mutants/run.py [--build DIR] [--only NAME ...] [--sample N] [--jobs N] [--list]

  --build DIR   a build with tests, up to date (default: JETCAL_BUILD_DIR or build); it is only read,
                except for its folder `mutants`
  --only NAME   the mutants of this id, file or suite; may be given several times
  --sample N    N of them, always the same, spread over the suites
  --jobs N      so many at a time (default: JETCAL_JOBS or all processors)
  --list        print what would run, and run nothing

The mutants are in mutants.toml. Of each, the one object it is in is compiled and linked with the
rest of the build, and its suite runs on the emulator. It is killed if a test fails, the emulator finds
something, or time runs out. One that survives must say in the table why no test can notice it.

Exit status: 0 all were killed, or survived with a reason; 1 not; 2 wrong command line, or the table
does not fit the sources; 77 the build has no CUDA or no Ninja.
"""

import argparse
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = pathlib.Path(__file__).with_name("mutants.toml")
SKIPPED = 77
SECONDS = 240  # most of one run of a suite; the slowest takes a tenth of it
STEPS = 40_000_000  # most instructions of a warp, for loops that no longer end
# How a suite runs, one after the other until the mutant is killed: as it is, and on grids so small
# that every kernel walks in strides (tests/cuda/CMakeLists.txt does both too).
RUNS = ({}, {"JETCAL_CUDA_MOST_BLOCKS": "2"})


class TableError(Exception):
    """What is wrong with the table, or with the build it is used on."""


@dataclasses.dataclass(frozen=True)
class Suite:
    """Which tests an op has: `source` is compiled, linked into `into`, and `run` is started."""

    name: str
    source: str
    into: str
    run: tuple


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change of one file. `survives`: why no test can notice it, or nothing."""

    id: str
    suite: Suite
    file: str
    wrong: str
    old: str
    new: str
    survives: str = ""


def read_table(text, source_of=lambda file: (ROOT / file).read_text(encoding="utf-8")):
    """The mutants of a table. TableError unless each fits the sources exactly once."""
    table = tomllib.loads(text)
    suites = {}
    for name, entry in table["suite"].items():
        suites[name] = Suite(name, entry["source"], entry["into"], tuple(entry["run"]))
    mutants = []
    for entry in table["mutant"]:
        entry = dict(entry)
        name = entry["id"]
        if any(m.id == name for m in mutants):
            raise TableError(f"{name}: there are two of this id")
        if entry.get("suite") not in suites:
            raise TableError(f"{name}: suite '{entry.get('suite')}' is none of {', '.join(suites)}")
        suite = suites[entry.pop("suite")]
        mutant = Mutant(suite=suite, file=entry.pop("file", suite.source), **entry)
        count = source_of(mutant.file).count(mutant.old)
        if count != 1:
            raise TableError(f"{name}: its old text is {count} times in {mutant.file} (must be once)")
        if mutant.old == mutant.new:
            raise TableError(f"{name}: changes nothing")
        mutants.append(mutant)
    return mutants


def chosen(mutants, only, sample):
    """Those of the names in `only` (all, if empty), and `sample` of them (all, if None)."""
    for name in only:
        if not any(name in (m.id, m.file, m.suite.name) for m in mutants):
            raise TableError(f"'{name}' is no id, file or suite of the table (--list shows them)")
    if only:
        mutants = [m for m in mutants if {m.id, m.file, m.suite.name} & set(only)]
    if sample is None:
        return mutants
    # The first of each suite, the second of each, ...: in an order that is fixed but means nothing.
    rank, seen = {}, {}
    for m in sorted(mutants, key=lambda m: hashlib.sha256(m.id.encode()).digest()):
        if not m.survives:
            rank[m.id] = seen[m.suite.name] = seen.get(m.suite.name, -1) + 1
    spread = sorted((m for m in mutants if m.id in rank), key=lambda m: (rank[m.id], m.suite.name))
    return spread[:sample]


class Build:
    """A build that is read: how it compiles and links, without doing either."""

    def __init__(self, folder):
        self.folder = folder
        commands = folder / "compile_commands.json"
        if not (folder / "build.ninja").exists() or not commands.exists() or not shutil.which("ninja"):
            print(f"mutants: {folder} is no build with Ninja: skipped (tools/build --tests)")
            sys.exit(SKIPPED)
        entries = json.loads(commands.read_text(encoding="utf-8"))
        self.entries = {pathlib.Path(e["file"]).resolve(): e for e in entries}
        if ROOT / "kernels/dense.cu" not in self.entries:
            print(f"mutants: {folder} is built without CUDA: skipped (nvcc 13 is needed)")
            sys.exit(SKIPPED)
        self.targets = set(re.findall(r"^build ([^ :]+)", (folder / "build.ninja").read_text(encoding="utf-8"), re.MULTILINE))
        self.linking = {}

    def require_up_to_date(self, targets):
        done = self._ninja("-n", *targets)
        if "no work to do" not in done:
            raise TableError(f"{self.folder} is not up to date. Run tools/build --tests")

    def _ninja(self, *arguments):
        done = subprocess.run(["ninja", "-C", str(self.folder), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise TableError(f"ninja {' '.join(arguments)} in {self.folder} fails: {done.stdout.strip()}")
        return done.stdout

    def prepare(self, suite):
        """Asks how the suite is linked; call it before threads use link()."""
        if suite.into not in self.linking:
            line = self._ninja("-t", "commands", suite.into).splitlines()[-1]
            self.linking[suite.into] = shlex.split(line.split("&&")[1])

    def compile(self, source, overlay):
        """Makes changed.o of `source`, or of its changed copy in `overlay`, whose headers come first."""
        command, copy = self._command(source), overlay / source
        command[command.index("-o") + 1] = str(overlay / "changed.o")
        if copy.exists():
            command[command.index(self.entries[ROOT / source]["file"])] = str(copy)
        command = [word for word in command if "-Werror" not in word]  # a variable may be unused now
        command.insert(1, f"-I{overlay}")
        return (["ccache"] if shutil.which("ccache") else []) + command

    def _command(self, source):
        command = shlex.split(self.entries[ROOT / source]["command"])
        return command[1:] if pathlib.Path(command[0]).name == "ccache" else command

    def link(self, suite, overlay):
        """Links with changed.o, or with what the build has, if there is none."""
        command, compiling = list(self.linking[suite.into]), self._command(suite.source)
        original = compiling[compiling.index("-o") + 1]
        changed = str(overlay / "changed.o") if (overlay / "changed.o").exists() else original
        command[command.index("-o") + 1] = str(overlay / "linked")
        if original in command:
            command[command.index(original)] = changed
        else:  # found before the archive that has the original
            archive = next(i for i, word in enumerate(command) if word.endswith("libjetcal_cuda_kernels.a"))
            command.insert(archive, changed)
        return command


def what_failed(output):
    """The emulator's first finding, or the first failed check."""
    for pattern in (r"^emulator: (.*?);", r"^emulator: (.*)", r"^(\S+:\d+: (?:failed|error).{0,90})"):
        found = re.search(pattern, output, re.MULTILINE)
        if found:
            return found[1].replace(f"{ROOT}/", "")
    return output.strip().splitlines()[-1] if output.strip() else "no output"


def finished(build, command, environment=None, seconds=600):
    return subprocess.run(command, cwd=build.folder, env=environment, timeout=seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)


def make(build, command, what):
    made = finished(build, command)
    if made.returncode != 0:
        raise TableError(f"{what} cannot be made:\n{made.stdout.strip()[:2000]}")


def outcome(build, suite, overlay):
    """What the tests found in the program linked in `overlay`, or None."""
    make(build, build.link(suite, overlay), overlay.name)
    library = suite.into.endswith(".so")
    program = build.folder / suite.run[0] if library else overlay / "linked"
    for settings in RUNS:
        environment = {**os.environ, **settings, "LD_LIBRARY_PATH": str(build.folder / "tests/emulator/lib"),
                       "JETCAL_EMULATOR_STEPS": str(STEPS), "JETCAL_EMULATOR_THREADS": "1"}
        if library:
            environment["JETCAL_CUDA_LIBRARY"] = str(overlay / "linked")
        try:
            ran = finished(build, [program, *suite.run[1:], "--abort", "--reporter", "compact"], environment, SECONDS)
        except subprocess.TimeoutExpired:
            return f"no end after {SECONDS} s"
        if ran.returncode != 0:
            return what_failed(ran.stdout) + (", on two blocks" if settings else "")
    return None


def run(build, mutant):
    """(seconds, what killed it or None)."""
    overlay = build.folder / "mutants" / mutant.id
    shutil.rmtree(overlay, ignore_errors=True)
    changed = overlay / mutant.file
    changed.parent.mkdir(parents=True)
    changed.write_text((ROOT / mutant.file).read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8")
    start = time.monotonic()
    try:
        make(build, build.compile(mutant.suite.source, overlay), mutant.id)
        found = outcome(build, mutant.suite, overlay)
        return time.monotonic() - start, found
    finally:
        shutil.rmtree(overlay, ignore_errors=True)


def require_unchanged_passes(build, suite):
    """Linked and run the same way with nothing changed, the suite must pass: else every kill is worthless."""
    overlay = build.folder / "mutants" / f"unchanged_{suite.name}"
    overlay.mkdir(parents=True, exist_ok=True)
    try:
        found = outcome(build, suite, overlay)
    finally:
        shutil.rmtree(overlay, ignore_errors=True)
    if found is not None:
        raise TableError(f"suite {suite.name} fails without any mutant: {found}")


def report(mutants, results):
    """Prints the score and what survived; True if nothing did without a reason."""
    killed = sum(found is not None for found in results)
    unexplained = [m for m, found in zip(mutants, results) if found is None and not m.survives]
    stale = [m for m, found in zip(mutants, results) if found is not None and m.survives]
    for m, found in zip(mutants, results):
        if found is None:
            print(f"survived: {m.id} ({m.file}): {m.wrong}")
            print(f"          {m.survives or 'NOT EXPLAINED: add a test that notices it'}")
    for m in stale:
        print(f"mutants: {m.id} is killed, but the table says why it survives. Take that out")
    explained = sum(found is None for found in results) - len(unexplained)
    print(f"mutants: {killed}/{len(mutants)} killed, {explained} survived with a reason, {len(unexplained)} without")
    return not unexplained and not stale


def main():
    parser = argparse.ArgumentParser(prog="tests/mutants/run.py", usage=argparse.SUPPRESS, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=os.environ.get("JETCAL_BUILD_DIR", ROOT / "build"))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--sample", type=int)
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JETCAL_JOBS", os.cpu_count())))
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    mutants = chosen(read_table(TABLE.read_text(encoding="utf-8")), arguments.only, arguments.sample)
    if arguments.list:
        for m in mutants:
            print(f"{m.id:40} {m.file:34} {m.wrong}")
        return 0
    build = Build(arguments.build.resolve())
    for m in mutants:
        if m.suite.into not in build.targets:
            print(f"left out: {m.id}: this build has no {m.suite.into}")
    mutants = [m for m in mutants if m.suite.into in build.targets]
    suites = list({m.suite.name: m.suite for m in mutants}.values())
    for suite in suites:
        build.prepare(suite)
    build.require_up_to_date({suite.into for suite in suites} | {suite.run[0] for suite in suites})
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        unchanged = [pool.submit(require_unchanged_passes, build, suite) for suite in suites]
        changed = [pool.submit(run, build, m) for m in mutants]
        results = []
        try:
            for future in unchanged:
                future.result()
            for m, future in zip(mutants, changed):
                seconds, found = future.result()
                print(f"{'survived' if found is None else 'killed':8} {seconds:5.1f} s  {m.id}: {found or ''}", flush=True)
                results.append(found)
        finally:
            pool.shutdown(cancel_futures=True)
    return 0 if report(mutants, results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TableError as error:
        print(f"mutants: {error}", file=sys.stderr)
        sys.exit(2)
