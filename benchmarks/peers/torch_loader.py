#!/usr/bin/env python3
"""Jets per second out of shards as they are commonly read in Python.

    pip install torch h5py numpy;  torch_loader.py 'SHARDS*.h5' [--batch 15000] [--workers 2] [--seconds 5]

rows:    a map-style Dataset that indexes one row of an HDF5 file, behind a shuffling DataLoader
slices:  h5py alone, a chunk after the other, decoded into one float32 matrix a chunk: no shuffling
Beside them: build/bin/loader_bench.
"""

import argparse
import glob
import json
import time

import h5py
import numpy as np
import torch

FEATURES = ("energy mass eta groomMRatio Width Split12 Split23 C2 D2 Tau21_wta Tau32_wta Qw EMFrac EM3Frac "
            "Tile0Frac EffNConsts NeutralEFrac ChargePTFrac ChargeMFrac averageMu NPV").split()
TARGETS = ["truth_energy", "truth_mass"]


class Rows(torch.utils.data.Dataset):
    """Opens its files in the process that reads them: h5py's handles do not survive a fork."""

    def __init__(self, paths):
        self.paths, self.files = paths, None
        self.first = [0]
        for path in paths:
            with h5py.File(path) as file:
                self.first.append(self.first[-1] + len(file["jets"]))

    def __len__(self):
        return self.first[-1]

    def __getitem__(self, row):
        if self.files is None:
            self.files = [h5py.File(path)["jets"] for path in self.paths]
        shard = int(np.searchsorted(self.first, row, side="right")) - 1
        jet = self.files[shard][row - self.first[shard]]
        return np.array([jet[name] for name in FEATURES + TARGETS], np.float32)


def of_rows(paths, batch, workers):
    loader = torch.utils.data.DataLoader(Rows(paths), batch_size=batch, shuffle=True, num_workers=workers)
    for jets in loader:
        yield len(jets)


def of_slices(paths):
    for path in paths:
        with h5py.File(path) as file:
            jets = file["jets"]
            for first in range(0, len(jets), jets.chunks[0]):
                rows = jets[first:first + jets.chunks[0]]
                yield len(np.stack([rows[name].astype(np.float32) for name in FEATURES + TARGETS], axis=1))


def rate(counts, seconds):
    start, jets = time.monotonic(), 0
    for n in counts:
        jets += n
        if time.monotonic() - start > seconds:
            break
    return round(jets / (time.monotonic() - start))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", nargs="+", help="files or globs")
    parser.add_argument("--batch", type=int, default=15000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5, help="measured time a case")
    a = parser.parse_args()
    paths = sorted(path for shard in a.shards for path in glob.glob(shard))
    torch.set_num_threads(1)
    for peer, counts in ((f"DataLoader over rows, torch {torch.__version__}", of_rows(paths, a.batch, a.workers)),
                         (f"h5py {h5py.__version__} slices", of_slices(paths))):
        print(json.dumps({"peer": peer, "batch": a.batch, "jets_per_s": rate(counts, a.seconds)}), flush=True)


if __name__ == "__main__":
    main()
