"""Response and resolution: every table against its first axis (figures 4, 5, 8, 9, 10 and 12)."""

import itertools

from plots import panels, style
from plots.errors import number
from plots.picture import Picture
from plots.results import NONE, VARIABLES, best_samples

MEASURES = {
    "response": ("mode", panels.response, "the response R (mode of r = calibrated / true)"),
    "resolution": ("iqr68_over_mode", panels.resolution,
                   "the resolution (full width, (q84 % − q16 %) / R)"),
}


def points(cells, key, axis=0, where=None):
    """One point a row that has a value; `where` picks rows by the ranges of all axes."""
    found = []
    for ranges, row in cells.items():
        value = number(row.get(key))
        if value is None or ranges[axis] is None or (where and not where(ranges)):
            continue
        found.append(panels.Point(*ranges[axis], value, number(row.get(key + "_error")) or 0))
    return sorted(found, key=lambda p: p.low)


def slices_text(axes, ranges):
    return ", ".join(style.range_label(a, r) for a, r in zip(axes, ranges) if r)


def slice_panels(results, table, sample, group, variable, measure, axis, fixed):
    """Panels of the slices of one or two more axes: (panels, columns)."""
    key, vertical, _ = MEASURES[measure]
    others = [a for i, a in enumerate(table.axes) if i != axis and i not in fixed]
    bins = [table.bins(a) for a in others]
    columns = 1 if not others else (
        panels.columns_for(len(bins[0])) if len(others) == 1 else len(bins[0]))
    order = [tuple(reversed(c)) for c in itertools.product(*reversed(bins))]
    made = []
    for i, chosen in enumerate(order):
        wanted = {**dict(zip(others, chosen)), **{table.axes[a]: r for a, r in fixed.items()}}

        def where(ranges, wanted=wanted):
            return all(ranges[table.axes.index(a)] == r for a, r in wanted.items())

        series = [points(table.cells(sample, group, variable, c), key, axis, where)
                  for c in results.calibrations]
        wide = len(others) == 2
        title = slices_text(others[:1], chosen[:1]) if not wide or i < columns else ""
        side = slices_text(others[1:], chosen[1:]) if wide and i % columns == columns - 1 else ""
        made.append(panels.Panel(series, vertical(variable), title, side))
    return made, columns


def table_pictures(results, table, section, axis=0, measures=tuple(MEASURES), suffix=""):
    """One picture a sample, variable and measure; more where there are more than three axes."""
    series = [results.series[c] for c in results.calibrations]
    rest = [i for i in range(len(table.axes)) if i != axis][2:]
    for sample, group, variable in itertools.product(results.samples, table.groups, VARIABLES):
        if not table.has(sample=sample, variable=variable):
            continue
        for chosen in itertools.product(*(table.bins(table.axes[i]) for i in rest)):
            fixed = dict(zip(rest, chosen))
            fixed_words = [style.range_words(table.axes[i], r) for i, r in fixed.items() if r]
            for measure in measures:
                def draw(sample=sample, group=group, variable=variable, fixed=fixed,
                         measure=measure, more=tuple(fixed_words)):
                    made, columns = slice_panels(results, table, sample, group, variable, measure,
                                                 axis, fixed)
                    title = ", ".join([f"{style.shorten(sample, 40)}: {measure} of the {variable}",
                                       *more])
                    return panels.draw(made, columns, table.axes[axis], series, title,
                                       table.bins(table.axes[axis]))

                of = f" ({', '.join(fixed_words)})" if fixed_words else ""
                others = [style.words(a) for i, a in enumerate(table.axes)
                          if i != axis and i not in fixed]
                slices = f" in slices of {' and '.join(others)}" if others else ""
                name = (sample, group, variable, measure, suffix or f"{table.name}-table",
                        *(f"{r[0]:g}-{r[1]:g}" for r in chosen if r))
                yield Picture(style.file_name(*name), section, sample, (
                    f"{sample}{of}: {MEASURES[measure][2]} of the {variable} against "
                    f"{style.words(table.axes[axis])}{slices}." + bands_text(measure)), draw)


def bands_text(measure):
    return " Bands: 1 % and 5 %." if measure == "response" else ""


def closure_pictures(results, section):
    table = results.closure
    for axis, quantity in enumerate(table.axes):
        suffix = "vs_" + {"pt_true": "pt", "abs_eta_true": "eta"}.get(quantity, "mass")
        if quantity != "mass_true" or len(table.axes) == 1:
            yield from table_pictures(results, table, section, axis, suffix=suffix)


def series_picture(results, table, section, sample, name, curves, series, measure, title, caption):
    """A row a calibration, energy left and mass right; curves(variable, calibration) gives the
    points of the series. What is not calibrated has its own vertical axis."""
    _, vertical, _ = MEASURES[measure]
    shown = [c for c in results.calibrations if any(
        any(curves(v, c, measure)) for v in VARIABLES)]

    def draw():
        variables = [v for v in VARIABLES if any(any(curves(v, c, measure)) for c in shown)]
        made = [panels.Panel(curves(v, c, measure), vertical(v), style.plain(results.label(c)),
                             shares=(v, c == NONE and measure == "response"))
                for c in shown for v in variables]
        return panels.draw(made, max(1, len(variables)), table.axes[0], series, title,
                           table.bins(table.axes[0]))

    return Picture(name, section, sample, caption, draw)


def slice_series_pictures(results, table, section):
    """All slices of the second axis in one panel (figure 5)."""
    slices = [s for s in table.bins(table.axes[1]) if s]
    series = style.ordered([style.range_label(table.axes[1], s) for s in slices])
    for sample in results.samples:
        if not table.has(sample=sample):
            continue

        def curves(variable, calibration, measure, sample=sample):
            cells = table.cells(sample, "", variable, calibration)
            return [points(cells, MEASURES[measure][0], 0, lambda r, s=s: r[1] == s)
                    for s in slices]

        yield series_picture(
            results, table, section, sample,
            style.file_name(sample, "response", f"{table.name}-table", "by_slice"), curves, series,
            "response", f"{style.shorten(sample, 40)}: responses in slices",
            f"{sample}: the response against {style.words(table.axes[0])} for all slices of "
            f"{style.words(table.axes[1])} at once: the points of a calibration that is the same "
            "everywhere lie on each other. Bands: 1 % and 5 %.")


def group_pictures(results, table, section, what):
    """Groups of jets in one panel: topologies (figures 8, 9), flavours (12), spectra (10)."""
    def curves_of(pairs):
        def curves(variable, calibration, measure):
            return [points(table.cells(sample, group, variable, calibration), MEASURES[measure][0])
                    for sample, group in pairs]
        return curves

    def filled(pair):
        return sum(row.get("jets") or 0 for v in VARIABLES
                   for row in table.cells(*pair, v, NONE).values()
                   if number(row.get("mode")) is not None)

    def picture_pair(sample, pairs, labels):
        series = style.cycle(labels)
        for measure in MEASURES:
            yield series_picture(
                results, table, section, sample,
                style.file_name(sample, table.name, measure), curves_of(pairs), series, measure,
                f"{style.shorten(sample, 40) or 'all samples'}: {measure} {what}",
                f"{sample or 'All samples'}: {MEASURES[measure][2]} against "
                f"{style.words(table.axes[0])}, {what}." + bands_text(measure))

    shown = set()
    if len(results.samples) > 1 and len(table.groups) > 1 and table.name == "topologies":
        pairs = best_samples([(s, g) for s in results.samples for g in table.groups], filled)
        if len({s for s, _ in pairs}) > 1:
            shown = set(pairs)
            labels = [style.plain(f"{g} ({style.shorten(s, 20)})") for s, g in pairs]
            yield from picture_pair("", pairs, labels)
    for sample in results.samples:
        pairs = [(sample, g) for g in table.groups if filled((sample, g))]
        if pairs and not set(pairs) <= shown:
            yield from picture_pair(sample, pairs, [style.plain(g) for _, g in pairs])
