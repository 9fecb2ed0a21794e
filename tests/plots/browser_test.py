"""Opens a report in a headless Chromium, as wide as a desk and as a phone: every picture must have
pixels, and nothing may be wider than the page. Status 77, skipped, where there is no Chromium."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import synthetic
from case import run

BROWSERS = ("chromium", "chromium-headless-shell", "google-chrome")
COUNT = """<script>addEventListener("load", () => {
const all = [...document.images];
document.title = `${all.filter(i => i.naturalWidth > 200).length} of ${all.length} pictures, ` +
                 (document.documentElement.scrollWidth <= innerWidth ? "fits" : "too wide");
})</script></body>"""


def main():
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("there is no chromium (tools/install-deps test)")
        return 77
    made = synthetic.results(["dijets", "a_name_that_is_" + "very_" * 12 + "long"])
    made["tables"] = [t for t in made["tables"] if t["name"] in ("closure", "topologies")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "validation.json").write_text(json.dumps(made))
        drawn = run("plot", folder)
        if drawn.returncode:
            sys.exit(drawn.stderr)
        pictures = len(list((folder / "pictures").glob("*.png")))
        text = (folder / "report.html").read_text(encoding="utf-8")
        (folder / "counted.html").write_text(text.replace("</body>", COUNT), encoding="utf-8")
        for width in (1200, 400):
            done = subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 f"--user-data-dir={folder}/browser", f"--window-size={width},900",
                 "--virtual-time-budget=20000", "--dump-dom", f"file://{folder}/counted.html"],
                capture_output=True, text=True, check=False, timeout=200)
            title = re.search(r"<title>(.*?)</title>", done.stdout)
            if title is None or title[1] != f"{pictures} of {pictures} pictures, fits":
                sys.exit(f"{width} pixels wide: {title and title[1]} (must be {pictures} "
                         f"pictures)\n{done.stderr[-300:]}")
    print(f"{pictures} pictures load")
    return 0


if __name__ == "__main__":
    sys.exit(main())
