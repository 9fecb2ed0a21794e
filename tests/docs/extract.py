#!/usr/bin/python3
"""extract.py PAGE.md LANGUAGE OUT: writes the page's only code block of that language.

A block of C++ may have at most 40 lines: pages that promise a short program keep their word.
"""

import pathlib
import re
import sys

page, language, out = sys.argv[1:]
blocks = re.findall(rf"^```{language}\n(.*?)^```$", pathlib.Path(page).read_text(), re.M | re.S)
if len(blocks) != 1:
    sys.exit(f"{page}: {len(blocks)} blocks of {language} (must be 1)")
lines = blocks[0].count("\n")
if language == "cpp" and lines > 40:
    sys.exit(f"{page}: {lines} lines of {language} (at most 40)")
pathlib.Path(out).write_text(blocks[0])
