"""report.html: everything on one page that needs no network and no script."""

import base64
import html
import json
import os
import struct

from plots import page_tables
from plots.sections import SECTIONS
from plots.style import PIXELS_PER_INCH

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; margin: 0 auto; max-width: 68rem;
       padding: 0 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin-bottom: 0.3rem; }
h2 { margin-top: 2.6rem; border-bottom: 2px solid #0072B2; padding-bottom: 0.2rem; }
h3 { margin-top: 1.6rem; }
a { color: #005a8e; }
nav ul { columns: 16rem; padding-left: 1.2rem; margin: 0.5rem 0; }
.scroll { overflow-x: auto; margin: 0.8rem 0; }
table { border-collapse: collapse; font-size: 0.87rem; }
th, td { padding: 0.2rem 0.6rem; text-align: right; border-bottom: 1px solid #ddd;
         overflow-wrap: normal; white-space: nowrap; }
th { background: #f3f3f3; vertical-align: bottom; }
td.text, th.text { text-align: left; }
td.long { white-space: normal; overflow-wrap: anywhere; min-width: 14rem; }
figure { margin: 1.2rem 0 2rem; }
figure .scroll { margin: 0; }
figure img { height: auto; max-width: 100%; }
figcaption { font-size: 0.87rem; color: #444; }
figcaption code { font-size: 0.78rem; color: #777; overflow-wrap: anywhere; }
.look { background: #eef5fa; padding: 0.5rem 0.8rem; border-left: 4px solid #0072B2; }
.warning { background: #fdf1e7; padding: 0.4rem 0.8rem; border-left: 4px solid #D55E00;
           overflow-wrap: anywhere; }
.small { font-size: 0.87rem; color: #555; }
summary { cursor: pointer; font-weight: 600; padding: 0.3rem 0; }
pre { background: #f6f6f6; padding: 0.6rem; overflow-x: auto; font-size: 0.75rem; }
@media (max-width: 45rem) { figure img { max-width: none; width: 38rem; } }
""".strip()


def text(value):
    return html.escape(str(value))


def image(path):
    """(base64 of a PNG, width, height)."""
    with open(path, "rb") as file:
        data = file.read()
    width, height = struct.unpack(">II", data[16:24])
    return base64.b64encode(data).decode(), width, height


def figure_html(picture, folder):
    data, width, height = image(os.path.join(folder, f"{picture.name}.png"))
    # 96 pixels are an inch of the page.
    shown = [round(pixels * 96 / PIXELS_PER_INCH) for pixels in (width, height)]
    return (f'<figure id="{text(picture.name)}"><div class="scroll">'
            f'<img width="{shown[0]}" height="{shown[1]}" alt="{text(picture.caption)}" '
            f'src="data:image/png;base64,{data}"></div><figcaption>{text(picture.caption)} '
            f"<code>{text(picture.name)}.png, .pdf</code></figcaption></figure>")


def pictures_html(pictures, folder):
    """Those of several samples first; then each sample's, folded but the first."""
    parts = [figure_html(p, folder) for p in pictures if not p.sample]
    samples = list(dict.fromkeys(p.sample for p in pictures if p.sample))
    for i, sample in enumerate(samples):
        mine = "".join(figure_html(p, folder) for p in pictures if p.sample == sample)
        if len(samples) == 1:
            parts.append(mine)
        else:
            parts.append(f"<details{' open' if i == 0 else ''}><summary>Sample {text(sample)}"
                         f"</summary>{mine}</details>")
    return "".join(parts)


def section_html(section, results, pictures, folder):
    """A test's sentence, what was skipped of it, its table and its pictures."""
    parts = [f'<section id="{section.anchor}"><h2>{text(section.title)}</h2>',
             f'<p class="look">{text(section.look)}</p>']
    skipped = [s for s in results.list("skipped") if s.get("test") == section.test and section.test]
    parts += [page_tables.skipped_text(s) for s in skipped]
    parts.append(page_tables.section_tables(section, results))
    parts.append(pictures_html(pictures, folder))
    if not pictures:
        parts.append(f"<p>{text(why_empty(section, results, skipped))}</p>")
    return "".join(parts) + "</section>"


def why_empty(section, results, skipped):
    tests = results.settings.get("tests")
    if section.test and isinstance(tests, list) and section.test not in tests:
        return "This test was not asked for (key tests of the settings)."
    if section.anchor == "comparisons":
        return "There are no two calibrations to compare beside the uncalibrated jets."
    if section.anchor == "training":
        return "No calibration has a metrics.jsonl beside it."
    return ("Nothing to show." if skipped else
            "There is nothing to show: no bin has enough jets, or the results hold no such test.")


def write(results, pictures, folder, path):
    """`pictures` are those that were drawn, as files in `folder`."""
    contents = [("what", "What was validated"), ("summary", "Summary")]
    contents += [(s.anchor, s.title) for s in SECTIONS]
    contents += [("counts", "Counts"), ("estimator", "The estimator's own bias"),
                 ("resources", "Resources"), ("settings", "Settings")]
    links = "".join(f'<li><a href="#{anchor}">{text(title)}</a></li>' for anchor, title in contents)
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Validation: {text(', '.join(results.samples))}</title><style>{STYLE}</style>"
        "</head><body><header><h1>Validation of jet calibrations</h1>"
        f'<p class="small">{len(results.samples)} sample(s), {len(results.calibrations)} '
        f"calibration(s), {len(pictures)} pictures. The tests are those of arXiv:2311.08885, "
        "section 6. R is the mode of r = calibrated / true; the width is (q84 % − q16 %) / R, the "
        "full width that holds 68 % of the jets. All numbers are in validation.json.</p></header>"
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>',
        page_tables.what(results), page_tables.summary(results)]
    for section in SECTIONS:
        mine = [p for p in pictures if p.section == section.anchor]
        parts.append(section_html(section, results, mine, folder))
    parts += [page_tables.counts(results), page_tables.estimator(results),
              page_tables.resources(results),
              '<section id="settings"><h2>Settings</h2><details><summary>All settings</summary>'
              f"<pre>{text(json.dumps(results.settings, indent=1))}</pre></details></section>",
              "</body></html>\n"]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))
