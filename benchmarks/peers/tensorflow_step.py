#!/usr/bin/env python3
"""The paper's training step and its inference in TensorFlow, as a graph with and without XLA.

    pip install tensorflow-cpu numpy;  tensorflow_step.py [--task train|infer] [--mode graph,xla] [--threads 2]
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import common  # noqa: E402
import tensorflow as tf  # noqa: E402


def measure(task, mode, threads, batch, seconds):
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    net = {name: (tf.Variable(w), tf.Variable(b)) for name, (w, b) in common.weights().items()}
    variables = [v for pair in net.values() for v in pair]
    x, r = map(tf.constant, common.jets(batch))

    def dense(h, name):
        return tf.nn.bias_add(h @ net[name][0], net[name][1])

    def chain(h, name):
        for i in range(len(common.CHAINS[name]) - 1):
            z = dense(h, f"{name}.{i}")
            h = z * tf.tanh(tf.nn.softplus(z))
        return h

    def outputs(x):
        eta = tf.abs(x[:, 2:3] / common.ETA_SCALE)
        x = tf.concat([x, tf.exp(-((eta - common.CENTRES) ** 2) * common.FACTORS)], 1)
        core = chain(x, "core")
        gate = tf.nn.softmax(dense(chain(x, "gate"), "gate_logits"))
        energy = dense(chain(core, "energy"), "energy_head")
        mass = dense(chain(core, "mass") * gate, "mass_head")
        return 2 * tf.sigmoid(2 * energy), 2 * tf.sigmoid(2 * mass)

    def mdna(y, t):
        mu, low, high = y[:, 0], tf.maximum(y[:, 1], 0.01), tf.maximum(y[:, 2], 0.01)
        z = (t - mu) / tf.where(t < mu, low, high)
        return tf.reduce_mean(tf.math.log((low + high) / 2) + z * z / 2)

    moments = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in variables]

    @tf.function(jit_compile=mode == "xla")
    def train(x, r):
        with tf.GradientTape() as tape:
            energy, mass = outputs(x)
            loss = mdna(energy, r[:, 0]) + mdna(mass, r[:, 1])
        for v, (m, s), g in zip(variables, moments, tape.gradient(loss, variables)):
            m.assign(0.9 * m + 0.1 * g)
            s.assign(0.999 * s + 0.001 * g * g)
            v.assign_sub(1e-3 * m / (tf.sqrt(s) + 1e-7))
        return loss

    infer = tf.function(outputs, jit_compile=mode == "xla")
    step = (lambda: train(x, r).numpy()) if task == "train" else (lambda: infer(x)[0].numpy())
    return f"tensorflow {tf.__version__} {mode}", common.timed(step, batch, seconds)


if __name__ == "__main__":
    common.run(__doc__, ["graph", "xla"], measure)
