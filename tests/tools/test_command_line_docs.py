# SPDX-License-Identifier: BSD-2-Clause
"""The command line is an interface: what the kernel reads is documented, and nothing else is."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_every_parameter_is_documented():
    """The table of parameters in the kernel and the one in docs/command-line.md agree."""
    source = (ROOT / "kernel/boot/cmdline_options.c").read_text(encoding="utf-8")
    table = source[source.index("parameters[] = {"):]
    known = set(re.findall(r'^    \{ "([a-z_]+)", KIND_', table, re.MULTILINE))
    text = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z_]+)", text, re.MULTILINE))
    assert len(known) >= 11 and known == documented


def test_every_reason_is_documented():
    """The reasons of changes in docs/memory-map.md are those that the code can give."""
    source = (ROOT / "kernel/mm/memmap_print.c").read_text(encoding="utf-8")
    known = set(re.findall(r'^        \[MEMMAP_[A-Z_]+\] = "(.*)",$', source, re.MULTILINE))
    text = (ROOT / "docs/memory-map.md").read_text(encoding="utf-8")
    table = text[text.index("| reason |"):text.index("Notes are in the order")]
    rows = re.findall(r"^\| (.*) \| .* \|$", table, re.MULTILINE)
    documented = {reason for row in rows for reason in row.split(", ")} - {"reason"}
    assert len(known) == 16 and known == documented
