"""What the predictions of a network depend on (figure 14)."""

import math

from plots import style
from plots.errors import distinct, edges, number, objects
from plots.picture import Picture
from plots.results import VARIABLES

LOOKS = {"energy": (style.BLUE, "^"), "mass": (style.VERMILION, "v")}  # as in figure 14
MEASURES = [("shift_change", "shift_change_error", "mean $|\\Delta R| / R$\nwhen shifted",
             True),
            ("permuted_change", None, "rms of $\\Delta R / R$\nwhen permuted", True),
            ("permuted_iqr68_ratio", None, "IQR$_{68}/$mode of $r$:\npermuted / as it is", False)]


def ranked(entries):
    """Features, the one with the largest change of either prediction first."""
    def largest(feature):
        return max((number(e.get("shift_change")) or 0 for e in entries
                    if e["feature"] == feature), default=0)
    return sorted(distinct(e["feature"] for e in entries), key=largest, reverse=True)


def draw_ranking(entries, title):
    features = ranked(entries)
    measures = [m for m in MEASURES if any(number(e.get(m[0])) is not None for e in entries)]
    if not measures:
        return None
    longest = max(len(style.shorten(f, 26)) for f in features)
    series = [style.Series(v, *LOOKS[v]) for v in VARIABLES
              if any(e["variable"] == v for e in entries)]
    figure, axes = style.grid(1, len(measures), series, title, left=0.3 + 0.075 * longest,
                              panel=(2.6, max(1.2, 0.2 * len(features) + 0.2)), bottom=0.65,
                              gap=(0.18, 0.2))
    at = {f: len(features) - 1 - i for i, f in enumerate(features)}
    for column, (axis, (key, error_key, label, logarithmic)) in enumerate(zip(axes[0], measures)):
        values = []
        for k, looks in enumerate(series):
            mine = [e for e in entries if e["variable"] == looks.label]
            shown = [(number(e.get(key)), number(e.get(error_key)) if error_key else None,
                      at[e["feature"]]) for e in mine]
            shown = [(v, e or 0, y) for v, e, y in shown
                     if v is not None and (v > 0 or not logarithmic)]
            values += [v for v, _, _ in shown]
            axis.errorbar([v for v, _, _ in shown], [y + 0.12 - 0.24 * k for _, _, y in shown],
                          xerr=[e for _, e, _ in shown], linestyle="none", marker=looks.marker,
                          color=looks.colour, markersize=5, elinewidth=0.8)
        if logarithmic and values:
            axis.set_xscale("log")
            if math.log10(max(values) / min(values)) < 1:
                axis.set_xlim(min(values) / 4, max(values) * 4)
        if not logarithmic:
            axis.axvline(1, color="0.6", linewidth=0.7)
        axis.set_yticks(range(len(features)))
        axis.set_yticklabels([style.plain(style.shorten(f, 26)) for f in reversed(features)])
        axis.tick_params(labelleft=column == 0, right=False)
        axis.set_ylim(-0.7, len(features) - 0.3)
        axis.grid(axis="y", color="0.92", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.set_xlabel(label, fontsize=8.5)
    return figure


def draw_gradients(entries, title):
    """One map a variable: features down, bins of pT and mass across."""
    import matplotlib

    features = ranked(entries)
    variables = [v for v in VARIABLES if any(e["variable"] == v for e in entries)]
    cells = distinct((edges(g, "pt_true"), edges(g, "mass_true")) for e in entries
                     for g in objects(e, "gradients", "importance"))
    cells = [c for c in cells if all(c)]
    values = {(e["variable"], e["feature"], edges(g, "pt_true"), edges(g, "mass_true")):
              number(g.get("magnitude")) for e in entries for g in e.get("gradients", [])}
    filled = [v for v in values.values() if v]
    if not cells or not filled:
        return None
    longest = max(len(style.shorten(f, 26)) for f in features)
    figure, axes = style.grid(1, len(variables), [], title, left=0.3 + 0.075 * longest,
                              right=0.95, bottom=1.05, gap=(0.2, 0.2),
                              panel=(0.35 + 0.225 * len(cells),
                                     max(1.2, 0.2 * len(features))))
    # Four decades at most: smaller gradients do not matter.
    scale = matplotlib.colors.LogNorm(max(min(filled), max(filled) / 1e4), max(filled) * 1.0001)
    colours = matplotlib.colormaps["viridis"].with_extremes(bad="white", under="#2b0036")
    picture = None
    for column, (axis, variable) in enumerate(zip(axes[0], variables)):
        grid = [[values.get((variable, f, *c)) or math.nan for c in cells] for f in features]
        picture = axis.pcolormesh(range(len(cells) + 1), range(len(features) + 1), grid,
                                  norm=scale, cmap=colours, rasterized=True)
        for x, cell in enumerate(cells):
            if all(math.isnan(line[x]) for line in grid):
                axis.text(x + 0.5, len(features) / 2, "too few jets", rotation=90, ha="center",
                          va="center", color="0.4", fontsize=8)
            if x and cell[0] != cells[x - 1][0]:
                axis.axvline(x, color="white", linewidth=1.5)
        axis.invert_yaxis()
        axis.set_yticks([i + 0.5 for i in range(len(features))])
        axis.set_yticklabels([style.plain(style.shorten(f, 26)) for f in features])
        axis.tick_params(labelleft=column == 0, length=0)
        axis.set_xticks([i + 0.5 for i in range(len(cells))])
        axis.set_xticklabels([f"{m[0]:g} - {m[1]:g}" for _, m in cells], rotation=90, fontsize=7)
        axis.set_title(variable)
        for pt in distinct(p for p, _ in cells):
            mine = [i for i, c in enumerate(cells) if c[0] == pt]
            axis.annotate(f"{pt[0]:g} - {pt[1]:g}", ((mine[0] + mine[-1] + 1) / 2, 0),
                          xycoords=("data", "axes fraction"), xytext=(0, -64),
                          textcoords="offset points", ha="center", fontsize=7)
        for quantity, at in (("mass_true", -24), ("pt_true", -64)) if column == 0 else ():
            axis.annotate(style.axis_label(quantity), (0, 0), xycoords="axes fraction",
                          xytext=(-6, at), textcoords="offset points", ha="right", fontsize=8)
    width = figure.get_size_inches()[0]
    box = axes[0][-1].get_position()
    bar = figure.add_axes([box.x1 + 0.12 / width, box.y0, 0.14 / width, box.height])
    figure.colorbar(picture, cax=bar).set_label(
        r"mean $|\partial \ln R\,/\,\partial x|$ per standard deviation of $x$", fontsize=8)
    return figure


def pictures(results, section):
    for calibration in distinct(e["calibration"] for e in results.importance):
        mine = [e for e in results.importance
                if e["calibration"] == calibration and e["variable"] in VARIABLES]
        name = results.label(calibration)
        if not mine:
            continue
        settings = results.settings.get("importance", {})
        shift = number(settings.get("shift")) if isinstance(settings, dict) else None
        by = f"by {100 * shift:g} % of its standard deviation" if shift else "a little"
        yield Picture(style.file_name("importance", name), section, "",
                      f"{name}: mean relative change of the predicted response R when a feature is "
                      f"shifted {by}, its rms when the feature's values are permuted among the "
                      "jets, and the width of r / R when permuted over that as it is.",
                      lambda mine=mine, name=name: draw_ranking(mine, f"{name}: importance"))
        yield Picture(style.file_name("gradients", name), section, "",
                      f"{name}: mean size of the gradient of ln R with respect to each feature, "
                      "per standard deviation of the feature, in bins of true pT and mass.",
                      lambda mine=mine, name=name: draw_gradients(mine, f"{name}: gradients"))
