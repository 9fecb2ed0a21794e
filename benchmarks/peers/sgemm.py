#!/usr/bin/env python3
"""The yardstick of matrix products: NumPy's float32 one (OpenBLAS, in the packages of PyPI).

    pip install numpy;  sgemm.py [--batch 15000] [--threads 2]

Two shapes: a hidden layer of the network, [batch, 250] x [250, 250], and a square of 4,096, where a
library is at its best. OPENBLAS_CORETYPE, where it is set, chooses other instructions than the
processor's own: unset it. `gflops_a_thread` are those of a second of processor time.
"""

import argparse
import json
import os
import statistics
import time


def gflops(np, rows, inner, cols, seconds):
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(shape, dtype=np.float32) for shape in ((rows, inner), (inner, cols)))
    c = np.empty((rows, cols), np.float32)
    np.matmul(a, b, out=c)
    walls, cpu, start = [], time.process_time(), time.monotonic()
    while len(walls) < 3 or time.monotonic() - start < seconds:
        begin = time.monotonic()
        np.matmul(a, b, out=c)
        walls.append(time.monotonic() - begin)
    cpu = (time.process_time() - cpu) / len(walls)
    flop = 2e-9 * rows * inner * cols
    return {"gflops": round(flop / statistics.median(walls), 1), "gflops_a_thread": round(flop / cpu, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", help="accepted and ignored: products are products")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=15000)
    parser.add_argument("--seconds", type=float, default=4, help="measured time a shape")
    a = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = str(a.threads)  # read when numpy is loaded
    import numpy as np
    for shape in ((a.batch, 250, 250), (4096, 4096, 4096)):
        name = f"SGEMM {shape[0]} x {shape[1]} x {shape[2]}, numpy {np.__version__}"
        print(json.dumps({"peer": name, "threads": a.threads} | gflops(np, *shape, a.seconds)), flush=True)


if __name__ == "__main__":
    main()
