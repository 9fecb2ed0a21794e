#!/usr/bin/python3
"""A run that is killed, stopped or runs out of disk goes on to the bits of one that never was."""

import os
import random
import signal
import subprocess
import time

from e2e import (NARROW, check, check_same_bits, check_same_metrics, checkpoints, jetcal, main, metrics, refused, shell_status, Skip,
                 small_recipe, started, train, wait_for)

# Checkpoints so often that kills hit them too.
OFTEN = ("--set", "checkpoint.every_updates=3")
# Closures of weighted jets, whose histograms depend on the epoch's sums before the kill.
CLOSURE = ("--set", "validation_every=3", "--set", "bins.pt_true=[150,5000]", "--set", 'data.weight="averageMu"')
LONG = ("--set", "schedule.0.epochs=40", "--set", "schedule.1.epochs=40", *OFTEN)


def updates_of(run):
    """Updates of the newest checkpoint, from its name."""
    return max((int(path.stem.split("_")[-1]) for path in (run / "checkpoints").glob("checkpoint_*.h5")), default=0)


def kill_somewhere(process, run):
    """Kills it while it starts, or after some checkpoints more; False if it had ended by itself."""
    if random.random() < 0.2:
        time.sleep(random.uniform(0, 0.2))
    else:
        enough = updates_of(run) + random.randint(1, 12)
        wait_for(lambda: process.poll() is not None or updates_of(run) >= enough, "checkpoints", pause=0.001)
        time.sleep(random.uniform(0, 0.01))
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def test_killed_at_random_moments(folder):
    recipe = small_recipe(folder, model=NARROW)
    whole = train(recipe, folder / "whole", *LONG)
    out = folder / "killed"
    random.seed(1)
    kills = 0
    while kills < 30:
        with started("train", recipe, "--out", out, *LONG, "--resume") as process:
            if not kill_somewhere(process, out):
                break
            kills += 1
    check(kills >= 20, f"only {kills} kills before the run ended; the test must kill more often")
    train(recipe, out, *LONG, "--resume")
    check_same_bits(whole / "model.h5", out / "model.h5")
    check_same_metrics(whole, out)


def test_killed_with_the_streaming_loader(folder):
    recipe = small_recipe(folder, model=NARROW)
    options = ("--set", "loader.mode=streaming", *LONG, *CLOSURE)
    whole = train(recipe, folder / "whole", *options)
    out = folder / "killed"
    for _ in range(3):
        with started("train", recipe, "--out", out, *options, "--resume") as process:
            before = {p.name for p in checkpoints(out)}
            wait_for(lambda: {p.name for p in checkpoints(out)} - before or process.poll() is not None, "a checkpoint")
            process.kill()
    train(recipe, out, *options, "--resume")
    check_same_bits(whole / "model.h5", out / "model.h5")
    check_same_metrics(whole, out)
    closures = [line["closure"]["energy"]["bins"] for line in metrics(out) if "closure" in line]
    check(len(closures) > 20 and all(closures), f"closures of {closures} bins")


def stop_with(number, folder):
    recipe = small_recipe(folder, model=NARROW)
    out = folder / "run"
    # No checkpoint but the one the signal asks for.
    rare = ("--set", "schedule.0.epochs=2000", "--set", "checkpoint.every_seconds=0")
    with started("train", recipe, "--out", out, *rare, "--set", "checkpoint.every_updates=0") as process:
        wait_for(lambda: (out / "metrics.jsonl").exists() and len(metrics(out)) > 2, "three epochs")
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)
    check(shell_status(process.returncode) == 128 + number, f"status {process.returncode}: {said}")
    check("--resume" in said, f"the last lines say how to go on: {said[-500:]}")
    check(checkpoints(out), "no checkpoint")
    return out


def test_interrupt_writes_a_checkpoint_and_says_how_to_go_on(folder):
    stop_with(signal.SIGINT, folder)


def test_terminate_writes_a_checkpoint_and_says_how_to_go_on(folder):
    stop_with(signal.SIGTERM, folder)


def stopped_run(folder, *options):
    """A run stopped half way by SIGTERM, and an uninterrupted one of the same recipe."""
    recipe = small_recipe(folder, model=NARROW)
    whole = train(recipe, folder / "whole", *LONG, *options)
    out = folder / "run"
    with started("train", recipe, "--out", out, *LONG, *options) as process:
        wait_for(lambda: len(checkpoints(out)) >= 2, "two checkpoints")
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    check(shell_status(process.returncode) == 143, f"status {process.returncode}")
    return recipe, whole, out


def test_resume_after_terminate_gives_the_same_bits_on_other_threads(folder):
    recipe, whole, out = stopped_run(folder, "--threads", "1")
    train(recipe, out, *LONG, "--resume", "--threads", 3, "--isa", "scalar")
    check_same_bits(whole / "model.h5", out / "model.h5")
    check_same_metrics(whole, out)


def test_resume_of_a_finished_run_changes_nothing(folder):
    recipe = small_recipe(folder, model=NARROW)
    out = train(recipe, folder / "run")
    before = (out / "model.h5").read_bytes()
    train(recipe, out, "--resume")
    check((out / "model.h5").read_bytes() == before, "model.h5 changed")


def test_resume_with_a_changed_recipe_names_the_key(folder):
    recipe, _, out = stopped_run(folder)
    before = {p: p.read_bytes() for p in checkpoints(out)}
    refused("train", recipe, "--out", out, *LONG, "--resume", "--set", "schedule.1.learning_rate=2e-3",
            says=["learning_rate"])
    refused("train", recipe, "--out", out, *LONG, "--resume", "--set", "seed=9", says=["seed"])
    check({p: p.read_bytes() for p in checkpoints(out)} == before, "a refused resume changed the checkpoints")


def test_resume_of_nothing_begins(folder):
    """So that a batch system can repeat one command, killed before the first checkpoint or after."""
    recipe = small_recipe(folder, model=NARROW)
    whole = train(recipe, folder / "whole")
    check_same_bits(whole / "model.h5", train(recipe, folder / "run", "--resume") / "model.h5")


def test_two_runs_in_one_folder(folder):
    recipe = small_recipe(folder, model=NARROW)
    whole = train(recipe, folder / "whole", *LONG)
    out = folder / "run"
    with started("train", recipe, "--out", out, *LONG) as first:
        wait_for(lambda: checkpoints(out), "the first checkpoint")
        refused("train", recipe, "--out", out, *LONG, "--resume", says=["run"])
        refused("train", recipe, "--out", out, *LONG, says=["run"])
        said, _ = first.communicate(timeout=100)
        check(first.returncode == 0, f"the first run was disturbed: {said}")
    check_same_bits(whole / "model.h5", out / "model.h5")


def test_a_finished_run_is_not_overwritten(folder):
    recipe = small_recipe(folder, model=NARROW)
    out = train(recipe, folder / "run")

    def content():
        return {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name != ".lock"}

    before = content()
    refused("train", recipe, "--out", out, "--set", "seed=9", says=["--resume"])
    check(content() == before, "files of the run changed")


def test_disk_full_keeps_the_last_checkpoint(folder):
    if os.geteuid() != 0:
        raise Skip("mounting a small file system needs root")
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], stderr=subprocess.DEVNULL, check=False).returncode:
        raise Skip("mounting a small file system is not allowed here")
    try:
        recipe = small_recipe(folder, model=NARROW)
        whole = train(recipe, folder / "whole", *LONG)
        out = disk / "run"
        with started("train", recipe, "--out", out, *LONG) as process:
            wait_for(lambda: len(checkpoints(out)) >= 2, "two checkpoints")
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        kept = {p: p.read_bytes() for p in checkpoints(out)}
        newest = checkpoints(out)[-1]
        free = os.statvfs(disk)
        with open(disk / "filler", "wb") as filler:
            filler.write(bytes(free.f_bavail * free.f_frsize - newest.stat().st_size // 2))
        error = refused("train", recipe, "--out", out, *LONG, "--resume")
        check("space" in error.lower(), f"the error says what is short: {error}")
        check(newest.exists() and newest.read_bytes() == kept[newest], "the last checkpoint was damaged")
        (disk / "filler").unlink()
        train(recipe, out, *LONG, "--resume")
        check_same_bits(whole / "model.h5", out / "model.h5")
    finally:
        subprocess.run(["umount", disk], check=True)


if __name__ == "__main__":
    main(globals())
