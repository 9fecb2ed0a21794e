"""What the peers share: the paper's P1 network in numbers, the jets, the clock and the command line."""

import argparse
import json
import statistics
import time

import numpy as np

CENTRES = np.array([0.0, 0.8, 1.0, 1.2, 1.375, 1.475, 1.7, 2.0, 2.5, 2.8, 3.2], np.float32)
WIDTHS = np.array([0.5, 0.15, 0.12, 0.12, 0.08, 0.08, 0.12, 0.2, 0.2, 0.2, 0.25], np.float32)
FACTORS = 1 / (2 * WIDTHS ** 2)
ETA_SCALE = 0.4
PARAMETERS = 764_236

# 21 features + 11 Gaussians of |eta| -> core 3 x 210 -> forks 5 x 250, gate 210 -> 250, heads of 3.
CHAINS = {"core": [32, 210, 210, 210], "energy": [210] + 5 * [250], "mass": [210] + 5 * [250],
          "gate": [32, 210]}
LINEAR = {"gate_logits": (210, 250), "energy_head": (250, 3), "mass_head": (250, 3)}


def shapes():
    """Every layer's [inputs, outputs] by name."""
    return {f"{name}.{i}": (a, b) for name, widths in CHAINS.items()
            for i, (a, b) in enumerate(zip(widths, widths[1:]))} | LINEAR


def mflop(task):
    """Of a jet: 2 a multiply-add; forward, and in training the gradients of weights and of inputs, but the first's."""
    forward = 2e-6 * sum(a * b for a, b in shapes().values())
    to_features = 2e-6 * sum(a * b for a, b in shapes().values() if a == CHAINS["core"][0])
    return forward if task == "infer" else 3 * forward - to_features


def weights(seed=1):
    """Every layer's (weight [inputs, outputs], bias), Glorot-uniform, by name."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, (a, b) in shapes().items():
        limit = np.sqrt(6 / (a + b))
        made[name] = (rng.uniform(-limit, limit, (a, b)).astype(np.float32), np.zeros(b, np.float32))
    assert sum(w.size + b.size for w, b in made.values()) == PARAMETERS
    return made


def jets(batch):
    rng = np.random.default_rng(2)
    return (ETA_SCALE * rng.standard_normal((batch, 21))).astype(np.float32), \
        (0.95 + 0.1 * rng.standard_normal((batch, 2))).astype(np.float32)


def timed(step, batch, seconds):
    """Median jets per second on the wall, and jets per second of processor time."""
    for _ in range(2):
        step()
    times, cpu, start = [], time.process_time(), time.monotonic()
    while len(times) < 3 or time.monotonic() - start < seconds:
        begin = time.monotonic()
        step()
        times.append(time.monotonic() - begin)
    cpu = (time.process_time() - cpu) / len(times)
    return {"jets_per_s": round(batch / statistics.median(times)), "jets_per_cpu_s": round(batch / cpu)}


def run(doc, modes, measure):
    """Calls measure(task, mode, threads, batch, seconds) -> (peer, numbers); prints a JSON line each."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=["train", "infer"], default="train")
    parser.add_argument("--mode", default=",".join(modes), help=f"of {', '.join(modes)}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=15000)
    parser.add_argument("--seconds", type=float, default=4, help="measured time a case")
    a = parser.parse_args()
    for mode in a.mode.split(","):
        peer, numbers = measure(a.task, mode, a.threads, a.batch, a.seconds)
        numbers["gflops_a_thread"] = round(1e-3 * numbers["jets_per_cpu_s"] * mflop(a.task), 1)
        print(json.dumps({"peer": peer, "task": a.task, "threads": a.threads, "batch": a.batch} | numbers),
              flush=True)
