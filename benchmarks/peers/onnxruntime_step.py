#!/usr/bin/env python3
"""The paper's network in onnxruntime: inference only.

    pip install onnx onnxruntime numpy;  onnxruntime_step.py --task infer [--batch 95000] [--threads 2]
"""

import common
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def network():
    """21 features in, two heads out, with opset 18's Mish."""
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value, dtype=value.dtype), name))
        return name

    def node(op, inputs, **attributes):
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    number = lambda name, value: constant(name, np.array(value, np.float32))
    net = common.weights()

    def dense(h, name):
        return node("Gemm", [h, constant(name + ".w", net[name][0]), constant(name + ".b", net[name][1])])

    def chain(h, name):
        for i in range(len(common.CHAINS[name]) - 1):
            h = node("Mish", [dense(h, f"{name}.{i}")])
        return h

    eta = node("Gather", ["x", constant("two", np.array([2], np.int64))], axis=1)
    eta = node("Abs", [node("Div", [eta, number("scale", common.ETA_SCALE)])])
    d = node("Sub", [eta, constant("centres", common.CENTRES)])
    g = node("Exp", [node("Mul", [node("Mul", [d, d]), constant("factors", -common.FACTORS)])])
    x = node("Concat", ["x", g], axis=1)
    core = chain(x, "core")
    gate = node("Softmax", [dense(chain(x, "gate"), "gate_logits")], axis=1)
    hidden = {"energy": chain(core, "energy"), "mass": node("Mul", [chain(core, "mass"), gate])}
    two = number("double", 2.0)
    for name, h in hidden.items():
        a = node("Mul", [dense(h, name + "_head"), two])
        nodes.append(helper.make_node("Mul", [node("Sigmoid", [a]), two], [name]))
    value = lambda name, cols: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", cols])
    graph = helper.make_graph(nodes, "P1", [value("x", 21)], [value("energy", 3), value("mass", 3)], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def measure(task, mode, threads, batch, seconds):
    if task != "infer":
        raise SystemExit("onnxruntime_step.py: onnxruntime only infers. Use --task infer")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(network().SerializeToString(), options, ["CPUExecutionProvider"])
    x, _ = common.jets(batch)
    return f"onnxruntime {onnxruntime.__version__}", common.timed(lambda: session.run(None, {"x": x}), batch, seconds)


if __name__ == "__main__":
    common.run(__doc__, ["default"], measure)
