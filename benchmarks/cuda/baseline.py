"""Compares the counters of small training steps with baseline.json."""

import json
import pathlib

import bounds
import names
import scaling

PATH = pathlib.Path(__file__).with_name("baseline.json")
TOLERANCE = 0.02
STEPS = {  # batches of no tile's size; options of step_counters
    "fp32": {"rows": 130},
    "tf32": {"rows": 130, "precision": "tf32"},
    "bf16": {"rows": 130, "precision": "bf16"},
    "fp32, diffgrad, mass only": {"rows": 70, "optimizer": "diffgrad", "mass_only": True},
}
COUNTED = {
    "launches": lambda x: x.get("launches"),
    "instructions": lambda x: x.get("warp_instructions"),
    "memory_bytes": bounds.memory_bytes,
    "requested_bytes": bounds.requested_bytes,
    "shared_wavefronts": lambda x: x.get(*(f"{name}.transactions" for name in bounds.SHARED)),
    "bank_conflicts": lambda x: x.get("bank_conflicts"),
}


def counted(build):
    """{step: {kernel or "all kernels": {counter: number}}}"""
    found = {}
    for title, options in STEPS.items():
        step = found[title] = {}
        for launch in scaling.run(build, **options).launches:
            for name in ("all kernels", names.short(launch)):
                row = step.setdefault(name, dict.fromkeys(COUNTED, 0))
                for key, of in COUNTED.items():
                    row[key] += of(launch)
    return found


def compare(now, before):
    """Lines about counters that grew, and about those that shrank, by more than TOLERANCE. A kernel that is new or
    gone shows in `all kernels`."""
    grown, shrunk = [], []
    for title, step in now.items():
        for name, row in step.items():
            old = before.get(title, {}).get(name)
            if old is None:
                if name == "all kernels":
                    grown.append(f"{title}: not in the baseline")
                continue
            for key, value in row.items():
                line = f"{title}: {name}: {key} {old[key]} -> {value}"
                if not value <= old[key] * (1 + TOLERANCE):
                    grown.append(line)
                elif value < old[key] * (1 - TOLERANCE):
                    shrunk.append(line)
    return grown, shrunk


def check(build, write):
    now = counted(build)
    if write:
        PATH.write_text(json.dumps(now, indent=1) + "\n")
        return 0
    grown, shrunk = compare(now, json.loads(PATH.read_text()))
    for line in grown:
        print(f"grown: {line}")
    for line in shrunk:
        print(f"shrunk: {line}")
    if grown or shrunk:
        print("If that is wanted: benchmarks/cuda/predict baseline --write, and say why in the commit")
    else:
        print(f"counters of {len(now)} steps within {TOLERANCE:.0%} of the baseline")
    return 1 if grown else 0
