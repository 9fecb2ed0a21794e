"""Tests tools/plot_training: what it draws from made-up metrics, and that bad input gives one line
on stderr instead of a traceback."""

import json
import math
import os
import unittest

from case import Case, run
from plots import training


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


class Training(Case):
    def write_metrics(self, *lines):
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n"
                       for line in lines)
        (self.folder / "metrics.jsonl").write_text(text)

    def test_draws_losses_and_bins(self):
        bins = [loss_bin((200, 400), (0, 1), 10, -1.0), loss_bin((400, 800), (0, 1), 10, -2.0)]
        self.write_metrics(epoch(1, bins=bins), epoch(1, bins=bins), epoch(2, energy=None))
        result = run("plot_training", self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        self.assert_pictures(self.folder, "training", "training_bins")

    def test_one_epoch_without_validation_or_bins_elsewhere(self):
        self.write_metrics(epoch(1, validation=False))
        pictures = self.folder / "new" / "pictures"
        result = run("plot_training", self.folder, "--out", pictures)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(os.listdir(pictures)), ["training.pdf", "training.png"])

    def test_curves_are_the_numbers(self):
        epochs = [epoch(1, -1, -0.5), epoch(1, -1.5, -0.7), epoch(2, None, -0.9)]
        figure = training.draw_losses(epochs)
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

    def test_steps(self):
        epochs = [epoch(s) for s in (1, 1, 2, 3, 3, 3)]
        self.assertEqual(training.steps_of(epochs), [[1, 1, 2], [2, 3, 3], [3, 4, 6]])

    def test_bins_average_over_mass_by_jets(self):
        bins = [loss_bin((200, 400), (0, 1), 30, -1.0, (0, 60)),
                loss_bin((200, 400), (0, 1), 10, -3.0, (60, 200)),
                loss_bin((400, 800), (0, 1), 0, None)]
        series = training.bin_series([epoch(1, bins=bins), epoch(1)], "train", "loss_energy")
        self.assertEqual(list(series), [((0, 1), (200, 400))])
        values = series[((0, 1), (200, 400))]
        self.assertAlmostEqual(values[0], -1.5)
        self.assertTrue(math.isnan(values[1]))
        self.assertEqual(training.bin_series([epoch(1, bins=bins)], "validation",
                                                  "loss_energy"), {})

    def test_a_last_line_cut_short_is_left_out(self):
        self.write_metrics(epoch(1), epoch(1))
        path = self.folder / "metrics.jsonl"
        path.write_text(path.read_text() + '{"step": 2, "ep')
        self.assertEqual(len(training.read_metrics(str(path))), 2)

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


if __name__ == "__main__":
    unittest.main()
