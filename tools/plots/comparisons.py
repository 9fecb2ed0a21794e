"""Two calibrations of the same jets (figure 6), and one calibration on two samples (figure 13)."""

import itertools

from plots import panels, style
from plots.errors import distinct, edges, number, objects
from plots.picture import Picture
from plots.results import NONE, VARIABLES

ONE = ((0.01, style.BAND_1),)


def difference(variable):
    return panels.Vertical(rf"difference of $R_{style.SYMBOLS[variable]}$", 0, ONE, 0.012,
                           limits=(-0.5, 0.5))


def ratio(variable):
    symbol = style.SYMBOLS[variable]
    return panels.Vertical(rf"ratio of $(q_{{84\%}} - q_{{16\%}})\,/\,R_{symbol}$", 1, (), 0.02,
                           limits=(0.3, 2))


MEASURES = {
    "response_difference": ("mode_difference", difference, "the difference of the responses"),
    "resolution_ratio": ("iqr68_over_mode_ratio", ratio, "the ratio of the resolutions"),
}


def cell_points(rows, key, axes):
    """{ranges of the other axes: points against the first}."""
    found = {}
    for row in rows:
        value, at = number(row.get(key)), edges(row, axes[0])
        if value is None or at is None:
            continue
        found.setdefault(tuple(edges(row, a) for a in axes[1:]), []).append(
            panels.Point(*at, value, number(row.get(key + "_error")) or 0))
    return found


def slices_of(rows, axes):
    """The ranges of the other axes, and how many columns of panels they need."""
    bins = [sorted({edges(row, a) for row in rows}, key=lambda b: b or (0, 0)) for a in axes[1:]]
    columns = 1 if not bins else (
        panels.columns_for(len(bins[0])) if len(bins) == 1 else len(bins[0]))
    return [tuple(reversed(c)) for c in itertools.product(*reversed(bins))], columns


def slice_title(axes, ranges):
    return ", ".join(style.range_label(a, r) for a, r in zip(axes[1:], ranges) if r)


def comparison_pictures(results, section):
    """All later calibrations against one: the errors are those of the differences, which are
    smaller than the two calibrations' own since the jets are the same."""
    for table in results.tables:
        rows = [r for r in table.comparisons if r.get("variable") in VARIABLES]
        keys = distinct((r.get("sample"), r.get("group", ""), r["variable"], r.get("first"))
                        for r in rows)
        for sample, group, variable, first in keys:
            mine = [r for r in rows if (r.get("sample"), r.get("group", ""), r["variable"],
                                        r.get("first")) == (sample, group, variable, first)]
            seconds = distinct(r.get("second") for r in mine)
            series = [results.series.get(s, style.Series(str(s))) for s in seconds]
            for measure, (key, vertical, what) in MEASURES.items():
                def draw(mine=mine, key=key, vertical=vertical, seconds=seconds, series=series,
                         table=table, title=(sample, first, measure, variable)):
                    found = [cell_points([r for r in mine if r.get("second") == s], key,
                                         table.axes) for s in seconds]
                    slices, columns = slices_of(mine, table.axes)
                    made = [panels.Panel([f.get(s, []) for f in found], vertical(title[3]),
                                         slice_title(table.axes, s)) for s in slices]
                    word = "minus" if title[2] == "response_difference" else "over"
                    text = (f"{style.shorten(title[0], 30)}, {title[3]}: the calibrations below "
                            f"{word} {results.label(title[1])}")
                    return panels.draw(made, columns, table.axes[0], series, text,
                                       table.bins(table.axes[0]))

                yield Picture(
                    style.file_name(sample, table.name, group, variable, measure, "to",
                                    results.label(first)), section, sample,
                    f"{sample}: {what} of the {variable} to {results.label(first)}, the same jets "
                    f"under both, against {style.words(table.axes[0])}." +
                    (" Band: 1 %." if measure == "response_difference" else
                     " Below 1 the named calibration is the narrower one."), draw)


def sample_pictures(results, section):
    """The response of both samples and, below it, their difference."""
    rows = objects(results.json, "sample_differences", results.where,
                   ("first", "second", "calibration"))
    table = results.closure
    for first, second, calibration, variable in distinct(
            (r["first"], r["second"], r["calibration"], r.get("variable")) for r in rows):
        if variable not in VARIABLES:
            continue
        mine = [r for r in rows if (r["first"], r["second"], r["calibration"], r["variable"]) ==
                (first, second, calibration, variable)]

        def draw(first=first, second=second, calibration=calibration, variable=variable,
                 mine=mine):
            both = [cell_points(table.cells(s, "", variable, calibration).values(), "mode",
                                table.axes) for s in (first, second)]
            apart = cell_points(mine, "mode_difference", table.axes)
            slices, columns = slices_of(mine, table.axes)
            series = [style.Series(style.plain(style.shorten(first, 36)), style.BLACK, "s",
                                   filled=False),
                      style.Series(style.plain(style.shorten(second, 36)), style.VERMILION, "^"),
                      style.Series("difference", style.BLUE, "o")]
            made = []
            for start in range(0, len(slices), columns):
                here = slices[start:start + columns]
                blank = [None] * (columns - len(here) if start else 0)
                made += [panels.Panel([b.get(s, []) for b in both] + [[]],
                                      panels.response(variable), slice_title(table.axes, s), "",
                                      "response") for s in here] + blank
                made += [panels.Panel([[], [], apart.get(s, [])], difference(variable), "", "",
                                      "difference") for s in here] + blank
            title = f"{variable}, {results.label(calibration)}"
            return panels.draw(made, columns, table.axes[0], series, title,
                               table.bins(table.axes[0]))

        name = "no calibration" if calibration == NONE else results.label(calibration)
        yield Picture(
            style.file_name(first, second, variable, "response", results.label(calibration)),
            section, "", f"The response of the {variable} in {first} and {second} ({name}) and, "
            f"below, {second} minus {first}. Bands: 1 % and 5 %; 1 % for the difference.", draw)
