"""A picture of points with errors in bins of one quantity: small panels that share their axes."""

import math
from dataclasses import dataclass, field

from plots import style


@dataclass(frozen=True)
class Vertical:
    """What is drawn upwards."""

    label: str
    centre: float = None  # a line here, with `bands` around it: (half width, colour)
    bands: tuple = ()
    least: float = 0.0  # the axis reaches at least this far to either side of the centre
    from_zero: bool = False
    limits: tuple = (-math.inf, math.inf)  # the axis never reaches beyond


FIVE_AND_ONE = ((0.05, style.BAND_5), (0.01, style.BAND_1))


def response(variable):
    symbol = style.SYMBOLS[variable]
    ratio = rf"{symbol}\,/\,{symbol}_\mathrm{{true}}"
    return Vertical(rf"$R_{symbol}$ = mode of ${ratio}$", 1, FIVE_AND_ONE, 0.06, limits=(0.3, 1.8))


def resolution(variable):
    symbol = style.SYMBOLS[variable]
    return Vertical(rf"$(q_{{84\%}} - q_{{16\%}})\,/\,R_{symbol}$  (IQR$_{{68}}$, full width)",
                    from_zero=True, limits=(0, 1.5))


@dataclass(frozen=True)
class Point:
    low: float
    high: float
    value: float
    error: float = 0.0


@dataclass
class Panel:
    """points[k] are those of series k."""

    points: list
    vertical: Vertical
    title: str = ""
    side: str = ""  # along the right edge
    shares: object = None  # panels with the same value have the same vertical axis

    def empty(self):
        return not any(self.points)


@dataclass
class Range:
    low: float = math.inf
    high: float = -math.inf
    points: list = field(default_factory=list)


def vertical_range(vertical, points):
    """From the points whose errors are not far larger than the others', all if there are few."""
    errors = sorted(p.error for p in points)
    usual = 6 * errors[len(errors) // 2] if errors else 0
    clear = [p for p in points if p.error <= usual] or points
    low = min((p.value - min(p.error, usual) for p in clear), default=math.inf)
    high = max((p.value + min(p.error, usual) for p in clear), default=-math.inf)
    if vertical.centre is not None:
        low, high = (min(low, vertical.centre - vertical.least),
                     max(high, vertical.centre + vertical.least))
    low, high = max(low, vertical.limits[0]), min(high, vertical.limits[1])
    if not low < high:
        low, high = (0, 1) if not math.isfinite(low + high) else (low - 0.5, high + 0.5)
    margin = 0.07 * (high - low)
    return (0 if vertical.from_zero else low - margin), high + margin


def place(point, logarithmic, k, count):
    """Where a bin's point stands: its middle, the k-th of `count` series a little aside so that
    error bars can be told apart."""
    shift = min(0.16, 0.5 / count) * (k - (count - 1) / 2)
    if logarithmic:
        return math.sqrt(point.low * point.high) * (point.high / point.low) ** shift
    return (point.low + point.high) / 2 + shift * (point.high - point.low)


def draw_points(axis, points, series, logarithmic, k, count, limits):
    x = [place(p, logarithmic, k, count) for p in points]
    y = [p.value for p in points]
    face = series.colour if series.filled else "white"
    axis.errorbar(x, y, yerr=[p.error for p in points],
                  xerr=[[a - p.low for a, p in zip(x, points)],
                        [p.high - a for a, p in zip(x, points)]],
                  linestyle="none", marker=series.marker, color=series.colour, capsize=0,
                  markerfacecolor=face, elinewidth=0.8, markeredgewidth=0.9, zorder=3 + k)
    span = 0.025 * (limits[1] - limits[0])
    for edge, arrow, beyond in ((limits[0] + span, "v", lambda v: v < limits[0]),
                                (limits[1] - span, "^", lambda v: v > limits[1])):
        outside = [a for a, v in zip(x, y) if beyond(v)]
        if outside:  # an arrow at the edge for what the axis does not reach
            axis.plot(outside, [edge] * len(outside), linestyle="none", marker=arrow, markersize=5,
                      color=series.colour, markerfacecolor="none", zorder=9)


def set_x_axis(axis, quantity, low, high):
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if style.is_logarithmic(quantity, low, high):
        axis.set_xscale("log")
        ticks = [t * 10**e for e in range(-1, 6) for t in (1, 2, 5) if low <= t * 10**e <= high]
        axis.xaxis.set_major_locator(FixedLocator(ticks if len(ticks) > 1 else [low, high]))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axis.set_xlim(low / 1.04, high * 1.04)
    else:
        from matplotlib.ticker import MaxNLocator

        axis.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
        axis.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))


def draw_panel(axis, panel, series, quantity, span, limits):
    vertical = panel.vertical
    for half, colour in vertical.bands:
        axis.axhspan(vertical.centre - half, vertical.centre + half, color=colour, zorder=0,
                     linewidth=0)
    if vertical.centre is not None:
        axis.axhline(vertical.centre, color="0.5", linewidth=0.6, zorder=2)
    logarithmic = style.is_logarithmic(quantity, *span)
    for k, points in enumerate(panel.points):
        if points:
            draw_points(axis, points, series[k], logarithmic, k, len(series), limits)
    if panel.empty():
        axis.text(0.5, 0.4, "too few jets", transform=axis.transAxes, ha="center", color="0.4")
    axis.set_title(panel.title)
    if panel.side:
        axis.text(1.02, 0.5, panel.side, transform=axis.transAxes, rotation=270, ha="left",
                  va="center", fontsize=7.5)
    set_x_axis(axis, quantity, *span)
    axis.set_ylim(*limits)


def columns_for(slices):
    """How many columns that many slices of one axis have."""
    return 2 if slices == 4 else min(3, slices)


def draw(panels, columns, quantity, series, title, bins=()):
    """The panels row by row, None where one stays free; `bins` are all those of the quantity, with
    and without points. None if no panel has a point."""
    there = [panel for panel in panels if panel is not None]
    everything = [p for panel in there for points in panel.points for p in points]
    if not everything:
        return None
    rows = math.ceil(len(panels) / columns)
    bins = [b for b in bins if b] + [(p.low, p.high) for p in everything]
    span = min(low for low, _ in bins), max(high for _, high in bins)
    groups = {}
    for panel in there:
        groups.setdefault(panel.shares, []).append(panel)
    limits = {key: vertical_range(members[0].vertical, [p for panel in members
                                                        for points in panel.points for p in points])
              for key, members in groups.items()}
    one_scale = len(groups) == 1
    in_rows = all(len({p.shares for p in panels[i:i + columns] if p is not None}) < 2
                  for i in range(0, len(panels), columns))
    together = one_scale and rows > 1 and len({p.vertical.label for p in there}) == 1
    titles = any(panel and panel.title for panel in panels[columns:])
    sizes = {1: (4.8, 2.7), 2: (3.9, 1.9), 3: (2.75, 1.9), 4: (2.2, 1.5)}
    figure, axes = style.grid(
        rows, columns, series, title, panel=sizes.get(columns, (1.9, 1.5)),
        gap=(0.12 if in_rows else 0.78, 0.3 if titles else 0.14),
        right=0.34 if any(panel.side for panel in there) else 0.14)
    for i, axis in enumerate(axes.flat):
        if i >= len(panels) or panels[i] is None:
            axis.set_visible(False)
            continue
        panel, column = panels[i], i % columns
        draw_panel(axis, panel, series, quantity, span, limits[panel.shares])
        last = i + columns >= len(panels) or panels[i + columns] is None
        axis.tick_params(labelbottom=last, labelleft=column == 0 or not in_rows)
        if last:
            axis.set_xlabel(style.axis_label(quantity))
        if not together and (column == 0 or not in_rows):
            axis.set_ylabel(panel.vertical.label, fontsize=8)
    if together:
        figure.supylabel(panels[0].vertical.label, fontsize=9, x=0.08 / figure.get_size_inches()[0])
    return figure
