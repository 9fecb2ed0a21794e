#!/usr/bin/env python3
"""Runs the numpy program of docs/model-file.md and compares it with `jetcal calibrate`.

Usage: numpy_model_test.py DOCS_MODEL_FILE_MD MODEL SHARD CALIBRATED

CALIBRATED is what `jetcal calibrate MODEL SHARD --out CALIBRATED` wrote. Every response and sigma
must agree to 1e-5, NaN with NaN, on every jet. Status 0 if so.
"""
import re
import sys

import h5py
import numpy as np

TOLERANCE = 1e-5
LONGEST = 40
OUTPUTS = ("response", "sigma_low", "sigma_high")


def program_of(page):
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    if len(blocks) != 1:
        sys.exit(f"the page has {len(blocks)} python blocks (must be 1)")
    n_lines = len(blocks[0].splitlines())
    if n_lines > LONGEST:
        sys.exit(f"the program has {n_lines} lines (at most {LONGEST})")
    return blocks[0]


def main(page, model, shard, calibrated):
    with open(page, encoding="utf-8") as f:
        names = {"__name__": "numpy_model"}
        exec(compile(program_of(f.read()), page, "exec"), names)
    predicted = names["predict"](model, shard)
    with h5py.File(calibrated, "r") as f:
        jets = f["jets"][()]
    bad = compared = 0
    for head, outputs in predicted.items():
        if outputs.shape[0] != len(jets):
            sys.exit(f"{head}: {outputs.shape[0]} predictions of {len(jets)} jets")
        for i, output in enumerate(OUTPUTS):
            # A head with two outputs has one sigma for both sides.
            want = outputs[:, min(i, outputs.shape[1] - 1)]
            got = jets[f"{head}_{output}"].astype(float)
            both_nan = np.isnan(want) & np.isnan(got)
            close = np.abs(got - want) <= TOLERANCE  # False where only one is NaN
            wrong = ~(both_nan | close)
            compared += int(close.sum())
            bad += int(wrong.sum())
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                print(f"{head}_{output}: {wrong.sum()} jets differ, first row {row}: "
                      f"jetcal {got[row]!r}, numpy {want[row]!r}")
            spread = float(np.nanstd(want)) if len(want) else 0.0
            if not spread > 0:
                sys.exit(f"{head}_{output}: does not vary: nothing is tested")
    if bad or not compared:
        sys.exit(f"{bad} values differ, {compared} agree")
    print(f"{compared} values agree to {TOLERANCE}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
