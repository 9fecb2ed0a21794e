"""The tables of report.html. Their numbers are those of validation.json."""

import html

from plots import style
from plots.errors import distinct, edges, number, objects
from plots.results import NONE, VARIABLES

DASH = "–"


def text(value):
    return html.escape(str(value))


def table(heads, rows, words=1, long=()):
    """A table that scrolls by itself; the first `words` columns are text, `long` ones wrap."""
    if not rows:
        return ""

    def kind(column):
        names = (["text"] if column < words or column in long else []) + (
            ["long"] if column in long else [])
        return f' class="{" ".join(names)}"' if names else ""

    head = "".join(f"<th{kind(i)}>{text(h)}</th>" for i, h in enumerate(heads))
    body = "".join("<tr>" + "".join(f"<td{kind(i)}>{text(c)}</td>" for i, c in enumerate(row)) +
                   "</tr>" for row in rows)
    return (f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
            "</table></div>")


def count(value):
    found = number(value)
    if found is None:
        return DASH
    return f"{found:,.0f}".replace(",", "\u202f") if found == round(found) else f"{found:.1f}"


def percent(value):
    found = number(value)
    return DASH if found is None else f"{100 * found:.1f} %"


def fixed(value, digits=3):
    found = number(value)
    return DASH if found is None else f"{found:.{digits}f}"


def with_error(value, error, digits=4):
    if number(value) is None:
        return DASH
    return fixed(value, digits) + (f" ± {error:.{digits}f}" if number(error) is not None else "")


def skipped_text(entry):
    """One skipped test with its reason."""
    sample = f" ({text(entry['sample'])})" if entry.get("sample") else ""
    return (f'<p class="warning">Skipped: {text(entry.get("test", "a test"))}{sample}: '
            f'{text(entry.get("why", "no reason given"))}</p>')


def what(results):
    """Samples, calibrations, warnings and skipped tests."""
    parts = ['<section id="what"><h2>What was validated</h2>']
    samples = results.list("samples", ("sample",))
    parts.append(table(
        ["sample", "files", "side", "jets", "effective entries"],
        [[s["sample"], ", ".join(map(str, s.get("files") or [])), s.get("side", DASH),
          count(s.get("jets")), count(s.get("effective_entries"))] for s in samples], 3, (1,)))
    looks = {"s": "squares", "^": "triangles up", "o": "circles", "D": "diamonds",
             "v": "triangles down", "P": "plus signs", "X": "crosses", "*": "stars"}
    parts.append(table(
        ["calibration", "given as", "marker"],
        [[results.label(c), c, looks.get(results.series[c].marker, "")]
         for c in results.calibrations], 3, (1,)))
    warnings = results.json.get("warnings") or []
    parts += [f'<p class="warning">Warning: {text(w)}</p>' for w in warnings]
    skipped = results.list("skipped")
    parts += [skipped_text(s) for s in skipped]
    if not warnings and not skipped:
        parts.append("<p>No warnings, no test was skipped.</p>")
    cut = number(results.settings.get("mass_true_min"))
    if cut is not None:
        parts.append(f'<p class="small">Rows of the mass hold jets of a true mass above {cut:g} '
                     "GeV.</p>")
    return "".join(parts) + "</section>"


def limits(entries):
    """The limits shown: 1 % and 5 % where there are such."""
    found = distinct(number(w.get("limit")) for e in entries
                     for w in objects(e, "within", "summary"))
    found = [f for f in found if f is not None]
    return [f for f in found if f in (0.01, 0.05)] or found


def shares(results, entries, group=False):
    """The shares of bins that close, a row a sample, variable and calibration."""
    entries = [e for e in entries if number(e.get("bins"))]
    chosen = limits(entries)
    heads = ["sample"] + (["jets"] if group else []) + ["variable", "calibration", "bins"]
    for limit in chosen:
        heads += [f"bins within {100 * limit:g} %", "with errors", "by jets"]
    heads += ["IQR ratio", "worst bin", "its response"]
    rows = []
    for e in entries:
        by_limit = {number(w.get("limit")): w for w in e.get("within") or []}
        row = [e.get("sample", "")] + ([e.get("group", "")] if group else []) + [
            e.get("variable", ""), results.label(e.get("calibration")), count(e.get("bins"))]
        for limit in chosen:
            within = by_limit.get(limit, {})
            row += [percent(within.get(k)) for k in ("bins", "bins_with_errors", "jets")]
        first = (objects(e, "worst", "summary") or [{}])[0]
        rows.append(row + [fixed(e.get("iqr68_over_mode_ratio")), bin_words(first) or DASH,
                           with_error(first.get("mode"), first.get("mode_error"))])
    return table(heads, rows, 4 if group else 3)


def bin_words(entry):
    return ", ".join(style.range_words(q, edges(entry, q)) for q in style.QUANTITIES
                     if edges(entry, q))


def worst(results, entries):
    rows = []
    for e in entries:
        for bin_ in objects(e, "worst", "summary"):
            rows.append([e.get("sample", ""), e.get("variable", ""),
                         results.label(e.get("calibration")), bin_words(bin_),
                         count(bin_.get("jets")),
                         with_error(bin_.get("mode"), bin_.get("mode_error"))])
    return table(["sample", "variable", "calibration", "bin", "jets", "response"], rows, 4)


def ratios(results, entries, group=False):
    """After / before of the resolution, a column a calibration."""
    keys = distinct((e.get("sample"), e.get("group", ""), e.get("variable")) for e in entries
                    if number(e.get("iqr68_over_mode_ratio")) is not None)
    found = {(e.get("sample"), e.get("group", ""), e.get("variable"), e.get("calibration")):
             e.get("iqr68_over_mode_ratio") for e in entries}
    others = [c for c in results.calibrations if c != NONE]
    rows = [[k[0]] + ([k[1]] if group else []) + [k[2]] +
            [fixed(found.get((*k, c))) for c in others] for k in keys]
    return table(["sample"] + (["jets"] if group else []) + ["variable"] +
                 [results.label(c) for c in others], rows if others else [], 3 if group else 2)


def summary(results):
    entries = results.closure.summary
    parts = ['<section id="summary"><h2>Summary</h2>']
    if not entries:
        return (parts[0] + "<p>These results hold no summary. Run jetcal validate again.</p>"
                "</section>")
    least = number(results.settings.get("min_jets"))
    allowed = number(results.settings.get("errors_allowed"))
    parts.append(f"<p>Share of the bins{f' with at least {least:g} jets' if least else ''} whose "
                 "response is within 1 % and 5 % of unity: of the bins, of the bins with "
                 f"{f'{allowed:g}' if allowed is not None else 'the'} statistical errors allowed "
                 "for, and of the jets in them. IQR ratio: the width after / before, the mean over "
                 "the bins weighted with their jets.</p>")
    parts.append(shares(results, entries))
    parts.append("<details><summary>More of the worst bins</summary>"
                 f"{worst(results, entries) or '<p>None was counted.</p>'}</details>")
    topologies = [t for t in results.tables if t.name == "topologies"]
    if topologies and any(number(e.get("bins")) for e in topologies[0].summary):
        parts.append("<h3>Topologies</h3><p>The same in bins of true pT, in windows of the true "
                     "mass; the last columns of the second table are widths after / before.</p>" +
                     shares(results, topologies[0].summary, True) +
                     ratios(results, topologies[0].summary, True))
    resolution = ratios(results, entries)
    if resolution:
        parts.append("<h3>Resolution after / before</h3>" + resolution)
    left = [e for e in entries if number(e.get("bins_left_out")) or
            number(e.get("bins_without_mode"))]
    if left:
        parts.append("<details><summary>Bins that do not count</summary>" + table(
            ["sample", "variable", "calibration", "too few jets", "without a mode"],
            [[e.get("sample", ""), e.get("variable", ""), results.label(e.get("calibration")),
              count(e.get("bins_left_out")), count(e.get("bins_without_mode"))] for e in left], 3) +
                     "</details>")
    return "".join(parts) + "</section>"


def comparisons(results, t):
    """Which of two calibrations closes better and is narrower."""
    return table(
        ["sample", "jets", "variable", "calibration", "against", "bins", "closer to 1", "narrower",
         "by more than two errors", "IQR ratio"],
        [[c.get("sample", ""), c.get("group", ""), c.get("variable", ""),
          results.label(c.get("second")), results.label(c.get("first")), count(c.get("bins")),
          count(c.get("closer")), count(c.get("narrower")), count(c.get("surely_narrower")),
          with_error(c.get("iqr68_over_mode_ratio"), c.get("iqr68_over_mode_ratio_error"))]
         for c in t.comparison_summary if number(c.get("bins"))], 5)


def section_tables(section, results):
    """The shares of a test's own tables; the closure's are in the summary."""
    from plots.sections import OWN_SECTION

    parts = []
    if section.anchor == "comparisons":
        for t in results.tables:
            made = comparisons(results, t)
            if made:
                parts.append(f"<h3>Bins of the table {text(t.name)}</h3>{made}")
    for t in results.tables:
        if t.name == "closure" or OWN_SECTION.get(t.name, "slices") != section.anchor:
            continue
        made = shares(results, t.summary, any(t.groups))
        if made:
            parts.append(f"<details><summary>Closure of the table {text(t.name)}</summary>{made}"
                         "</details>")
    return "".join(parts)


def counts(results):
    """Jets outside of bins, and weights outside of histograms: nothing is dropped unseen."""
    parts = ['<section id="counts"><h2>Counts</h2>']
    samples = results.list("samples", ("sample",))
    parts.append(table(
        ["sample", "jets", "in no bin", "below the mass cut", "not finite", "not calibrated"],
        [[s["sample"]] + [count(s.get(k)) for k in (
            "jets", "outside_bins", "below_mass_cut", "not_finite", "not_calibrated")]
         for s in samples]))
    for t in results.tables:
        rows = []
        for c in t.counts:
            if not number(c.get("jets")):
                continue
            outside = c.get("outside") if isinstance(c.get("outside"), dict) else {}
            beyond = "; ".join(
                f"{style.words(q)}: {count(o.get('below'))} below, {count(o.get('above'))} above"
                for q, o in outside.items() if isinstance(o, dict))
            rows.append([c.get("sample", ""), c.get("group", ""), count(c.get("jets")),
                         count(c.get("in_bins")), count(c.get("below_mass_cut")),
                         count(c.get("not_finite")), beyond])
        if rows:
            parts.append(f"<details><summary>Table {text(t.name)}</summary>" + table(
                ["sample", "group", "jets", "in bins", "below the mass cut", "not finite",
                 "outside of the axes"], rows, 2, (6,)) + "</details>")
    parts.append(outside_histograms(results))
    return "".join(parts) + "</section>"


def outside_histograms(results):
    """Under- and overflow of the histograms that the modes are fitted to, and of distributions."""
    rows = []
    for t in results.tables:
        for sample in results.samples:
            for variable in VARIABLES:
                for c in results.calibrations:
                    mine = [r for g in t.groups for r in t.cells(sample, g, variable, c).values()]
                    if any(number(r.get("jets")) for r in mine):
                        rows.append([t.name, sample, variable, results.label(c)] + [
                            count(sum(number(r.get(k)) or 0 for r in mine))
                            for k in ("jets", "underflow", "overflow", "not_finite")])
    made = table(["table", "sample", "variable", "calibration", "jets", "underflow", "overflow",
                  "not finite"], rows, 4)
    parts = [f"<details><summary>Outside of the fitted histograms (sums over the bins)</summary>"
             f"{made}</details>" if made else ""]
    rows = []
    for e in results.list("distributions", ("sample", "variable", "calibration")):
        histogram = e.get("histogram") if isinstance(e.get("histogram"), dict) else {}
        rows.append([e["sample"], e.get("group", ""), e["variable"],
                     results.label(e["calibration"]), count(e.get("jets")),
                     count(histogram.get("underflow")),
                     count(histogram.get("overflow")), count(e.get("not_finite"))])
    made = table(["sample", "jets of", "variable", "calibration", "jets", "underflow", "overflow",
                  "not finite"], rows, 4)
    if made:
        parts.append("<details><summary>Outside of the drawn distributions</summary>" + made +
                     "</details>")
    return "".join(parts)


def estimator(results):
    rows = [[b.get("density", ""), fixed(b.get("mode"), 4),
             {"gaussian_fit": "Gaussian fit"}.get(b.get("method"), b.get("method", "")),
             fixed(b.get("fitted_minus_mode"), 4), fixed(b.get("half_sample_minus_mode"), 4)]
            for b in results.list("estimator_bias")]
    made = table(["density", "its mode", "method", "fitted − mode", "half-sample − mode"], rows, 1)
    return ('<section id="estimator"><h2>The estimator\'s own bias</h2><p>The mode of skewed '
            "densities whose mode is known, found with these settings: a calibration that predicts "
            "the true mode closes only up to such a bias.</p>" +
            (made or "<p>It was not measured.</p>") + "</section>")


def resources(results):
    found = results.json.get("resources")
    found = found if isinstance(found, dict) else {}

    def mib(value):
        return DASH if number(value) is None else f"{value / 2**20:.0f} MiB"

    def seconds(value):
        return DASH if number(value) is None else f"{value:.1f} s"

    rows = [["Peak memory of the program", mib(found.get("peak_memory_bytes"))],
            ["Jets' numbers in memory", mib(found.get("column_bytes_in_memory"))],
            ["Jets' numbers in a file", mib(found.get("column_bytes_in_file"))],
            ["Reading and calibrating", seconds(found.get("seconds_reading"))],
            ["Measuring", seconds(found.get("seconds_measuring"))]]
    return ('<section id="resources"><h2>Resources</h2>' +
            (table(["what", "amount"], rows) if found else "<p>They were not recorded.</p>") +
            "</section>")
