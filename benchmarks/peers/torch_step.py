#!/usr/bin/env python3
"""The paper's training step (P1, both heads, MDNA, Adam) and its inference in PyTorch: one JSON line a mode.

    pip install torch numpy;  torch_step.py [--task train|infer] [--mode eager,compiled,...] [--threads 2]

The same network, loss and batch sizes as benchmarks/training/step_bench.cpp. Jets are random numbers.
"""

import contextlib

import common
import torch
from torch import nn


def chain(widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.Mish()]
    return nn.Sequential(*layers)


class P1(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("centres", torch.tensor(common.CENTRES))
        self.register_buffer("factors", torch.tensor(common.FACTORS))
        for name, widths in common.CHAINS.items():
            setattr(self, name, chain(widths))
        for name, (a, b) in common.LINEAR.items():
            setattr(self, name, nn.Linear(a, b))

    def forward(self, x):
        eta = (x[:, 2:3] / common.ETA_SCALE).abs()
        x = torch.cat([x, torch.exp(-((eta - self.centres) ** 2) * self.factors)], 1)
        core = self.core(x)
        energy = self.energy_head(self.energy(core))
        gate = torch.softmax(self.gate_logits(self.gate(x)), 1)
        mass = self.mass_head(self.mass(core) * gate)
        return 2 * torch.sigmoid(2 * energy.float()), 2 * torch.sigmoid(2 * mass.float())


def mdna(y, x):
    """log((s1 + s2) / 2) + z^2 / 2 (arXiv:2311.08885, Eqs. 5 and 6, normalised)."""
    mu, low, high = y[:, 0], y[:, 1].clamp_min(0.01), y[:, 2].clamp_min(0.01)
    z = (x - mu) / torch.where(x < mu, low, high)
    return (torch.log((low + high) / 2) + z * z / 2).mean()


def measure(task, mode, threads, batch, seconds):
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    model = P1()
    assert sum(p.numel() for p in model.parameters()) == common.PARAMETERS
    x, r = map(torch.tensor, common.jets(batch))
    autocast = (lambda: torch.autocast("cpu", torch.bfloat16)) if "bf16" in mode else contextlib.nullcontext

    def loss_of(x, r):
        with autocast():
            energy, mass = model(x)
        return mdna(energy, r[:, 0]) + mdna(mass, r[:, 1])

    def predict(x):
        with autocast():
            return model(x)

    function = loss_of if task == "train" else predict
    run = torch.compile(function) if "compiled" in mode else function
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        if task == "infer":
            with torch.inference_mode():
                run(x)
            return
        optimizer.zero_grad()
        loss = run(x, r)
        loss.backward()
        optimizer.step()

    return f"torch {torch.__version__} {mode}", common.timed(step, batch, seconds)


if __name__ == "__main__":
    common.run(__doc__, ["eager", "compiled", "eager-bf16", "compiled-bf16"], measure)
