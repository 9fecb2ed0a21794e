#!/usr/bin/python3
"""Shards with something wrong: a clear error that names the place, and nothing lost."""

import json
import os

import h5py
import numpy as np

from e2e import (Skip, check, check_same_bits, checkpoints, jetcal, main, refused, sample_jets, small_recipe, small_shards, train,
                 write_shard)


def with_shard(folder, change):
    """The small recipe over one shard of 1,000 jets after `change(jets, units)`."""
    (folder / "shards").mkdir(exist_ok=True)
    jets, units = sample_jets(1000)
    changed = change(jets, units)
    if changed is not None:
        jets, units = changed
    write_shard(folder / "shards/shard_0.h5", jets, units)
    return small_recipe(folder)


def without(field):
    def change(jets, units):
        names = [n for n in jets.dtype.names if n != field]
        return jets[names], {n: u for n, u in units.items() if n != field}

    return change


def set_value(field, row, value):
    def change(jets, units):
        jets[field][row] = value

    return change


def test_missing_fields_are_named_and_those_there_listed(folder):
    for field in ("Width", "truth_mass", "eventNumber"):
        error = refused("train", with_shard(folder, without(field)), "--out", folder / "run", says=[field, "shard_0.h5"])
        check("averageMu" in error, f"the fields there are listed: {error}")
    check(not checkpoints(folder / "run"), "nothing was trained")


def test_units_are_never_guessed(folder):
    recipe = with_shard(folder, lambda jets, units: (jets, None))
    refused("train", recipe, "--out", folder / "run", says=["energy", "unit"])
    declared = {n: "MeV" for n in ("energy", "mass", "truth_energy", "truth_mass", "truth_pt")}
    declared.update({n: "1" for n in ("eta", "Width", "EM3Frac", "NPV", "truth_eta")})
    train(recipe, folder / "run", "--set", f"data.units={json.dumps(declared)}")
    refused("train", with_shard(folder, lambda jets, units: (jets, {**units, "energy": "J"})), "--out", folder / "other",
            says=["energy", "J"])
    refused("train", with_shard(folder, lambda jets, units: None), "--out", folder / "other", "--set",
            'data.units={"energy": "GeV"}', says=["energy", "GeV", "MeV"])


def test_non_finite_features_are_counted_and_placed(folder):
    def change(jets, units):
        jets["Width"][17] = np.nan
        jets["Width"][400] = np.inf

    recipe = with_shard(folder, change)
    refused("train", recipe, "--out", folder / "run", says=["Width", "17", "2"])
    train(recipe, folder / "run", "--set", "data.non_finite=drop")


def test_responses_of_zero_and_below(folder):
    def change(jets, units):
        jets["energy"][3] = 0
        jets["truth_mass"][5] = -1

    recipe = with_shard(folder, change)
    refused("train", recipe, "--out", folder / "run", says=["shard_0.h5"])
    # log(energy) of the first is not finite either.
    train(recipe, folder / "run", "--set", "data.non_finite=drop", "--set", "data.non_positive_response=drop")


def test_files_that_are_no_shards(folder):
    recipe = with_shard(folder, lambda jets, units: None)
    shard = folder / "shards/shard_0.h5"
    good = shard.read_bytes()
    shard.write_text("not HDF5\n")
    refused("train", recipe, "--out", folder / "run", says=["shard_0.h5"])
    for length in (0, 100, len(good) // 2, len(good) - 1):
        shard.write_bytes(good[:length])
        refused("train", recipe, "--out", folder / "run", says=["shard_0.h5"])
    with h5py.File(shard, "w") as file:
        file["tracks"] = np.zeros(3)
    refused("train", recipe, "--out", folder / "run", says=["shard_0.h5", "jets"])
    with h5py.File(shard, "w") as file:
        file["jets"] = np.zeros((10, 3))
    refused("train", recipe, "--out", folder / "run", says=["shard_0.h5", "jets"])
    with_shard(folder, lambda jets, units: (jets[:0], units))
    refused("train", recipe, "--out", folder / "run", says=["shard_0.h5"])
    shard.unlink()
    refused("train", recipe, "--out", folder / "run", says=["shard_"])


def test_folders_that_cannot_be_used(folder):
    recipe = small_recipe(folder)
    (folder / "a_file").write_text("")
    refused("train", recipe, "--out", folder / "a_file/run", says=["a_file"])
    refused("train", recipe, "--out", folder / "a_file", says=["a_file"])
    if os.geteuid() == 0:
        return
    (folder / "locked").mkdir(mode=0o500)
    refused("train", recipe, "--out", folder / "locked/run", says=["locked"])


def test_field_types_and_compressions(folder):
    """float16, float64 and uncompressed files give what float32 with gzip gives, as far as they can."""
    jets, units = sample_jets(1000)
    (folder / "shards").mkdir()
    write_shard(folder / "shards/shard_0.h5", jets, units)
    recipe = small_recipe(folder)
    run = train(recipe, folder / "plain")
    wide = [(n, "f8" if jets.dtype[n].kind == "f" else jets.dtype[n]) for n in jets.dtype.names]
    with h5py.File(folder / "shards/shard_0.h5", "w") as file:
        dataset = file.create_dataset("jets", data=jets.astype(wide))
        dataset.attrs["units"] = json.dumps(units)
    other = train(recipe, folder / "double")
    # float32 values in float64 fields are the same values.
    check_same_bits(run / "model.h5", other / "model.h5")
    narrow = [(n, "f2" if n in ("Width", "EM3Frac") else jets.dtype[n]) for n in jets.dtype.names]
    write_shard(folder / "shards/shard_0.h5", jets.astype(narrow), units)
    train(recipe, folder / "half")


def test_lz4_shards(folder):
    jets, units = sample_jets(1000)
    (folder / "shards").mkdir()
    if not h5py.h5z.filter_avail(32004):
        raise Skip("python's HDF5 has no LZ4 filter (hdf5-filter-plugin)")
    with h5py.File(folder / "shards/shard_0.h5", "w") as file:
        dataset = file.create_dataset("jets", data=jets, chunks=(128,), compression=32004)
        dataset.attrs["units"] = json.dumps(units)
    recipe = small_recipe(folder)
    lz4 = train(recipe, folder / "lz4")
    write_shard(folder / "shards/shard_0.h5", jets, units)
    gzip = train(recipe, folder / "gzip")
    check_same_bits(lz4 / "model.h5", gzip / "model.h5")


def test_virtual_dataset_over_shards(folder):
    small_shards(folder / "parts")
    parts = sorted((folder / "parts").glob("*.h5"))
    (folder / "shards").mkdir()
    with h5py.File(parts[0]) as file:
        dtype, units = file["jets"].dtype, file["jets"].attrs["units"]
    layout = h5py.VirtualLayout((3000,), dtype)
    row = 0
    for part in parts:
        with h5py.File(part) as file:
            count = len(file["jets"])
        layout[row : row + count] = h5py.VirtualSource(str(part), "jets", shape=(count,))
        row += count
    with h5py.File(folder / "shards/shard_0.h5", "w") as file:
        file.create_virtual_dataset("jets", layout).attrs["units"] = units
    recipe = small_recipe(folder)
    through_vds = train(recipe, folder / "vds")
    direct = train(recipe, folder / "direct", "--set", f'data.train=["{folder}/parts/*.h5"]')
    check_same_bits(through_vds / "model.h5", direct / "model.h5")


def test_too_little_memory_for_the_resident_loader(folder):
    recipe = small_recipe(folder)
    jets, units = sample_jets(20000)
    write_shard(folder / "shards/shard_0.h5", jets, units)
    error = refused("train", recipe, "--out", folder / "run", "--set", "loader.mode=resident", "--set", "loader.memory_mib=1",
                    says=["memory"])
    check("streaming" in error, f"the error says what streaming would need: {error}")


if __name__ == "__main__":
    main(globals())
