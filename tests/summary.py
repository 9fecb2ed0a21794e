#!/usr/bin/env python3
"""Adds up the results of a run of tools/test; the last line is `N passed, N failed, N skipped`.

usage: summary.py FOLDER

FOLDER holds NAME.xml, what `ctest --output-junit` wrote, and NAME.phase, one word (passed, failed or
skipped) for a phase that is one check. Failed and skipped ones are named, and the slowest tests.
Exit status 0 if something passed and nothing failed, else 1.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree

# How ctest says that a test asked to be skipped; any other reason not to run is a failure.
ASKED = ("SKIP_RETURN_CODE=", "SKIP_REGULAR_EXPRESSION_MATCHED")


def verdict_of(case):
    skipped = case.find("skipped")
    if case.get("status") == "run" and case.find("failure") is None and skipped is None:
        return "passed"
    if case.get("status") == "notrun" and skipped is not None and skipped.get("message", "").startswith(ASKED):
        return "skipped"
    return "failed"


def results_of(folder):
    """(verdict, name, seconds) of every test and phase."""
    results = []
    for path in sorted(folder.glob("*.xml")):
        try:
            cases = ElementTree.parse(path).getroot().findall("testcase")
        except ElementTree.ParseError as error:
            results.append(("failed", f"{path.stem}: {path} is damaged ({error})", 0.0))
            continue
        if not cases:
            results.append(("failed", f"{path.stem}: no test ran", 0.0))
        for case in cases:
            name = f"{path.stem}: {case.get('name')}"
            results.append((verdict_of(case), name, float(case.get("time") or 0)))
    for path in sorted(folder.glob("*.phase")):
        word = path.read_text(encoding="utf-8").strip()
        known = word in ("passed", "failed", "skipped")
        results.append((word if known else "failed", path.stem, 0.0))
    return results


def main():
    results = results_of(pathlib.Path(sys.argv[1]))
    slowest = sorted((r for r in results if r[2] >= 1), key=lambda r: -r[2])[:10]
    if slowest:
        print("Slowest:")
    for _, name, seconds in slowest:
        print(f"  {seconds:7.1f} s  {name}")
    for verdict in ("skipped", "failed"):
        names = [name for v, name, _ in results if v == verdict]
        if names:
            print(f"{verdict.capitalize()}:")
        for name in names:
            print(f"  {name}")
    count = {v: sum(r[0] == v for r in results) for v in ("passed", "failed", "skipped")}
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    sys.exit(1 if count["failed"] or not count["passed"] else 0)


if __name__ == "__main__":
    main()
