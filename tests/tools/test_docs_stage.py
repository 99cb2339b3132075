# SPDX-License-Identifier: BSD-2-Clause
"""The codes of the stages of a boot: the table in docs/real-hardware.md is the one in boot/stage.h, and each code is begun somewhere."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENTRY = re.compile(r"^    STAGE_([A-Z_]+) = 0x(\d\d), +/\* (.*) \*/$", re.MULTILINE)
HEADER = (ROOT / "include/boot/stage.h").read_text(encoding="utf-8")
STAGES = ENTRY.findall(HEADER)
FIRST_OF_KERNEL = 50


def test_the_header_is_read_whole():
    """Every member of the enum has a code of two decimal digits and a comment, or it would be missed."""
    body = HEADER[HEADER.index("enum stage {"):HEADER.index("};")]
    assert len(STAGES) == len(re.findall(r"\bSTAGE_[A-Z_]+ =", body)) > 30
    codes = [int(code) for _, code, _ in STAGES]
    assert codes == sorted(set(codes))


def test_every_code_is_documented():
    """Code and work stand in the page's table, in the order of the header, with something to try."""
    page = (ROOT / "docs/real-hardware.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([LK]\d\d)` \| (.*?) \| (.+) \|$", page, re.MULTILINE)
    expected = [(f"{'L' if int(code) < FIRST_OF_KERNEL else 'K'}{code}", words) for _, code, words in STAGES]
    assert [row[:2] for row in rows] == expected


def test_every_stage_is_begun():
    """Each stage of the header is begun in one place of the sources."""
    sources = [path.read_text(encoding="utf-8") for folder in ("efi", "kernel") for path in (ROOT / folder).rglob("*.c")]
    text = "\n".join(sources)
    uses = {name: len(re.findall(rf"stage_begin\(STAGE_{name}\)|\{{ STAGE_{name},", text)) for name, _, _ in STAGES}
    assert set(uses.values()) == {1}, uses
