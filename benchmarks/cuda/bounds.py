"""The least time of a launch on a card, and the least bytes of a step: predicted, not measured."""

from cards import SCHEDULERS, SPECIAL_LANES, fp32_lanes

WARP = 32
FLOPS_OF_MMA = {"tf32": 2 * 16 * 8 * 8, "bf16": 2 * 16 * 8 * 16}  # m16n8k8, m16n8k16
SECTOR = 32
SHARED = ("load_shared", "store_shared", "load_matrix")
GLOBAL = ("load_global", "store_global", "copy_async", "atomic")


def memory_bytes(launch):
    """Every byte the launch touches, once: what it moves if the caches lose nothing within a launch."""
    return launch.get("distinct_bytes_read", "distinct_bytes_written")


def requested_bytes(launch):
    """Sectors its warps ask for: what the first-level caches and L2 must deliver."""
    return SECTOR * launch.get(*(f"{name}.transactions" for name in GLOBAL))


def times(launch, card, precision):
    """Seconds that each of the card's limits asks for, alone and used without a gap."""
    wavefronts = launch.get(*(f"{name}.transactions" for name in SHARED))
    fp32 = launch.get("fma.warp_instructions", "arithmetic.warp_instructions")
    flops = launch.get("mma.warp_instructions") * FLOPS_OF_MMA.get(precision, 0)
    return {
        "memory": memory_bytes(launch) / (card.memory_tb_s * 1e12),
        "issue": launch.get("warp_instructions") / (SCHEDULERS * card.clocks),
        "fp32": fp32 * WARP / (fp32_lanes(card.capability) * card.clocks),
        "special": launch.get("special.warp_instructions") * WARP / (SPECIAL_LANES * card.clocks),
        "tensor": flops / card.tensor_flops(precision),
        "shared": wavefronts / card.clocks,
    }


def launch_bound(launch, card, precision):
    return max(times(launch, card, precision).values())


def step_bound(step, card):
    """Seconds of a step: its launches one after the other, each as fast as the card's limits allow."""
    return sum(launch_bound(launch, card, step.about["precision"]) for launch in step.launches)


def roofline(step, card):
    """Seconds of a step by its products and the least bytes alone, each limit used without a gap."""
    layers, rows = step.about["layers"], step.about["rows"]
    flops = rows * sum(flops_a_row(layer) for layer in layers)
    return max(flops / card.tensor_flops(step.about["precision"]), least_bytes(step) / (card.memory_tb_s * 1e12))


def flops_a_row(layer):
    if "train" not in layer:
        return 0
    return 2 * layer["inputs"] * layer["outputs"] * (1 + layer["train"] + layer["input_gradient"])


def least_bytes(step):
    """What the step must read and write if it is executed layer by layer, forward and backward: every operand read
    once, every result written once. In bf16 what belongs to a row takes two bytes a number."""
    about = step.about
    of_rows = about["rows"] * sum(floats_a_row(layer) for layer in about["layers"])
    states = {"radam": 2, "diffgrad": 3}[about["optimizer"]]
    # parameters and states are read and written, the gradient is read
    update = about["trained_parameters"] * (2 * (1 + states) + 1)
    parameters = sum(floats_of_parameters(layer) for layer in about["layers"])
    return (2 if about["precision"] == "bf16" else 4) * of_rows + 4 * (parameters + update)


def floats_a_row(layer):
    kind = layer["kind"]
    if kind == "annotation":
        return layer["inputs"] + layer["outputs"]
    if kind == "gate":
        width, logits, hidden = layer["width"], layer["logits_gradient"], layer["hidden_gradient"]
        forward = 4 * width if logits or hidden else 3 * width  # logits, hidden layer, result; the gate, kept
        backward = width * (2 + 2 * logits + hidden) if logits or hidden else 0  # dy, gate; h, dlogits; dh
        return forward + backward
    x, y = layer["inputs"], layer["outputs"]
    backward = layer["train"] or layer["input_gradient"]
    through = x * layer["train"] + x * layer["input_gradient"]  # reads the input, writes its gradient
    if kind == "head":  # target, weight; outputs, gradient, loss and kept of a row
        return x + 2 + y + (y + 2) + (y + through if backward else 0)
    kept = y if kind == "mish" and backward else 0  # the slope
    return x + y + kept + (y + kept + through if backward else 0)


def floats_of_parameters(layer):
    """Weights for each product, and their gradient."""
    if "train" not in layer:
        return 0
    weights = layer["inputs"] * layer["outputs"]
    return (weights + layer["outputs"]) * (1 + layer["train"]) + weights * layer["input_gradient"]
