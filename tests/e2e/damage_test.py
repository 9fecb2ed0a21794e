#!/usr/bin/python3
"""Models and checkpoints with a changed, missing or added bit are refused, and an older one offered."""

import random
import shutil
import signal

import h5py

from e2e import (NARROW, check, check_same_bits, checkpoints, flip_bit, jetcal, main, refused, small_recipe, small_shards,
                 started, train, wait_for)


def damaged_copies(original, folder, flips):
    """Paths of damaged copies of a file, and what was done to each."""
    random.seed(f"{original.name} {flips}")
    size = original.stat().st_size
    offsets = [0, 8, 511, 512, 513, size - 1, *(random.randrange(size) for _ in range(flips))]
    for offset in offsets:
        path = folder / "damaged.h5"
        shutil.copy(original, path)
        flip_bit(path, min(offset, size - 1), random.randrange(8))
        yield path, f"bit of byte {offset} of {size} flipped"
    for length in (0, 1, 100, 512, size // 2, size - 1):
        path = folder / "damaged.h5"
        path.write_bytes(original.read_bytes()[:length])
        yield path, f"cut to {length} of {size} bytes"
    path = folder / "damaged.h5"
    path.write_bytes(original.read_bytes() + b"\0")
    yield path, "one byte added"


def test_a_damaged_model_is_refused(folder):
    shards = small_shards(folder / "shards")
    jetcal("init", small_recipe(folder), "--out", folder / "model.h5")
    with h5py.File(folder / "model.h5") as file:  # the seal does not keep others from reading it
        check("parameters" in file and "normalisation" in file, "h5py cannot read the model")
    for path, what in damaged_copies(folder / "model.h5", folder, 60):
        try:
            refused("calibrate", path, shards / "shard_0.h5", "--out", folder / "out.h5", says=["damaged.h5"])
            refused("inspect", path, says=["damaged.h5"])
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from error
        check(not (folder / "out.h5").exists(), f"{what}: an output was written")


def half_done(folder):
    recipe = small_recipe(folder, model=NARROW)
    out = folder / "run"
    options = ("--set", "schedule.0.epochs=60", "--set", "checkpoint.every_updates=3")
    whole = train(recipe, folder / "whole", *options)
    with started("train", recipe, "--out", out, *options) as process:
        wait_for(lambda: len(checkpoints(out)) >= 2, "two checkpoints")
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    check(len(checkpoints(out)) >= 2, "two checkpoints are kept")
    return recipe, out, options, whole


def test_a_damaged_checkpoint_is_refused_and_the_one_before_taken(folder):
    recipe, out, options, whole = half_done(folder)
    before = {path.name: path.read_bytes() for path in checkpoints(out)}
    older, newest = checkpoints(out)[-2:]
    shutil.copy(newest, folder / "original.h5")
    for path, what in damaged_copies(folder / "original.h5", folder, 4):
        for name, content in before.items():
            (out / "checkpoints" / name).write_bytes(content)
        shutil.copy(path, newest)
        with started("train", recipe, "--out", out, *options, "--resume") as process:
            said = [process.stdout.readline() for _ in range(3)]
            process.kill()
        damaged = [line for line in said if newest.name in line and line.startswith("warning:")]
        taken = [line for line in said if older.name in line]
        check(damaged and taken, f"{what}: both files are named: {said}")
    train(recipe, out, *options, "--resume")
    check_same_bits(whole / "model.h5", out / "model.h5")


def test_no_whole_checkpoint_is_an_error(folder):
    recipe, out, options, _ = half_done(folder)
    paths = checkpoints(out)
    for path in paths:
        flip_bit(path, 3000)
    refused("train", recipe, "--out", out, *options, "--resume", says=[path.name for path in paths])


def test_leftovers_of_a_killed_write_are_no_checkpoints(folder):
    recipe, out, options, whole = half_done(folder)
    newest = checkpoints(out)[-1]
    for name in ("leftover.h5.tmp", f"{newest.name}.tmp", f".{newest.name}.123"):
        (out / "checkpoints" / name).write_bytes(newest.read_bytes()[:1000])
    train(recipe, out, *options, "--resume")
    check_same_bits(whole / "model.h5", out / "model.h5")


if __name__ == "__main__":
    main(globals())
