"""How a training went, by epoch: losses of energy, mass and both with the schedule's steps marked
(figure 3 of arXiv:2311.08885), kept fractions, losses in bins of the true jet."""

import json
import math

from plots import style
from plots.errors import edges, fail, number, numbers, read_text, require_object
from plots.picture import Picture

LOSSES = [("loss_energy", "Energy loss"), ("loss_mass", "Mass loss")]
SIDES = [("train", "-", "training"), ("validation", ":", "validation")]


def read_metrics(path):
    """The epochs of a run, as dictionaries."""
    text = read_text(path, "a run writes it at the end of its first epoch")
    lines = text.split("\n")
    epochs = []
    for i, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            epoch = json.loads(line)
        except json.JSONDecodeError as error:
            if i == len(lines) - 1:  # no line end: the run is being written, or was killed
                continue
            fail(f"{path}: line {i + 1} is no JSON ({error.msg})")
        require_object(epoch, f"{path}: line {i + 1}")
        for key in ("step", "train"):
            if key not in epoch:
                fail(f"{path}: line {i + 1} has no '{key}' (must have one)")
        require_object(epoch["train"], f"{path}: line {i + 1}: train")
        epochs.append(epoch)
    if not epochs:
        fail(f"{path}: holds no epoch yet. Wait for the end of the first")
    return epochs


def values(epochs, side, key):
    """One number an epoch, nan where there is none."""
    return numbers((e.get(side) or {}).get(key) for e in epochs)


def has_any(series):
    return any(math.isfinite(v) for v in series)


def steps_of(epochs):
    """[(label, first epoch, last epoch)] of the schedule's steps, epochs counted from 1."""
    steps = []
    for i, epoch in enumerate(epochs, 1):
        if steps and steps[-1][0] == epoch["step"]:
            steps[-1][2] = i
        else:
            steps.append([epoch["step"], i, i])
    return steps


def mark_steps(axis, epochs, labels):
    """A grey line between steps and, where there is room, their numbers along the top."""
    steps = steps_of(epochs)
    room = max(1, len(epochs)) / 30  # epochs that a number needs
    last_label = -math.inf
    for step, first, last in steps:
        if first > 1:
            axis.axvline(first - 0.5, color="0.75", linewidth=0.7, zorder=0)
        middle = (first + last) / 2
        if labels and middle - last_label >= room:
            axis.annotate(str(step), (middle, 1), xycoords=("data", "axes fraction"),
                          xytext=(0, 3), textcoords="offset points", ha="center",
                          color="0.35", fontsize=8)
            last_label = middle
    axis.set_xlim(0.5, len(epochs) + 0.5)


def draw_series(axis, series, colour, line, label=None, width=1.3):
    """A line; markers as well where it would not show: few epochs, or one between two gaps."""
    x = range(1, len(series) + 1)
    marker = "o" if len(series) <= 25 else None
    axis.plot(x, series, line, color=colour, label=label, linewidth=width, marker=marker,
              markersize=3, markerfacecolor="white" if line == ":" else colour)
    if marker is None:
        alone = [i for i, v in enumerate(series) if math.isfinite(v)
                 and not any(0 <= k < len(series) and math.isfinite(series[k])
                             for k in (i - 1, i + 1))]
        axis.plot([i + 1 for i in alone], [series[i] for i in alone], ".", color=colour)


def draw_losses(epochs):
    """Losses of energy, mass and both, and the kept fractions, one above the other."""
    figure, axes = style.grid(4, 1, [], "", panel=(6.5, 1.9), left=0.85, gap=(0, 0.12))
    axes = axes[:, 0]
    panels = [("Energy loss", "loss_energy", style.BLUE),
              ("Mass loss", "loss_mass", style.VERMILION),
              ("Total loss", None, style.BLACK)]
    for axis, (title, key, colour) in zip(axes, panels):
        found = False
        for side, line, name in SIDES:
            if key is None:
                pairs = zip(values(epochs, side, "loss_energy"), values(epochs, side, "loss_mass"))
                series = [e + m for e, m in pairs]
            else:
                series = values(epochs, side, key)
            if has_any(series):
                draw_series(axis, series, colour, line, name)
                found = True
        axis.set_ylabel(title)
        if found:
            axis.legend(loc="upper right", ncol=2)
            axis.margins(y=0.2)
        else:
            axis.text(0.5, 0.5, "not trained", transform=axis.transAxes, ha="center", color="0.5")
    kept = axes[3]
    for colour, key, name in ((style.BLUE, "kept_energy", "energy"),
                              (style.VERMILION, "kept_mass", "mass")):
        for side, line, side_name in SIDES:
            series = values(epochs, side, key)
            if has_any(series):
                draw_series(kept, series, colour, line, f"{name}, {side_name}")
    kept.set_ylabel("Jets kept by the truncation")
    kept.set_ylim(0, 1.35)
    kept.set_yticks([0, 0.25, 0.5, 0.75, 1])
    if kept.get_legend_handles_labels()[0]:
        kept.legend(loc="upper right", ncol=2)
    for i, axis in enumerate(axes):
        mark_steps(axis, epochs, labels=i == 0)
    figure.align_ylabels(axes)
    for axis in axes[:-1]:
        axis.tick_params(labelbottom=False)
    axes[0].set_title("Step of the schedule", loc="center", pad=16)
    axes[-1].set_xlabel("Epoch (all steps counted on)")
    axes[-1].xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return figure


def bin_series(epochs, side, loss):
    """{(|eta| range, pT range): a number an epoch}: the mean over the bins' masses, by jets."""
    series = {}
    for i, epoch in enumerate(epochs):
        sums = {}
        for entry in epoch.get("bins") or []:
            counts = entry.get(side) or {}
            value, jets = number(counts.get(loss)), number(counts.get("jets"))
            if value is None or not jets:
                continue
            cell = sums.setdefault((edges(entry, "abs_eta_true"), edges(entry, "pt_true")), [0, 0])
            cell[0] += jets * value
            cell[1] += jets
        for key, (total, jets) in sums.items():
            series.setdefault(key, [math.nan] * len(epochs))[i] = total / jets
    return series


def range_text(pair, digits):
    return f"{pair[0]:.{digits}f} - {pair[1]:.{digits}f}"


def draw_bins(epochs):
    """One panel a loss and |eta| range, one line a pT range: validation where there is one."""
    from matplotlib.lines import Line2D

    side, collected = "validation", {}
    for side in ("validation", "train"):
        collected = {loss: bin_series(epochs, side, loss) for loss, _ in LOSSES}
        if any(collected.values()):
            break
    keys = {key for series in collected.values() for key in series}
    if not keys:
        return None
    etas = sorted({eta for eta, _ in keys}, key=lambda e: e or (0, 0))
    pts = sorted({pt for _, pt in keys}, key=lambda p: p or (0, 0))
    looks = style.ordered([range_text(p, 0) if p else "all" for p in pts])
    figure, axes = style.grid(len(etas), 2, [], "", panel=(3.7, 1.6), right=1.6, gap=(0.55, 0.12))
    colours = {p: s.colour for p, s in zip(pts, looks)}
    for column, (loss, title) in enumerate(LOSSES):
        for row, eta in enumerate(etas):
            axis = axes[row][column]
            for pt in pts:
                series = collected[loss].get((eta, pt))
                if series is not None:
                    draw_series(axis, series, colours[pt], "-", width=1)
            mark_steps(axis, epochs, labels=row == 0)
            if row == 0:
                axis.set_title(f"{title} ({side})", pad=16)
            if eta and column == 0:
                axis.set_ylabel(rf"$|\eta_\mathrm{{true}}|$ {range_text(eta, 1)}")
            axis.tick_params(labelbottom=row == len(etas) - 1)
            axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes[-1][column].set_xlabel("Epoch (all steps counted on)")
    handles = [Line2D([], [], color=s.colour) for s in looks]
    figure.legend(handles, [s.label for s in looks], loc="center right",
                  title=style.axis_label("pt_true"))
    return figure


def pictures(results, section):
    for curve in results.training:
        name = results.label(curve["calibration"])
        epochs = [e for e in curve.get("epochs") or [] if isinstance(e, dict)
                  and "step" in e and isinstance(e.get("train"), dict)]
        if not epochs:
            continue
        yield Picture(style.file_name("training", name), section, "",
                      f"{name}: losses by epoch, plain for the training and dotted for the "
                      "validation jets; grey lines are between the schedule's steps. Jets kept by "
                      "the truncation.", lambda epochs=epochs: draw_losses(epochs))
        yield Picture(style.file_name("training_bins", name), section, "",
                      f"{name}: losses by epoch in bins of true pT and |η|.",
                      lambda epochs=epochs: draw_bins(epochs))
