#!/usr/bin/python3
"""The scripts and the commands of the README, as a user types them."""

import os
import pathlib
import re
import shutil
import subprocess

from e2e import PROGRAM, ROOT, check, main

SCRIPTS = ("install-deps", "build", "test", "quickstart", "lint")


def script(name, *arguments, status=0, env=None, cwd=None):
    done = subprocess.run(
        [str(ROOT / "tools" / name), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, check=False, cwd=cwd, env={**os.environ, "JETCAL_PROGRAM": PROGRAM, **(env or {})},
    )
    check(done.returncode == status, f"tools/{name} {arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def test_scripts_help_and_refuse_unknown_arguments(folder):
    for name in SCRIPTS:
        said = script(name, "--help", cwd=folder).stdout
        check(f"tools/{name}" in said and "usage:" in said, f"{name} --help: {said}")
        wrong = ("format", "--nonsense") if name == "lint" else ("--nonsense",)
        check("--nonsense" in script(name, *wrong, status=2, cwd=folder).stderr, f"{name} names the argument")


def test_install_deps_without_root_names_what_is_missing(folder):
    """With an apt that knows nothing installed, no root and no sudo: an error with the names."""
    for name, text in (("dpkg-query", "exit 1"), ("apt-get", "echo called >&2; exit 1")):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    for name in ("bash", "dirname", "env", "sed", "cat"):
        (folder / name).symlink_to(shutil.which(name))
    (folder / "tools").mkdir()
    for name in ("install-deps", "common.sh"):
        shutil.copy(ROOT / "tools" / name, folder / "tools")
    command = [shutil.which("bash"), str(folder / "tools/install-deps")]
    if os.geteuid() == 0:
        command = [shutil.which("setpriv"), "--reuid=65534", "--clear-groups", *command]
        folder.chmod(0o755)
    done = subprocess.run(command, env={"PATH": str(folder)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 1 and "root or sudo" in done.stderr and "libhdf5-dev" in done.stderr,
          f"{done.returncode} {done.stdout} {done.stderr}")
    check("called" not in done.stderr, "apt-get was called without need")


def test_summary_counts_what_ctest_wrote(folder):
    cases = {
        "run": '<testcase name="a" status="run" time="2"/>',
        "fail": '<testcase name="b" status="fail"><failure message=""/></testcase>',
        "skip": '<testcase name="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>',
        "missing": '<testcase name="d" status="notrun"><skipped message="Unable to find executable"/></testcase>',
    }

    def summary(text, phases=()):
        results = folder / "results"
        shutil.rmtree(results, ignore_errors=True)
        results.mkdir()
        if text is not None:
            (results / "release.xml").write_text(text)
        for name, word in phases:
            (results / f"{name}.phase").write_text(word + "\n")
        done = subprocess.run([shutil.which("python3"), str(ROOT / "tests/summary.py"), str(results)],
                              stdout=subprocess.PIPE, text=True, check=False)
        return done.stdout.splitlines()[-1], done.returncode

    def suite(*names):
        return "<testsuite>" + "".join(cases[n] for n in names) + "</testsuite>"

    check(summary(suite("run", "run", "skip")) == ("2 passed, 0 failed, 1 skipped", 0), "run and skip")
    check(summary(suite("run", "fail")) == ("1 passed, 1 failed, 0 skipped", 1), "fail")
    check(summary(suite("run", "missing")) == ("1 passed, 1 failed, 0 skipped", 1), "a missing program is a failure")
    check(summary(suite("skip")) == ("0 passed, 0 failed, 1 skipped", 1), "nothing but skips is no success")
    check(summary(suite()) == ("0 passed, 1 failed, 0 skipped", 1), "no test at all")
    check(summary("<testsuite><testc") == ("0 passed, 1 failed, 0 skipped", 1), "a damaged file")
    check(summary(None) == ("0 passed, 0 failed, 0 skipped", 1), "no file at all")
    phases = [("format", "passed"), ("tidy", "skipped"), ("build", "failed"), ("odd", "?")]
    check(summary(suite("run"), phases) == ("2 passed, 2 failed, 1 skipped", 1), "phases")


def test_links_of_the_documents_lead_somewhere(folder):
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                check((page.parent / target).exists(), f"{page.relative_to(ROOT)} links {target}, which is not there")
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        check(page.name == "README.md" or f"({page.name})" in index, f"docs/README.md does not list {page.name}")


def test_readme_commands_run(folder):
    """Every command of the README's code blocks, but tools/test (this) and what needs other shards."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    check("tools/quickstart" in lines and "tools/test" in lines, f"the two commands are in the README: {lines}")
    ran = 0
    for line in lines:
        if line == "tools/test" or line.startswith("git clone") or line.startswith("cd "):
            continue
        if line == "tools/quickstart":
            line += f" --smoke --no-install --out {folder}/quickstart"
        # What the README's reader has: the program built, quickstart run, shards of her own.
        line = line.replace("build/bin/jetcal", PROGRAM).replace("quickstart/", f"{folder}/quickstart/")
        line = line.replace("my_shards/*.h5", str(ROOT / "data/sample/dijets_01.h5")).replace("--out runs/", f"--out {folder}/runs/")
        done = subprocess.run(["bash", "-ec", line], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False,
                              env={**os.environ, "JETCAL_PROGRAM": PROGRAM})
        check(done.returncode == 0, f"README: {line}\nended with {done.returncode}:\n{done.stdout[-3000:]}")
        ran += 1
    check(ran >= 1, "no command of the README was run")
    for name in ("run/model.h5", "validation/validation.json"):
        check(pathlib.Path(folder, "quickstart", name).exists(), f"quickstart leaves {name}")
    check(list(pathlib.Path(folder, "quickstart").rglob("*.png")), "quickstart draws")


if __name__ == "__main__":
    main(globals())
