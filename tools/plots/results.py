"""validation.json as Python sees it: checked where pictures rely on it, with missing sections of
older files left empty."""

import json
import os
from dataclasses import dataclass, field

from plots import style
from plots.errors import distinct, edges, fail, objects, read_text, require_object

VARIABLES = ("energy", "mass")
NONE = "none"


@dataclass
class Table:
    """Rows of modes and widths in bins of `axes`, the first of which pictures have as x."""

    name: str
    axes: list  # of names of quantities
    groups: list  # names; [""] if all jets are one group
    rows: list
    comparisons: list
    counts: list
    summary: list
    comparison_summary: list
    index: dict = field(default_factory=dict)

    def __post_init__(self):
        for row in self.rows:
            where = tuple(edges(row, a) for a in self.axes)
            key = (row["sample"], row.get("group", ""), row["variable"], row["calibration"])
            self.index.setdefault(key, {})[where] = row

    def bins(self, axis):
        """The bins of an axis, in order; [None] where it has none."""
        found = distinct(edges(row, axis) for row in self.rows)
        return sorted(found, key=lambda b: b or (0, 0))

    def cells(self, sample, group, variable, calibration):
        """{ranges of the axes: row}."""
        return self.index.get((sample, group, variable, calibration), {})

    def has(self, **wanted):
        return any(all(row.get(k) == v for k, v in wanted.items()) for row in self.rows)


def short_names(names):
    """Calibrations as pictures call them: the shortest different ends of their paths."""
    shown = {}
    for name in names:
        if name in (NONE, "fields"):
            shown[name] = "no calibration" if name == NONE else "fields of the file"
            continue
        parts = name.split("/")
        ends = ["/".join(parts[-n:]) for n in range(1, len(parts) + 1)]
        others = [other for other in names if other != name]
        first = 1 if parts[-1] == "model.h5" and len(parts) > 1 and parts[-2] else 0
        unique = [e for e in ends[first:] if not any(o == e or o.endswith("/" + e) for o in others)]
        shown[name] = style.shorten((unique or [name])[0], 36)
    for name in names:
        alike = [other for other in names if shown[other] == shown[name]]
        if len(alike) > 1:
            for i, other in enumerate(alike, 1):
                shown[other] += f" ({i})"
    return shown


def calibration_series(shown, networks):
    """Squares for none, triangles for the standard calibration, circles for the first network, as
    in the paper; what comes after has markers of its own."""
    rest = [(style.GREEN, "D", "-."), (style.PINK, "v", style.LINES[4]),
            (style.ORANGE, "P", style.LINES[5]), (style.SKY, "X", style.LINES[6])]
    network, standard = [(style.BLUE, "o", "--")], [(style.VERMILION, "^", ":")]
    series = {}
    for name in shown:
        if name == NONE:
            looks = (style.BLACK, "s", "-")
        elif name in networks or (not networks and "standard" not in os.path.basename(name)):
            looks = (network or rest or standard or [(style.BLUE, "*", "--")]).pop(0)
        else:
            looks = (standard or rest or network or [(style.VERMILION, "*", ":")]).pop(0)
        series[name] = style.Series(style.plain(shown[name]), *looks, filled=name != NONE)
    return series


class Results:
    """All of a validation.json."""

    def __init__(self, json_object, where):
        self.json = require_object(json_object, where)
        self.where = where
        bins = json_object.get("bins")
        if not isinstance(bins, list) or not bins:
            fail(f"{where}: has no 'bins' (must be a list with at least one). "
                 "Run jetcal validate again")
        needed = ("variable", "sample", "calibration", "pt_true", "abs_eta_true")
        self.bins = self.list("bins", needed)
        for i, entry in enumerate(self.bins):
            if entry["variable"] not in VARIABLES:
                fail(f"{where}: bins/{i}: variable is {json.dumps(entry['variable'])} "
                     "(must be \"energy\" or \"mass\")")
        self.calibrations = self.json.get("calibrations") or distinct(
            e["calibration"] for e in bins)
        self.samples = distinct(e["sample"] for e in bins)
        self.settings = require_object(self.json.get("settings", {}), f"{where}: settings")
        widths = self.json.get("widths", {})
        self.widths = require_object(widths, f"{where}: widths")
        self.importance = self.list("importance", ("calibration", "variable", "feature"))
        self.training = self.list("training", ("calibration",))
        networks = {e["calibration"] for e in self.importance + self.training +
                    objects(self.widths, "rows", f"{where}: widths", ("calibration",))}
        self.short = short_names(self.calibrations)
        self.series = calibration_series(self.short, networks)
        self.closure = self.closure_table()
        self.tables = [self.closure] + [self.table(t) for t in self.list("tables", ("name", "axes"))
                                        if t["name"] != "closure"]

    def list(self, key, required=()):
        return objects(self.json, key, self.where, required)

    def label(self, calibration):
        """A calibration's short name."""
        return self.short.get(calibration, calibration)

    def table(self, entry):
        where = f"{self.where}: table {entry['name']}"
        rows = objects(entry, "rows", where, ("variable", "sample", "calibration"))
        axes = [a["quantity"] for a in objects(entry, "axes", where, ("quantity",))]
        groups = distinct(row.get("group", "") for row in rows)
        return Table(entry["name"], axes, groups, rows, objects(entry, "comparisons", where),
                     objects(entry, "counts", where), objects(entry, "summary", where),
                     objects(entry, "comparison_summary", where))

    def closure_table(self):
        axes = [a for a in ("pt_true", "abs_eta_true", "mass_true")
                if any(edges(e, a) for e in self.bins)]
        known = [t for t in self.list("tables") if t.get("name") == "closure"]
        entry = known[0] if known else {}
        return Table("closure", axes, [""], self.bins, objects(entry, "comparisons", self.where),
                     objects(entry, "counts", self.where),
                     objects(self.json, "summary", self.where),
                     objects(entry, "comparison_summary", self.where))


def best_samples(pairs, jets):
    """For each group of (sample, group), the first sample with at least a fifth of its jets."""
    best = []
    for group in distinct(g for _, g in pairs):
        mine = [p for p in pairs if p[1] == group]
        most = max(map(jets, mine))
        best.append(next(p for p in mine if jets(p) >= most / 5))
    return [p for p in best if jets(p)]


def read(path):
    text = read_text(path, "jetcal validate --out writes it")
    try:
        return Results(json.loads(text), path)
    except json.JSONDecodeError as error:
        fail(f"{path}: is no JSON (line {error.lineno}: {error.msg})")
