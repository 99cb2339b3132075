#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""picture.py - draws docs/first-light.svg: a terminal in which Meridian runs. (make picture)

The text is what the machine says, typed and recorded here; nothing in it is written by hand. Lines of
a kind have a colour, and that is all the drawing there is.
"""

import pathlib
import re
import sys
import tempfile
import xml.sax.saxutils

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/qemu"))

from harness import PROMPT, Machine  # noqa: E402

COMMANDS = ["selftest", "frames", "pt", "walk 0xffffe00000000000"]
FIRST_LINE = "Meridian kernel, started by"
COLUMNS = 108
LINE, COLUMN, MARGIN = 17, 7.8, 14

# pattern, colour: the first that fits a line, or the matched part of it
COLOURS = [
    (re.compile(r"^meridian> .*$"), "#ffd75f"),
    (re.compile(r"^\[ *\d+\.\d+\]"), "#6c7a89"),
    (re.compile(r"\bpassed\b"), "#87d787"),
    (re.compile(r"\bFAILED\b|\berror\b"), "#ff5f5f"),
    (re.compile(r"BIOS-e820:|\busable\b"), "#87afff"),
]


def record():
    """The lines of a session, as a reader of the terminal sees them."""
    with tempfile.TemporaryDirectory(prefix="meridian-picture-") as folder:
        with Machine(folder) as machine:
            boot = machine.prompt().splitlines()
            lines = boot[next(n for n, line in enumerate(boot) if FIRST_LINE in line):]
            for command in COMMANDS:
                lines.append(PROMPT + command)
                lines += machine.command(command).rstrip("\n").splitlines()
    return [line if len(line) <= COLUMNS else line[:COLUMNS - 1] + "…" for line in [*lines, PROMPT]]


def coloured(line):
    """The line as SVG text, its first known part in its colour."""
    for pattern, colour in COLOURS:
        match = pattern.search(line)
        if match:
            before, part, after = (xml.sax.saxutils.escape(text) for text in
                                   (line[:match.start()], match.group(), line[match.end():]))
            return f'{before}<tspan fill="{colour}">{part}</tspan>{after}'
    return xml.sax.saxutils.escape(line)


def draw(lines):
    width, height = COLUMN * COLUMNS + 2 * MARGIN, LINE * len(lines) + 2 * MARGIN
    rows = "\n".join(f'<text x="{MARGIN}" y="{MARGIN + LINE * (number + 0.75):.1f}">'
                     f'{coloured(line)}</text>' for number, line in enumerate(lines))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
            f'viewBox="0 0 {width:.0f} {height}">\n'
            f'<title>Meridian at its prompt</title>\n'
            f'<rect width="100%" height="100%" rx="8" fill="#14181f"/>\n'
            '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" '
            f'fill="#d7dce2" xml:space="preserve" style="white-space:pre">\n{rows}\n</g>\n</svg>\n')


def main():
    target = ROOT / "docs/first-light.svg"
    target.write_text(draw(record()), encoding="utf-8")
    print(f"wrote {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
