"""Tests tools/plot: every kind of picture and report.html from made-up results, also where parts
are missing, empty or null."""

import html.parser
import json
import math
import os
import re
import shutil
import unittest

import synthetic
from case import Case, run
from plots import errors, panels, results, sections, style
from synthetic import closure_bin

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(html.parser.HTMLParser):
    """What a page holds; `wrong` lists tags that do not match, and ids used twice."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.images, self.ids, self.links = [], [], [], [], []
        self.cells, self.words = [], ""
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> stays open" for tag in self.open]
        self.wrong += [f"id {i} twice" for i in set(self.ids) if self.ids.count(i) > 1]
        self.wrong += [f"no #{link[1:]}" for link in self.links
                       if link.startswith("#") and link[1:] not in self.ids]

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(attributes)
        if tag == "td":
            self.cells.append("")
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [v for k, v in attributes.items() if k in ("href", "src")]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")

    def handle_data(self, data):
        self.words += data
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


def loaded(*bins, **more):
    return results.Results({"settings": {}, "bins": list(bins), **more}, "made up")


def pictures_of(found, *parts):
    """Figures of the pictures whose names hold all of the parts."""
    return [p.draw() for p in sections.pictures(found) if all(part in p.name for part in parts)]


class ReportCase(Case):
    def write(self, content):
        (self.folder / "validation.json").write_text(json.dumps(content))

    def plot(self, content, *arguments):
        """tools/plot on these results; the parsed page."""
        self.write(content)
        result = run("plot", self.folder, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("report.html", result.stdout)
        return self.page()

    def page(self):
        text = (self.folder / "report.html").read_text(encoding="utf-8")
        page = Page(text)
        self.assertEqual(page.wrong, [])
        for link in page.links:
            self.assertTrue(link.startswith(("#", "data:image/png;base64,")), link[:60])
        self.assertEqual(re.findall(r"https?://|<script|@import|url\(", text), [])
        names = {p.name[:-4] for p in (self.folder / "pictures").glob("*.png")}
        self.assertEqual(len(page.images), len(names))
        self.assertTrue(names <= set(page.ids))
        if names:
            self.assert_pictures(self.folder / "pictures", *names)
        return page


class EveryKind(ReportCase):
    @classmethod
    def setUpClass(cls):
        cls.made = synthetic.results()

    def test_all_tests_are_drawn_and_the_page_says_the_numbers(self):
        page = self.plot(self.made)
        names = {p.name[:-4] for p in (self.folder / "pictures").glob("*.png")}
        for name in (
                *(f"{s}_{v}_{q}_vs_{x}" for s in ("dijets", "wz") for v in ("energy", "mass")
                  for q in ("response", "resolution") for x in ("pt", "eta")),
                "dijets_energy_response_eta-table", "dijets_response_eta-table_by_slice",
                "dijets_mass_resolution_deep-table_200-900",
                "dijets_mass_response_pileup_npv-table",
                "dijets_mass_resolution_deep-table_900-2000", "dijets_topologies_response",
                "wz_topologies_resolution", "dijets_flavours_response", "wz_spectrum_resolution",
                "dijets_closure_energy_response_difference_to_standard.h5",
                "wz_eta_mass_resolution_ratio_to_standard.h5", "dijets_response_distributions",
                "dijets_pileup_npv_slope", "wz_pileup_mu_slope_in_energy", "wz_spectrum_energy",
                "dijets_wz_energy_response_run-model.h5", "wz_mass_widths", "dijets_pulls",
                "importance_run-model.h5", "gradients_run-model.h5", "training_run-model.h5",
                "training_bins_run-model.h5"):
            self.assertIn(name, names)
        for section in sections.SECTIONS:
            self.assertIn(section.anchor, page.ids)
        for cell in ("held-out", "7\u202f777", "7700.5", "50.0 %",
                     "75.0 %", "62.5 %", "0.789", "200 < true pT < 400 GeV, 0.8 < true |η| < 1.6",
                     "0.8760 ± 0.0020", "-0.0364", "80 MiB", "4.2 s", "run/model.h5",
                     "/b/run/model.h5", "split <Gaussian>", "13", "0.9123 ± 0.0012"):
            self.assertIn(cell, page.cells)
        for words in ("two samples differ <much>", "flavours (wz): has no field 'flavour'",
                      "true pT: 11 below, 22 above", '"min_jets": 500'):
            self.assertIn(words, page.words)
        self.assertLess((self.folder / "report.html").stat().st_size, 5e6)

    def test_one_calibration_alone(self):
        made = synthetic.results(["jets"], ["none"])
        made["tables"] = made["tables"][:1]
        page = self.plot(made, "--jobs", "1")
        self.assertIn("There are no two calibrations to compare", page.words)
        self.assertIn("No calibration has a metrics.jsonl beside it", page.words)

    def test_six_calibrations_and_long_names(self):
        long = "a_sample_with_$_and_<b>_and_a_name_that_is_" + "long_" * 12
        calibrations = ["none"] + [f"/somewhere/else/run_{i}/{'very_' * 9}model.h5"
                                   for i in range(5)]
        made = synthetic.results([long], calibrations)
        made["tables"] = [t for t in made["tables"] if t["name"] in ("closure", "topologies")]
        made["pileup"] = []
        page = self.plot(made)
        self.assertIn(long, page.cells)
        self.assertIn(calibrations[3], page.cells)
        for name in (self.folder / "pictures").iterdir():
            self.assertLess(len(name.name), 250)


class Parts(ReportCase):
    def test_old_results_with_bins_only(self):
        bins = [closure_bin(pt, (0, 0.8), 0.95, c, v) for pt in ((200, 400), (400, 800))
                for c in ("none", "model.h5") for v in ("energy", "mass")]
        page = self.plot({"settings": {}, "bins": bins})
        self.assert_pictures(self.folder / "pictures", *(
            f"dijets_{v}_{q}_vs_{x}" for v in ("energy", "mass")
            for q in ("response", "resolution") for x in ("pt", "eta")))
        self.assertIn("hold no summary", page.words)

    def test_a_report_without_pictures(self):
        page = self.plot({"settings": {}, "bins": [closure_bin((200, 400), (0, 1), None)]})
        self.assertEqual(page.images, [])
        self.assertIn("no bin has enough jets", page.words)

    def test_axes_without_bins_and_bins_of_mass(self):
        self.plot({"settings": {}, "bins": [
            closure_bin((None, None), (0, 1), 1.0, mass_true=[0, 60]),
            closure_bin((None, None), (0, 1), 0.9, mass_true=[60, 100])]})
        self.assert_pictures(self.folder / "pictures",
                             "dijets_energy_response_vs_eta", "dijets_energy_resolution_vs_eta")

    def test_empty_sections_and_nulls(self):
        made = synthetic.results(["jets"], ["none", "m.h5"])
        for key in ("summary", "tables", "sample_differences", "distributions", "spectra", "pileup",
                    "importance", "estimator_bias", "training", "skipped", "warnings", "samples"):
            made[key] = []
        made["widths"], made["resources"] = {}, {}
        made["settings"]["tests"] = []
        self.assertIn("This test was not asked for", self.plot(made).words)
        shutil.rmtree(self.folder / "pictures")
        made = synthetic.results(["jets"], ["none", "m.h5"])
        made["training"] = []

        def empty(value):
            if isinstance(value, list) and value and not isinstance(value[0], (dict, str)):
                return [None] * len(value)
            if isinstance(value, list):
                return [empty(v) for v in value]
            if isinstance(value, dict):
                return {k: v if k in ("settings", "calibrations") else empty(v)
                        for k, v in value.items()}
            return None if isinstance(value, (int, float)) else value

        self.assertEqual(self.plot(empty(made)).images, [])

    def test_pictures_go_where_they_are_asked_to(self):
        self.write({"settings": {}, "bins": [closure_bin((200, 400), (0, 1), 1.0)]})
        out = self.folder / "new" / "place"
        result = run("plot", self.folder, "--out", out)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(os.listdir(out)), ["pictures", "report.html"])
        self.assertEqual(os.listdir(self.folder / "new"), ["place"])

    def test_names_that_become_the_same_file(self):
        bins = [closure_bin((200, 400), (0, 1), 1.0, sample=s) for s in ("a b", "a/b")]
        self.assertEqual(len(self.plot({"settings": {}, "bins": bins}).images), 8)


class Numbers(unittest.TestCase):
    def test_points_are_the_numbers(self):
        figure = pictures_of(loaded(
            closure_bin((200, 400), (0, 0.8), 0.91), closure_bin((400, 800), (0, 0.8), None),
            closure_bin((800, 1600), (0, 0.8), 0.93), closure_bin((200, 400), (0.8, 1.6), 0.88),
            closure_bin((200, 400), (0, 0.8), 1.002, "model")), "energy_response_vs_pt")[0]
        first, second = figure.axes[:2]
        none, model = first.containers
        self.assertEqual(list(none.lines[0].get_ydata()), [0.91, 0.93])
        self.assertEqual(list(model.lines[0].get_ydata()), [1.002])
        for x, low, high in zip(none.lines[0].get_xdata(), (200, 800), (400, 1600)):
            self.assertTrue(low < x < high)
        self.assertEqual(list(second.containers[0].lines[0].get_ydata()), [0.88])
        self.assertEqual(first.get_xscale(), "log")
        low, high = first.get_ylim()
        self.assertTrue(low < 0.88 and high > 1.06)
        self.assertEqual((none.lines[0].get_marker(), model.lines[0].get_marker()), ("s", "o"))

    def test_error_bars_are_the_errors(self):
        figure = pictures_of(loaded(closure_bin((200, 400), (0, 0.8), 0.91, variable="mass")),
                             "mass_resolution_vs_eta")[0]
        container = figure.axes[0].containers[0]
        segments = [s for bars in container.lines[2] for s in bars.get_segments()]
        vertical = [s for s in segments if s[0][0] == s[1][0]]
        self.assertEqual(len(vertical), 1)
        self.assertAlmostEqual(vertical[0][0][1], 0.145 - 0.003)
        self.assertAlmostEqual(vertical[0][1][1], 0.145 + 0.003)
        horizontal = [s for s in segments if s[0][1] == s[1][1]]
        self.assertEqual([s[0][0] for s in horizontal], [0])
        self.assertAlmostEqual(horizontal[0][1][0], 0.8)

    def test_empty_panels_say_so(self):
        figure = pictures_of(loaded(closure_bin((200, 400), (0, 0.8), 0.91),
                                    closure_bin((200, 400), (0.8, 1.6), None)),
                             "energy_response_vs_pt")[0]
        self.assertEqual([t.get_text() for t in figure.axes[0].texts], [])
        self.assertEqual([t.get_text() for t in figure.axes[1].texts], ["too few jets"])

    def test_a_far_point_does_not_flatten_the_others(self):
        points = [panels.Point(k, k + 1, 1 + 0.001 * k, 0.002) for k in range(9)]
        low, high = panels.vertical_range(panels.response("energy"),
                                          points + [panels.Point(9, 10, 5.0, 2.0)])
        self.assertTrue(0.9 < low < 0.94 and 1.06 < high < 1.1, (low, high))

    def test_slopes_in_thousandths(self):
        made = loaded(closure_bin((200, 400), (0, 1), None), pileup=[
            {"against": "npv", "variable": "energy", "sample": "dijets", "calibration": "none",
             "energy_true": None, "abs_eta_true": [0, 0.4], "slope": 0.0021,
             "slope_error": 0.0004}])
        axis = pictures_of(made, "npv_slope")[0].axes[0]
        self.assertAlmostEqual(axis.containers[0].lines[0].get_ydata()[0], 2.1)
        low, high = axis.get_ylim()
        self.assertTrue(low < -1 and high > 2.1)

    def test_distributions_are_normalised_with_what_is_outside(self):
        histogram = {"low": 0.0, "high": 2.0, "content": [1, 2, 3, 2], "underflow": 1,
                     "overflow": 1}
        made = loaded(closure_bin((200, 400), (0, 1), None), distributions=[
            {"variable": "mass", "sample": "dijets", "group": "QCD", "calibration": "none",
             "jets": 10, "histogram": histogram}])
        axis = pictures_of(made, "response_distributions")[0].axes[0]
        values, edges, _ = axis.patches[0].get_data()
        self.assertEqual(list(edges), [0, 0.5, 1, 1.5, 2])
        self.assertEqual([round(v, 9) for v in values], [0.2, 0.4, 0.6, 0.4])
        self.assertEqual([t.get_text() for t in axis.texts], ["below 10 %, above 10 %"])

    def test_differences_of_calibrations(self):
        made = synthetic.results(["jets"])
        found = results.Results(made, "made up")
        for measure, value in (("response_difference", 0.003), ("resolution_ratio", 0.95)):
            axis = pictures_of(found, "jets_closure_mass", measure)[0].axes[0]
            self.assertEqual(set(axis.containers[0].lines[0].get_ydata()), {value})

    def test_features_rank_by_their_largest_change(self):
        from plots import importance

        entries = [{"feature": f, "variable": v, "shift_change": s} for f, v, s in (
            ("a", "energy", 0.1), ("a", "mass", 0.2), ("b", "energy", 0.3), ("b", "mass", 0.0),
            ("c", "mass", None))]
        self.assertEqual(importance.ranked(entries), ["b", "a", "c"])

    def test_the_sample_that_stands_for_a_group(self):
        jets = {("a", "QCD"): 20, ("b", "QCD"): 100, ("a", "top"): 19, ("b", "top"): 100,
                ("a", "none"): 0}
        self.assertEqual(results.best_samples(list(jets), jets.get), [("a", "QCD"), ("b", "top")])

    def test_looks_of_calibrations(self):
        found = results.Results(synthetic.results(["jets"]), "made up")
        self.assertEqual([found.series[c].marker for c in found.calibrations], ["s", "^", "o"])
        self.assertEqual([found.series[c].line for c in found.calibrations], ["-", ":", "--"])
        many = results.calibration_series(dict.fromkeys(["none", *"abcde"], ""), set("abcde"))
        self.assertEqual(len({(s.colour, s.marker) for s in many.values()}), 6)

    def test_short_names(self):
        names = results.short_names(["none", "fields", "/a/b/model.h5", "/c/d/model.h5", "/x/s.h5",
                                     "/y/s.h5", "/e/b/model.h5"])
        self.assertEqual(list(names.values()), ["no calibration", "fields of the file",
                                                "a/b/model.h5", "d/model.h5", "x/s.h5", "y/s.h5",
                                                "e/b/model.h5"])
        long = results.short_names([f"/p/{'x' * 50}{i}{'y' * 50}.h5" for i in range(3)])
        self.assertEqual(len(set(long.values())), 3)
        self.assertLess(max(map(len, long.values())), 45)

    def test_numbers(self):
        self.assertEqual(errors.number(1), 1.0)
        for nothing in (None, True, "1", math.nan, math.inf, [1]):
            self.assertIsNone(errors.number(nothing))
        self.assertEqual(style.range_words("pt_true", (200, 400)), "200 < true pT < 400 GeV")


class BadInput(ReportCase):
    def test_is_said_in_one_line(self):
        nowhere = self.folder / "nowhere"
        self.assert_fails(run("plot", nowhere), 1, "nowhere", "no folder")
        self.assert_fails(run("plot", self.folder), 1, "validation.json", "does not exist")
        path = self.folder / "validation.json"
        path.write_text("{,}")
        self.assert_fails(run("plot", self.folder), 1, "is no JSON")
        path.write_bytes(b"\xff\xfe\x00")
        self.assert_fails(run("plot", self.folder), 1, "cannot be read")
        for content in ("[]", "{}", '{"bins": []}', '{"bins": 5}', '{"bins": [5]}'):
            path.write_text(content)
            self.assert_fails(run("plot", self.folder), 1, "validation.json")
        entry = closure_bin((200, 400), (0, 1), 1.0)
        self.write({"bins": [{k: v for k, v in entry.items() if k != "sample"}]})
        self.assert_fails(run("plot", self.folder), 1, "bins/0", "'sample'")
        self.write({"bins": [dict(entry, variable="time")]})
        self.assert_fails(run("plot", self.folder), 1, "bins/0", '"time"')
        self.write({"bins": [entry], "pileup": 3})
        self.assert_fails(run("plot", self.folder), 1, "pileup", "must be a list")
        self.write({"bins": [entry], "tables": [{"axes": []}]})
        self.assert_fails(run("plot", self.folder), 1, "tables/0", "'name'")
        self.assertEqual([p.name for p in self.folder.iterdir()], ["validation.json"])
        self.write({"bins": [entry]})
        self.assert_fails(run("plot", self.folder, "--out", path), 1, "cannot be made")
        self.assert_fails(run("plot"), 2, "usage")
        self.assert_fails(run("plot", self.folder, "--jobs", "-1"), 2, "usage")

    def test_an_error_while_drawing_ends_all(self):
        made = synthetic.results(["jets"], ["none"])
        made["distributions"][0]["histogram"] = "gone"
        made["tables"] = made["pileup"] = []
        self.write(made)
        for jobs in ("1", "2"):
            self.assert_fails(run("plot", self.folder, "--jobs", jobs), 1, "histogram")
        self.assertFalse((self.folder / "report.html").exists())

    def test_without_matplotlib(self):
        (self.folder / "matplotlib.py").write_text("raise ImportError('none here')\n")
        self.write({"bins": [closure_bin((200, 400), (0, 1), 1.0)]})
        result = run("plot", self.folder, env={**os.environ, "PYTHONPATH": str(self.folder)})
        self.assert_fails(result, 3, "matplotlib is missing", "none here", "tools/install-deps")


if __name__ == "__main__":
    unittest.main()
