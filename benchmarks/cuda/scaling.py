"""What a training step executes on a CUDA device at any batch size, from runs of a few hundred jets on the emulator.

Counters of a launch are exact functions of the rows B:

- Tiles, warps and lanes repeat after PERIOD rows: with B = q PERIOD + r the counters are a(r) + q b, exactly, from the
  size on at which every gradient lane is in use. b comes from two runs with r = 0, a(r) from one more.
- A grid has at most MOST_BLOCKS blocks; what is left is done in strides. A block that is left out saves its beginning
  and end, whose cost comes from a run on a grid of a few blocks. Not exact where threads of a warp part (they part at
  other places then): within CAPPED_BOUND of the instructions of a launch.
"""

import json
import math
import os
import subprocess
from fractions import Fraction

import names

PERIOD = 256  # rows: tiles of 128, 8 lanes of tiles of 16, 256 threads a block
MOST_BLOCKS = 8192  # kMostBlocks of kernels/launch_checks.cpp
FEW_BLOCKS = 5
CAPPED_BOUND = 0.03


class Launch:
    """Counters of one launch: `of`, from a name ("blocks", "fma.warp_instructions") to a number."""

    def __init__(self, kernel, symbol, counters):
        self.kernel, self.symbol, self.of = kernel, symbol, counters

    @classmethod
    def read(cls, entry):
        counters = {key: value for key, value in entry.items() if isinstance(value, int)}
        for name, numbers in entry["classes"].items():
            counters.update({f"{name}.{key}": value for key, value in numbers.items()})
        return cls(entry["kernel"], entry["symbol"], counters)

    def get(self, *keys):
        return sum(self.of.get(key, 0) for key in keys)


class Step:
    """One run of step_counters: `about` (rows, layers, ...) and the step's launches in order."""

    def __init__(self, about, launches):
        self.about, self.launches = about, launches

    def total(self, *keys):
        return sum(launch.get(*keys) for launch in self.launches)


def run(build, rows, most_blocks=None, **options):
    """Takes a training step of `rows` jets on the emulator of the build folder; options: as of step_counters."""
    words = ["step_counters", "--rows", str(rows)]
    for key, value in options.items():
        flag = "--" + key.replace("_", "-")
        words += ([flag] if value else []) if isinstance(value, bool) else [flag, str(value)]
    settings = {} if most_blocks is None else {"JETCAL_CUDA_MOST_BLOCKS": str(most_blocks)}
    about = emulated(build, words, settings)
    return Step(about, [Launch.read(entry) for entry in about.pop("launches")])


def emulated(build, words, settings=None):
    """What a program of the build folder prints on the emulator, read as JSON."""
    words = [str(build / "bin" / words[0]), *words[1:]]
    settings = (settings or {}) | {"LD_LIBRARY_PATH": str(build / "tests/emulator/lib")}
    done = subprocess.run(words, env=os.environ | settings, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def loops(build):
    """{kernel: share of its inner loop's instructions that are products, loads of their operands or copies} of the
    kernels on tensor cores."""
    found = {}
    for entry in emulated(build, ["loop_counters"]):
        found[names.short(Launch(entry["kernel"], entry["symbol"], {}))] = entry["useful"] / entry["instructions"]
    return found


class Formula:
    """Counters of a step at any number of rows of at least `least_rows`."""

    def __init__(self, build, **options):
        self.build, self.options = build, options
        self.lanes = options.get("lanes", 8)
        # A batch of B rows has min(lanes, B / 64) gradient lanes.
        self.least_rows = math.ceil(64 * self.lanes / PERIOD) * PERIOD
        self.whole = self._run(self.least_rows)
        self.next = self._run(self.least_rows + PERIOD)
        self.few = self._run(self.least_rows, FEW_BLOCKS)
        self.beginnings = {0: self.whole}  # by rows modulo PERIOD

    def _run(self, rows, most_blocks=None):
        step = run(self.build, rows, most_blocks, **self.options)
        if hasattr(self, "whole") and [x.kernel for x in step.launches] != [x.kernel for x in self.whole.launches]:
            raise SystemExit(f"scaling: {rows} rows launch other kernels than {self.least_rows}: no formula for them")
        return step

    def at(self, rows, most_blocks=MOST_BLOCKS):
        """The step of `rows` jets on grids of at most `most_blocks`."""
        if rows < self.least_rows:
            raise ValueError(f"Formula: {rows} rows (must be at least {self.least_rows})")
        rest = rows % PERIOD
        if rest not in self.beginnings:
            self.beginnings[rest] = self._run(self.least_rows + rest)
        periods = (rows - self.least_rows) // PERIOD
        launches = [
            self._launch(at, whole, after, few, periods, most_blocks)
            for at, whole, after, few in zip(
                self.beginnings[rest].launches, self.whole.launches, self.next.launches, self.few.launches
            )
        ]
        return Step(self.whole.about | {"rows": rows}, launches)

    @staticmethod
    def _launch(at, whole, after, few, periods, most_blocks):
        same = ("launches", "threads_per_block", "dynamic_shared_bytes")
        keys = at.of.keys() | whole.of.keys() | after.of.keys() | few.of.keys()
        free = {
            key: at.get(key) + (0 if key in same else periods * (after.get(key) - whole.get(key))) for key in keys
        }
        left_out = max(0, free["blocks"] - most_blocks)
        if left_out == 0:
            return Launch(at.kernel, at.symbol, free)
        fewer = whole.get("blocks") - few.get("blocks")
        return Launch(
            at.kernel,
            at.symbol,
            {
                key: round(free[key] - Fraction(left_out * (whole.get(key) - few.get(key)), fewer)) if fewer else free[key]
                for key in keys
            },
        )
