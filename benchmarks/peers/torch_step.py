#!/usr/bin/env python3
"""The paper's training step (P1, both heads, MDNA, Adam) in PyTorch, timed: one JSON line a case.

    pip install torch numpy;  torch_step.py --threads 1,2 --batch 15000,95000 [--mode eager,compiled]

The same network, loss and batch sizes as benchmarks/training/step_bench.cpp. Jets are random numbers.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn


class P1(nn.Module):
    """21 features + 11 Gaussians of |eta| -> core 3 x 210 -> forks 5 x 250, gate 210 -> 250, heads of 3."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centres", torch.tensor([0.0, 0.8, 1.0, 1.2, 1.375, 1.475, 1.7, 2.0, 2.5, 2.8, 3.2]))
        self.register_buffer("factors", 1 / (2 * torch.tensor([0.5, 0.15, 0.12, 0.12, 0.08, 0.08, 0.12, 0.2, 0.2, 0.2, 0.25]) ** 2))

        def chain(widths):
            layers = []
            for a, b in zip(widths, widths[1:]):
                layers += [nn.Linear(a, b), nn.Mish()]
            return nn.Sequential(*layers)

        self.core = chain([32, 210, 210, 210])
        self.energy = chain([210] + 5 * [250])
        self.mass = chain([210] + 5 * [250])
        self.gate = nn.Sequential(nn.Linear(32, 210), nn.Mish(), nn.Linear(210, 250), nn.Softmax(1))
        self.energy_head = nn.Linear(250, 3)
        self.mass_head = nn.Linear(250, 3)

    def forward(self, x):
        eta = (x[:, 2:3] / 0.4).abs()
        x = torch.cat([x, torch.exp(-((eta - self.centres) ** 2) * self.factors)], 1)
        core = self.core(x)
        energy = self.energy_head(self.energy(core))
        mass = self.mass_head(self.mass(core) * self.gate(x))
        return 2 * torch.sigmoid(2 * energy), 2 * torch.sigmoid(2 * mass)


def mdna(y, x):
    """log((s1 + s2) / 2) + z^2 / 2 (arXiv:2311.08885, Eqs. 5 and 6, normalised)."""
    mu, low, high = y[:, 0], y[:, 1].clamp_min(0.01), y[:, 2].clamp_min(0.01)
    z = (x - mu) / torch.where(x < mu, low, high)
    return (torch.log((low + high) / 2) + z * z / 2).mean()


def measure(threads, batch, mode, seconds):
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    model = P1()
    count = sum(p.numel() for p in model.parameters())
    assert count == 764_236, count
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = 0.4 * torch.randn(batch, 21)
    r = 0.95 + 0.1 * torch.randn(batch, 2)

    def loss_of(x, r):
        energy, mass = model(x)
        return mdna(energy, r[:, 0]) + mdna(mass, r[:, 1])

    run = torch.compile(loss_of) if mode == "compiled" else loss_of

    def step():
        optimizer.zero_grad()
        loss = run(x, r)
        loss.backward()
        optimizer.step()
        return float(loss)

    for _ in range(2):
        step()
    times, start = [], time.monotonic()
    while len(times) < 3 or time.monotonic() - start < seconds:
        begin = time.monotonic()
        step()
        times.append(time.monotonic() - begin)
    rate = batch / statistics.median(times)
    return {"peer": f"torch {torch.__version__} {mode}", "threads": threads, "batch": batch,
            "jets_per_s": round(rate), "gflops": round(rate * 4.537e-3, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(v) for v in text.split(",")]
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--batch", type=numbers, default=[15000, 95000])
    parser.add_argument("--mode", default="eager,compiled")
    parser.add_argument("--seconds", type=float, default=5, help="measured time a case")
    arguments = parser.parse_args()
    for threads in arguments.threads:
        for batch in arguments.batch:
            for mode in arguments.mode.split(","):
                print(json.dumps(measure(threads, batch, mode, arguments.seconds)), flush=True)


if __name__ == "__main__":
    main()
