#!/usr/bin/python3
"""jetcal validate, inspect and generate: tables that agree with the jets they are made of."""

import json

import h5py
import numpy as np

from e2e import SAMPLE, check, jetcal, main, refused, sample_jets, small_recipe, small_shards, train, write_shard


def validated(folder, *arguments):
    out = folder / "validation"
    done = jetcal("validate", *arguments, "--out", out)
    return json.loads((out / "validation.json").read_text()), done.stdout, out


def test_table_before_and_after(folder):
    model = train(small_recipe(folder), folder / "run") / "model.h5"
    table, text, out = validated(folder, folder / "shards/shard_*.h5", "--calibration", model)
    jets, _ = sample_jets(3000)
    momentum, eta = jets["truth_pt"] / 1000.0, abs(jets["truth_eta"])
    seen = set()
    for entry in table["bins"]:
        seen.add((entry["variable"], entry["calibration"]))
        (low, high), (eta_low, eta_high) = entry["pt_true"], entry["abs_eta_true"]
        inside = (low <= momentum) & (momentum < high) & (eta_low <= eta) & (eta < eta_high)
        if entry["variable"] == "energy":
            check(abs(entry["jets"] - inside.sum()) <= 1, f"{inside.sum()} jets are in the bin of {entry}")
        if entry["mode"] is not None:
            check(0.5 < entry["mode"] < 1.5 and entry["mode_error"] > 0, f"mode: {entry}")
            check(0 < entry["iqr68_over_mode"] < 1 and entry["iqr68_over_mode_error"] > 0, f"IQR68: {entry}")
        if entry["jets"] == 0:
            check(entry["mode"] is None and entry["iqr68_over_mode"] is None, f"an empty bin has no values: {entry}")
    check({v for v, _ in seen} == {"energy", "mass"}, f"variables: {seen}")
    calibrations = {c for _, c in seen}
    check("none" in calibrations and len(calibrations) == 2, f"before and after: {calibrations}")
    check(any(path.suffix == ".txt" for path in out.iterdir()), f"a text table beside the JSON: {list(out.iterdir())}")
    check(text.strip(), "the table is printed too")


def test_iqr_over_mode_is_that_of_the_jets(folder):
    """Half the width of the central 68 % over the mode, recomputed with numpy in the fullest bin."""
    table, _, _ = validated(folder, SAMPLE[0])
    entry = max((e for e in table["bins"] if e["variable"] == "energy" and e["calibration"] == "none"), key=lambda e: e["jets"])
    jets, _ = sample_jets(10**9)
    momentum, eta = jets["truth_pt"] / 1000.0, abs(jets["truth_eta"])
    (low, high), (eta_low, eta_high) = entry["pt_true"], entry["abs_eta_true"]
    inside = (low <= momentum) & (momentum < high) & (eta_low <= eta) & (eta < eta_high)
    response = np.sort(jets["energy"][inside].astype(float) / jets["truth_energy"][inside])
    check(abs(len(response) - entry["jets"]) <= 1, "jets of the bin")
    low_q, high_q = np.quantile(response, [0.16, 0.84])
    ratio = entry["iqr68_over_mode"] * entry["mode"] / (high_q - low_q)
    check(min(abs(ratio - 1), abs(2 * ratio - 1)) < 0.02, f"IQR68 over numpy's: {ratio}")
    check(abs(entry["mode"] / np.median(response) - 1) < 0.05, f"mode {entry['mode']}, median {np.median(response)}")


def test_held_out_jets_only(folder):
    model = train(small_recipe(folder), folder / "run") / "model.h5"
    counts = {}
    for which in ("all", "held-out", "training"):
        (folder / which).mkdir()
        table, _, _ = validated(folder / which, folder / "shards/shard_*.h5", "--calibration", model, "--jets", which)
        counts[which] = sum(e["jets"] for e in table["bins"] if e["variable"] == "energy" and e["calibration"] == "none")
    check(counts["all"] == counts["held-out"] + counts["training"], f"{counts}")
    check(0.15 < counts["held-out"] / counts["all"] < 0.25, f"a fifth is held out: {counts}")
    recipe = json.loads((folder / "recipe.json").read_text())
    recipe["data"]["validation_fraction"] = 0
    (folder / "none.json").write_text(json.dumps(recipe))
    model = train(folder / "none.json", folder / "none_held_out") / "model.h5"
    refused("validate", folder / "shards/shard_*.h5", "--calibration", model, "--jets", "held-out", "--out", folder / "x",
            says=["held-out"])


def test_a_training_makes_the_response_better(folder):
    """A short training on one file of the sample: the mass and energy peaks move to 1, and narrow."""
    recipe = json.loads(small_recipe(folder).read_text())
    recipe["data"]["train"] = [str(SAMPLE[0])]
    recipe["schedule"] = [{**recipe["schedule"][0], "epochs": 6}]
    (folder / "longer.json").write_text(json.dumps(recipe))
    model = train(folder / "longer.json", folder / "run") / "model.h5"
    table, _, _ = validated(folder, SAMPLE[0], "--calibration", model, "--jets", "held-out")
    off = {}
    for entry in table["bins"]:
        if entry["variable"] == "energy" and entry["jets"] > 200 and entry["mode"] is not None:
            off.setdefault(entry["calibration"] == "none", []).append(abs(entry["mode"] - 1))
    check(np.mean(off[False]) < 0.4 * np.mean(off[True]), f"mean |mode - 1|: {np.mean(off[True])} before, {np.mean(off[False])} after")


def test_validate_needs_truth_and_says_what_is_missing(folder):
    jets, units = sample_jets(100)
    names = [n for n in jets.dtype.names if n != "truth_pt"]
    write_shard(folder / "x.h5", jets[names], {n: units[n] for n in names})
    refused("validate", folder / "x.h5", "--out", folder / "out", says=["truth_pt"])


def test_inspect_says_what_a_file_holds(folder):
    recipe = small_recipe(folder)
    said = jetcal("inspect", folder / "shards/shard_0.h5").stdout
    for word in ("1500", "energy", "MeV", "eventNumber", "averageMu"):
        check(word in said.replace(",", ""), f"inspect of a shard names {word}: {said}")
    run = train(recipe, folder / "run")
    said = jetcal("inspect", run / "model.h5").stdout
    for word in ("log_energy", "core.0.weight", "seed"):
        check(word in said, f"inspect of a model names {word}: {said}")
    newest = sorted((run / "checkpoints").glob("*.h5"))[-1]
    said = jetcal("inspect", newest).stdout
    check("step" in said.lower() and "epoch" in said.lower(), f"inspect of a checkpoint says where the run stands: {said}")
    (folder / "text.h5").write_text("no HDF5 at all\n")
    refused("inspect", folder / "text.h5", says=["text.h5"])
    refused("inspect", folder / "nowhere.h5", says=["nowhere.h5"])


def test_generated_jets_train_and_repeat(folder):
    jetcal("generate", "--jets", 2000, "--seed", 5, "--out", folder / "toy", "--shards", 3)
    shards = sorted((folder / "toy").glob("*.h5"))
    check(len(shards) == 3, f"three shards: {shards}")
    jets, sample = [], sample_jets(1)[0]
    for shard in shards:
        with h5py.File(shard) as file:
            jets.append(file["jets"][()])
            units = json.loads(file["jets"].attrs["units"])
    check(sum(map(len, jets)) == 2000, "as many jets as asked for")
    for name in (*sample.dtype.names, "oracle_energy_response", "oracle_mass_response"):
        if name not in ("flavour", "topology", "weight", "phi", "truth_phi", "rapidity"):
            check(name in jets[0].dtype.names, f"toy jets have the field {name}")
            check(name in units, f"and {name} a unit")
    for part in jets:
        for name in part.dtype.names:
            check(np.isfinite(part[name]).all(), f"{name} is finite")
    jetcal("generate", "--jets", 2000, "--seed", 5, "--out", folder / "again", "--shards", 3)
    for shard in shards:
        with h5py.File(shard) as a, h5py.File(folder / "again" / shard.name) as b:
            check(a["jets"][()].tobytes() == b["jets"][()].tobytes(), "the same seed gives the same jets")
    jetcal("generate", "--jets", 2000, "--seed", 6, "--out", folder / "other")
    with h5py.File(sorted((folder / "other").glob("*.h5"))[0]) as file:
        check(file["jets"]["energy"][:100].tobytes() != jets[0]["energy"][:100].tobytes(), "the seed changes nothing")
    recipe = small_recipe(folder)
    train(recipe, folder / "run", "--set", f'data.train=["{folder}/toy/*.h5"]')


if __name__ == "__main__":
    main(globals())
