# SPDX-License-Identifier: BSD-2-Clause
"""What `pci` finds is what QEMU's `info pci` says, and memory of devices is in the table as reserved."""

import re

import pytest

from harness import I386

DEVICES = ["-device", "pci-bridge,chassis_nr=1,id=b1", "-device", "pci-testdev,bus=b1,addr=2",
           "-device", "edu,addr=0x9.0,multifunction=on", "-device", "edu,addr=0x9.5",
           "-device", "pci-testdev,membar=8G"]
EXPRESS = ["-device", "pcie-root-port,id=r1,slot=1", "-device", "qemu-xhci,bus=r1", *DEVICES]
# A second host bridge, whose bus no PCI bridge leads to.
PC = {"machine": "pc", "extra": [*DEVICES, "-device", "pxb,bus_nr=128,id=pxb",
                                 "-device", "pci-testdev,bus=pxb,addr=1"]}
MACHINES = {
    "pc": PC,
    "q35": {"extra": EXPRESS},
    "i386-pc": {**PC, **I386},
    "i386-q35": {"extra": EXPRESS, **I386},
    "i386-pentium": {**PC, **I386, "cpu": "pentium"},
}
FUNCTION = re.compile(r"^  Bus +(\d+), device +(\d+), function (\d+):$")
IDENTITY = re.compile(r": PCI device ([0-9a-f]{4}):([0-9a-f]{4})")
BAR = re.compile(r"BAR([0-5]): (I/O|32 bit|64 bit)( prefetchable)?(?: memory)? at "
                 r"0x([0-9a-f]+) \[0x([0-9a-f]+)\]")
WINDOW = re.compile(r"(IO|memory|prefetchable memory) range \[0x([0-9a-f]+), 0x([0-9a-f]+)\]")
BUSES = re.compile(r"(secondary|subordinate) bus (\d+)")
UNMAPPED = "f" * 16


def told_by_qemu(text):
    """{place: (identity, BARs, windows, buses)} of `info pci`."""
    functions, current = {}, None
    for line in text.splitlines():
        if match := FUNCTION.match(line):
            bus, device, number = (int(word) for word in match.groups())
            current = functions[f"0000:{bus:02x}:{device:02x}.{number}"] = [None, set(), set(), {}]
        elif match := IDENTITY.search(line):
            current[0] = current[0] or tuple(int(word, 16) for word in match.groups())
        elif match := BAR.search(line):
            number, kind, prefetchable, first, last = match.groups()
            if first != UNMAPPED:
                current[1].add((int(number), kind, bool(prefetchable), int(first, 16), int(last, 16)))
        elif match := WINDOW.search(line):
            name, first, last = match.groups()
            if int(first, 16) <= int(last, 16):
                current[2].add((name, int(first, 16), int(last, 16)))
        elif match := BUSES.search(line):
            current[3][match.group(1)] = int(match.group(2))
    return functions


def found_by_kernel(events):
    functions = {}
    for event in events:
        bars, windows = set(), set()
        for span in event["ranges"]:
            first = int(span["base"], 16)
            last = first + int(span["size"], 16) - 1
            io = span["space"] == "io"
            if span["kind"] == "window":
                name = "IO" if io else "prefetchable memory" if span["number"] == 2 else "memory"
                windows.add((name, first, last))
            elif span["kind"] == "bar" and span["enabled"] and first:
                kind = "I/O" if io else "64 bit" if span["wide"] else "32 bit"
                bars.add((span["number"], kind, span["prefetchable"], first, last))
        buses = {name: event[name] for name in ("secondary", "subordinate") if name in event}
        functions[event["place"]] = [(event["vendor"], event["device"]), bars, windows, buses]
    return functions


def row_of(table, address):
    return next((row for low, high, row in table if low <= address < high), None)


@pytest.mark.parametrize("name", MACHINES)
def test_pci_agrees_with_qemu(machine, name):
    """Functions, BARs, buses and windows are QEMU's, after sizing as before; memory is reserved, and
    its row names the function; so is configuration space, where it lies in memory."""
    with machine(cmdline="json", **MACHINES[name]) as run:
        run.prompt()
        said = run.command("pci")
        events = run.events("pci")
        expected, found = told_by_qemu(run.hmp("info pci")), found_by_kernel(events)
        assert len(expected) >= 8
        assert found == expected
        before = len(run.events("region"))
        run.command("map")
        table = [(int(row["base"], 16), int(row["base"], 16) + int(row["size"], 16), row)
                 for row in run.events("region")[before:]]
    ranges = [(event["place"], span) for event in events for span in event["ranges"]
              if span["space"] == "memory" and span["kind"] == "bar" and int(span["base"], 16)]
    assert any(span["wide"] for _, span in ranges) and any(not span["wide"] for _, span in ranges)
    reach = 1 << (32 if "pentium" in name else 52)  # of the processor: what lies beyond has no row
    for place, span in ranges:
        if int(span["base"], 16) >= reach:
            continue
        at, end = int(span["base"], 16), int(span["base"], 16) + int(span["size"], 16)
        while at < end:
            row = row_of(table, at)
            assert row and row["type"] == "reserved", (span, row)
            assert row["tag"] == "framebuffer" or row.get("device") == place, (span, row)
            at = int(row["base"], 16) + int(row["size"], 16)
    config = re.search(r"configuration space at (0x[0-9a-f]+)", said)
    assert bool(config) == ("q35" in name)
    if config:
        row = row_of(table, int(config.group(1), 16))
        assert row["type"] == "reserved" and row["tag"] == "device" and "device" not in row
        assert int(row["size"], 16) >= 256 << 20
