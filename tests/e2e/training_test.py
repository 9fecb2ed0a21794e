#!/usr/bin/python3
"""Training: what a run leaves, and the same bits however it is run."""

import json

import h5py
import numpy as np

from e2e import (ROOT, RESULT_FIELDS, available_isas, check, check_same_bits, check_same_metrics, checkpoints, jetcal, main, metrics,
                 parameters, refused, small_recipe, small_shards, Skip, train)


def test_a_run_leaves_model_metrics_and_recipe(folder):
    recipe = small_recipe(folder)
    run = train(recipe, folder / "run")
    resolved = json.loads((run / "recipe.json").read_text())
    check(resolved["seed"] == 7 and len(resolved["schedule"]) == 3, "recipe.json is the resolved recipe")
    lines = metrics(run)
    check([line["epoch"] for line in lines] is not None and len(lines) == 6, f"one line an epoch: {len(lines)}")
    for line in lines:
        for part in ("train", "validation"):
            for key in ("loss_energy", "loss_mass", "kept_energy", "kept_mass"):
                check(key in line[part], f"{part}.{key}")
    for line in lines[:4]:
        for part in ("train", "validation"):
            for head in ("energy", "mass"):
                check(np.isfinite(line[part][f"loss_{head}"]), f"{part} loss of {head}: {line}")
                check(0.5 < line[part][f"kept_{head}"] <= 1, f"{part} kept fraction of {head}: {line}")
    check(lines[1]["validation"]["loss_energy"] < lines[0]["validation"]["loss_energy"], "nothing was learnt")
    check(checkpoints(run), "no checkpoint")

    with h5py.File(run / "model.h5") as file:
        names = [n.decode() if isinstance(n, bytes) else n for n in file["normalisation/names"][()]]
        check(names == [f["name"] for f in resolved["features"]], f"normalisation/names: {names}")
        check(file["normalisation/scale"].shape == (6,) and file["normalisation/offset"].shape == (6,), "scale, offset")
        check(file["annotation/centres"].shape == (11,) and file["annotation/widths"].shape == (11,), "annotation")
        first = file["parameters/core.0.weight"]
        check(first.dtype == np.float32 and first.shape == (6 + 11, 64), f"core.0.weight is {first.dtype} {first.shape}")


def test_closure_of_held_out_jets_while_it_trains(folder):
    """Every second epoch, with the numbers that a validation of the last epoch's model gives."""
    bins = {"pt_true": [150, 600, 5000], "abs_eta_true": [0, 3]}
    recipe = small_recipe(folder, validation_every=2, bins=bins)
    run = train(recipe, folder / "run")
    lines = metrics(run)
    check([i for i, line in enumerate(lines, 1) if "closure" in line] == [2, 4, 6], "every second epoch has a closure")
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"bins": bins, "mass_true_min": 0, "tests": []}))
    jetcal("validate", "--no-report", folder / "shards/shard_*.h5", "--calibration", run / "model.h5", "--jets", "held-out",
           "--settings", settings, "--out", folder / "validation")
    table = json.loads((folder / "validation/validation.json").read_text())
    closure = lines[-1]["closure"]
    for variable in ("energy", "mass"):
        rows = [b for b in table["bins"] if b["variable"] == variable and b["calibration"] != "none"]
        mine = closure[variable]["rows"]
        check(len(mine) == closure[variable]["bins"] > 0, f"bins of {variable}: {closure[variable]}")
        for row in mine:
            other = rows[row["bin"]]
            check(row["jets"] == other["jets"], f"{row} and {other}")
            # Of cells 0.1 % wide, of other jets one by one.
            for key, within in (("mode", 0.4 * other["mode_error"]), ("mode_error", 0.2 * other["mode_error"]),
                                ("iqr68_over_mode", 0.3 * other["iqr68_over_mode_error"])):
                check(abs(row[key] - other[key]) < within, f"{key}: {row[key]} and {other[key]}")
        inside = [abs(row["mode"] - 1) < 0.05 for row in mine]
        check(closure[variable]["within_5"] == sum(inside) / len(inside), f"{closure[variable]}")
    check(lines[3]["closure"] != closure, "the closure is that of its epoch")


def test_same_bits_with_any_number_of_threads(folder):
    recipe = small_recipe(folder)
    one = train(recipe, folder / "one", "--threads", 1)
    for threads in (2, 3, 16):
        check_same_bits(one / "model.h5", train(recipe, folder / f"run{threads}", "--threads", threads) / "model.h5")


def test_same_bits_with_every_instruction_set(folder):
    recipe = small_recipe(folder)
    isas = available_isas()
    if len(isas) == 1:
        raise Skip("this processor has no vector instructions the kernels are built for")
    runs = [train(recipe, folder / isa, "--isa", isa) for isa in isas]
    runs.append(train(recipe, folder / "environment", env={"JETCAL_ISA": "scalar"}))
    for run in runs[1:]:
        check_same_bits(runs[0] / "model.h5", run / "model.h5")


def test_same_bits_twice_and_others_with_another_seed(folder):
    recipe = small_recipe(folder)
    one, other = train(recipe, folder / "one"), train(recipe, folder / "other")
    check_same_bits(one / "model.h5", other / "model.h5")
    check_same_metrics(one, other)
    seeded = train(recipe, folder / "seeded", "--set", "seed=8")
    a, b = parameters(one / "model.h5"), parameters(seeded / "model.h5")
    check(all(a[n].tobytes() != b[n].tobytes() for n in a), "the seed changes nothing")


def computed_by(run):
    with h5py.File(run / "model.h5") as file:
        return json.loads(file.attrs["provenance"])["dense_kernels"]


BF16_AUTO = ("--precision", "bf16", "--dense-kernels", "auto")
BF16_ONEDNN = ("--precision", "bf16", "--dense-kernels", "onednn")


def test_auto_takes_onednn_for_bf16_with_amx_only(folder):
    if "oneDNN: yes, bf16" not in jetcal("--version").stdout:
        raise Skip("oneDNN has no bf16 here")
    amx, none = {"JETCAL_AMX": "yes"}, {"JETCAL_AMX": "no"}
    check("oneDNN: yes, bf16 with AMX (with --precision bf16 use --dense-kernels auto)" in jetcal("--version", env=amx).stdout, "AMX")
    check("oneDNN: yes, bf16 without AMX" in jetcal("--version", env=none).stdout, "no AMX")
    recipe = small_recipe(folder)
    own, onednn = train(recipe, folder / "own", "--precision", "bf16"), train(recipe, folder / "onednn", *BF16_ONEDNN)
    for name, wanted, env, options in (("amx", onednn, amx, ()), ("none", own, none, ()), ("avx2", own, amx, ("--isa", "avx2"))):
        run = train(recipe, folder / name, *BF16_AUTO, *options, env=env)
        check(computed_by(run) == wanted.name, f"{name}: {computed_by(run)}")
        if not options:
            check_same_bits(run / "model.h5", wanted / "model.h5")
    check(computed_by(train(recipe, folder / "fp32", "--dense-kernels", "auto", env=amx)) == "own", "ours in fp32")
    moved = jetcal("train", recipe, "--out", folder / "amx", *BF16_AUTO, "--resume", env=none).stderr
    check("started with --dense-kernels onednn (now own)" in moved, f"a run that goes on with other products is told: {moved}")
    refused("train", recipe, "--out", folder / "word", *BF16_AUTO, env={"JETCAL_AMX": "1"}, says=("JETCAL_AMX", "'1'", "yes, no"))


def test_bf16_where_onednn_has_none(folder):
    if "oneDNN: no" in jetcal("--version").stdout or "avx2" not in available_isas():
        raise Skip("no oneDNN here, or not for x86")
    old = {"ONEDNN_MAX_CPU_ISA": "AVX2", "JETCAL_AMX": "yes"}
    check("oneDNN: yes, without bf16 on this processor" in jetcal("--version", env=old).stdout, "--version")
    recipe = small_recipe(folder)
    refused("train", recipe, "--out", folder / "onednn", *BF16_ONEDNN, env=old, says=("oneDNN has no bf16", "Use own"))
    own, auto = train(recipe, folder / "own", "--precision", "bf16"), train(recipe, folder / "auto", *BF16_AUTO, env=old)
    check(computed_by(auto) == "own", "auto takes ours")
    check_same_bits(own / "model.h5", auto / "model.h5")


def test_streaming_gives_its_own_bits_every_time(folder):
    recipe = small_recipe(folder)
    streaming = ("--set", "loader.mode=streaming")
    one = train(recipe, folder / "one", *streaming, "--threads", 1)
    other = train(recipe, folder / "other", *streaming, "--threads", 3)
    check_same_bits(one / "model.h5", other / "model.h5")
    check(len(metrics(one)) == 6, "as many epochs as the resident loader")


def test_held_out_jets_do_not_depend_on_how_shards_are_cut(folder):
    runs = []
    for files in (2, 5):
        small_shards(folder / f"cut_{files}/shards", files=files)
        runs.append(train(small_recipe(folder / f"cut_{files}"), folder / f"run_{files}"))
    # The same jets in the same order, cut into 5 files instead of 2: nothing may change.
    check_same_bits(*(run / "model.h5" for run in runs))


def test_the_mass_step_leaves_energy_as_it_was(folder):
    """recipes/tiny.json: the paper's eleven steps; the last trains the mass alone."""
    whole = json.loads((ROOT / "recipes/tiny.json").read_text())
    check(len(whole["schedule"]) == 11, "tiny.json has the paper's eleven steps")
    whole["data"]["train"] = [str(small_shards(folder / "shards") / "*.h5")]
    before = {**whole, "schedule": whole["schedule"][:10]}
    (folder / "whole.json").write_text(json.dumps(whole))
    (folder / "before.json").write_text(json.dumps(before))
    after_10 = train(folder / "before.json", folder / "run10") / "model.h5"
    after_11 = train(folder / "whole.json", folder / "run11") / "model.h5"
    a, b = parameters(after_10), parameters(after_11)
    for name in a:
        same = a[name].tobytes() == b[name].tobytes()
        check(same == name.startswith(("core.", "energy.")), f"{name}: {'unchanged' if same else 'changed'}")
    jets = {}
    for model in (after_10, after_11):
        out = folder / f"{model.parent.name}.h5"
        jetcal("calibrate", model, folder / "shards/shard_0.h5", "--out", out)
        with h5py.File(out) as file:
            jets[model] = file["jets"][()]
    # pt and, where a mass would come out above its energy, the calibrated energy follow the mass.
    for field in RESULT_FIELDS:
        same = jets[after_10][field].tobytes() == jets[after_11][field].tobytes()
        if field.startswith(("energy_response", "energy_sigma")):
            check(same, f"{field} changed in the mass step")
        if field.startswith("mass_"):
            check(not same, f"{field} did not change in the mass step")


if __name__ == "__main__":
    main(globals())
