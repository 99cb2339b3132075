# SPDX-License-Identifier: BSD-2-Clause
"""The 32-bit kernel boots by Multiboot on old and new processors, and proves its memory there.

The machine is QEMU's own Multiboot loader: no firmware volume, no disk."""

import json
import subprocess

import pytest

from harness import EXIT_FAILURE, EXIT_SUCCESS, ROOT, meridian_qemu

KERNEL = str(ROOT / "build/kernel-i386.elf")
MACHINES = {
    "486-64M": {"cpu": "486", "memory": "64M", "machine": "pc"},
    "qemu32-8M": {"cpu": "qemu32", "memory": "8M", "machine": "pc"},
    "max-512M": {},
    "max-4G": {"memory": "4G"},
}


def boot(cmdline, **machine):
    """(exit code, events) of a run."""
    words = meridian_qemu.multiboot_command(KERNEL, cmdline, **machine)
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=150,
                          check=False)
    text = done.stdout.decode("utf-8", "replace").replace("\r", "")
    return done.returncode, [json.loads(line) for line in text.splitlines()
                             if line.startswith('{"meridian"')]


@pytest.mark.parametrize("name", MACHINES)
def test_machine(name):
    """The machine boots, all self-tests pass, and QEMU leaves with the code of success."""
    code, events = boot('json run="selftest; frames; exit" exit', **MACHINES[name])
    assert code == EXIT_SUCCESS
    totals = next(event for event in events if event["event"] == "selftests")
    assert totals["failed"] == 0 and totals["passed"] > 0
    frames = [event for event in events if event["event"] == "frames"][-1]
    assert frames["free"] + frames["used"] + frames["reserved"] == frames["total"]


@pytest.mark.parametrize("wish, levels", (("2level", 2), ("pae", 3)))
def test_format_can_be_chosen(wish, levels):
    """pt= chooses the format of the page tables."""
    code, events = boot(f'json pt={wish} run="selftest tables; exit" exit')
    assert code == EXIT_SUCCESS
    assert next(e for e in events if e["event"] == "boot")["table_levels"] == levels


def test_double_fault_is_reported():
    """A double fault ends in a report that names it, and the code of failure."""
    code, events = boot('json run="fault double; exit" exit')
    assert code == EXIT_FAILURE
    assert "double fault" in json.dumps([e for e in events if e["event"] in ("fault", "panic")])
