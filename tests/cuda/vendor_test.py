#!/usr/bin/python3
"""The program with the kernels of cuBLAS and cuDNN. LD_LIBRARY_PATH names the CUDA runtime: beside the emulator's lie its
stand-ins for the two libraries."""

import json
import math
import os
import pathlib
import signal
import sys

import h5py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from e2e import (NARROW, ROOT, check, check_same_bits, check_same_metrics, checkpoints, jetcal, main, metrics, parameters, refused,
                 small_recipe, small_shards, started, train, wait_for)

CUDA = ("--device", "cuda:0")
VENDOR = (*CUDA, "--dense-kernels", "cublas", "--softmax-kernels", "cudnn")
# How far losses of two runs may be apart, if their sums have other orders: a few eps in an update, carried through a dozen
# updates; in tf32 and bf16 as far as from fp32 (docs/cuda.md).
CLOSE = {"fp32": 1e-4, "tf32": 0.005, "bf16": 0.05}


def few_jets(folder):
    small_shards(folder / "shards", count=700)
    return small_recipe(folder, model=NARROW)


def provenance(path):
    with h5py.File(path) as file:
        return json.loads(file.attrs["provenance"])


def same_bits(one, other):
    a, b = parameters(one), parameters(other)
    return all(a[name].tobytes() == b[name].tobytes() for name in a)


def check_close_metrics(one, other, relative):
    """Losses and kept fractions of every epoch agree."""
    a, b = metrics(one), metrics(other)
    check(len(a) == len(b) and a, f"{len(a)} and {len(b)} lines of metrics")
    for line, (x, y) in enumerate(zip(a, b)):
        for part in ("train", "validation"):
            for key in ("loss_energy", "loss_mass", "kept_energy", "kept_mass"):
                left, right = x[part][key], y[part][key]
                check((left is None) == (right is None), f"line {line}, {part} {key}: {left} and {right}")
                # Written so that NaN fails.
                close = left is None or abs(left - right) <= relative * max(1.0, abs(right))
                check(close, f"line {line}, {part} {key}: {left} and {right}")
                check(left is None or math.isfinite(left), f"line {line}, {part} {key}: {left}")


def test_trains_as_our_own_kernels_do(folder):
    recipe = few_jets(folder)
    kinds = {"cublas": (*CUDA, "--dense-kernels", "cublas"), "cudnn": (*CUDA, "--softmax-kernels", "cudnn"), "both": VENDOR}
    for precision, close in CLOSE.items():
        chosen = ("--precision", precision)
        own = train(recipe, folder / f"own_{precision}", *CUDA, *chosen)
        for name, options in kinds.items():
            run = train(recipe, folder / f"{name}_{precision}", *options, *chosen)
            check_close_metrics(run, own, close)
            check(not same_bits(run / "model.h5", own / "model.h5"), f"{name}, {precision}: the vendor's kernels have not run")
        said = provenance(folder / f"both_{precision}/model.h5")
        who = tuple(said[key] for key in ("dense_kernels", "softmax_kernels", "precision"))
        check(who == ("cublas", "cudnn", precision), f"the model says who computed: {said}")


def test_same_bits_when_it_runs_again(folder):
    recipe = few_jets(folder)
    for precision in CLOSE:
        runs = [train(recipe, folder / f"{name}_{precision}", *VENDOR, "--precision", precision) for name in ("first", "second")]
        check_same_bits(*(run / "model.h5" for run in runs))
        check_same_metrics(*runs)


def stopped_and_resumed(recipe, out, before, after):
    """A run that is killed after its first checkpoint and goes on with other options; what it says then."""
    often = ("--set", "checkpoint.every_updates=2")
    with started("train", recipe, "--out", out, *often, *before) as process:
        wait_for(lambda: len(checkpoints(out)) > 0 or process.poll() is not None, "a checkpoint")
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = jetcal("train", recipe, "--out", out, *often, *after, "--resume")
    return done.stdout + done.stderr


def test_resumes_to_the_same_bits_and_says_when_kernels_change(folder):
    recipe = few_jets(folder)
    for precision, close in CLOSE.items():
        own, vendor, here = (*CUDA, "--precision", precision), (*VENDOR, "--precision", precision), folder / precision
        whole = train(recipe, here / "whole", *vendor)
        said = stopped_and_resumed(recipe, here / "stays", vendor, vendor)
        check_same_bits(whole / "model.h5", here / "stays/model.h5")
        check("was started with" not in said, f"nothing to warn of: {said}")
        for name, before, after in (("from_own", own, vendor), ("to_own", vendor, own)):
            said = stopped_and_resumed(recipe, here / name, before, after)
            for option in ("--dense-kernels", "--softmax-kernels"):
                check(f"the run was started with {option}" in said, f"{name} warns of {option}: {said}")
            check_close_metrics(here / name, whole, close)


def test_says_what_is_missing(folder):
    recipe = few_jets(folder)
    for option, kernels, variable, library in (("--dense-kernels", "cublas", "JETCAL_CUBLAS_LIBRARY", "libcublas.so.13"),
                                               ("--softmax-kernels", "cudnn", "JETCAL_CUDNN_LIBRARY", "libcudnn.so.9")):
        env = {variable: f"/nowhere/{library}"}
        says = (option, "/nowhere/", "Install", library, variable, f"{option} own")
        refused("train", recipe, "--out", folder / "run", *CUDA, option, kernels, env=env, says=says)
        refused("train", recipe, "--out", folder / "run", *CUDA, "--precision", "bf16", option, kernels, env=env, says=says)
        (folder / "broken.so").write_text("no library")
        refused("train", recipe, "--out", folder / "run", *CUDA, option, kernels, env={variable: str(folder / "broken.so")},
                says=(option, "broken.so"))
        # Another library of that kind, without the functions.
        other = pathlib.Path(os.environ["LD_LIBRARY_PATH"].split(":")[0]) / "libcudart.so.13"
        refused("train", recipe, "--out", folder / "run", *CUDA, option, kernels, env={variable: str(other)},
                says=(option, "has no function"))
        train(recipe, folder / f"own_{kernels}", *CUDA, env=env)  # not even looked for


def test_refuses_what_a_device_does_not_have(folder):
    recipe = few_jets(folder)
    out = ("--out", folder / "run")
    refused("train", recipe, *out, "--dense-kernels", "cublas", says=("cublas", "CUDA", "device is cpu", "--device cuda:0"))
    refused("train", recipe, *out, "--softmax-kernels", "cudnn", says=("cudnn", "CUDA", "device is cpu", "--device cuda:0"))
    refused("train", recipe, *out, *CUDA, "--dense-kernels", "onednn", says=("onednn", "CPU", "device is cuda:0"))
    refused("train", recipe, *out, "--dense-kernels", "mkl", status=2, says=("--dense-kernels",))


def test_calibrates_close_to_our_own_kernels(folder):
    recipe = few_jets(folder)
    model = train(recipe, folder / "run") / "model.h5"
    shards = sorted((folder / "shards").glob("*.h5"))
    # Of a response near 1: a few roundings a layer, of four.
    for precision, close in (("fp32", 1e-5), ("tf32", 16 * 2.0**-11), ("bf16", 16 * 2.0**-8)):
        columns = {}
        for name, options in (("own", CUDA), ("vendor", VENDOR)):
            out = folder / f"{name}_{precision}.h5"
            jetcal("calibrate", model, *shards, "--out", out, *options, "--precision", precision)
            with h5py.File(out) as file:
                columns[name] = file["jets"]["energy_calibrated"].astype(float)
        difference = abs(columns["own"] - columns["vendor"]) / columns["own"]
        check((difference <= close).all(), f"calibrated energies agree in {precision}: {difference.max()}")
        # In tf32 all of the stand-ins' other sums may be rounded to ours.
        check((difference > 0).any() or precision == "tf32", f"the vendor's kernels have run in {precision}")


def auto(cache, **more):
    """Options and environment of a run that chooses, and keeps its choices in `cache`."""
    options = (*CUDA, "--dense-kernels", "auto", "--softmax-kernels", "auto")
    return options, {"JETCAL_KERNEL_CACHE": str(cache), **more}


def choices_in(cache):
    """op -> entry, of the only card there is."""
    cards = json.loads(cache.read_text())["cards"]
    check(len(cards) == 1, f"one card: {list(cards)}")
    return next(iter(cards.values()))


def write_choices(cache, choose):
    """The cache with what `choose(op)` says for every op: True for the vendor's kernels."""
    whole = json.loads(cache.read_text())
    for ops in whole["cards"].values():
        for op, entry in ops.items():
            vendor = "cudnn" if "softmax" in op else "cublas"
            entry["kernels"] = vendor if choose(op) else "own"
    cache.write_text(json.dumps(whole))


def test_auto_measures_once_and_does_what_the_cache_says(folder):
    recipe, cache = few_jets(folder), folder / "new/folder/kernels.json"
    options, env = auto(cache)
    first = train(recipe, folder / "first", *options, env=env)
    entries = choices_in(cache)
    kinds = ("dense_forward", "dense_backward_data", "dense_backward_weights", "softmax_gate")
    check(all(any(f"fp32, {kind}," in op for op in entries) for kind in kinds), f"every kind of op is there: {list(entries)}")
    check(all(entry["own_ms"] > 0 and entry["vendor_ms"] > 0 for entry in entries.values()), f"times: {entries}")
    for entry in entries.values():
        faster = "own" if entry["own_ms"] <= entry["vendor_ms"] else ("cublas", "cudnn")
        check(entry["kernels"] in faster, f"the faster one is chosen: {entry}")
    recorded = provenance(first / "model.h5")
    check(recorded["dense_kernels"] == recorded["softmax_kernels"] == "auto", f"auto is recorded: {recorded}")
    check(recorded["kernel_choices"] == {op.split(", ", 1)[1]: entry["kernels"] for op, entry in entries.items()}, f"and what it chose: {recorded}")
    before = cache.read_bytes()
    check_same_bits(first / "model.h5", train(recipe, folder / "second", *options, env=env) / "model.h5")
    check(cache.read_bytes() == before, "nothing is measured twice")
    for name, choose, same in (("own", lambda op: False, CUDA), ("vendor", lambda op: True, VENDOR)):
        write_choices(cache, choose)
        chosen = train(recipe, folder / f"auto_{name}", *options, env=env)
        named = train(recipe, folder / name, *same)
        check_same_bits(chosen / "model.h5", named / "model.h5")
    write_choices(cache, lambda op: "backward_weights" in op)
    mixed = train(recipe, folder / "mixed", *options, env=env)
    for name in ("own", "vendor"):
        check(not same_bits(mixed / "model.h5", folder / name / "model.h5"), f"one op of cuBLAS's gives other bits than {name}")
        check_close_metrics(mixed, folder / name, 1e-4)


def test_auto_chooses_for_each_precision(folder):
    recipe, cache = few_jets(folder), folder / "kernels.json"
    options, env = auto(cache)
    ops = {}
    for precision in CLOSE:
        chosen = ("--precision", precision)
        before = set(choices_in(cache)) if cache.exists() else set()
        train(recipe, folder / f"measures_{precision}", *options, *chosen, env=env)
        new = set(choices_in(cache)) - before
        check(new and all(op.startswith(f"{precision}, ") for op in new), f"{precision} is measured: {new}")
        ops[precision] = {op.split(", ", 1)[1] for op in new}
    check(ops["fp32"] == ops["tf32"] == ops["bf16"], f"the same ops in each: {ops}")
    # What is chosen for one precision is not another's.
    write_choices(cache, lambda op: op.startswith("bf16, "))
    for precision, named in (("bf16", VENDOR), ("tf32", CUDA)):
        chosen = ("--precision", precision)
        taken = train(recipe, folder / f"auto_{precision}", *options, *chosen, env=env)
        check_same_bits(taken / "model.h5", train(recipe, folder / f"named_{precision}", *named, *chosen) / "model.h5")


def test_auto_measures_again_for_another_driver(folder):
    recipe, cache = few_jets(folder), folder / "kernels.json"
    options, env = auto(cache)
    train(recipe, folder / "first", *options, env=env)
    write_choices(cache, lambda op: True)
    whole = json.loads(cache.read_text())
    card = next(iter(whole["cards"]))
    check("driver 13000" in card and "cuBLAS" in card and "cuDNN" in card, f"the card with its driver and libraries: {card}")
    other = card.replace("driver 13000", "driver 13010")
    cache.write_text(json.dumps({"format": 1, "cards": {other: whole["cards"][card]}}))
    train(recipe, folder / "second", *options, env=env)
    cards = json.loads(cache.read_text())["cards"]
    check(cards[other] == whole["cards"][card], "the other driver's choices stay")
    check(set(cards[card]) == set(cards[other]), "this driver's are measured")


def test_auto_survives_a_cache_that_is_damaged_or_cannot_be_written(folder):
    recipe, cache = few_jets(folder), folder / "kernels.json"
    options, env = auto(cache)
    train(recipe, folder / "first", *options, env=env)
    whole = cache.read_text()
    card = next(iter(json.loads(whole)["cards"]))
    damaged = (b"\xff\xfe\x00", whole[: len(whole) // 2].encode())
    short = ("--set", "schedule.0.epochs=1")
    for i, content in enumerate(damaged):
        cache.write_bytes(content)
        done = jetcal("train", recipe, "--out", folder / f"damaged_{i}", *options, *short, env=env)
        check("holds no choices of kernels" in done.stderr, f"damage {i} is mentioned: {done.stderr}")
        check(set(choices_in(cache)) == set(json.loads(whole)["cards"][card]), f"damage {i} is mended")
    strange = json.loads(whole)  # readable, but no kernels of ours
    strange["cards"][card] = {op: value for op, value in zip(strange["cards"][card], ({"kernels": "mkl"}, {"kernels": 3}, 7, None, {}))}
    cache.write_text(json.dumps(strange))
    train(recipe, folder / "strange", *options, *short, env=env)
    check(all(entry["kernels"] in ("own", "cublas", "cudnn") for entry in choices_in(cache).values()), "strange entries are measured again")
    for i, place in enumerate(("/proc/nowhere/kernels.json", str(folder))):
        done = jetcal("train", recipe, "--out", folder / f"unwritable_{i}", *options, *short, env={**env, "JETCAL_KERNEL_CACHE": place})
        check("is not kept" in done.stderr or "holds no choices" in done.stderr, f"{place} is mentioned: {done.stderr}")


def test_auto_finds_its_folder(folder):
    recipe = few_jets(folder)
    options, _ = auto("")
    for name, env, place in (("xdg", {"XDG_CACHE_HOME": f"{folder}/xdg"}, "xdg/jetcal/kernels.json"),
                             ("home", {"XDG_CACHE_HOME": "", "HOME": f"{folder}/home"}, "home/.cache/jetcal/kernels.json")):
        train(recipe, folder / name / "run", *options, "--set", "schedule.0.epochs=1", env=env)
        check(choices_in(folder / place), f"choices in {place}")
    before = sorted(folder.rglob("kernels.json"))
    train(recipe, folder / "none", *options, env={"JETCAL_KERNEL_CACHE": "", "XDG_CACHE_HOME": f"{folder}/other"})
    check(sorted(folder.rglob("kernels.json")) == before, "an empty name keeps nothing")


def test_auto_stays_with_its_choices_through_a_kill(folder):
    recipe, cache = few_jets(folder), folder / "kernels.json"
    options, env = auto(cache)
    train(recipe, folder / "first", *options, env=env)
    write_choices(cache, lambda op: True)
    whole = train(recipe, folder / "whole", *options, env=env)
    out, often = folder / "killed", ("--set", "checkpoint.every_updates=2")
    with started("train", recipe, "--out", out, *often, *options, env=env) as process:
        wait_for(lambda: len(checkpoints(out)) > 0 or process.poll() is not None, "a checkpoint")
        process.send_signal(signal.SIGKILL)
        process.wait()
    write_choices(cache, lambda op: False)
    train(recipe, out, *often, *options, "--resume", env=env)
    taken = provenance(out / "model.h5")["kernel_choices"]
    before = provenance(checkpoints(out)[0])["kernel_choices"]
    check(set(before.items()) <= set(taken.items()), "the choices of the run stay")
    if set(taken.values()) == {"cublas", "cudnn"}:  # all were made before the kill
        check_same_bits(whole / "model.h5", out / "model.h5")
    # Its choices cannot be kept to without the library.
    refused("train", recipe, "--out", out, *often, *options, "--resume", env={**env, "JETCAL_CUBLAS_LIBRARY": "/nowhere/libcublas.so.13"},
            says=("--dense-kernels", "/nowhere/"))


def test_auto_takes_ours_where_there_is_nothing_else(folder):
    recipe, cache = few_jets(folder), folder / "kernels.json"
    options, env = auto(cache, JETCAL_CUBLAS_LIBRARY="/nowhere/libcublas.so.13", JETCAL_CUDNN_LIBRARY="/nowhere/libcudnn.so.9")
    done = jetcal("train", recipe, "--out", folder / "run", *options, env=env)
    check("cuBLAS cannot be opened" in done.stderr and "cuDNN cannot be opened" in done.stderr, f"it says so: {done.stderr}")
    check(not cache.exists(), "nothing is measured")
    own = train(recipe, folder / "own")
    check_same_bits(folder / "run/model.h5", own / "model.h5")
    on_cpu = train(recipe, folder / "cpu", "--dense-kernels", "auto", "--softmax-kernels", "auto")
    check_same_bits(on_cpu / "model.h5", own / "model.h5")
    check(provenance(on_cpu / "model.h5")["dense_kernels"] == "own", "on the CPU there is nothing to choose from")


if __name__ == "__main__":
    os.environ.setdefault("JETCAL_PROGRAM", str(ROOT / "build/bin/jetcal"))
    main(globals())
