#!/usr/bin/python3
"""jetcal fit-standard: the standard calibration, derived, applied, validated, read with h5py."""

import json
import re

import h5py
import numpy as np

from e2e import ROOT, SAMPLE, check, flip_bit, jetcal, main, refused, sample_jets, small_recipe, train, write_shard

# Bins that a few thousand jets fill.
WIDE = {"energy": {"eta_step": 0.5}, "mass": {"abs_eta_edges": [0, 1, 2, 3], "energy_log_step": 0.8}}


def sample_shard(folder, count=12000):
    return write_shard(folder / "jets.h5", *sample_jets(count))


def settings(folder, values, name="settings.json"):
    path = folder / name
    path.write_text(json.dumps(values))
    return path


def fitted(folder, *arguments):
    """A standard calibration of a few thousand jets, and what was printed."""
    out = folder / "standard.h5"
    wide = settings(folder, WIDE)
    done = jetcal("fit-standard", sample_shard(folder), "--settings", wide, "--out", out, *arguments)
    return out, done.stdout


def read_jets(path):
    with h5py.File(path) as file:
        return file["jets"][()]


def test_calibrated_jets_close(folder):
    standard, said = fitted(folder)
    for word in ("12000 jets", "within 1 %", "worst bins", "energy", "mass", str(standard)):
        check(word in said, f"'{word}' must be said: {said}")
    jetcal("calibrate", standard, SAMPLE[1], "--out", folder / "out.h5")
    jets = read_jets(folder / "out.h5")
    done = jets["calibrated"] == 1
    check(done.mean() > 0.999, f"{done.mean()} of the jets are calibrated")
    j = {name: jets[name][done].astype(float) for name in jets.dtype.names}
    np.testing.assert_allclose(j["energy_calibrated"], j["energy"] / j["energy_response"], rtol=1e-6)
    np.testing.assert_allclose(j["mass_calibrated"], j["mass"] / j["mass_response"], rtol=1e-6)
    momentum = np.sqrt((j["energy_calibrated"] - j["mass_calibrated"]) * (j["energy_calibrated"] + j["mass_calibrated"]))
    np.testing.assert_allclose(j["pt_calibrated"], momentum / np.cosh(j["eta"]), rtol=3e-6)
    for name in ("energy_sigma_low", "energy_sigma_high", "mass_sigma_low", "mass_sigma_high"):
        check(np.isnan(jets[name]).all(), f"{name} has no value")
    # Other jets than it was derived from: the median is near the mode.
    for low, high in ((300, 500), (500, 1000), (1000, 3000)):
        for eta_low, eta_high in ((0, 0.5), (0.5, 1)):
            inside = (low < j["truth_pt"] / 1e3) & (j["truth_pt"] / 1e3 < high)
            inside &= (eta_low <= abs(j["eta"])) & (abs(j["eta"]) < eta_high)
            before = np.median((j["energy"] / j["truth_energy"])[inside])
            after = np.median((j["energy_calibrated"] / j["truth_energy"])[inside])
            check(before < 0.97 and abs(after - 1) < 0.015, f"pT {low}, eta {eta_low}: {before} before, {after} after")


def test_numpy_program_computes_the_calibration_of_a_file(folder):
    page = (ROOT / "docs/standard-calibration.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    check(len(blocks) == 1 and len(blocks[0].splitlines()) <= 45, "one short program stands on the page")
    names = {"__name__": "page"}
    exec(compile(blocks[0], "docs/standard-calibration.md", "exec"), names)
    signed = {"energy": {"eta_step": 1, "signed_eta": True, "low_energy": "quadratic", "min_pt": 230},
              "mass": {"abs_eta_edges": [0, 0.5, 2], "energy_log_step": 0.8}}
    shard = sample_shard(folder)
    for k, values in enumerate((WIDE, signed)):
        out, calibrated = folder / f"s{k}.h5", folder / f"c{k}.h5"
        jetcal("fit-standard", shard, "--settings", settings(folder, values), "--out", out)
        jetcal("calibrate", out, shard, "--out", calibrated)
        jets = read_jets(calibrated)
        energy, mass = names["responses"](out, shard)
        np.testing.assert_allclose(jets["energy_response"], energy, rtol=2e-7)
        np.testing.assert_allclose(jets["mass_response"], mass, rtol=2e-7)
        check(np.ptp(energy) > 0.05 and np.ptp(mass / energy) > 0.05, "the responses vary")
        with h5py.File(out) as file:
            cut = (jets["energy"] / 1e3 < file["energy/cut"][()].min()).sum()
        check(k == 0 or cut > 20, f"{cut} jets lie below the cut")
        check(k == 0 or (mass == energy)[abs(jets["eta"]) > 2].all(), "no mass scale beyond |eta| = 2")


def test_held_out_jets_by_the_rule_of_a_recipe_or_model(folder):
    recipe = small_recipe(folder)
    model = train(recipe, folder / "run") / "model.h5"
    shards = folder / "shards/shard_*.h5"
    few = settings(folder, {"energy": {"eta_step": 3, "min_jets": 100}, "mass": {"min_jets": 100, "abs_eta_edges": [0, 3]}})
    for rule in (recipe, model):
        out = folder / f"{rule.stem}_standard.h5"
        jetcal("fit-standard", shards, "--settings", few, "--jets", "training", "--split-of", rule, "--out", out)
        jetcal("calibrate", out, shards, "--jets", "held-out", "--out", folder / "held_out.h5")
        jetcal("calibrate", model, shards, "--jets", "held-out", "--out", folder / "by_model.h5")
        with h5py.File(out) as file:
            split, made = json.loads(file.attrs["split"]), json.loads(file.attrs["provenance"])
        held_out, by_model = read_jets(folder / "held_out.h5"), read_jets(folder / "by_model.h5")
        check(split["validation_fraction"] == 0.2, f"the rule is kept: {split}")
        check(made["jets_held_out"] == len(held_out) > 300, f"{made} {len(held_out)}")
        check((held_out["eventNumber"] == by_model["eventNumber"]).all(), "the same jets are held out")
    jetcal("validate", "--no-report", shards, "--calibration", model, "--calibration", out, "--jets", "held-out", "--out", folder / "table")
    table = json.loads((folder / "table/validation.json").read_text())
    check({entry["calibration"] for entry in table["bins"]} == {"none", str(model), str(out)}, "both calibrations are in")
    jetcal("fit-standard", shards, "--settings", few, "--jets", "training", "--split-of", out, "--out", folder / "third.h5")
    check((folder / "third.h5").read_bytes() == out.read_bytes(), "a standard calibration has a rule too")


def test_the_bits_do_not_depend_on_the_threads(folder):
    one, _ = fitted(folder, "--threads", 1)
    jetcal("fit-standard", folder / "jets.h5", "--settings", folder / "settings.json", "--threads", 5, "--out", folder / "five.h5")
    check(one.read_bytes() == (folder / "five.h5").read_bytes(), "1 and 5 threads give other files")


def test_inspect_says_what_it_holds(folder):
    standard, _ = fitted(folder)
    said = jetcal("inspect", standard).stdout
    for word in ("standard calibration", "6 bins of |eta| from 0 to 3", "12000 jets", "jets.h5", "eta_step", "worst bins"):
        check(word in said, f"'{word}' must be said: {said}")
    flip_bit(standard, standard.stat().st_size // 2)
    for command in (["inspect", standard], ["calibrate", standard, folder / "jets.h5", "--out", folder / "x.h5"]):
        refused(*command, says=["standard.h5"])
    check(not (folder / "x.h5").exists(), "nothing is written")


def test_bad_input_is_refused(folder):
    jets, units = sample_jets(3000)
    shard, out = write_shard(folder / "jets.h5", jets, units), folder / "out.h5"

    def fails(*arguments, says, status=1):
        refused("fit-standard", *arguments, "--out", out, says=says, status=status)
        check(not out.exists(), f"{arguments}: nothing is written")

    fails(shard, says=["500 jets"])
    fails(shard, "--settings", settings(folder, {"energy": {"eta_stpe": 1}}), says=["eta_stpe", "eta_step"])
    fails(shard, "--settings", settings(folder, {"fields": {"truth_mass": "mass_true"}}), says=["mass_true", "truth_mass"])
    fails(shard, "--settings", settings(folder, {"units": {"energy": "GeV"}}), says=["energy", "GeV", "MeV"])
    fails(shard, "--settings", folder / "nowhere.json", says=["nowhere.json"])
    fails(folder / "nowhere_*.h5", says=["nowhere_"])
    fails(shard, "--jets", "training", says=["--split-of"], status=2)
    fails(shard, "--split-of", shard, says=["--jets training"], status=2)
    fails(shard, "--jets", "held-out", says=["held-out"], status=2)
    every = small_recipe(folder, data={"train": ["jets.h5"], "validation_fraction": 0})
    fails(shard, "--jets", "training", "--split-of", every, says=["validation_fraction"])
    no_truth = [name for name in jets.dtype.names if name != "truth_energy"]
    fails(write_shard(folder / "data.h5", jets[no_truth].copy(), units), says=["truth_energy"])
    fails(write_shard(folder / "no_units.h5", jets, None), says=["energy", "unit"])
    lost = jets.copy()
    lost["energy"] = np.nan
    fails(write_shard(folder / "lost.h5", lost, units), says=["none of 3000 jets"])
    falling = jets.copy()
    falling["energy"] *= (falling["truth_energy"] / 1e6) ** -1.5
    one = settings(folder, {"energy": {"eta_step": 3, "min_jets": 100}})
    fails(write_shard(folder / "falling.h5", falling, units), "--settings", one, says=["falls near", "eta 0 to 3"])


if __name__ == "__main__":
    main(globals())
