"""Predicted widths against those found, and pulls: is a network's own resolution honest?"""

from plots import panels, style
from plots.distributions import draw_histogram, outside_text
from plots.errors import distinct, edges, number, objects
from plots.picture import Picture
from plots.results import VARIABLES

RATIO = panels.Vertical("predicted / found IQR$_{68}$", 1, ((0.1, style.BAND_5),), 0.12,
                        limits=(0.3, 3))
PULL_WIDTH = panels.Vertical("width of the pulls", 1, ((0.1, style.BAND_5),), 0.12, limits=(0.3, 3))
PULL_MODE = panels.Vertical("mode of the pulls", 0, ((0.1, style.BAND_5),), 0.15, limits=(-2, 2))


def values(row):
    """(what is drawn, its value and error) of one bin."""
    ratio, found = number(row.get("predicted_over_found")), number(row.get("found_iqr68"))
    error = number(row.get("found_iqr68_error")) or 0
    yield RATIO, ratio, ratio * error / found if ratio and found else 0
    yield PULL_WIDTH, number(row.get("pull_width")), number(row.get("pull_width_error")) or 0
    yield PULL_MODE, number(row.get("pull_mode")), number(row.get("pull_mode_error")) or 0


def bin_panels(rows, calibrations, axes, slices):
    """Three panels a slice of the second axis, the three measures below each other."""
    made = []
    for measure in range(3):
        for s in slices:
            series = []
            for calibration in calibrations:
                points = []
                for row in rows:
                    if row["calibration"] != calibration or (
                            len(axes) > 1 and edges(row, axes[1]) != s):
                        continue
                    vertical, value, error = list(values(row))[measure]
                    at = edges(row, axes[0])
                    if at and value is not None:
                        points.append(panels.Point(*at, value, error))
                series.append(points)
            title = style.range_label(axes[1], s) if s and measure == 0 else ""
            made.append(panels.Panel(series, (RATIO, PULL_WIDTH, PULL_MODE)[measure], title, "",
                                     measure))
    return made


def pictures(results, section):
    where = f"{results.where}: widths"
    rows = objects(results.widths, "rows", where, ("variable", "sample", "calibration"))
    pulls = objects(results.widths, "pulls", where, ("variable", "sample", "calibration"))
    axes = [a["quantity"] for a in objects(results.widths, "axes", where, ("quantity",))]
    calibrations = distinct(r["calibration"] for r in rows + pulls)
    series = [results.series.get(c, style.Series(c)) for c in calibrations]
    for sample in distinct(r["sample"] for r in rows):
        for variable in VARIABLES:
            mine = [r for r in rows if (r["sample"], r["variable"]) == (sample, variable)]
            if not mine or not axes:
                continue
            slices = distinct(edges(r, axes[1]) if len(axes) > 1 else None for r in mine)

            def draw(mine=mine, slices=slices, sample=sample, variable=variable):
                made = bin_panels(mine, calibrations, axes, slices)
                title = f"{style.shorten(sample, 40)}: predicted and found widths of the {variable}"
                return panels.draw(made, len(slices), axes[0], series, title,
                                   [edges(r, axes[0]) for r in mine])

            yield Picture(
                style.file_name(sample, variable, "widths"), section, sample,
                f"{sample}: predicted over found width of the {variable}'s response, and width and "
                "mode of the pulls (r − prediction) / predicted width, against "
                f"{style.words(axes[0])}. An honest prediction has 1, 1 and 0. Bands: 10 %.", draw)
    for sample in distinct(p["sample"] for p in pulls):
        mine = [p for p in pulls if p["sample"] == sample]
        yield Picture(style.file_name(sample, "pulls"), section, sample,
                      f"{sample}: pulls of all jets, normalised to unity, and the normal "
                      "distribution (grey).",
                      lambda mine=mine, sample=sample: draw_pulls(results, mine, sample))


def draw_pulls(results, pulls, sample):
    import math

    calibrations = distinct(p["calibration"] for p in pulls)
    variables = [v for v in VARIABLES if any(p["variable"] == v for p in pulls)]
    figure, axes = style.grid(1, len(variables), [results.series.get(c, style.Series(c))
                                                  for c in calibrations],
                              f"{style.shorten(sample, 40)}: pulls", panel=(4.1, 2.9),
                              gap=(0.7, 0.3), lines=True)
    drawn = False
    for axis, variable in zip(axes[0], variables):
        notes = []
        for pull in (p for p in pulls if p["variable"] == variable):
            looks = results.series.get(pull["calibration"], style.Series(pull["calibration"]))
            if draw_histogram(axis, pull.get("histogram"), looks):
                drawn = True
                notes.append((looks, outside_text(pull["histogram"])))
        x = [-5 + 0.05 * i for i in range(201)]
        axis.plot(x, [math.exp(-v * v / 2) / math.sqrt(2 * math.pi) for v in x], color="0.7",
                  linewidth=2.5, zorder=0)
        axis.set_xlim(-5, 5)
        axis.set_ylim(bottom=0)
        axis.set_xlabel(rf"pull of $r_{style.SYMBOLS[variable]}$")
        axis.set_ylabel("jets / width of a bin (area 1)")
        for i, (looks, text) in enumerate(notes):
            axis.text(0.02, 0.97 - 0.055 * i, text, transform=axis.transAxes, va="top",
                      fontsize=6.5, color=looks.colour)
    return figure if drawn else None
