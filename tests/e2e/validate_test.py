#!/usr/bin/python3
"""jetcal validate, inspect and generate: tables that agree with the jets they are made of."""

import json

import h5py
import numpy as np

from e2e import SAMPLE, check, jetcal, main, refused, sample_jets, small_recipe, small_shards, train, write_shard


def validated(folder, *arguments):
    out = folder / "validation"
    done = jetcal("validate", *arguments, "--no-report", "--out", out)
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


def written(folder, name, jets, units):
    """A shard of its own folder."""
    (folder / name).mkdir()
    return write_shard(folder / name / "jets.h5", jets, units)


def test_several_samples_and_calibrations_side_by_side(folder):
    """Fields of the shards as a calibration, a sample in other units, sides by sample, comparisons."""
    model = train(small_recipe(folder), folder / "run") / "model.h5"
    jetcal("calibrate", model, folder / "shards/shard_*.h5", "--out", folder / "calibrated.h5")
    with h5py.File(folder / "calibrated.h5") as file:
        jets, units = file["jets"][()], json.loads(file["jets"].attrs["units"])
    in_gev = jets.copy()
    for name, unit in units.items():
        if unit == "MeV":
            in_gev[name] /= 1000
    other = written(folder, "gev", in_gev, {n: "GeV" if u == "MeV" else u for n, u in units.items()})
    table, text, _ = validated(
        folder, "--sample", f"mev={folder}/calibrated.h5", "--sample", f"gev={other}", "--calibration", model,
        "--calibration", "fields", "--jets", "held-out", "--jets", "gev=all", "--compare-samples", "mev,gev")
    check(table["calibrations"] == ["none", str(model), "fields"], f"{table['calibrations']}")
    sides = {s["sample"]: (s["side"], s["jets"]) for s in table["samples"]}
    check(sides["gev"] == ("all", 3000) and sides["mev"][0] == "held-out" and sides["mev"][1] < 900, f"{sides}")
    by = {}
    for b in table["bins"]:
        by[b["sample"], b["variable"], b["calibration"], *b["pt_true"], *b["abs_eta_true"]] = b
    for (sample, variable, calibration, *place), b in by.items():
        if calibration == "fields" and b["mode"] is not None:
            dnn = by[sample, variable, str(model), *place]
            check(abs(b["mode"] - dnn["mode"]) < 1e-4, f"the file's fields are the model's jets: {b} {dnn}")
    check({t["name"] for t in table["tables"]} >= {"closure", "eta", "energy", "mass", "topologies", "flavours",
                                                    "pileup_npv", "pileup_mu", "spectrum"}, "every test has a table")
    check(len(table["importance"]) == 12, "two outputs depend on six features")
    strongest = max((f for f in table["importance"] if f["variable"] == "energy"), key=lambda f: f["permuted_change"])
    check(strongest["permuted_change"] > 0, f"{strongest}")
    check(table["widths"]["rows"] and table["training"][0]["epochs"], "predicted widths and the training's curve")
    compared = [c for t in table["tables"] if t["name"] == "closure" for c in t["comparisons"] if c["mode_difference"] is not None]
    check(compared and all(abs(c["mode_difference"]) < 1e-4 for c in compared), "model and fields are the same")
    check(table["sample_differences"] and not table["warnings"], f"{table['warnings']}")
    check(table["resources"]["peak_memory_bytes"] > 1 << 20, f"{table['resources']}")
    check("Bias of the estimators" in text and "Topologies" in text, text)


def test_weights_of_the_recipe_are_honoured(folder):
    """Jets of weight 0 might as well not be there."""
    jets, units = sample_jets(3000)
    jets["weight"] = np.arange(len(jets)) % 2
    half = written(folder, "half", jets[jets["weight"] > 0], units)
    everything = written(folder, "all", jets, units)
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"fields": {"weight": "weight"}, "tests": []}))
    weighted, _, _ = validated(folder, everything, "--settings", settings)
    (folder / "plain").mkdir()
    plain, _, _ = validated(folder / "plain", half)
    for a, b in zip(weighted["bins"], plain["bins"]):
        check(a["jets"] == b["jets"], f"{a['jets']} and {b['jets']} jets")
        if a["mode"] is not None:
            check(abs(a["mode"] - b["mode"]) < 1e-6, f"{a['mode']} {b['mode']}")
    check(weighted["samples"][0]["effective_entries"] == 1500, f"{weighted['samples']}")


def test_what_a_sample_lacks_is_said(folder):
    jets, units = sample_jets(2000)
    names = [n for n in jets.dtype.names if n not in ("flavour", "NPV")]
    bare = written(folder, "bare", jets[names], {n: units[n] for n in names})
    table, text, _ = validated(folder, bare)
    why = {(s["test"], s["why"].split(" has ")[-1]) for s in table["skipped"]}
    check(("flavours", "no field 'flavour'") in why and ("pileup", "no field 'NPV'") in why, f"{table['skipped']}")
    check("no field 'flavour'" in text, text)

    jets["flavour"][7] = 37
    strange = written(folder, "strange", jets, units)
    refused("validate", strange, "--out", folder / "x", says=["flavour", "row 7", "37", "flavours_without"])
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"flavours_without": [0, 37]}))
    jetcal("validate", "--no-report", strange, "--settings", settings, "--out", folder / "known")
    settings.write_text(json.dumps({"test": []}))
    refused("validate", strange, "--settings", settings, "--out", folder / "y", says=["settings.json", "'test'", "'tests'"])

    later = jets[jets["truth_pt"] > 300e3]
    written(folder, "later", later, units)
    settings.write_text(json.dumps({"tests": ["samples"]}))
    table, text, _ = validated(folder, "--sample", f"a={bare}", "--sample", f"b={folder}/later/jets.h5",
                               "--compare-samples", "a,b", "--settings", settings)
    check(len(table["warnings"]) == 1 and "selected differently" in text, f"{table['warnings']}")
    refused("validate", "--sample", f"a={bare}", "--compare-samples", "a,c", "--out", folder / "z", says=["'c'", "a"])


def test_jets_beyond_the_memory_budget_go_to_a_file(folder):
    (folder / "memory").mkdir()
    (folder / "file").mkdir()
    a, _, _ = validated(folder / "memory", *SAMPLE)
    b, _, out = validated(folder / "file", *SAMPLE, "--memory-mib", 1)
    check(b["resources"]["column_bytes_in_file"] > 0 == a["resources"]["column_bytes_in_file"], f"{b['resources']}")
    check(a["bins"] == b["bins"] and a["tables"] == b["tables"], "where jets are kept does not enter the numbers")
    check({p.name for p in out.iterdir()} >= {"validation.json", "validation.txt"} and
          not list(out.glob("*columns*")), f"nothing is left: {list(out.iterdir())}")


def test_a_report_is_drawn_at_the_end(folder):
    jets, units = sample_jets(2000)
    shard = write_shard(folder / "jets.h5", jets, units)
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"tests": ["flavours"], "bins": {"pt_true": [150, 400, 5000], "abs_eta_true": [0, 3]}}))
    arguments = ("validate", shard, "--settings", settings, "--out")
    out = folder / "validation"
    said = jetcal(*arguments, out).stdout
    page = (out / "report.html").read_text()
    check(f"{out}/report.html" in said and "jets.h5" in page, f"its path is printed: {said[-300:]}")
    pictures = {p.name for p in (out / "pictures").iterdir()}
    for name in ("jets_energy_response_vs_pt", "jets_mass_resolution_vs_eta", "jets_flavours_response"):
        check({f"{name}.png", f"{name}.pdf"} <= pictures, f"{name} is drawn: {pictures}")
    check(page.count("<img") == len(pictures) // 2, "all pictures are on the page")

    # Nothing to draw with: one line, and the numbers are there.
    (folder / "matplotlib.py").write_text("raise ImportError('none here')\n")
    done = jetcal(*arguments, folder / "numbers", env={"PYTHONPATH": str(folder)})
    check("matplotlib is missing" in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    check({p.name for p in (folder / "numbers").iterdir()} == {"validation.json", "validation.txt"}, "numbers without pictures")
    # What else goes wrong is an error, with the numbers written.
    (folder / "taken").mkdir()
    (folder / "taken/pictures").write_text("a file\n")
    refused(*arguments, folder / "taken", says=["pictures", "--no-report"])
    check((folder / "taken/validation.json").exists(), "the numbers are written")


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
