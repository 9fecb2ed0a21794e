"""Tests tools/plot and tools/plot_training: what they draw from made-up results, and that bad input
gives one line on stderr instead of a traceback."""

import importlib.machinery
import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
sys.dont_write_bytecode = True

import plotting  # noqa: E402


def load(name):
    """A program of tools/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name, str(TOOLS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


plot = load("plot")
plot_training = load("plot_training")


def run(tool, *arguments):
    return subprocess.run([sys.executable, str(TOOLS / tool), *map(str, arguments)],
                          capture_output=True, text=True, check=False)


def epoch(step, energy=-1.0, mass=-0.5, validation=True, bins=None):
    def side(shift):
        return {"loss_energy": None if energy is None else energy + shift,
                "loss_mass": mass + shift, "kept_energy": None if energy is None else 0.99,
                "kept_mass": 0.95}

    nothing = dict.fromkeys(("loss_energy", "loss_mass", "kept_energy", "kept_mass"))
    return {"step": step, "epoch": 1, "updates": 10, "jets_per_s": 1e4, "train": side(0),
            "validation": side(0.1) if validation else nothing, "bins": bins or []}


def loss_bin(pt, eta, jets, energy, mass_range=(None, None)):
    sums = {"jets": jets, "loss_energy": energy, "loss_mass": None, "kept_energy": 1,
            "kept_mass": None}
    return {"pt_true": list(pt), "abs_eta_true": list(eta), "mass_true": list(mass_range),
            "train": sums, "validation": None}


def closure_bin(pt, eta, mode, calibration="none", variable="energy", sample="dijets", **more):
    return {"variable": variable, "sample": sample, "calibration": calibration,
            "pt_true": list(pt), "abs_eta_true": list(eta), "jets": 1000, "mode": mode,
            "mode_error": None if mode is None else 0.002,
            "iqr68_over_mode": None if mode is None else 0.2,
            "iqr68_over_mode_error": None if mode is None else 0.003, **more}


class Case(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def write_metrics(self, *lines):
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n"
                       for line in lines)
        (self.folder / "metrics.jsonl").write_text(text)

    def write_results(self, *bins):
        (self.folder / "validation.json").write_text(json.dumps({"settings": {}, "bins": bins}))

    def assert_pictures(self, *names):
        """Exactly these, each as PNG and PDF, each with something in it."""
        found = sorted(p.name for p in self.folder.iterdir() if p.suffix in (".png", ".pdf"))
        self.assertEqual(found, sorted(f"{n}.{e}" for n in names for e in ("png", "pdf")))
        for name in names:
            png = (self.folder / f"{name}.png").read_bytes()
            self.assertTrue(png.startswith(b"\x89PNG\r\n"))
            self.assertGreater(len(png), 5000)
            self.assertTrue((self.folder / f"{name}.pdf").read_bytes().startswith(b"%PDF"))

    def assert_fails(self, result, status, *words):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        if status == 1:
            self.assertEqual(len(result.stderr.strip().split("\n")), 1, result.stderr)


class Training(Case):
    def test_draws_losses_and_bins(self):
        bins = [loss_bin((200, 400), (0, 1), 10, -1.0), loss_bin((400, 800), (0, 1), 10, -2.0)]
        self.write_metrics(epoch(1, bins=bins), epoch(1, bins=bins), epoch(2, energy=None))
        result = run("plot_training", self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        self.assert_pictures("training", "training_bins")

    def test_one_epoch_without_validation_or_bins_elsewhere(self):
        self.write_metrics(epoch(1, validation=False))
        pictures = self.folder / "new" / "pictures"
        result = run("plot_training", self.folder, "--out", pictures)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(os.listdir(pictures)), ["training.pdf", "training.png"])

    def test_curves_are_the_numbers(self):
        plt = plotting.pyplot()
        epochs = [epoch(1, -1, -0.5), epoch(1, -1.5, -0.7), epoch(2, None, -0.9)]
        figure = plot_training.draw_losses(epochs, plt)
        energy, mass, total, kept = figure.axes
        train, validation = energy.get_lines()[:2]
        self.assertEqual(list(train.get_ydata())[:2], [-1, -1.5])
        self.assertTrue(math.isnan(train.get_ydata()[2]))
        self.assertAlmostEqual(validation.get_ydata()[1], -1.4)
        self.assertEqual((train.get_linestyle(), validation.get_linestyle()), ("-", ":"))
        self.assertEqual(list(mass.get_lines()[0].get_ydata()), [-0.5, -0.7, -0.9])
        self.assertAlmostEqual(total.get_lines()[0].get_ydata()[1], -2.2)
        self.assertTrue(math.isnan(total.get_lines()[0].get_ydata()[2]))
        self.assertEqual(list(kept.get_lines()[0].get_ydata())[:2], [0.99, 0.99])
        self.assertEqual(list(train.get_xdata()), [1, 2, 3])
        # The border between steps 1 and 2.
        self.assertIn([2.5, 2.5], [list(line.get_xdata()) for line in mass.get_lines()])
        self.assertEqual([t.get_text() for t in energy.texts], ["1", "2"])
        plt.close(figure)

    def test_steps(self):
        epochs = [epoch(s) for s in (1, 1, 2, 3, 3, 3)]
        self.assertEqual(plot_training.steps_of(epochs), [[1, 1, 2], [2, 3, 3], [3, 4, 6]])

    def test_bins_average_over_mass_by_jets(self):
        bins = [loss_bin((200, 400), (0, 1), 30, -1.0, (0, 60)),
                loss_bin((200, 400), (0, 1), 10, -3.0, (60, 200)),
                loss_bin((400, 800), (0, 1), 0, None)]
        series = plot_training.bin_series([epoch(1, bins=bins), epoch(1)], "train", "loss_energy")
        self.assertEqual(list(series), [((0, 1), (200, 400))])
        values = series[((0, 1), (200, 400))]
        self.assertAlmostEqual(values[0], -1.5)
        self.assertTrue(math.isnan(values[1]))
        self.assertEqual(plot_training.bin_series([epoch(1, bins=bins)], "validation",
                                                  "loss_energy"), {})

    def test_a_last_line_cut_short_is_left_out(self):
        self.write_metrics(epoch(1), epoch(1))
        path = self.folder / "metrics.jsonl"
        path.write_text(path.read_text() + '{"step": 2, "ep')
        self.assertEqual(len(plot_training.read_metrics(str(path))), 2)

    def test_bad_input(self):
        nowhere = self.folder / "nowhere"
        self.assert_fails(run("plot_training", nowhere), 1, "nowhere", "no folder")
        self.assert_fails(run("plot_training", self.folder), 1, "metrics.jsonl", "does not exist")
        self.write_metrics("")
        self.assert_fails(run("plot_training", self.folder), 1, "no epoch")
        self.write_metrics(epoch(1), '{"step": ', epoch(2))
        self.assert_fails(run("plot_training", self.folder), 1, "line 2")
        self.write_metrics(epoch(1), "[1, 2]")
        self.assert_fails(run("plot_training", self.folder), 1, "line 2", "must be an object")
        self.write_metrics({"step": 1})
        self.assert_fails(run("plot_training", self.folder), 1, "line 1", "'train'")
        self.write_metrics({"step": 1, "train": 5})
        self.assert_fails(run("plot_training", self.folder), 1, "line 1", "must be an object")
        self.write_metrics(epoch(1))
        taken = self.folder / "file"
        taken.write_text("x")
        self.assert_fails(run("plot_training", self.folder, "--out", taken), 1, "cannot be made")
        self.assert_fails(run("plot_training"), 2, "usage")
        self.assert_fails(run("plot_training", self.folder, "--nonsense"), 2, "usage")


class Validation(Case):
    def test_draws_response_and_resolution_of_every_sample_and_variable(self):
        bins = []
        for sample in ("dijets", "W/Z jets"):
            for variable in ("energy", "mass"):
                for calibration in ("none", "model.h5"):
                    for pt in ((200, 400), (400, 800)):
                        for eta in ((0, 0.8), (0.8, 1.6)):
                            mode = None if pt[0] == 400 and eta[0] == 0.8 else 0.95
                            bins.append(closure_bin(pt, eta, mode, calibration, variable, sample))
        self.write_results(*bins)
        result = run("plot", self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        self.assert_pictures(*(f"{s}_{v}_{q}_vs_{x}" for s in ("dijets", "W-Z-jets")
                               for v in ("energy", "mass") for q in ("response", "resolution")
                               for x in ("pt", "eta")))

    def test_one_bin_is_enough(self):
        self.write_results(closure_bin((200, 400), (0, 0.8), 1.01, "a" * 60))
        result = run("plot", self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_pictures(*(f"dijets_energy_{q}_vs_{x}" for q in ("response", "resolution")
                               for x in ("pt", "eta")))

    def test_axes_without_bins_and_bins_of_mass(self):
        bins = [closure_bin((None, None), (0, 1), 1.0, mass_true=[0, 60]),
                closure_bin((None, None), (0, 1), 0.9, mass_true=[60, 100])]
        self.write_results(*bins)
        result = run("plot", self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_pictures(*(f"dijets_energy_{q}_vs_eta_m{m}" for q in ("response", "resolution")
                               for m in ("0-60", "60-100")))

    def test_points_are_the_numbers(self):
        plt = plotting.pyplot()
        entries = [closure_bin((200, 400), (0, 0.8), 0.91),
                   closure_bin((400, 800), (0, 0.8), None),
                   closure_bin((800, 1600), (0, 0.8), 0.93),
                   closure_bin((200, 400), (0.8, 1.6), 0.88),
                   closure_bin((200, 400), (0, 0.8), 1.002, "model")]
        figure = plot.draw(entries, "energy", ["none", "model"], "mode", "pt", "title", plt)
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
        plt.close(figure)

    def test_error_bars_are_the_errors(self):
        plt = plotting.pyplot()
        entries = [closure_bin((200, 400), (0, 0.8), 0.91)]
        figure = plot.draw(entries, "mass", ["none"], "iqr68_over_mode", "eta", "title", plt)
        container = figure.axes[0].containers[0]
        segments = [s for bars in container.lines[2] for s in bars.get_segments()]
        vertical = [s for s in segments if s[0][0] == s[1][0]]
        self.assertEqual(len(vertical), 1)
        self.assertAlmostEqual(vertical[0][0][1], 0.197)
        self.assertAlmostEqual(vertical[0][1][1], 0.203)
        plt.close(figure)

    def test_numbers(self):
        self.assertEqual(plotting.number(1), 1.0)
        for nothing in (None, True, "1", math.nan, math.inf, [1]):
            self.assertIsNone(plotting.number(nothing))

    def test_bad_input(self):
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
        self.write_results({k: v for k, v in entry.items() if k != "sample"})
        self.assert_fails(run("plot", self.folder), 1, "bins/0", "'sample'")
        self.write_results(dict(entry, variable="time"))
        self.assert_fails(run("plot", self.folder), 1, "bins/0", '"time"')
        self.write_results(closure_bin((200, 400), (0, 1), None))
        self.assert_fails(run("plot", self.folder), 1, "no bin has a value")
        self.assertEqual([p.name for p in self.folder.iterdir()], ["validation.json"])
        self.write_results(entry)
        self.assert_fails(run("plot", self.folder, "--out", path), 1, "cannot be made")
        self.assert_fails(run("plot"), 2, "usage")


if __name__ == "__main__":
    unittest.main()
