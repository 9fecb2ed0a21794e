#!/usr/bin/python3
"""The program with --device cuda:0: the CPU's bits, from the first step of a schedule to the last, through
checkpoints and kills, and back. LD_LIBRARY_PATH names the CUDA runtime, the emulator's or a real one."""

import json
import os
import pathlib
import signal
import sys

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from e2e import (NARROW, ROOT, Skip, check, check_same_bits, check_same_metrics, checkpoints, jetcal, main, metrics, refused,
                 sample_jets, shell_status, small_recipe, small_shards, started, train, wait_for, write_shard)

CUDA = ("--device", "cuda:0")
OFTEN = ("--set", "checkpoint.every_updates=2")
# So many held-out jets in one bin that it has a mode.
CLOSURE = ("--set", "validation_every=1", "--set", "data.validation_fraction=0.5",
           "--set", "bins.pt_true=[150,4500]", "--set", "bins.abs_eta_true=[]")


def few_jets(folder):
    """A recipe of three steps over so few jets that the emulator trains it in seconds."""
    small_shards(folder / "shards", count=700)
    return small_recipe(folder, model=NARROW, bins={"pt_true": [200, 400, 4500]})


def test_eleven_steps_of_the_schedule(folder):
    shards = small_shards(folder / "shards", count=600)
    options = ("--set", f"data.train=[\"{shards}/shard_*.h5\"]", *CLOSURE)
    tiny = ROOT / "recipes/tiny.json"
    on_cpu = train(tiny, folder / "cpu", *options)
    on_cuda = train(tiny, folder / "cuda", *options, *CUDA, timeout=280)
    check_same_bits(on_cpu / "model.h5", on_cuda / "model.h5")
    check_same_metrics(on_cpu, on_cuda)
    closures = [line["closure"][variable]["rows"] for line in metrics(on_cuda) for variable in ("energy", "mass")]
    check(len(closures) == 26 and all(len(rows) == 1 for rows in closures), "each epoch's closure, of both heads in every step")
    check(len((on_cuda / "metrics.jsonl").read_text().splitlines()) == 13, "all eleven steps, two of them of two epochs")


def losses(run):
    """NaN for a head that a step does not train."""
    return np.array([[line[part][f"loss_{head}"] for part in ("train", "validation") for head in ("energy", "mass")]
                     for line in metrics(run)], dtype=float)


def test_eleven_steps_in_tf32_and_bf16(folder):
    """Losses are averages of ln(sigma) + z^2 / 2: 0.01 is 1 % of sigma."""
    shards = small_shards(folder / "shards", count=600)
    options = ("--set", f"data.train=[\"{shards}/shard_*.h5\"]")
    tiny = ROOT / "recipes/tiny.json"
    want = losses(train(tiny, folder / "fp32", *options))
    for precision, tolerance in (("tf32", 0.005), ("bf16", 0.05)):
        got = losses(train(tiny, folder / precision, *options, *CUDA, "--precision", precision, timeout=280))
        check(got.shape == want.shape == (13, 4), "all eleven steps, two of them of two epochs")
        off = np.abs(got - want)
        check((np.isnan(got) == np.isnan(want)).all() and np.isfinite(want[:, 0]).sum() >= 9, "the heads that each step trains")
        check(0 < np.nanmax(off) < tolerance, f"{precision}: losses step by step, {off.tolist()}")


def test_tf32_and_bf16_repeat_themselves_and_resume(folder):
    recipe = few_jets(folder)
    for precision, other in (("tf32", "bf16"), ("bf16", "tf32")):
        options = (*OFTEN, *CUDA, "--precision", precision)
        whole = train(recipe, folder / precision, *options)
        check_same_bits(whole / "model.h5", train(recipe, folder / f"{precision}_3", *options, env={"JETCAL_CUDA_MOST_BLOCKS": "3"}) / "model.h5")
        out = folder / f"{precision}_killed"
        with started("train", recipe, "--out", out, *options) as process:
            wait_for(lambda: len(checkpoints(out)) > 0 or process.poll() is not None, "a checkpoint")
            process.send_signal(signal.SIGKILL)
            process.wait()
        for wrong in (other, "fp32"):
            refused("train", recipe, "--out", out, "--resume", *OFTEN, *CUDA, "--precision", wrong,
                    says=(f"--precision {precision} (now {wrong})",))
        train(recipe, out, *options, "--resume")
        check_same_bits(whole / "model.h5", out / "model.h5")
        check_same_metrics(whole, out)


def test_calibrates_in_tf32_and_bf16(folder):
    recipe = few_jets(folder)
    model = train(recipe, folder / "run") / "model.h5"
    shards = sorted((folder / "shards").glob("*.h5"))
    jetcal("calibrate", model, *shards, "--out", folder / "fp32.h5")
    with h5py.File(folder / "fp32.h5") as file:
        want = file["jets"]["energy_calibrated"]
    for precision, tolerance in (("tf32", 0.002), ("bf16", 0.02)):
        out = folder / f"{precision}.h5"
        jetcal("calibrate", model, *shards, "--out", out, *CUDA, "--precision", precision)
        with h5py.File(out) as file:
            off = np.abs(file["jets"]["energy_calibrated"] / want - 1)
        check(0 < off.max() < tolerance, f"{precision}: calibrated energies are up to {off.max()} off")


def test_same_bits_when_it_runs_again_and_with_other_lanes(folder):
    recipe = few_jets(folder)
    first, second = (train(recipe, folder / name, *CUDA) for name in ("first", "second"))
    check_same_bits(first / "model.h5", second / "model.h5")
    lanes = ("--set", "lanes=2")
    check_same_bits(train(recipe, folder / "cpu", *lanes) / "model.h5", train(recipe, folder / "cuda", *lanes, *CUDA) / "model.h5")


def on_emulator(**settings):
    """The environment of another schedule, or another device, of the emulator."""
    if "emulator" not in os.environ.get("LD_LIBRARY_PATH", ""):
        raise Skip("this is about the emulator")
    return {f"JETCAL_EMULATOR_{name}": str(value) for name, value in settings.items()}


def test_same_bits_under_other_schedules_of_warps_and_blocks(folder):
    recipe = few_jets(folder)
    on_cpu = train(recipe, folder / "cpu")
    for name, settings in (("seed", {"SEED": 2}), ("lanes", {"LANES": "independent"}), ("serial", {"THREADS": 1, "SEED": 3})):
        on_cuda = train(recipe, folder / name, *CUDA, env=on_emulator(**settings))
        check_same_bits(on_cpu / "model.h5", on_cuda / "model.h5")
        check_same_metrics(on_cpu, on_cuda)


def test_same_bits_on_grids_of_any_size(folder):
    recipe = few_jets(folder)
    on_cpu = train(recipe, folder / "cpu")
    for blocks in (1, 3):
        on_cuda = train(recipe, folder / f"{blocks}", *CUDA, env={"JETCAL_CUDA_MOST_BLOCKS": str(blocks)})
        check_same_bits(on_cpu / "model.h5", on_cuda / "model.h5")
        check_same_metrics(on_cpu, on_cuda)
    for i, blocks in enumerate(("0", "-1", "many", "3x", "")):
        env = {"JETCAL_CUDA_MOST_BLOCKS": blocks}
        refused("train", recipe, "--out", folder / f"refused_{i}", *CUDA, env=env, says=("JETCAL_CUDA_MOST_BLOCKS", "1 or more"))


def test_says_how_many_jets_fit_into_memory(folder):
    small_shards(folder / "shards", count=600)
    recipe = small_recipe(folder, model={**NARROW, "core": [40, 40], "fork": [40]})
    small = on_emulator(MEMORY_MIB=1)
    whole = ("--set", "data.validation_fraction=0", "--set", "collapse.restore=true", "--set", 'schedule.1.average={"decay":0.9}')
    words = ("device cuda:0: a batch of 500 jets needs", "MiB are free", "at most")
    fits = {}
    for precision in ("fp32", "tf32", "bf16"):
        options = (*CUDA, "--precision", precision, *whole)
        said = refused("train", recipe, "--out", folder / precision, *options, env=small, says=(*words, f"in {precision}"))
        fits[precision] = int(said.split("Use a batch of at most ")[1].split()[0])
        if precision != "bf16":
            fits[f"bf16, said in {precision}"] = int(said.split("jets (")[1].split(" with --precision bf16")[0])
        refused("train", recipe, "--dry-run", *options, env=small, says=words)
        said = refused("train", recipe, "--out", folder / f"{precision}_more", *options, *small_batches(fits[precision] + 1), env=small, says=words[1:])
        check(f"at most {fits[precision]} jets" in said, f"one jet more than fits: {said}")
        train(recipe, folder / f"{precision}_fits", *options, *small_batches(fits[precision]), env=small)
    check(20 < fits["fp32"] == fits["tf32"] < fits["bf16"] < 500, f"the numbers of jets that fit: {fits}")
    check(fits["bf16, said in fp32"] == fits["bf16, said in tf32"] == fits["bf16"], f"and what bf16 would do: {fits}")


def test_jets_lie_on_the_device_where_they_fit(folder):
    recipe = few_jets(folder)
    options = ("--set", 'data.weight="averageMu"', *CLOSURE, "--set", "bins.pt_true=[150,4000,4500]")
    on_cpu = train(recipe, folder / "cpu", *options)
    for name, settings, extra, says in (
        ("resident", {}, (), "device cuda:0: all 700 jets in its memory, 1 MiB"),
        ("short", {"MEMORY_MIB": 64}, (), "device cuda:0: batches are copied to it (all jets would need 1 MiB"),
    ):
        out = folder / name
        done = jetcal("train", recipe, "--out", out, *options, *extra, *CUDA, env=on_emulator(**settings))
        check(says in done.stdout + done.stderr, f"{name}: one line says where the jets are: {done.stdout}{done.stderr}")
        check_same_bits(on_cpu / "model.h5", out / "model.h5")
        check_same_metrics(on_cpu, out)
        check(all(line["closure"]["mass"]["bins"] == 1 for line in metrics(out)), "the closure of weighted jets")


def test_a_streaming_loader_copies_batches(folder):
    recipe = few_jets(folder)
    options = ("--set", 'loader.mode="streaming"', "--set", "bins.pt_true=[200,400,4500]")
    on_cpu, on_cuda = train(recipe, folder / "cpu", *options, *small_batches(100)), folder / "cuda"
    counters = folder / "counters.json"
    done = jetcal("train", recipe, "--out", on_cuda, *options, *CUDA, *small_batches(100), env=on_emulator(COUNTERS=counters))
    check("device cuda:0: batches are copied to it (a streaming" in done.stdout + done.stderr, "the note says so")
    lines, overlapping = metrics(on_cuda), json.loads(counters.read_text())["calls"]["overlapping_copies"]
    check(overlapping >= lines[-1]["updates"] - len(lines), f"all batches but an epoch's first on their way beside kernels: {overlapping}")
    check_same_bits(on_cpu / "model.h5", on_cuda / "model.h5")
    check_same_metrics(on_cpu, on_cuda)


def test_names_the_jets_whose_loss_is_not_finite(folder):
    recipe = few_jets(folder)
    with h5py.File(sorted((folder / "shards").glob("*.h5"))[1], "r+") as file:
        jets = file["jets"][()]
        jets["truth_energy"][[3, 40]] = 1e-25
        file["jets"][...] = jets
    whole = ("--set", "data.validation_fraction=0")
    said = [refused("train", recipe, "--out", folder / name, *whole, *device, says=("shard_1.h5 row", "is not finite for 2 of"))
            for name, device in (("cpu", ()), ("cuda", CUDA))]
    check(said[0].splitlines()[-1] == said[1].splitlines()[-1], f"the same jets: {said}")


def test_resumes_after_a_kill_on_either_device(folder):
    recipe = few_jets(folder)
    whole = train(recipe, folder / "whole")
    for name, here, there in (("stays", CUDA, CUDA), ("to_cpu", CUDA, ()), ("to_cuda", (), CUDA)):
        out = folder / name
        with started("train", recipe, "--out", out, *OFTEN, *here) as process:
            wait_for(lambda: len(checkpoints(out)) > 0 or process.poll() is not None, "a checkpoint")
            process.send_signal(signal.SIGKILL)
            process.wait()
        train(recipe, out, *OFTEN, *there, "--resume")
        check_same_bits(whole / "model.h5", out / "model.h5")
        check_same_metrics(whole, out)


def test_stops_with_a_checkpoint(folder):
    recipe = few_jets(folder)
    out = folder / "run"
    with started("train", recipe, "--out", out, *OFTEN, *CUDA) as process:
        wait_for(lambda: len(checkpoints(out)) > 0 or process.poll() is not None, "a checkpoint")
        process.send_signal(signal.SIGTERM)
        check(shell_status(process.wait(60)) == 143, "SIGTERM ends with 143")
    train(recipe, out, *OFTEN, *CUDA, "--resume")
    check_same_bits(train(recipe, folder / "whole") / "model.h5", out / "model.h5")


def small_batches(batch_size):
    return [word for step in range(3) for word in ("--set", f"schedule.{step}.batch_size={batch_size}")]


def test_averages_on_the_device(folder):
    recipe = few_jets(folder)
    options = ("--set", "schedule.0.average={\"decay\":0.9}", *small_batches(100))
    on_cpu, on_cuda = train(recipe, folder / "cpu", *options), train(recipe, folder / "cuda", *options, *CUDA)
    check_same_bits(on_cpu / "model.h5", on_cuda / "model.h5")
    check_same_metrics(on_cpu, on_cuda)


def test_begins_a_collapsed_step_again_as_the_cpu_does(folder):
    recipe = few_jets(folder)
    # Without a warm-up the second step throws its jets out of the window, again and again.
    options = ("--set", "schedule.1.learning_rate=0.1", "--set", "schedule.1.warmup_updates=0", "--set", "schedule.0.epochs=8",
               "--set", "schedule.1.loss.energy.truncation=0.7", "--set", "schedule.1.epochs=3", "--set", "collapse.batches=3",
               "--set", "collapse.fraction=0.9", "--set", "collapse.restore=true", *small_batches(50))
    on_cpu, on_cuda = folder / "cpu", folder / "cuda"
    said = [jetcal("train", recipe, "--out", out, *options, *device, *OFTEN).stderr for out, device in ((on_cpu, ()), (on_cuda, CUDA))]
    warnings = [[line for line in text.splitlines() if "Starting the step again" in line] for text in said]
    check(len(warnings[0]) >= 1, f"a step that is begun again: {said[0]}")
    check([w.split("step 2")[1] for w in warnings[0]] == [w.split("step 2")[1] for w in warnings[1]], f"the same warnings: {warnings}")
    check_same_bits(on_cpu / "model.h5", on_cuda / "model.h5")
    check_same_metrics(on_cpu, on_cuda)


def test_updates_nothing_with_a_loss_that_is_not_finite(folder):
    jets, units = sample_jets(700)
    jets["truth_energy"][350] *= 1e-30  # its response overflows
    (folder / "shards").mkdir()
    write_shard(folder / "shards/shard_0.h5", jets, units)
    recipe = small_recipe(folder, model=NARROW, data={"train": ["shards/shard_*.h5"], "validation_fraction": 0})
    options = (*small_batches(50), "--set", "checkpoint.every_updates=3")
    for seed in range(3):  # the jet comes early or late, behind a checkpoint or not
        said = []
        for name, device in (("cpu", ()), ("cuda", CUDA)):
            out = folder / f"{name}_{seed}"
            text = refused("train", recipe, "--out", out, *options, "--set", f"seed={seed}", *device, says=("not finite for 1 of 50 jets", "row 350", "Nothing was updated"))
            said.append(text.replace(str(out), "OUT").split("step 1", 1)[1])
        check(said[0] == said[1], f"the same words on both devices: {said}")
        last = [sorted(checkpoints(folder / f"{name}_{seed}"))[-1:] for name in ("cpu", "cuda")]
        check([p.name for p in last[0]] == [p.name for p in last[1]], f"the same checkpoints: {last}")
        for a, b in zip(*last):
            check_same_bits(a, b)


def test_an_epoch_of_more_updates_allocates_and_waits_no_more(folder):
    recipe = few_jets(folder)
    calls = []
    for batch_size in (40, 20):
        counters = folder / f"{batch_size}.json"
        out = train(recipe, folder / f"run_{batch_size}", *CUDA, *small_batches(batch_size), env=on_emulator(COUNTERS=counters))
        calls.append({**json.loads(counters.read_text())["calls"], "updates": metrics(out)[-1]["updates"]})
    few, many = calls
    check(many["updates"] > 1.9 * few["updates"], f"twice as many updates: {calls}")
    for what in ("allocations", "waits", "pageable_copies"):
        check(few[what] == many[what], f"{what} do not grow with the updates: {calls}")
    for what in ("event_waits", "graph_launches"):
        check(many[what] - few[what] == many["updates"] - few["updates"], f"one of {what} an update: {calls}")


def test_calibrates_with_the_same_bits(folder):
    recipe = few_jets(folder)
    model = train(recipe, folder / "run", "--set", "model.core=[128,128]") / "model.h5"
    shards = sorted((folder / "shards").glob("*.h5"))
    # Where memory is short jets go through the network in smaller pieces.
    short = on_emulator(MEMORY_MIB=1, COUNTERS=folder / "short.json")
    for name, options, env in (("cpu", (), {}), ("cuda", CUDA, {}), ("short", CUDA, short)):
        jetcal("calibrate", model, *shards, "--out", folder / f"{name}.h5", *options, env=env)
    check(json.loads((folder / "short.json").read_text())["calls"]["event_waits"] >= 4, "two pieces of each file")
    for name in ("cuda", "short"):
        with h5py.File(folder / "cpu.h5") as one, h5py.File(folder / f"{name}.h5") as other:
            a, b = one["jets"][()], other["jets"][()]
            check(a.dtype == b.dtype and a.tobytes() == b.tobytes(), f"{name}: calibrated jets differ")
            check(np.isfinite(b["energy_calibrated"]).all(), f"{name}: calibrated energies must be numbers")


def test_says_what_it_runs_on(folder):
    said = jetcal("--version").stdout
    check("CUDA: yes (" in said, f"--version says that there is CUDA: {said}")
    check("cuda:0" in jetcal("train", few_jets(folder), "--dry-run", *CUDA).stdout, "the dry run names its device")


def test_refuses_what_is_not_there(folder):
    recipe = few_jets(folder)
    out = ("--out", folder / "run")
    refused("train", recipe, *out, "--device", "cuda:99", says=("cuda:99", "must be cuda:0"))
    refused("train", recipe, *out, "--precision", "tf32", says=("tf32 is not available on the CPU", "fp32 or bf16"))


def test_waits_for_every_kernel_when_asked(folder):
    recipe = few_jets(folder)
    one = train(recipe, folder / "one", *CUDA, "--set", "schedule.0.epochs=1")
    other = train(recipe, folder / "other", *CUDA, "--set", "schedule.0.epochs=1", env={"JETCAL_CUDA_SYNC": "1"})
    check_same_bits(one / "model.h5", other / "model.h5")


def test_a_library_that_does_not_open(folder):
    recipe = few_jets(folder)
    (folder / "broken.so").write_text("no library")
    cases = (("/nowhere/libjetcal_cuda.so", ("cannot open", "/nowhere/")), (folder / "broken.so", ("broken.so",)))
    for i, (library, words) in enumerate(cases):
        env = {"JETCAL_CUDA_LIBRARY": str(library)}
        refused("train", recipe, "--out", folder / "run", *CUDA, env=env, says=("device cuda", *words, "--device cpu"))
        check("CUDA: no (" in jetcal("--version", env=env).stdout, "--version says why there is no CUDA")
        train(recipe, folder / f"cpu_{i}", env=env)


if __name__ == "__main__":
    os.environ.setdefault("JETCAL_PROGRAM", str(ROOT / "build/bin/jetcal"))
    main(globals())
