"""Histograms: distributions of the response (figure 7) and of the energy (figure 10 a)."""

import math

from plots import style
from plots.errors import distinct, number, numbers, require_object
from plots.picture import Picture
from plots.results import NONE, VARIABLES, best_samples


def total(histogram):
    """Everything in a histogram, under- and overflow too."""
    inside = sum(v for v in numbers(histogram.get("content") or []) if math.isfinite(v))
    return (inside + (number(histogram.get("underflow")) or 0) +
            (number(histogram.get("overflow")) or 0))


def outside_text(histogram):
    """The share left and right of the histogram."""
    everything = total(histogram)
    below, above = ((number(histogram.get(k)) or 0) / everything for k in ("underflow", "overflow"))
    return f"below {100 * below:.2g} %, above {100 * above:.2g} %"


def draw_histogram(axis, histogram, looks):
    """Normalised to unity with what is outside. False if it is empty."""
    if histogram is None:
        return False
    require_object(histogram, "histogram")
    content = numbers(histogram.get("content") or [])
    low, high = number(histogram.get("low")), number(histogram.get("high"))
    everything = total(histogram)
    if not content or low is None or high is None or not low < high or not everything > 0:
        return False
    width = (high - low) / len(content)
    axis.stairs([c / everything / width for c in content],
                [low + i * width for i in range(len(content) + 1)], color=looks.colour,
                linestyle=looks.line, linewidth=1.3, zorder=3)
    return True


def peak_range(histograms):
    """Where more than a five-hundredth of the highest bin is, in all of them."""
    low, high = math.inf, -math.inf
    for h in histograms:
        content = numbers(h.get("content") or [])
        if not content or not max(content) > 0:
            continue
        width = (h["high"] - h["low"]) / len(content)
        filled = [i for i, c in enumerate(content) if c > max(content) / 200]
        low = min(low, h["low"] + width * filled[0])
        high = max(high, h["low"] + width * (filled[-1] + 1))
    return (low, high) if low < high else None


def draw_responses(results, entries, pairs, title):
    """A row a group of jets, energy left and mass right, a line a calibration."""
    calibrations = [c for c in results.calibrations if any(e["calibration"] == c for e in entries)]
    variables = [v for v in VARIABLES if any(e["variable"] == v for e in entries)]
    figure, axes = style.grid(len(pairs), len(variables), [results.series[c] for c in calibrations],
                              title, panel=(4.1, 2.2), gap=(0.7, 0.62), lines=True)
    drawn = False
    for row, (sample, group) in enumerate(pairs):
        for axis, variable in zip(axes[row], variables):
            mine = [e for c in calibrations for e in entries
                    if (e["sample"], e.get("group", ""), e["variable"], e["calibration"]) ==
                    (sample, group, variable, c)]
            notes = []
            for entry in mine:
                looks = results.series[entry["calibration"]]
                if draw_histogram(axis, entry.get("histogram"), looks):
                    notes.append((looks, outside_text(entry["histogram"])))
            drawn = drawn or bool(notes)
            symbol = style.SYMBOLS[variable]
            axis.axvline(1, color="0.6", linewidth=0.7, zorder=1)
            axis.set_title(style.plain(f"{group} ({style.shorten(sample, 24)})"))
            axis.set_xlabel(rf"${symbol}\,/\,{symbol}_\mathrm{{true}}$")
            axis.set_ylabel("jets / width (area 1)")
            if not notes:
                axis.text(0.5, 0.4, "no jets", transform=axis.transAxes, ha="center", color="0.4")
                axis.set_yticks([])
                continue
            span = peak_range([e["histogram"] for e in mine])
            if span:
                axis.set_xlim(*span)
            axis.set_ylim(bottom=0)
            for i, (looks, text) in enumerate(notes[:8]):
                axis.text(0.98, 0.96 - 0.07 * i, text, transform=axis.transAxes, va="top",
                          ha="right", fontsize=6.3, color=looks.colour)
    return figure if drawn else None


def response_pictures(results, section):
    """Every group in its largest sample in one picture; samples with more groups have their own."""
    entries = [e for e in results.list("distributions", ("variable", "sample", "calibration"))
               if e["calibration"] in results.series]
    jets = {(e["sample"], e.get("group", "")): e.get("jets") or 0 for e in entries
            if e["calibration"] == NONE}
    jets = {pair: n for pair, n in jets.items() if n}
    best = best_samples(list(jets), jets.get)
    text = ("distributions of the response, normalised to unity; the shares outside the histogram "
            "are stated in the calibrations' colours. Lines as in the paper: plain none, dotted "
            "standard, dashed network")
    several = len({s for s, _ in best}) > 1
    if several:
        yield Picture("response_distributions", section, "", f"All samples: {text}.",
                      lambda: draw_responses(results, entries, best, "distributions of r"))
    for sample in distinct(s for s, _ in jets):
        pairs = [p for p in jets if p[0] == sample]
        if several and set(pairs) <= set(best):
            continue
        yield Picture(
            style.file_name(sample, "response_distributions"), section, sample,
            f"{sample}: {text}.",
            lambda pairs=pairs, sample=sample: draw_responses(
                results, entries, pairs, f"{style.shorten(sample, 40)}: distributions of r"))


def spectrum_pictures(results, section):
    """The energy spectrum before and after the weights."""
    spectra = results.list("spectra", ("sample", "group"))
    for sample in distinct(s["sample"] for s in spectra):
        mine = [s for s in spectra if s["sample"] == sample]

        def draw(mine=mine, sample=sample):
            colours = (style.BLACK, style.VERMILION, style.BLUE, style.GREEN)
            series = [style.Series(style.plain(s["group"]), colour, "s", line) for s, colour, line
                      in zip(mine, colours, ("-", "--", ":", "-."))]
            figure, axes = style.grid(1, 1, series, f"{style.shorten(sample, 40)}: spectrum",
                                      panel=(4.8, 2.8), lines=True)
            axis = axes[0][0]
            drawn = [draw_histogram(axis, s.get("histogram"), looks)
                     for s, looks in zip(mine, series)]
            axis.set_xlabel(r"$\ln(E_\mathrm{true}\,/\,\mathrm{GeV})$")
            axis.set_ylabel("jets / width of a bin (area 1)")
            axis.set_ylim(bottom=0)
            return figure if any(drawn) else None

        yield Picture(style.file_name(sample, "spectrum_energy"), section, sample,
                      f"{sample}: the spectrum of the true energy before and after the weights "
                      "(what is flat in E rises in ln E).", draw)
