#!/usr/bin/python3
"""jetcal calibrate: which fields, which jets, which values."""

import json

import h5py
import numpy as np

from e2e import RESULT_FIELDS, check, jetcal, main, refused, sample_jets, small_recipe, small_shards, train, write_shard

COPIED = {"energy_calibrated": "energy", "mass_calibrated": "mass", "pt_calibrated": "pt"}


def model_in(folder):
    return train(small_recipe(folder), folder / "run") / "model.h5"


def calibrated(model, shards, out):
    jetcal("calibrate", model, *([shards] if not isinstance(shards, list) else shards), "--out", out)
    with h5py.File(out) as file:
        return file["jets"][()], json.loads(file["jets"].attrs["units"])


def check_identity(jets, which, why):
    for result, source in COPIED.items():
        for row in which:
            check(jets[result][row].tobytes() == np.float32(jets[source][row]).tobytes(),
                  f"row {row} ({why}): {result} is {jets[result][row]}, {source} is {jets[source][row]}")
    check((jets["calibrated"][which] == 0).all(), f"{why}: the flag must be 0")


def test_fields_units_and_values(folder):
    model = model_in(folder)
    jets, units = calibrated(model, folder / "shards/shard_0.h5", folder / "out.h5")
    with h5py.File(folder / "shards/shard_0.h5") as file:
        original = file["jets"][()]
    for name in original.dtype.names:
        check(jets.dtype[name] == original.dtype[name], f"{name} changed its type")
        check(jets[name].tobytes() == original[name].tobytes(), f"{name} changed")
    for name in RESULT_FIELDS:
        check(jets.dtype[name] == np.float32, f"{name} is {jets.dtype[name]}")
        check(units[name] == ("MeV" if name in COPIED else "1"), f"unit of {name}: {units.get(name)}")
    flag = jets["calibrated"] == 1
    check(flag.mean() > 0.9, f"only {flag.mean():.3f} of the jets were calibrated")
    j = {name: jets[name][flag].astype(float) for name in jets.dtype.names}
    close = dict(rtol=1e-6, atol=0)
    np.testing.assert_allclose(j["energy_calibrated"], j["energy"] / j["energy_response"], **close)
    np.testing.assert_allclose(j["mass_calibrated"], j["mass"] / j["mass_response"], **close)
    momentum = np.sqrt((j["energy_calibrated"] - j["mass_calibrated"]) * (j["energy_calibrated"] + j["mass_calibrated"]))
    np.testing.assert_allclose(j["pt_calibrated"], momentum / np.cosh(j["eta"]), rtol=3e-6)
    for name in RESULT_FIELDS[3:]:
        check(((0 <= j[name]) & (j[name] <= 2)).all(), f"{name} is tanh + 1")


def test_threads_and_packing_change_no_value(folder):
    model, shards = model_in(folder), sorted((folder / "shards").glob("*.h5"))
    out = folder / "out.h5"
    first, units = calibrated(model, shards, out)
    for options in (["--threads", 1], ["--threads", 3], ["--packing", "none"], ["--packing", "lz4"]):
        jetcal("calibrate", model, *shards, "--out", out, *options)
        with h5py.File(out) as file:
            check(file["jets"][()].tobytes() == first.tobytes(), f"{options}: other jets")
            check(json.loads(file["jets"].attrs["units"]) == units, f"{options}: other units")
            shuffled = "none" not in options
            check(file["jets"].shuffle == shuffled, f"{options}: shuffle {file['jets'].shuffle}")
    error = refused("calibrate", model, *shards, "--out", out, "--packing", "zip", status=2)
    check("--packing" in error, error)


def test_the_network_of_the_file_gives_the_responses(folder):
    """The model file says all there is: computed again with numpy in double precision."""
    model = model_in(folder)
    jets, _ = calibrated(model, folder / "shards/shard_0.h5", folder / "out.h5")
    with h5py.File(model) as file:
        p = {name: data[()].astype(float) for name, data in file["parameters"].items()}
        scale, offset = (file[f"normalisation/{n}"][()].astype(float) for n in ("scale", "offset"))
        centres, widths = (file[f"annotation/{n}"][()].astype(float) for n in ("centres", "widths"))
    energy, mass = jets["energy"].astype(float) / 1000, jets["mass"].astype(float) / 1000
    v = np.stack([np.log(energy), np.log(np.maximum(mass, 40)), jets["eta"], jets["Width"], jets["EM3Frac"], jets["NPV"]], 1)
    gauss = np.exp(-((np.abs(jets["eta"].astype(float))[:, None] - centres) ** 2) / (2 * widths**2))
    x = np.concatenate([v * scale + offset, gauss], 1)

    def mish(z):
        return z * np.tanh(np.logaddexp(0, z))

    def chain(h, group, count):
        for k in range(count):
            h = mish(h @ p[f"{group}.{k}.weight"] + p[f"{group}.{k}.bias"])
        return h

    depth = {g: len([n for n in p if n.startswith(g) and n.split(".")[1].isdigit() and n.endswith("weight")])
             for g in ("core.", "gate.", "energy.", "mass.")}
    core = chain(x, "core", depth["core."])
    gate = chain(x, "gate", depth["gate."] - 1)
    last = depth["gate."] - 1
    gate = gate @ p[f"gate.{last}.weight"] + p[f"gate.{last}.bias"]
    gate = np.exp(gate - gate.max(1, keepdims=True))
    gate /= gate.sum(1, keepdims=True)
    hidden = {"energy": chain(core, "energy", depth["energy."]), "mass": chain(core, "mass", depth["mass."]) * gate}
    flag = jets["calibrated"] == 1
    for head, h in hidden.items():
        out = np.tanh(h @ p[f"{head}.head.weight"] + p[f"{head}.head.bias"]) + 1
        for k, field in enumerate(("response", "sigma_low", "sigma_high")):
            np.testing.assert_allclose(jets[f"{head}_{field}"][flag], out[flag, k], rtol=2e-4, atol=2e-5)


def test_jets_that_cannot_be_calibrated_stay_as_they_are(folder):
    model = model_in(folder)
    jets, units = sample_jets(64, start=5000)
    jets["mass"][0] = 0
    jets["mass"][1] = -5
    jets["energy"][2] = np.nan
    jets["mass"][3] = np.nan
    jets["Width"][4] = np.inf
    jets["eta"][5] = -np.inf
    jets["NPV"][6] = np.nan
    jets["mass"][7] = jets["energy"][7] * np.float32(1.5)  # no response makes this physical
    write_shard(folder / "odd.h5", jets, units)
    out, _ = calibrated(model, folder / "odd.h5", folder / "out.h5")
    check_identity(out, range(8), "m <= 0, not finite or m > E")
    check((out["calibrated"][8:] == 1).mean() > 0.9, "the good jets are calibrated")
    good = out["calibrated"] == 1
    check((out["mass_calibrated"][good] <= out["energy_calibrated"][good]).all(), "a mass above its energy")
    # A jet without a finite input has no prediction; one with m > E keeps it.
    check(np.isnan(out["energy_response"][4]), "there is no prediction from an infinite input")
    check(np.isfinite(out["energy_response"][7]), "the prediction is kept")
    # One bad jet does not change its neighbours.
    clean, units = sample_jets(64, start=5000)
    write_shard(folder / "clean.h5", clean, units)
    neighbours, _ = calibrated(model, folder / "clean.h5", folder / "out2.h5")
    for name in RESULT_FIELDS:
        check(out[name][8:].tobytes() == neighbours[name][8:].tobytes(), f"{name} of good jets depends on the bad ones")


def test_units_of_the_input_are_kept(folder):
    model = model_in(folder)
    jets, units = sample_jets(200)
    in_mev, _ = calibrated(model, write_shard(folder / "mev.h5", jets, units), folder / "a.h5")
    for name, unit in list(units.items()):
        if unit == "MeV":
            jets[name] /= np.float32(1000)
            units[name] = "GeV"
    in_gev, out_units = calibrated(model, write_shard(folder / "gev.h5", jets, units), folder / "b.h5")
    check(out_units["energy_calibrated"] == "GeV" and out_units["mass_calibrated"] == "GeV", f"units: {out_units}")
    both = (in_mev["calibrated"] == 1) & (in_gev["calibrated"] == 1)
    check(both.mean() > 0.9, "calibrated in both units")
    for name in COPIED:
        np.testing.assert_allclose(in_gev[name][both] * 1000, in_mev[name][both], rtol=1e-4)


def test_many_shards_keep_their_order(folder):
    model = model_in(folder)
    shards = [folder / "shards/shard_1.h5", folder / "shards/shard_0.h5"]
    jets, _ = calibrated(model, shards, folder / "out.h5")
    originals = []
    for shard in sorted(shards):
        with h5py.File(shard) as file:
            originals.append(file["jets"]["energy"])
    check(jets["energy"].tobytes() == np.concatenate(originals).tobytes(), "rows keep the order of the sorted files")
    by_glob, _ = calibrated(model, folder / "shards/shard_*.h5", folder / "glob.h5")
    check(by_glob.tobytes() == jets.tobytes(), "a glob gives the same")
    for threads, isa in ((1, "scalar"), (3, "auto")):
        jetcal("calibrate", model, *shards, "--out", folder / "again.h5", "--threads", threads, "--isa", isa)
        with h5py.File(folder / "again.h5") as file:
            check(file["jets"][()].tobytes() == jets.tobytes(), f"other bits with {threads} threads, {isa}")


def test_held_out_and_training_jets_are_all_jets(folder):
    model = model_in(folder)
    counts = {}
    for which in ("all", "held-out", "training"):
        jetcal("calibrate", model, folder / "shards/shard_*.h5", "--jets", which, "--out", folder / f"{which}.h5")
        with h5py.File(folder / f"{which}.h5") as file:
            counts[which] = file["jets"]["eventNumber"]
    check(len(counts["all"]) == len(counts["held-out"]) + len(counts["training"]), "every jet is on one side")
    check(0.15 < len(counts["held-out"]) / len(counts["all"]) < 0.25, f"a fifth is held out: {len(counts['held-out'])}")
    check(not set(counts["held-out"]) & set(counts["training"]), "an event is on both sides")


def test_wrong_input_is_refused(folder):
    model = model_in(folder)
    small_shards(folder / "shards")
    jets, units = sample_jets(50)
    names = [n for n in jets.dtype.names if n != "EM3Frac"]
    write_shard(folder / "short.h5", jets[names], {n: units[n] for n in names})
    refused("calibrate", model, folder / "short.h5", "--out", folder / "out.h5", says=["EM3Frac", "short.h5"])
    refused("calibrate", model, folder / "nowhere.h5", "--out", folder / "out.h5", says=["nowhere.h5"])
    refused("calibrate", folder / "shards/shard_0.h5", folder / "shards/shard_0.h5", "--out", folder / "out.h5", says=["shard_0.h5"])
    refused("calibrate", model, folder / "shards/shard_0.h5", "--out", folder / "no/such/folder/out.h5", says=["out.h5"])
    check(not (folder / "out.h5").exists(), "a refused calibration left an output")


if __name__ == "__main__":
    main(globals())
