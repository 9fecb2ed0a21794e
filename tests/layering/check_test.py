#!/usr/bin/env python3
"""Feeds check.py small trees, right and wrong, and sees that it tells them apart."""

import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).with_name("check.py")

GOOD = {
    "engine/a.hpp": '#pragma once\n#include <vector>\n#include "engine/version.hpp"\n',
    "kernels/b.cpp": '#define HWY_TARGET_INCLUDE "kernels/b.cpp"\n#include <hwy/foreach_target.h>\n#include "engine/a.hpp"\n',
    "model/c.cpp": '#include "kernels/b.cpp"\n#include "engine/a.hpp"\n',
    "data/d.hpp": '#include "engine/a.hpp"\n',
    "train/e.cpp": '#include "data/d.hpp"\n#include "engine/a.hpp"\n',
    "validate/f.cpp": '  #  include "data/d.hpp"\n',
    "tools/g.cpp": '#include "train/e.cpp"\n#include "validate/f.cpp"\n',
    "tests/engine/h.cpp": '#include "tools/g.cpp"\n#include "tests/engine/h.cpp"\n',
    "model/CMakeLists.txt": "jetcal_library(model SOURCES c.cpp DEPENDS jetcal_kernels)\n",
    "README.md": "Run /usr/bin/python3 or https://example.org/work/x.\n",
    "engine/long.cpp": "// Long file: a table that belongs together\n" + "int x;\n" * 600,
    "recipes/long.json": "1\n" * 900,
}

# name of the case -> (file, its text, what must be said about it)
WRONG = {
    "engine includes kernels": ("engine/x.hpp", '#include "kernels/b.cpp"\n', "engine/ includes kernels/b.cpp"),
    "engine includes tests": ("engine/x.hpp", '#include "tests/engine/h.cpp"\n', "engine/ includes tests/"),
    "kernels include model": ("kernels/x.cpp", '#include "model/c.cpp"\n', "kernels/ includes model/"),
    "kernels include data": ("kernels/x.cu", '#include "data/d.hpp"\n', "kernels/ includes data/"),
    "data includes kernels": ("data/x.cpp", '#include "kernels/b.cpp"\n', "data/ includes kernels/"),
    "data includes model": ("data/x.cpp", '\t#include\t"model/c.cpp"\n', "data/ includes model/"),
    "model includes data": ("model/x.cpp", '#include "data/d.hpp"\n', "model/ includes data/"),
    "train includes validate": ("train/x.cpp", '#include "validate/f.cpp"\n', "train/ includes validate/"),
    "train includes tools": ("train/x.cpp", '#include "tools/g.cpp"\n', "train/ includes tools/"),
    "validate includes train": ("validate/x.cpp", '#include "train/e.cpp"\n', "validate/ includes train/"),
    "in angle brackets": ("train/x.cpp", "#include <engine/a.hpp>\n", "this project's"),
    "not from the root": ("engine/x.cpp", '#include "a.hpp"\n', "from the root"),
    "with ..": ("engine/x.cpp", '#include "engine/../engine/a.hpp"\n', "without .."),
    "of another project in quotes": ("kernels/x.cpp", '#include "hwy/highway.h"\n', "in quotes go"),
    "of a file that is not there": ("engine/x.cpp", '#include "engine/nowhere.hpp"\n', "does not exist"),
    "a target file of another folder": ("kernels/x.cpp", '#define HWY_TARGET_INCLUDE "model/c.cpp"\n', "kernels/ includes model/"),
    "a link upwards": ("kernels/CMakeLists.txt", "jetcal_library(kernels DEPENDS jetcal_model)\n", "kernels/ links jetcal_model"),
    "a long file": ("engine/x.cpp", "int x;\n" * 501, "501 lines"),
    "a long file, reason missing": ("tools/x.py", "# Long file:\n" + "x\n" * 500, "501 lines"),
    "a long file, reason too late": ("tools/x.py", "x\n" * 10 + "# Long file: late\n" + "x\n" * 500, "511 lines"),
    "a machine's path": ("docs/x.md", "see /" + "work/main\n", "path of one machine"),
    "a home folder": ("tools/x", 'cd "/' + 'home/you/x"\n', "path of one machine"),
    "unfinished": ("engine/x.cpp", "// TO" + "DO: later\n", "unfinished"),
}


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, CHECK, folder], stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def main():
    failed = 0
    status, lines = run(GOOD)
    if status != 0 or len(lines) != 1:
        failed += 1
        print("FAILED: the right tree was refused:", *lines, sep="\n  ")
    for case, (name, text, said) in WRONG.items():
        status, lines = run({**GOOD, name: text})
        if status != 1 or len(lines) != 2 or not lines[0].startswith(f"{name}:") or said not in lines[0]:
            failed += 1
            print(f"FAILED: {case}: status {status}, must name {name} and say '{said}':", *lines, sep="\n  ")
    print(f"{1 + len(WRONG)} trees, {failed} judged wrongly")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
