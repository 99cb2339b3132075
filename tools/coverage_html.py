# SPDX-License-Identifier: BSD-2-Clause
"""coverage_html.py - the pages of coverage.py: an index, and each source with what the tests executed of it.

A line has two counts, hosted and in machines. Green: executed there; red: never; no colour: not counted there.
Behind a line stands how many of its branches were never taken."""

import html
import pathlib

STYLE = """<!DOCTYPE html><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px sans-serif; margin: 2em }} td {{ padding: 0 .6em; white-space: pre }}
table.code {{ font: 12px monospace; border-spacing: 0 }} td.n {{ text-align: right; color: #666 }}
.yes {{ background: #cfc }} .no {{ background: #fcc }} .branch {{ color: #a50 }}
</style><h1>{title}</h1>
"""


def cell(times):
    if times is None:
        return "<td></td>"
    return f'<td class="n {"yes" if times else "no"}">{times}</td>'


def page(name, file):
    missed = {}
    for number, times in file.branches:
        missed[number] = missed.get(number, 0) + (times == 0)
    rows = []
    for number, text in enumerate(pathlib.Path(name).read_text(encoding="utf-8").splitlines(), 1):
        note = f'<td class="branch">{missed[number]} not taken</td>' if missed.get(number) else ""
        rows.append(f'<tr id="{number}"><td class="n">{number}</td>{cell(file.hosted.get(number))}'
                    f"{cell(file.machine.get(number))}<td>{html.escape(text)}</td>{note}</tr>")
    head = "<tr><th></th><th>hosted</th><th>machines</th><th></th></tr>"
    return STYLE.format(title=html.escape(name)) + f'<table class="code">{head}{"".join(rows)}</table>'


def share(counted):
    if not counted:
        return "<td></td>"
    covered = sum(times > 0 for times in counted)
    return f'<td class="n">{covered} / {len(counted)}</td><td class="n">{100 * covered / len(counted):.0f} %</td>'


def index(files):
    rows = ["<tr><th>file</th><th colspan=2>hosted lines</th><th colspan=2>branches</th>"
            "<th colspan=2>machine lines</th></tr>"]
    for name, file in sorted(files.items()):
        columns = [list(file.hosted.values()), [times for _, times in file.branches], list(file.machine.values())]
        cells = "".join(share(counted) if counted else "<td></td><td></td>" for counted in columns)
        rows.append(f'<tr><td><a href="{page_name(name)}">{html.escape(name)}</a></td>{cells}</tr>')
    return STYLE.format(title="Coverage") + f'<table>{"".join(rows)}</table>'


def page_name(name):
    return name.replace("/", "-") + ".html"


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(index(files), encoding="utf-8")
    for name, file in files.items():
        if pathlib.Path(name).exists():
            (folder / page_name(name)).write_text(page(name, file), encoding="utf-8")
