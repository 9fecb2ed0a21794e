#!/usr/bin/env python3
"""The paper's training step and its inference in JAX, compiled; JAX takes the processors it may run on.

    pip install jax numpy;  taskset -c 0,1 jax_step.py [--task train|infer]
"""

import os
import sys

threads = int(sys.argv[sys.argv.index("--threads") + 1]) if "--threads" in sys.argv else 1
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])  # before its threads start
os.environ["JAX_PLATFORMS"] = "cpu"
import common  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402


def dense(net, h, name):
    return h @ net[name][0] + net[name][1]


def chain(net, h, name):
    for i in range(len(common.CHAINS[name]) - 1):
        z = dense(net, h, f"{name}.{i}")
        h = z * jnp.tanh(jax.nn.softplus(z))
    return h


def outputs(net, x):
    eta = jnp.abs(x[:, 2:3] / common.ETA_SCALE)
    x = jnp.concatenate([x, jnp.exp(-((eta - common.CENTRES) ** 2) * common.FACTORS)], 1)
    core = chain(net, x, "core")
    gate = jax.nn.softmax(dense(net, chain(net, x, "gate"), "gate_logits"))
    energy = dense(net, chain(net, core, "energy"), "energy_head")
    mass = dense(net, chain(net, core, "mass") * gate, "mass_head")
    return 2 * jax.nn.sigmoid(2 * energy), 2 * jax.nn.sigmoid(2 * mass)


def mdna(y, t):
    mu, low, high = y[:, 0], jnp.maximum(y[:, 1], 0.01), jnp.maximum(y[:, 2], 0.01)
    z = (t - mu) / jnp.where(t < mu, low, high)
    return jnp.mean(jnp.log((low + high) / 2) + z * z / 2)


def loss_of(net, x, r):
    energy, mass = outputs(net, x)
    return mdna(energy, r[:, 0]) + mdna(mass, r[:, 1])


@jax.jit
def update(net, m, s, x, r):
    loss, g = jax.value_and_grad(loss_of)(net, x, r)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    s = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, s, g)
    return jax.tree.map(lambda p, m, s: p - 1e-3 * m / (jnp.sqrt(s) + 1e-7), net, m, s), m, s, loss


def measure(task, mode, threads, batch, seconds):
    net = {name: tuple(map(jnp.array, pair)) for name, pair in common.weights().items()}
    x, r = map(jnp.array, common.jets(batch))
    infer = jax.jit(outputs)
    state = [net, jax.tree.map(jnp.zeros_like, net), jax.tree.map(jnp.zeros_like, net)]

    def step():
        if task == "infer":
            infer(net, x)[1].block_until_ready()
        else:
            state[:], loss = (lambda n, m, s, loss: ([n, m, s], loss))(*update(*state, x, r))
            loss.block_until_ready()

    return f"jax {jax.__version__} {mode}", common.timed(step, batch, seconds)


if __name__ == "__main__":
    common.run(__doc__, ["jit"], measure)
