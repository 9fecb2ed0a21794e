"""The tests of a validation in the order of the report, and the pictures of each."""

from dataclasses import dataclass

from plots import comparisons, distributions, importance, pileup, tables, training, widths


@dataclass(frozen=True)
class Section:
    """`test` is its name in the settings, "" for what is always made."""

    anchor: str
    title: str
    test: str
    look: str  # one sentence: what to see


SECTIONS = [
    Section("closure", "Closure and resolution", "",
            "A good calibration has its responses within the dark band, 1 % around unity, in every "
            "bin, and a smaller width than before; widths compare only where responses are alike."),
    Section("slices", "Slices of the phase space", "slices",
            "The response stays at unity against η, energy and mass in every slice (figures 4 and "
            "5 of the paper)."),
    Section("comparisons", "Calibrations compared", "",
            "Differences between calibrations of the same jets, whose errors are smaller than "
            "those of either (figure 6): a point away from the line is a real difference."),
    Section("topologies", "Topologies", "topologies",
            "W/Z, top and Higgs jets in windows of their masses close as well as QCD jets, and "
            "their peaks are narrower and centred on one (figures 7, 8 and 9)."),
    Section("flavours", "Flavours", "flavours",
            "Light quarks, b quarks and gluons lie on each other: what is left between them "
            "becomes an uncertainty (figure 12)."),
    Section("pileup", "Pile-up", "pileup",
            "Slopes within the band of 0.1 % per vertex or collision: the response does not move "
            "with pile-up (figure 11)."),
    Section("spectrum", "Spectrum", "spectrum",
            "The responses of jets as simulated and of jets weighted to a flat energy spectrum "
            "agree (figure 10)."),
    Section("samples", "Two samples", "samples",
            "The same jets of two generators have the same response after the calibration (figure "
            "13)."),
    Section("widths", "Predicted widths", "widths",
            "The width that the network predicts for a jet is the one found: ratios and widths of "
            "pulls are one, modes of pulls zero."),
    Section("importance", "Importance of features", "importance",
            "What the predictions depend on, the most important feature first (figure 14)."),
    Section("training", "Training", "",
            "The losses fall and then stay; the two sets of jets stay together (figure 3)."),
]
OWN_SECTION = {"closure": "closure", "topologies": "topologies", "flavours": "flavours",
               "spectrum": "spectrum", "pileup_npv": "pileup", "pileup_mu": "pileup"}
WHAT = {"topologies": "by topology", "flavours": "by flavour",
        "spectrum": "as simulated and with a flat spectrum"}


def pictures(results):
    """Every picture there may be; some turn out to have nothing to show."""
    yield from tables.closure_pictures(results, "closure")
    for table in results.tables:
        section = OWN_SECTION.get(table.name, "slices")
        if not table.rows or not table.axes or section == "closure":
            continue
        if section == "pileup":
            yield from tables.table_pictures(results, table, section, measures=("response",))
        elif table.name in WHAT:
            yield from tables.group_pictures(results, table, section, WHAT[table.name])
        else:
            if len(table.axes) == 2:
                yield from tables.slice_series_pictures(results, table, section)
            yield from tables.table_pictures(results, table, section)
    yield from comparisons.comparison_pictures(results, "comparisons")
    yield from distributions.response_pictures(results, "topologies")
    yield from pileup.pictures(results, "pileup")
    yield from distributions.spectrum_pictures(results, "spectrum")
    yield from comparisons.sample_pictures(results, "samples")
    yield from widths.pictures(results, "widths")
    yield from importance.pictures(results, "importance")
    yield from training.pictures(results, "training")
