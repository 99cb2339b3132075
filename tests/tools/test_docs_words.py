# SPDX-License-Identifier: BSD-2-Clause
"""The glossary, the manual page and the change log say what the sources say."""

import re
import subprocess

import pytest

from markdown import ROOT, tracked

MANUAL = ROOT / "docs/man/meridian.conf.5"
CONFIG_HEADER = (ROOT / "efi/config_file.h").read_text(encoding="utf-8")
GLOSSARY = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `([^`]+)` \|$", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)


# --- the glossary ---------------------------------------------------------------------------

def test_words_are_in_order():
    """Words of the glossary are in the order of the alphabet, each once."""
    words = [word for word, _, _ in GLOSSARY]
    assert len(words) > 40 and words == sorted(set(words))


@pytest.mark.parametrize("word, meaning, path", GLOSSARY)
def test_word_is_used(word, meaning, path):
    """The file that a row sends the reader to uses the word."""
    text = " ".join((ROOT / path).read_text(encoding="utf-8").lower().replace(" * ", " ").replace("_", " ").split())
    stem = re.sub(r" \(.*\)|,.*", "", word).lower()
    assert stem in text or stem.rstrip("e") + "ing" in text, f"{path} has no '{stem}'"


# --- the manual page ------------------------------------------------------------------------

def keys_of_the_loader():
    source = (ROOT / "efi/config_file.c").read_text(encoding="utf-8")
    return re.findall(r'^    \{ "([a-z0-9-]+)", (?:true|false), \w+ \},$', source, re.MULTILINE)


def test_manual_is_well_formed():
    """groff has no warning about the manual page, and man's macros make text of it."""
    words = ["groff", "-man", "-Tutf8", "-ww", "-rLL=100n", "-P-cbou", str(MANUAL)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "KEYS", "FILES", "EXAMPLES", "SEE ALSO"):
        assert section in done.stdout


def test_manual_has_every_key():
    """The keys of the manual page, of docs/boot-protocol.md and of the loader's table are the same."""
    manual = re.findall(r'^\.BI "([a-z0-9-]+): "', MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    page = (ROOT / "docs/boot-protocol.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", page[page.index("| key |"):page.index("Limits:")], re.MULTILINE)
    assert len(manual) >= 9 and sorted(manual) == sorted(keys_of_the_loader()) == sorted(rows)


@pytest.mark.parametrize("name, value", [("MAX_BYTES", "65536"), ("LINE_BYTES", "2048"), ("PATH_BYTES", "255"), ("NAME_BYTES", "63"),
                                         ("MAX_MODULES", "32"), ("MAX_TIMEOUT", "3600")])
def test_limits(name, value):
    """The limits that the manual page tells are those of the loader."""
    number = re.search(rf"CONFIG_FILE_{name} +([^\n]*)", CONFIG_HEADER).group(1).replace("u", "")
    assert str(eval(number, {"__builtins__": {}})) == value  # "64 << 10"
    assert re.search(rf"\b{value}\b", MANUAL.read_text(encoding="utf-8"))


def test_example_configuration_has_every_key():
    """Every key is shown, commented out, in the configuration on the stick, or is one for those who sign."""
    text = (ROOT / "esp/meridian/meridian.conf").read_text(encoding="utf-8")
    shown = set(re.findall(r"^#([a-z0-9-]+): ", text, re.MULTILINE))
    assert set(keys_of_the_loader()) - shown <= {"module-sha256", "measure", "screen"}
    assert shown <= set(keys_of_the_loader())


# --- licences -------------------------------------------------------------------------------

def test_sources_name_their_licence():
    """Everything that is written by hand in a language with comments has an SPDX line at its head."""
    languages = (".c", ".h", ".asm", ".inc", ".py", ".sh", ".awk", ".mk", ".ld", ".js", ".css", ".html", ".conf", ".5")
    sources = [name for name in tracked() if name.endswith(languages) or name == "Makefile"]
    without = [name for name in sources
               if "SPDX-License-Identifier: BSD-2-Clause" not in "".join((ROOT / name).read_text(encoding="utf-8").splitlines(True)[:6])]
    assert len(sources) > 300 and not without
