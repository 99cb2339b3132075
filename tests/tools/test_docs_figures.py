# SPDX-License-Identifier: BSD-2-Clause
"""Figures on the pages that the tree can tell are what the tree tells: how many machines, how large, how long at most.

What was measured on a machine (nanoseconds, instructions) is left to the commands that the pages name for it."""

import importlib.util
import re
import sys

import pytest

from markdown import ROOT, page, tracked

sys.path.insert(0, str(ROOT / "tests/qemu"))


def module(path):
    """A module of tests/qemu, which may have the name of another one here."""
    spec = importlib.util.spec_from_file_location(path.replace("/", "_").removesuffix(".py"), ROOT / path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


matrix = module("tests/qemu/matrix.py")
CONFIG = (ROOT / "include/config.h").read_text(encoding="utf-8")
CONFIG_FILE = (ROOT / "efi/config_file.h").read_text(encoding="utf-8")
STAGES = re.findall(r"^    STAGE_[A-Z_]+ = 0x(\d\d),", (ROOT / "include/boot/stage.h").read_text(encoding="utf-8"), re.MULTILINE)
LEAST_UEFI = re.search(r"(\d+) MiB of memory with UEFI, (\d+) MiB with a BIOS", (ROOT / "docs/real-hardware.md").read_text(encoding="utf-8"))


def number(text, pattern):
    return int(re.search(pattern, text, re.MULTILINE).group(1).replace(",", ""))


MACHINES = matrix.rows()
SMALL = [name for name, row in MACHINES.items() if row["width"] == "i386"]
LEAST_MIB = min(int(row["memory"].rstrip("M")) for row in MACHINES.values() if row["memory"].endswith("M"))
MAX_CPUS = number(CONFIG, r"^#define CONFIG_MAX_CPUS (\d+)")

PROVEN = [int(line.split()[2]) for line in (ROOT / "tests/proof/proven.txt").read_text(encoding="utf-8").splitlines()
          if line and not line.startswith("#")]

FIGURES = [
    ("README.md", r"\[(\d+) machines\]", len(MACHINES)),
    ("README.md", r"a plain 486 with (\d+) MiB", LEAST_MIB),
    ("README.md", r"all processors \(up to (\d+)\)", MAX_CPUS),
    ("CHANGELOG.md", r"up to (\d+) \[processors\]", MAX_CPUS),
    ("CHANGELOG.md", r"from a 486 with (\d+) MiB", LEAST_MIB),
    ("docs/multiboot.md", r"(\d+) machines, a line each", len(SMALL)),
    ("docs/testing.md", r"boots the (\d+) machines", len(MACHINES)),
    ("docs/testing.md", r"32-bit kernel on (\d+) machines", len(matrix.half())),
    ("docs/testing.md", r"`make matrix-i386`: (\d+)\)", len(SMALL)),
    ("docs/testing.md", r"(\d+) functions are proven", len(PROVEN)),
    ("docs/testing.md", r"proven, with ([\d,]+) goals", sum(PROVEN)),
    ("docs/proofs.md", r"(\d+) functions are proven", len(PROVEN)),
    ("docs/proofs.md", r"proven, with ([\d,]+) goals", sum(PROVEN)),
    ("docs/real-hardware.md", r"up to (\d+) are used", MAX_CPUS),
    ("docs/real-hardware.md", r"UEFI, (\d+) MiB with a BIOS", LEAST_MIB),
    ("docs/real-hardware.md", r"counts from `L(\d\d)` to", int(STAGES[0])),
    ("docs/real-hardware.md", r"to `K(\d\d)`\.", int(STAGES[-1])),
    ("docs/boot-protocol.md", r"Limits: (\d+) KiB in all", number(CONFIG_FILE, r"MAX_BYTES +\((\d+)u << 10\)")),
    ("docs/boot-protocol.md", r"in all, ([\d,]+) bytes a line", number(CONFIG_FILE, r"LINE_BYTES +(\d+)u")),
    ("docs/boot-protocol.md", r"a line, (\d+) a path", number(CONFIG_FILE, r"PATH_BYTES +(\d+)u")),
    ("docs/boot-protocol.md", r"a path, (\d+) a module's name", number(CONFIG_FILE, r"NAME_BYTES +(\d+)u")),
    ("docs/boot-protocol.md", r"up to (\d+) times", number(CONFIG_FILE, r"MAX_MODULES +(\d+)u")),
    ("docs/boot-protocol.md", r"seconds \(0 to (\d+)\)", number(CONFIG_FILE, r"MAX_TIMEOUT +(\d+)u")),
]


@pytest.mark.parametrize("name, pattern, value", FIGURES)
def test_figure(name, pattern, value):
    """The figure of the page is the one that the sources give."""
    text = " ".join((ROOT / name).read_text(encoding="utf-8").split())
    found = re.findall(pattern, text)
    assert found and {int(word.replace(",", "")) for word in found} == {value}


def test_least_machine_of_uefi_is_tried():
    """A machine with as little memory as docs/real-hardware.md asks for is among those that boot."""
    machines = (ROOT / "tests/qemu/test_machines.py").read_text(encoding="utf-8")
    assert LEAST_UEFI and f'"{LEAST_UEFI.group(1)}M"' in machines


def test_every_machine_test_is_listed():
    """docs/testing.md has a row for each file of tests/qemu, and for no other."""
    rows = re.findall(r"^\| `(test_\w+\.py)` \|", (ROOT / "docs/testing.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(path.name for path in (ROOT / "tests/qemu").glob("test_*.py"))


def test_folders_are_listed():
    """README.md names every folder at the top of the tree, and every one of kernel/."""
    named = " ".join(span.text for span in page("README.md").spans())
    top = {name.split("/")[0] for name in tracked() if "/" in name and not name.startswith(".")}
    rooms = {path.name for path in (ROOT / "kernel").iterdir() if path.is_dir()}
    assert not {name for name in top | rooms if f"{name}/" not in named}
