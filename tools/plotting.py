"""What tools/plot and tools/plot_training share: style, reading, saving, errors."""

import json
import math
import os
import sys

# Okabe and Ito's colours: told apart with any colour vision, and in grey by their markers.
COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
MARKERS = ["s", "o", "^", "D", "v", "P", "X"]
BAND_1 = "#d9d9d9"
BAND_5 = "#f2f2f2"


def fail(message):
    """Ends the program with one line on stderr."""
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def pyplot():
    """matplotlib.pyplot, drawing into files, in our style."""
    try:
        import matplotlib
    except ImportError as error:
        fail(f"matplotlib is missing ({error}). Run tools/install-deps")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.linewidth": 0.8,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.top": True,
        "ytick.right": True,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.markersize": 4,
        "savefig.dpi": 150,
        "pdf.fonttype": 42,
    })
    return plt


def layout(figure, left=0.0, top=0.0, right=0.0):
    """Places the panels, and leaves some inches at the edges for titles and legends."""
    width, height = figure.get_size_inches()
    figure.get_layout_engine().set(
        rect=(left / width, 0, 1 - (left + right) / width, 1 - top / height))


def read_text(path, what):
    """A file's text; a line about what should be there if it cannot be read."""
    if not os.path.isdir(os.path.dirname(path) or "."):
        fail(f"{os.path.dirname(path)}: is no folder ({what})")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        fail(f"{path}: does not exist ({what})")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: cannot be read ({error})")


def number(value):
    """A finite number, or None for null and everything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def numbers(values):
    """The same for a list, with nan where there is no value: matplotlib leaves a gap there."""
    return [math.nan if number(v) is None else float(v) for v in values]


def require_object(value, where):
    if not isinstance(value, dict):
        fail(f"{where}: is {json.dumps(value)[:40]} (must be an object)")
    return value


def save(figure, folder, name, plt):
    """Writes name.png and name.pdf."""
    for ending in ("png", "pdf"):
        path = os.path.join(folder, f"{name}.{ending}")
        try:
            metadata = {"CreationDate": None} if ending == "pdf" else {"Software": None}
            figure.savefig(path, metadata=metadata)
        except OSError as error:
            fail(f"{path}: cannot be written ({error.strerror or error})")
        print(path)
    plt.close(figure)


def make_folder(folder):
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        fail(f"{folder}: cannot be made ({error.strerror or error})")
