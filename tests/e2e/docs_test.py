#!/usr/bin/python3
"""What the documentation promises about files."""

import subprocess
import sys

from e2e import ROOT, check, jetcal, main, small_recipe, train


def test_numpy_program_computes_the_network_of_a_file(folder):
    model = train(small_recipe(folder), folder / "run") / "model.h5"
    shard = folder / "shards/shard_0.h5"
    jetcal("calibrate", model, shard, "--out", folder / "out.h5")
    done = subprocess.run(
        [sys.executable, ROOT / "tests/model/numpy_model_test.py", ROOT / "docs/model-file.md", model, shard, folder / "out.h5"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(done.returncode == 0, f"docs/model-file.md and jetcal calibrate disagree: {done.stdout}")


if __name__ == "__main__":
    main(globals())
