# SPDX-License-Identifier: BSD-2-Clause
"""docs/firmware.md and what plays it are the same: no row without a proof, no quirk without a row."""

import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/qemu"))

import hostile  # noqa: E402

PAGE = (ROOT / "docs/firmware.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines()
        if line.startswith("| ") and not line.startswith("| firmware |")]
PROOFS = sorted({proof for row in ROWS for proof in re.findall(r"`([^`]+)`", row[-1])})
QUIRKS = {*hostile.BOOTS, *hostile.REFUSED}
WORDS = (ROOT / "tests/firmware/words.c").read_text(encoding="utf-8")


def test_rows_are_whole():
    """Each row says what happens, what Meridian does, and what proves it."""
    assert len(ROWS) >= 40
    for row in ROWS:
        assert len(row) == 4 and row[0] and row[1] and re.search(r"`[^`]+`", row[3]), row


def test_every_quirk_has_a_row():
    """Each quirk that is played stands in the page, and each that stands there is played."""
    assert QUIRKS == {proof for proof in PROOFS if not proof.startswith("tests/")}


@pytest.mark.parametrize("proof", [proof for proof in PROOFS if proof.startswith("tests/")])
def test_every_named_test_exists(proof):
    """Tests that the page names are there."""
    path, _, name = proof.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^(def|static void) {name}\(", text, re.MULTILINE) if name else "def test_" in text


def test_every_word_is_played():
    """Each word that the shim knows is in some scenario, and is explained."""
    known = set(re.findall(r'^    \{ "([a-z0-9-]+)", ', WORDS, re.MULTILINE))
    known |= set(re.findall(r'\{ "([a-z0-9-]+)", &hostility', WORDS))
    tests = "".join((ROOT / f"tests/qemu/{name}.py").read_text(encoding="utf-8")
                    for name in ("hostile", "test_hostile", "test_menu", "test_report", "test_stage"))
    theory = WORDS[:WORDS.index("*/")]
    for word in known:
        assert re.search(rf"(?<![a-z0-9-]){word}(?![a-z0-9-])", tests), f"{word} is never played"
        assert re.search(rf"(?<![a-z0-9-]){word}(?![a-z0-9-])", theory), f"{word} is not explained"
