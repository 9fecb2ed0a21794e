"""How pictures look: colours, markers, names of quantities, the grid of panels, files."""

import math
import os
import re
import sys
from dataclasses import dataclass

from plots.errors import MISSING, fail

# Okabe and Ito's colours: told apart with any colour vision, and in grey by markers and lines.
BLACK, BLUE, VERMILION, GREEN = "#000000", "#0072B2", "#D55E00", "#009E73"
PINK, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = [BLACK, BLUE, VERMILION, GREEN, PINK, ORANGE, SKY]
MARKERS = ["s", "o", "^", "D", "v", "P", "X"]
LINES = ["-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3))]
PIXELS_PER_INCH = 144
BAND_1 = "#d4d4d4"
BAND_5 = "#efefef"

# The symbol with its unit, and in words.
QUANTITIES = {
    "pt_true": (r"p_\mathrm{T}^\mathrm{true}", "GeV", "true pT"),
    "eta_true": (r"\eta_\mathrm{true}", "", "true η"),
    "abs_eta_true": (r"|\eta_\mathrm{true}|", "", "true |η|"),
    "energy_true": (r"E_\mathrm{true}", "GeV", "true energy"),
    "mass_true": (r"m_\mathrm{true}", "GeV", "true mass"),
    "npv": (r"N_\mathrm{PV}", "", "NPV"),
    "mu": (r"\mu", "", "μ"),
}
SYMBOLS = {"energy": "E", "mass": "m"}


@dataclass(frozen=True)
class Series:
    """How one calibration, sample or slice is drawn; its label in matplotlib's text."""

    label: str
    colour: str = BLACK
    marker: str = "s"
    line: object = "-"
    filled: bool = True


def cycle(labels):
    """Series for any number of labels: colours and markers repeat with different periods."""
    return [Series(label, COLOURS[k % 7], MARKERS[(k + k // 7) % 7], LINES[k % 7], k != 0)
            for k, label in enumerate(labels)]


def ordered(labels):
    """Series for bins of a quantity: from dark to light, every one with its marker."""
    import matplotlib

    colours = matplotlib.colormaps["viridis"]
    return [Series(label, matplotlib.colors.to_hex(colours(0.88 * k / max(1, len(labels) - 1))),
                   MARKERS[k % 7], "-", k % 2 == 0) for k, label in enumerate(labels)]


def set_up():
    """matplotlib, drawing into files, in our style. Status 3 without matplotlib."""
    try:
        import matplotlib
        import matplotlib.figure
        import PIL.Image  # noqa: F401
    except ImportError as error:
        fail(f"matplotlib is missing ({error}). Run tools/install-deps", MISSING)
    matplotlib.use("Agg")
    matplotlib.rcParams.update({
        "font.size": 9,
        "axes.titlesize": 8.5,
        "axes.titlepad": 3,
        "axes.labelsize": 9,
        "axes.linewidth": 0.8,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.top": True,
        "ytick.right": True,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.markersize": 4,
        "savefig.dpi": PIXELS_PER_INCH,
        "pdf.fonttype": 42,
    })


def shorten(text, length):
    """Cuts the middle out of a long name."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[-(length - 1 - head):]}"


def plain(text):
    """A user's name in matplotlib's text, where $ would begin a formula."""
    return text.replace("$", r"\$")


def axis_label(quantity):
    symbol, unit, _ = QUANTITIES.get(quantity, (rf"\mathrm{{{quantity}}}", "", quantity))
    return rf"${symbol}$ [{unit}]" if unit else rf"${symbol}$"


def words(quantity):
    return QUANTITIES.get(quantity, ("", "", quantity))[2]


def range_label(quantity, pair):
    """200 < pT < 500 GeV as a formula."""
    symbol, unit, _ = QUANTITIES.get(quantity, (rf"\mathrm{{{quantity}}}", "", quantity))
    return rf"${pair[0]:g} < {symbol} < {pair[1]:g}$" + (f" {unit}" if unit else "")


def range_words(quantity, pair):
    """The same in words, for captions and tables."""
    unit = QUANTITIES.get(quantity, ("", "", ""))[1]
    return f"{pair[0]:g} < {words(quantity)} < {pair[1]:g}" + (f" {unit}" if unit else "")


def file_name(*parts):
    return "_".join(re.sub(r"[^A-Za-z0-9.+_-]+", "-", str(p)).strip("-")[:60] for p in parts if p)


def is_logarithmic(quantity, low, high):
    return quantity in ("pt_true", "energy_true") and low > 0 and high / low > 4


def seen_length(text):
    """Letters that a text has without the commands of its formulas."""
    return len(re.sub(r"\\[A-Za-z]+|[{}$^_\\]", "", text))


def legend_lines(labels, width):
    """How many columns a legend of these labels has in so many inches, and how many lines."""
    columns = max(1, min(len(labels), int(width / (0.45 + 0.08 * max(map(seen_length, labels))))))
    return columns, math.ceil(len(labels) / columns)


def grid(rows, columns, series, title, *, panel, left=0.78, right=0.14, bottom=0.48,
         gap=(0.14, 0.3), lines=False):
    """A figure of rows x columns panels, each of `panel` inches, below a title and a legend."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    width = left + right + columns * panel[0] + (columns - 1) * gap[0]
    labels = [s.label for s in series]
    legend_columns, legend_rows = legend_lines(labels, width) if labels else (1, 0)
    top = 0.46 + 0.19 * legend_rows
    height = top + bottom + rows * panel[1] + (rows - 1) * gap[1]
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False, gridspec_kw={
        "left": left / width, "right": 1 - right / width, "bottom": bottom / height,
        "top": 1 - top / height, "wspace": gap[0] / panel[0], "hspace": gap[1] / panel[1]})
    figure.text(0.5, 1 - 0.06 / height, plain(shorten(title, int(width / 0.075))), ha="center",
                va="top", fontsize=9.5)
    handles = [
        Line2D([], [], color=s.colour, linestyle=s.line) if lines else
        Line2D([], [], linestyle="none", marker=s.marker, color=s.colour,
               markerfacecolor=s.colour if s.filled else "white") for s in series]
    if handles:
        figure.legend(handles, labels, loc="upper center", ncol=legend_columns, columnspacing=1.4,
                      handletextpad=0.5 if lines else 0.2, borderaxespad=0, borderpad=0,
                      labelspacing=0.35, bbox_to_anchor=(0.5, 1 - 0.26 / height))
    return figure, axes


def save(figure, folder, name):
    """Writes name.png, with a palette of colours (a third of the size), and name.pdf."""
    import io

    from PIL import Image

    paths = [os.path.join(folder, f"{name}.{ending}") for ending in ("png", "pdf")]
    try:
        pixels = io.BytesIO()
        figure.savefig(pixels, format="png", metadata={"Software": None},
                       pil_kwargs={"compress_level": 1})
        pixels.seek(0)
        with Image.open(pixels) as picture:
            picture.convert("RGB").quantize(256).save(paths[0], optimize=True)
        figure.savefig(paths[1], metadata={"CreationDate": None})
    except OSError as error:
        fail(f"{error.filename or paths[0]}: cannot be written ({error.strerror or error})")
    return paths


def make_folder(folder):
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        fail(f"{folder}: cannot be made ({error.strerror or error})")


def say(text):
    """A line of progress for people; results go to files."""
    print(text)
    sys.stdout.flush()
