#!/usr/bin/env python3
"""The table of mutants fits the sources and leaves no kernel out; run.py refuses tables that do not, and counts right."""

import contextlib
import io

from run import ROOT, TABLE, Mutant, Suite, TableError, chosen, read_table, report

SUITE = '[suite]\nop = { source = "op.cu", into = "bin/t", run = ["bin/t", "[op]"] }\n'


def entry(name="one", old="a", new="b", more=""):
    return f'[[mutant]]\nid = "{name}"\nsuite = "op"\nwrong = "all"\nold = "{old}"\nnew = "{new}"\n{more}\n'


def refused(text, word):
    try:
        read_table(SUITE + text, lambda file: "a c c")
    except TableError as error:
        assert word in str(error), error
    else:
        raise AssertionError(f"taken: {text}")


def test_the_table():
    mutants = read_table(TABLE.read_text(encoding="utf-8"))
    assert len(mutants) >= 60
    touched = {m.file for m in mutants} | {m.suite.source for m in mutants}
    missing = {f"kernels/{path.name}" for path in (ROOT / "kernels").glob("*.cu")} - touched
    assert not missing, f"no mutant of {missing}: a kernel needs some"


def test_tables_that_do_not_fit_are_refused():
    assert read_table(SUITE + entry(), lambda file: "a c c")[0].file == "op.cu"
    refused(entry(old="x"), "0 times in op.cu")
    refused(entry(old="c"), "2 times in op.cu")
    refused(entry(new="a"), "changes nothing")
    refused(entry() + entry(), "two of this id")
    refused(entry().replace('"op"', '"pos"'), "suite 'pos' is none of op")


def made(name, suite="one", survives=""):
    return Mutant(name, Suite(suite, "op.cu", "bin/t", ("bin/t",)), "op.cu", "all", "a", "b", survives)


def test_a_sample_is_the_same_every_time_and_spread_over_the_suites():
    mutants = [made(f"{suite}-{i}", suite) for suite in ("one", "two", "three") for i in range(9)]
    mutants.append(made("survivor", "four", "cannot be noticed"))
    sample = chosen(mutants, [], 5)
    assert chosen(mutants[::-1], [], 5) == sample
    assert [m.suite.name for m in sample] == ["one", "three", "two", "one", "three"]
    assert len({m.id for m in sample}) == 5
    assert chosen(mutants, ["one-3", "four"], None) == [mutants[3], mutants[-1]]
    try:
        chosen(mutants, ["five"], None)
    except TableError as error:
        assert "'five'" in str(error)
    else:
        raise AssertionError("a name nobody has")


def test_survivors_need_a_reason():
    killed, survivor, explained = made("a"), made("b"), made("c", survives="because")

    def score(*pairs):
        with contextlib.redirect_stdout(io.StringIO()) as text:
            good = report(*map(list, zip(*pairs)))
        return good, text.getvalue().splitlines()[-1]

    assert score((killed, "x"), (explained, None)) == (True, "mutants: 1/2 killed, 1 survived with a reason, 0 without")
    assert score((killed, "x"), (survivor, None)) == (False, "mutants: 1/2 killed, 0 survived with a reason, 1 without")
    assert not score((killed, "x"), (explained, "x"))[0], "a reason that is no longer true"


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"{name}: passed")
