#!/usr/bin/python3
"""Exit statuses and what the program says for itself."""

import json
import os
import pathlib

from e2e import PROGRAM, Skip, check, jetcal, main, parameters, refused, small_recipe, train

COMMANDS = ("generate", "init", "train", "calibrate", "validate", "inspect")


def test_version_names_code_and_instruction_sets(folder):
    said = jetcal("--version").stdout
    check(said.startswith("jetcal "), said)
    check("scalar" in said.split(), f"--version lists the instruction sets: {said}")
    check("CUDA" in said or "cuda" in said, f"--version says whether there is CUDA: {said}")


def test_cuda_where_there_is_none(folder):
    said = jetcal("--version").stdout
    if "CUDA: yes" in said:
        raise Skip("there is a CUDA device")
    check("CUDA: no (device cuda" in said, f"--version says why there is no CUDA: {said}")
    recipe = small_recipe(folder)
    out = ("--out", folder / "run")
    refused("train", recipe, *out, "--device", "cuda:0", says=("device cuda", "--device cpu"))
    train(recipe, folder / "cpu", "--device", "cpu")


def test_a_build_without_cuda_says_so(folder):
    if "JETCAL_CUDA_LIBRARY" in os.environ or (pathlib.Path(PROGRAM).parents[1] / "lib/libjetcal_cuda.so").exists():
        raise Skip("this build has CUDA")
    check("built without CUDA" in jetcal("--version").stdout, "--version")
    out = ("--out", folder / "run")
    refused("train", small_recipe(folder), *out, "--device", "cuda:0", says=("built without CUDA", "nvcc", "--device cpu"))


def test_help_everywhere(folder):
    said = jetcal("--help").stdout
    for command in COMMANDS:
        check(command in said, f"--help lists {command}")
        check("--help" in jetcal(command, "--help").stdout, f"{command} --help")


def test_wrong_command_lines_end_with_2(folder):
    recipe = small_recipe(folder)
    for arguments in (
        (), ("--nonsense",), ("nonsense",), ("train",), ("init", recipe), ("calibrate", "only_a_model"),
        ("train", recipe, "--nonsense"), ("train", recipe, "--threads", "many"), ("train", recipe, "--threads", "0"),
        ("train", recipe, "--set", "no_equals_sign"), ("train", recipe, "--set", "=1"),
        ("train", recipe, "--device", "abacus", "--out", folder / "run"), ("generate", "--jets", "-3", "--out", folder / "toy"),
    ):
        refused(*arguments, status=2)
    check(not (folder / "run").exists() and not (folder / "toy").exists(), "a wrong command line makes nothing")


def test_wrong_recipes_end_with_1_and_name_the_place(folder):
    def recipe(text):
        path = folder / "wrong.json"
        path.write_text(text)
        return path

    good = json.loads(small_recipe(folder).read_text())
    refused("train", folder / "nowhere.json", says=["nowhere.json"])
    refused("train", recipe("{"), says=["wrong.json"])
    refused("train", recipe("[1, 2]"), says=["wrong.json"])

    step = {**good["schedule"][0], "learning_rat": 1e-3}
    error = refused("train", recipe(json.dumps({**good, "schedule": [step]})), says=["learning_rat", "learning_rate", "schedule"])
    check("id you mean" in error, f"the nearest known key is offered: {error}")
    refused("train", recipe(json.dumps({**good, "sede": 1})), says=["sede", "seed"])

    for key, value in (("batch_size", "many"), ("batch_size", 0), ("batch_size", 1.5), ("epochs", -1),
                       ("learning_rate", None), ("optimizer", "adamw2"), ("freeze", ["trunk"])):
        step = {**good["schedule"][0], key: value}
        refused("train", recipe(json.dumps({**good, "schedule": [step]})), says=[key, "schedule"])
    refused("train", recipe(json.dumps({**good, "schedule": []})), says=["schedule"])
    refused("train", recipe(json.dumps({**good, "features": []})), says=["features"])
    refused("train", recipe(json.dumps({**good, "model": {"preset": "P9"}})), says=["P9", "P1"])


def test_set_changes_one_value_and_refuses_unknown_ones(folder):
    recipe = small_recipe(folder)
    said = jetcal("train", recipe, "--dry-run", "--set", "schedule.0.epochs=1", "--set", "model.preset=P2").stdout
    check("P2" in said, "--dry-run shows the resolved recipe")
    refused("train", recipe, "--dry-run", "--set", "schedule.0.epoch=1", says=["epoch"])
    refused("train", recipe, "--dry-run", "--set", "schedule.9.epochs=1", says=["schedule"])
    refused("train", recipe, "--dry-run", "--set", "seed=one", says=["seed"])


def test_dry_run_writes_nothing(folder):
    recipe = small_recipe(folder)
    jetcal("train", recipe, "--dry-run", "--out", folder / "run")
    check(not (folder / "run").exists(), "--dry-run made the run's folder")


def test_init_is_where_training_starts(folder):
    recipe = small_recipe(folder)
    jetcal("init", recipe, "--out", folder / "model.h5")
    untrained = parameters(folder / "model.h5")
    check(sum(p.size for p in untrained.values()) > 0, "no parameters")
    for name, value in untrained.items():
        if name.endswith(".bias"):
            check((value == 0).all(), f"{name} starts at 0")
        else:  # Glorot and Bengio 2010, Eq. (16)
            limit = (6 / sum(value.shape)) ** 0.5
            check(0.9 * limit < abs(value).max() <= limit * (1 + 1e-6), f"{name}: largest {abs(value).max()}, limit {limit}")
    # Plain gradient descent at a rate too small to change a weight leaves them as they are.
    still = json.loads(recipe.read_text())
    still["schedule"] = [{**still["schedule"][0], "learning_rate": 1e-30, "optimizer": "sgd", "warmup_updates": 0}]
    (folder / "still.json").write_text(json.dumps(still))
    train(folder / "still.json", folder / "run")
    trained = parameters(folder / "run/model.h5")
    for name, value in untrained.items():
        check(abs(trained[name] - value).max() < 1e-20, f"{name}: training starts elsewhere")
        check(name.endswith(".bias") or trained[name].tobytes() == value.tobytes(), f"{name}: training starts elsewhere")


def test_inspect_counts_the_parameters(folder):
    recipe = json.loads(small_recipe(folder).read_text())
    for preset in ("small", "P1", "P2"):
        (folder / "x.json").write_text(json.dumps({**recipe, "model": {"preset": preset}}))
        jetcal("init", folder / "x.json", "--out", folder / f"{preset}.h5")
        count = sum(p.size for p in parameters(folder / f"{preset}.h5").values())
        said = jetcal("inspect", folder / f"{preset}.h5").stdout
        check(f"{count}" in said.replace(",", ""), f"inspect says {count} parameters: {said}")


if __name__ == "__main__":
    main(globals())
