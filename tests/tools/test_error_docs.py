# SPDX-License-Identifier: BSD-2-Clause
"""docs/errors.md quotes messages that exist, and quotes every reason that the loader has."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
CONVERSION = re.compile(r"(?:0x)?%[-0#+]*[0-9.*]*(?:hh|h|ll|l|z)?[diuxXcsp]")
CALL = re.compile(r"\b(?:refuse|damaged|unsuited|broken)\(([^;]*)\);")
# The parts of messages that other functions write.
COMPOSED = {"…", "%s"}


def literals(text):
    """The string literals of C text, neighbours joined."""
    text = re.sub(r'"\s*\n\s*"', "", text)
    return [found.replace('\\"', '"') for found in re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)]


SOURCE = {path: path.read_text(encoding="utf-8")
          for folder in ("kernel", "efi") for path in (ROOT / folder).rglob("*.[ch]")}
STRINGS = [CONVERSION.sub("…", literal) for text in SOURCE.values() for literal in literals(text)]


def quoted():
    """The messages in the first column of the page's tables."""
    rows = re.findall(r"^\| (`.*?`[^|]*) \|", PAGE, re.MULTILINE)
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("message", quoted())
def test_message_exists(message):
    """Every piece of a quoted message stands in a string of the sources."""
    for piece in re.split("…|: |, ", message):
        piece = piece.strip(" ,:;'()")
        assert not piece or any(piece in string for string in STRINGS), piece


def test_every_reason_is_told():
    """Every reason that the loader refuses for is on the page."""
    page = re.sub(r"\s+", " ", PAGE)
    missing = []
    for path, text in SOURCE.items():
        if path.parent.name != "efi":
            continue
        for call in CALL.findall(text):
            reasons = [CONVERSION.sub("…", literal) for literal in literals(call)]
            reasons = [reason for reason in reasons
                       if reason[:1].islower() or reason[:1] in "'…" and reason not in COMPOSED]
            for reason in reasons:
                longest = max(re.split("…", reason), key=len).strip(" ,:;'()")
                if longest not in page:
                    missing.append(reason)
    assert not missing
