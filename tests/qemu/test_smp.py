# SPDX-License-Identifier: BSD-2-Clause
"""All processors of a machine start, are listed, pass the self-tests, and are stopped by a last report."""

import re
import struct

import pytest

from harness import EXIT_FAILURE, EXIT_SUCCESS, I386
from multiboot_block import TRUE_MAP, Block

SELFTEST = 'json run="cpus; selftest; cpus; exit"'
LISTED = 'json run="cpus; exit"'
MACHINES = {
    "x86_64-2": (2, SELFTEST, {}),
    "x86_64-4-levels": (4, "pt=4level " + SELFTEST, {}),
    "x86_64-16": (16, LISTED, {}),
    "i386-2-levels": (2, "pt=2level " + SELFTEST, I386),
    "i386-8": (8, SELFTEST, I386),
}


def check_listed(machine, count):
    """The kernel lists `count` processors, all online, with numbers of their own."""
    listed = machine.events("cpu")[:count]
    assert [cpu["number"] for cpu in listed] == list(range(count))
    assert {cpu["state"] for cpu in listed} == {"online"}
    assert len({cpu["apic_id"] for cpu in listed}) == count
    assert f"SMP: {count} of {count} processors" in machine.text()


@pytest.mark.parametrize("name", MACHINES)
def test_all_start(boot, name):
    """Every processor that the machine has is online, and the self-tests pass beside them."""
    count, cmdline, fields = MACHINES[name]
    machine = boot(cmdline=cmdline, cpus=str(count), **fields)
    assert machine.code == EXIT_SUCCESS
    check_listed(machine, count)
    if cmdline.endswith(SELFTEST):
        assert machine.event("selftests")["failed"] == 0


@pytest.mark.parametrize("count", [64, 255])
def test_many_start(boot, count):
    """A large machine starts all of its processors under OVMF. QEMU does not sleep in MWAIT, with which the
    firmware parks processors until the kernel resets them; without it they are parked with HLT."""
    machine = boot(cmdline=LISTED, cpus=str(count), memory="1G", cpu="max,-monitor", seconds=400)
    assert machine.code == EXIT_SUCCESS
    check_listed(machine, count)


# The last 512 bytes of the EBDA, where a root pointer is looked for first (ACPI 6.5, 5.2.5.1).
ROOT_POINTER, ROOT_TABLE, PROCESSORS = 0x9FE00, 0x9FE20, 0x9FE60


def summed(content, place):
    """The bytes, with the one at `place` such that all sum up to 0."""
    return content[:place] + bytes([-sum(content) & 0xFF]) + content[place + 1:]


def acpi_table(signature, content):
    """A table with its header: ACPI 6.5, 5.2.6."""
    header = struct.pack("<4sIBB6s8sIII", signature, 36 + len(content), 1, 0, b"MERIDN", b"TEST", 1, 0, 0)
    return summed(header + content, 9)


def firmware_that_names(*apic_ids):
    """A block in whose machine ACPI's tables name these processors, whatever there is."""
    rows = b"".join(struct.pack("<BBBBI", 0, 8, uid, apic_id, 1) for uid, apic_id in enumerate(apic_ids))
    block = Block(TRUE_MAP, LISTED.encode() + b"\0")
    block.pieces += [
        (ROOT_POINTER, summed(struct.pack("<8sB6sBI", b"RSD PTR ", 0, b"MERIDN", 0, ROOT_TABLE), 8)),
        (ROOT_TABLE, acpi_table(b"RSDT", struct.pack("<I", PROCESSORS))),
        (PROCESSORS, acpi_table(b"APIC", struct.pack("<II", 0xFEE00000, 1) + rows))]
    return block


def test_absent_processors_are_left_out(start):
    """A processor that the firmware names and that does not come is reported, and the others work."""
    with start(firmware_that_names(0, 9, 1, 77), cpus="2") as machine:
        assert machine.finish() == EXIT_SUCCESS
    assert [cpu["state"] for cpu in machine.events("cpu")] == ["online", "absent", "online", "absent"]
    assert "SMP: processor 1, APIC number 0x9, does not start: it is left out" in machine.text()
    assert "SMP: 2 of 4 processors" in machine.text()


def test_limit(boot):
    """cpus=N uses N processors, and says how many it leaves out."""
    machine = boot(cmdline="cpus=3 " + LISTED, cpus="8", **I386)
    assert machine.code == EXIT_SUCCESS
    assert [cpu["state"] for cpu in machine.events("cpu")] == ["online"] * 3
    assert "SMP: cpus=3 leaves 5 processors out" in machine.text()


@pytest.mark.parametrize("fields", [{}, I386], ids=["x86_64", "i386"])
def test_stop_on_failure(boot, fields):
    """A panic reports where each other processor was, those too that hold locks with interrupts off."""
    machine = boot(cmdline='json run="fault locks; exit"', cpus="4", **fields)
    assert machine.code == EXIT_FAILURE
    report = machine.event("panic")
    assert report["sentence"] == "Processor 0 fails on purpose, while others hold locks"
    assert report["trace"] and report["registers"] and report["log"]
    assert [cpu["number"] for cpu in report["processors"]] == [1, 2, 3]
    text = machine.text()
    assert "where the others were stopped" in text
    assert re.search(r"^ +1  0x[0-9a-f]+  hold_a_lock_for_ever\+", text, re.MULTILINE)
    assert "does not stop" not in text


def test_alone(boot):
    """One processor has nobody to hold a lock, and is listed all the same."""
    machine = boot(cmdline='json run="cpus; fault locks; exit"', **I386)
    assert machine.code == EXIT_FAILURE
    assert len(machine.events("cpu")) == 1
    assert machine.event("error")["message"] == "there is one processor"


def test_idle_processors_clear_frames(machine):
    """While the monitor waits for a key, ticks come on every processor, and idle ones are idle."""
    with machine(cmdline="json", cpus="2", **I386) as running:
        running.prompt()
        running.command("cpus")
        first = running.events("cpu")[-1]
        while running.events("cpu")[-1]["ticks"] <= first["ticks"] + 2:
            running.command("cpus")
        last = running.events("cpu")[-1]
        assert last["idle_ticks"] - first["idle_ticks"] >= 2
