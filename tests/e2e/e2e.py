"""What the end-to-end tests share: the program, small shards, a small recipe, a runner.

A test is a function `test_...(folder)` of a file `*_test.py`; `folder` is an empty folder of its own.
It fails by an exception and says that it cannot run by raising Skip. ctest runs each as

    python3 FILE_test.py NAME        (no NAME: all of the file)

with JETCAL_PROGRAM naming the program; status 77 means skipped.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("JETCAL_PROGRAM", str(ROOT / "build/bin/jetcal"))
SAMPLE = sorted((ROOT / "data/sample").glob("*.h5"))
RESULT_FIELDS = (
    "energy_calibrated", "mass_calibrated", "pt_calibrated",
    "energy_response", "energy_sigma_low", "energy_sigma_high",
    "mass_response", "mass_sigma_low", "mass_sigma_high",
)


class Skip(Exception):
    """A test cannot run here."""


def jetcal(*arguments, status=0, env=None, cwd=None, timeout=120):
    """Runs the program to its end; fails unless it ends with `status`. Returns the finished process."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, check=False, timeout=timeout, cwd=cwd, env={**os.environ, **(env or {})},
    )
    if done.returncode != status:
        raise AssertionError(
            f"jetcal {' '.join(map(str, arguments))}\nended with {done.returncode}, not {status}\n"
            f"--- stdout\n{done.stdout[-3000:]}\n--- stderr\n{done.stderr[-3000:]}"
        )
    return done


def refused(*arguments, says=(), status=1, **options):
    """The program refuses with `status` in one readable error that holds every word of `says`."""
    done = jetcal(*arguments, status=status, **options)
    for word in says:
        check(word in done.stderr, f"the error must name '{word}': {done.stderr}")
    check(done.stderr.strip(), "an error must be said on stderr")
    check("terminate called" not in done.stderr, f"an exception escaped: {done.stderr}")
    return done.stderr


@contextlib.contextmanager
def started(*arguments, env=None):
    """The program, running; killed at the end of the block if it still runs."""
    process = subprocess.Popen(
        [PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, **(env or {})},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def shell_status(returncode):
    """The status a shell shows: 128 + signal for a process that died of one."""
    return returncode if returncode >= 0 else 128 - returncode


def check(good, message):
    if not good:
        raise AssertionError(message)


def wait_for(condition, what, seconds=60, pause=0.01):
    """Polls until `condition()` is true."""
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f"waited {seconds} s in vain for {what}")
        time.sleep(pause)


def sample_jets(count, start=0):
    """`count` jets of the sample as a numpy record array, and their units."""
    with h5py.File(SAMPLE[0]) as file:
        return file["jets"][start : start + count], json.loads(file["jets"].attrs["units"])


def write_shard(path, jets, units):
    """A shard as users have them; units None: the file declares none."""
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("jets", data=jets, chunks=(min(len(jets), 512),) if len(jets) else None,
                                      compression="gzip" if len(jets) else None)
        if units is not None:
            dataset.attrs["units"] = json.dumps(units)
    return path


def small_shards(folder, count=3000, files=2):
    """Shards shard_K.h5 in `folder` with `count` jets of the sample in all."""
    folder.mkdir(parents=True, exist_ok=True)
    jets, units = sample_jets(count)
    for k, part in enumerate(np.array_split(jets, files)):
        write_shard(folder / f"shard_{k}.h5", part, units)
    return folder


def small_recipe(folder, **changes):
    """A recipe of seconds over folder/shards (made if missing), every kind of step in it; its path."""
    if not (folder / "shards").exists():
        small_shards(folder / "shards")
    step = {"batch_size": 500, "learning_rate": 1e-3}
    diffgrad = {**step, "optimizer": {"name": "diffgrad", "preset": "keras"}, "warmup_updates": 10}
    both = {"energy": {"kind": "mdna"}, "mass": {"kind": "mdna"}}
    recipe = {
        "seed": 7,
        "data": {"train": ["shards/shard_*.h5"], "validation_fraction": 0.2},
        "features": [
            {"name": "log_energy", "field": "energy", "unit": "GeV", "transform": "log"},
            {"name": "log_mass", "field": "mass", "unit": "GeV", "transform": "log_floor(40)"},
            {"name": "eta", "field": "eta"},
            {"name": "Width", "field": "Width"},
            {"name": "EM3Frac", "field": "EM3Frac"},
            {"name": "NPV", "field": "NPV"},
        ],
        "targets": {
            "energy": {"reco": "energy", "truth": "truth_energy"},
            "mass": {"reco": "mass", "truth": "truth_mass"},
        },
        "model": {"preset": "small"},
        "schedule": [
            {**step, "name": "1", "epochs": 2, "optimizer": "radam", "loss": both},
            {**diffgrad, "name": "2", "epochs": 2,
             "loss": {"energy": {"kind": "mdna", "truncation": 3.5}, "mass": {"kind": "mdna", "truncation": 3.5}}},
            {**diffgrad, "name": "3", "epochs": 2, "learning_rate": 1e-4, "freeze": ["core", "energy"],
             "loss": {"mass": {"kind": "mdn", "truncation": 1.0}}},
        ],
    }
    recipe.update(changes)
    path = folder / "recipe.json"
    path.write_text(json.dumps(recipe, indent=1))
    return path


# A few hundred parameters: for tests that are about files and not about learning.
NARROW = {"preset": "small", "core": [8], "fork": [8], "gate": [8]}


def train(recipe, out, *arguments, **options):
    """Trains to the end; the folder of the run."""
    jetcal("train", recipe, "--out", out, *arguments, **options)
    return out


def parameters(path):
    """name -> array of every parameter in a model or checkpoint."""
    with h5py.File(path) as file:
        return {name: data[()] for name, data in file["parameters"].items()}


def check_same_bits(one, other):
    """Two files hold the same parameters, bit for bit."""
    a, b = parameters(one), parameters(other)
    check(a.keys() == b.keys() and a, f"{one} and {other} hold other parameters: {a.keys()} {b.keys()}")
    different = [n for n in a if a[n].shape != b[n].shape or a[n].tobytes() != b[n].tobytes()]
    check(not different, f"{one} and {other} differ in {different}")


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def check_same_metrics(one, other):
    """Two runs wrote the same metrics, but for their speed."""
    a, b = ([{**line, "jets_per_s": None} for line in metrics(run)] for run in (one, other))
    check(len(a) == len(b), f"{len(a)} and {len(b)} lines of metrics")
    for x, y in zip(a, b):
        different = {key: (x.get(key), y.get(key)) for key in {*x, *y} if x.get(key) != y.get(key)}
        check(not different, f"step {x['step']} epoch {x['epoch']}: {different}")


def checkpoints(run):
    """Finished checkpoints, oldest first."""
    return sorted((run / "checkpoints").glob("*.h5"), key=lambda p: p.stat().st_mtime_ns)


def available_isas():
    """Those of the instruction sets this processor has, from the program itself."""
    names = [isa for isa in ("scalar", "avx2", "avx512", "neon") if isa in jetcal("--version").stdout.split()]
    check("scalar" in names, "--version must list the instruction sets")
    return names


def flip_bit(path, offset, bit=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def main(names):
    """Runs the tests of the calling file, all or the one named on the command line."""
    tests = {name: f for name, f in names.items() if name.startswith("test_")}
    wanted = sys.argv[1:] or list(tests)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    failed = skipped = 0
    for name in wanted:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="jetcal_") as folder:
            try:
                tests[name](pathlib.Path(folder))
                verdict = "passed"
            except Skip as reason:
                skipped += 1
                verdict = f"skipped: {reason}"
            except Exception:  # any other exception is the failure itself
                failed += 1
                verdict = "FAILED\n" + traceback.format_exc()
        print(f"{time.monotonic() - begin:6.1f} s  {name}: {verdict}", flush=True)
    sys.exit(1 if failed else 77 if skipped == len(wanted) else 0)
