#!/usr/bin/python3
"""tools/gpu-check without a GPU: what it says there, and all of it on the emulator, labelled so."""

import json
import os
import shutil
import subprocess
import tarfile

from code_test import ROOT
from e2e import Skip, check, main

TOOL = ROOT / "tools/gpu-check"


def run(*arguments, status, **environment):
    done = subprocess.run([TOOL, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, env={**os.environ, **environment})
    check(done.returncode == status, f"{arguments} ended with {done.returncode}, not {status}:\n{done.stdout}\n{done.stderr}")
    return done


def test_says_that_there_is_no_gpu(folder):
    if shutil.which("nvidia-smi"):
        raise Skip("there is a driver here")
    said = run("--out", folder / "report", status=3).stderr
    check("no NVIDIA card or no driver" in said and "--emulated" in said, said)
    check(not (folder / "report").exists(), "nothing is written")


def driver(folder, says):
    """A folder with an nvidia-smi that says this."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_names_cards_and_drivers_that_are_too_old(folder):
    for says, words in (("Old Card, 7.5, 580.65, 1 MiB, 1 MHz, 1 W", "7.5 (must be 8.0 or later)"),
                        ("New Card, 9.0, 570.10, 1 MiB, 1 MHz, 1 W", "CUDA 13 needs 580 or later")):
        said = run("--out", folder / "report", status=3, **driver(folder, says)).stderr
        check(words in said, said)


def test_names_a_missing_toolkit(folder):
    environment = driver(folder, "New Card, 9.0, 580.10, 1 MiB, 1 MHz, 1 W")
    said = run("--out", folder / "report", status=3, CUDACXX="", CUDA_PATH="", **{**environment, "PATH": str(folder)}).stderr
    check("no nvcc 13" in said, said)


def test_refuses_wrong_command_lines(folder):
    check("tools/gpu-check" in run("--help", status=0).stdout, "--help")
    for arguments in (("--nonsense",), ("--only", "nonsense"), ("--out", folder)):
        check(str(arguments[-1]) in run(*arguments, status=2).stderr, f"{arguments}")


def test_reports_what_the_emulator_did_as_emulated(folder):
    out = folder / "report"
    said = run("--emulated", "--cases", "[reduce]", "--out", out, status=0, JETCAL_BUILD_DIR=os.environ["JETCAL_BUILD"]).stdout
    report = json.loads((out / "report.json").read_text())
    check(report["emulated"] is True and "EMULATED" in report["card"]["name"] and "EMULATED" in said, "labelled")
    verdicts = {step["step"]: step["verdict"] for step in report["steps"]}
    check(verdicts["cuda_kernel_tests"] == "passed" and verdicts["training"] == "passed", f"{verdicts}")
    check(verdicts["cuda_gather_tests"] == "skipped" and verdicts["sanitizer"] == "skipped", f"{verdicts}")
    check("failed" not in verdicts.values(), f"{verdicts}")
    text = (out / "report.txt").read_text()
    check("EMULATED" in text and "0 failed" in text, text)
    with tarfile.open(folder / "report.tar.gz") as tar:
        names = {entry.name for entry in tar}
        check({"report/report.txt", "report/report.json", "report/cuda_kernel_tests.log"} <= names, f"{names}")
        check(all(not entry.uname and not entry.gname for entry in tar), "names of users")


def test_a_failing_case_fails_the_check(folder):
    """On a build whose test program fails."""
    build = folder / "build"
    (build / "bin").mkdir(parents=True)
    (build / "tests/emulator/lib").mkdir(parents=True)
    (build / "tests/emulator/lib/libcudart.so.13").touch()
    program = build / "bin/cuda_kernel_tests"
    xml = '<testsuites><testsuite><testcase name="good"/><testcase name="bad one"><failure/></testcase></testsuite></testsuites>'
    program.write_text(f"#!/bin/sh\nwhile [ \"$1\" != --out ]; do shift; done\necho '{xml}' >\"$2\"\nexit 1\n")
    program.chmod(0o755)
    said = run("--emulated", "--only", "tests", "--cases", "[x]", "--out", folder / "report", status=1, JETCAL_BUILD_DIR=str(build)).stdout
    check("2 cases, failed: bad one" in said and "0 passed, 1 failed" in said, said)


if __name__ == "__main__":
    os.environ.setdefault("JETCAL_BUILD", str(ROOT / "build"))
    main(globals())
