#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""build.py - makes one file of the viewer: build.py src/index.html viewer.html

Style sheets and scripts that the page names are put in its place, so that the file works wherever it
is copied to. Nothing else is changed: src/index.html opened as it is shows the same page.
"""

import pathlib
import re
import sys

LINK = re.compile(r'<link rel="stylesheet" href="([\w.]+)">')
SCRIPT = re.compile(r'<script src="([\w.]+)"></script>\n')
# Sources by file: are for the page in parts only; the one file needs none.
FILE_SOURCE = " file:"


def inline(page):
    """The text of `page` with all that it names in it."""
    folder = page.parent
    scripts = []

    def script(match):
        source = (folder / match.group(1)).read_text(encoding="utf-8")
        if "</script" in source.lower():
            sys.exit(f"{match.group(1)}: the end of a script cannot stand inside a script")
        scripts.append(source.replace('"use strict";\n', ""))
        return ""

    text = page.read_text(encoding="utf-8").replace(FILE_SOURCE, "")
    text = LINK.sub(lambda match: "<style>\n" + (folder / match.group(1)).read_text(encoding="utf-8") + "</style>", text)
    text = SCRIPT.sub(script, text)
    return text.replace("</body>", '<script>\n"use strict";\n' + "\n".join(scripts) + "</script>\n</body>")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    target = pathlib.Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(inline(pathlib.Path(sys.argv[1])), encoding="utf-8")


if __name__ == "__main__":
    main()
