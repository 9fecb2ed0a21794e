"""Slopes of the response against pile-up (figure 11)."""

from plots import panels, style
from plots.errors import distinct, edges, number
from plots.picture import Picture
from plots.results import VARIABLES

SCALE = 1000  # slopes are drawn in units of 0.001


def vertical(variable, against):
    symbol = style.QUANTITIES.get(against, (against,))[0]
    return panels.Vertical(
        rf"$\partial R_{style.SYMBOLS[variable]}\,/\,\partial {symbol}$  [$10^{{-3}}$]", 0,
        ((1, style.BAND_1),), 1.4, limits=(-60, 60))


def points(rows):
    found = []
    for row in rows:
        at, slope = edges(row, "abs_eta_true"), number(row.get("slope"))
        if at and slope is not None:
            found.append(panels.Point(*at, SCALE * slope,
                                      SCALE * (number(row.get("slope_error")) or 0)))
    return found


def pictures(results, section):
    rows = results.list("pileup", ("against", "variable", "sample", "calibration"))
    series = [results.series[c] for c in results.calibrations]
    for sample, against in distinct((r["sample"], r["against"]) for r in rows):
        here = [r for r in rows if (r["sample"], r["against"]) == (sample, against)]
        variables = [v for v in VARIABLES if any(r["variable"] == v for r in here)]
        energies = distinct(edges(r, "energy_true") for r in here)
        averages = [e for e in energies if e is None]
        ranges = sorted(e for e in energies if e)
        for name, shown in (("", averages), ("in_energy", ranges)):
            if not shown:
                continue

            def draw(here=here, variables=variables, shown=shown, sample=sample, against=against):
                made = [panels.Panel(
                    [points(r for r in here if r["variable"] == v and r["calibration"] == c and
                            edges(r, "energy_true") == e) for c in results.calibrations],
                    vertical(v, against),
                    style.range_label("energy_true", e) if e else "average over energies",
                    shares=v) for e in shown for v in variables]
                title = f"{style.shorten(sample, 40)}: slope of the response against pile-up"
                return panels.draw(made, len(variables), "abs_eta_true", series, title,
                                   [edges(r, "abs_eta_true") for r in here])

            where = "averaged over the bins of energy" if not name else "in bins of true energy"
            yield Picture(
                style.file_name(sample, "pileup", against, "slope", name), section, sample,
                f"{sample}: slope of the response against {style.words(against)}, {where}, "
                "against true |η|. Band: 0.1 % per unit.", draw)
