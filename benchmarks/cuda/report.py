"""The tables of `predict`, in Markdown."""

import functools
import json
import re

import bounds
import names
import resources
import scaling
from cards import CARDS, H100

BATCHES = (15_000, 95_000, 155_000)
PRECISIONS = ("fp32", "tf32", "bf16")
TRAINING_JETS = 259_200_000  # arXiv:2311.08885: 270 million, 4 % of them held out
TABLE_BATCH = 95_000
# What this project asks of its kernels.
MOST_MINUTES = {"tf32": 40, "bf16": 15}  # recipes/paper.json on one H100
MOST_BYTES = 1.3  # of a step, times the least
LEAST_OF_LOOP = 0.6  # of an inner loop: products, loads of their operands, copies
BEGIN, END = "<!-- predicted: begin -->\n", "<!-- predicted: end -->\n"


class Steps:
    """Steps of the paper's network at any batch, each kind measured on the emulator once."""

    def __init__(self, build):
        self.build = build
        self.formulas = {}
        self.assembled = {}

    def at(self, rows, **options):
        key = tuple(sorted(options.items()))
        if key not in self.formulas:
            self.formulas[key] = scaling.Formula(self.build, **options)
        return self.formulas[key].at(rows)

    @functools.cached_property
    def loops(self):
        return scaling.loops(self.build)

    def resources(self, capability):
        if capability not in self.assembled:
            self.assembled[capability] = resources.assemble(self.build / "lib/libjetcal_cuda.so", capability)
        return self.assembled[capability]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def cards():
    return table(
        ("card", "capability", "SMs", "GHz", "TB/s", "fp32 TFLOP/s", "tf32", "bf16", "from"),
        [
            (c.name, f"{c.capability // 10}.{c.capability % 10}", c.sms, c.clock_ghz, c.memory_tb_s, c.fp32_tflops,
             c.tf32_tflops, c.bf16_tflops, c.source)
            for c in CARDS
        ],
    )


def share(step, *classes):
    return f"{100 * step.total(*(f'{name}.warp_instructions' for name in classes)) / step.total('warp_instructions'):.0f} %"


def by_kernel(step):
    """[(name, Step of that kernel's launches)], the slowest on an H100 first."""
    groups = {}
    for launch in step.launches:
        groups.setdefault(names.short(launch), []).append(launch)
    found = [(name, scaling.Step(step.about, launches)) for name, launches in groups.items()]
    return sorted(found, key=lambda x: -bounds.step_bound(x[1], H100))


def bound_by(step, card):
    """The limit that costs a step most."""
    cost = {}
    for launch in step.launches:
        limits = bounds.times(launch, card, step.about["precision"])
        limit = max(limits, key=limits.get)
        cost[limit] = cost.get(limit, 0) + limits[limit]
    return max(cost, key=cost.get)


def is_dense(name):
    return re.match(r"dense\w*: \w*(product|weights)_kernel\b", name) is not None


def kernel_rows(steps, step):
    rows = step.about["rows"]
    for name, of in by_kernel(step):
        requested, moved = (sum(map(f, of.launches)) / rows for f in (bounds.requested_bytes, bounds.memory_bytes))
        yield (
            f"`{name}`", len(of.launches), f"{of.total('warp_instructions') / rows:.1f}", share(of, "fma"),
            share(of, "mma"), share(of, "load_shared", "load_matrix", "copy_async"),
            f"{steps.loops[name]:.0%}" if name in steps.loops else "", f"{moved:,.0f}", f"{requested:,.0f}",
            of.total("bank_conflicts"), f"{1e9 * bounds.step_bound(of, H100) / rows:.2f}", bound_by(of, H100),
        )


def resource_rows(steps, step):
    """Registers, shared memory and occupancy of each kernel."""
    kernels = {}
    for launch in step.launches:
        kernels.setdefault(names.short(launch), launch)
    columns = []
    for capability in resources.CAPABILITIES:
        found = steps.resources(capability)
        if any(launch.symbol not in found for launch in kernels.values()):
            return []
        asked = [
            (launch.get("threads_per_block"), found[launch.symbol].registers,
             found[launch.symbol].shared + launch.get("dynamic_shared_bytes"))
            for launch in kernels.values()
        ]
        columns.append(zip(asked, resources.occupancy(steps.build, capability, asked)))
    return [
        (f"`{name}`", cells[0][0][0], ", ".join(sorted({str(cell[0][1]) for cell in cells}, key=int)), cells[0][0][2],
         *(f"{cell[1]:.0%}" for cell in cells))
        for name, *cells in zip(kernels, *columns)
    ]


def step_rows(steps, precision, batches):
    for batch in batches:
        step = steps.at(batch, precision=precision)
        moved, requested = (sum(map(f, step.launches)) for f in (bounds.memory_bytes, bounds.requested_bytes))
        least = bounds.least_bytes(step)
        yield (
            f"{batch:,}", len(step.launches), f"{step.total('warp_instructions') / batch:,.0f}", share(step, "mma"),
            f"{moved / batch:,.0f}", f"{least / batch:,.0f}", f"{moved / least:.2f}", f"{requested / least:.2f}",
            step.total("bank_conflicts"),
        )


def time_rows(steps, precision, batches):
    for card in CARDS:
        found = [steps.at(batch, precision=precision) for batch in batches]
        yield (
            card.name, *(f"{1e9 * bounds.step_bound(step, card) / step.about['rows']:.1f}" for step in found),
            f"{1e9 * bounds.roofline(found[-1], card) / batches[-1]:.1f}", bound_by(found[-1], card),
        )


def step(steps, precision, batches):
    middle = steps.at(TABLE_BATCH, precision=precision)
    text = f"### A training step in {precision}: predicted, not measured\n\n"
    text += table(
        ("batch", "launches", "warp instructions a jet", "mma", "bytes a jet", "least", "ratio", "requested / least",
         "bank conflicts"),
        step_rows(steps, precision, batches),
    )
    text += "\nLeast time, nanoseconds a jet, by batch; the roofline at the last one:\n\n"
    text += table(("card", *(f"{batch:,}" for batch in batches), "roofline", "mostly bound by"),
                  time_rows(steps, precision, batches))
    text += f"\nKernels of a step of {TABLE_BATCH:,} jets, times on an {H100.name}:\n\n"
    text += table(
        ("kernel", "launches", "warp instructions a jet", "fma", "mma", "operand loads", "inner loop", "bytes a jet",
         "requested a jet", "bank conflicts", "ns a jet", "bound by"),
        kernel_rows(steps, middle),
    )
    rows = resource_rows(steps, middle)
    if rows:
        text += "\nWhat a kernel takes, and the share of a multiprocessor's warps it keeps in flight:\n\n"
        text += table(
            ("kernel", "threads", "registers", "shared bytes", *(f"sm_{c}" for c in resources.CAPABILITIES)), rows
        )
    return text


def targets(steps, minutes):
    """What is asked of the kernels, beside what is predicted. minutes: {precision: of the whole recipe}."""
    rows = [
        (f"all of `recipes/paper.json` in {p} on one {H100.name}", f"below {most} minutes", f"{minutes[p]:.1f} minutes")
        for p, most in MOST_MINUTES.items()
    ]
    for precision in PRECISIONS:
        step = steps.at(TABLE_BATCH, precision=precision)
        ratio = sum(map(bounds.memory_bytes, step.launches)) / bounds.least_bytes(step)
        rows.append((f"bytes of a step in {precision}", f"at most {MOST_BYTES} x the least", f"{ratio:.2f} x"))
    conflicts = {
        precision: sum(
            of.total("bank_conflicts")
            for name, of in by_kernel(steps.at(TABLE_BATCH, precision=precision)) if is_dense(name)
        )
        for precision in PRECISIONS
    }
    rows.append(("bank conflicts of the dense kernels, all precisions", "0", sum(conflicts.values())))
    assembled = [r for c in resources.CAPABILITIES for r in steps.resources(c).values()]
    if assembled:
        rows.append(("bytes of spilled registers, all cards", "0", sum(r.spills for r in assembled)))
    least = min(steps.loops.values())
    rows.append(("products, loads of their operands and copies in the inner loops on tensor cores",
                 f"at least {LEAST_OF_LOOP:.0%}", f"{least:.0%} to {max(steps.loops.values()):.0%}"))
    return table((f"asked, for batches of {TABLE_BATCH:,}", "target", "predicted"), rows)


def recipe(steps, path, precisions):
    """The least time of all jets of a recipe on one H100: a table, and {precision: minutes}."""
    rows, totals = [], dict.fromkeys(precisions, 0.0)
    for stage in json.loads(path.read_text())["schedule"]:
        options = {"optimizer": stage["optimizer"]["name"], "mass_only": stage["loss"]["energy"] is None}
        jets, cells = TRAINING_JETS * stage["epochs"], []
        for precision in precisions:
            found = steps.at(stage["batch_size"], precision=precision, **options)
            seconds = jets * bounds.step_bound(found, H100) / stage["batch_size"]
            totals[precision] += seconds
            cells.append(f"{seconds / 60:.1f}")
        rows.append((stage["name"], stage["epochs"], f"{stage['batch_size']:,}", *cells))
    rows.append(("all", sum(row[1] for row in rows), "", *(f"**{totals[p] / 60:.1f}**" for p in precisions)))
    text = f"Minutes on one {H100.name}, predicted, not measured:\n\n"
    return text + table(("step", "epochs", "batch", *precisions), rows), {p: totals[p] / 60 for p in precisions}


def write_page(steps, page, recipe_path):
    before, rest = page.read_text().split(BEGIN)
    all_steps, minutes = recipe(steps, recipe_path, PRECISIONS)
    parts = [targets(steps, minutes), cards(), all_steps]
    parts += [step(steps, precision, BATCHES) for precision in PRECISIONS]
    page.write_text(before + BEGIN + "\n" + "\n".join(parts) + "\n" + END + rest.split(END)[1])
