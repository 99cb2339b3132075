# SPDX-License-Identifier: BSD-2-Clause
"""What `pci` finds is what QEMU's `info pci` says, and memory of devices is in the table as reserved."""

import re

import pytest

DEVICES = ["-device", "pci-bridge,chassis_nr=1,id=b1", "-device", "pci-testdev,bus=b1,addr=2",
           "-device", "edu,addr=0x9.0,multifunction=on", "-device", "edu,addr=0x9.5",
           "-device", "pci-testdev,membar=8G"]
MACHINES = {
    "pc": {"machine": "pc", "extra": DEVICES},
    "q35": {"extra": ["-device", "pcie-root-port,id=r1,slot=1", "-device", "qemu-xhci,bus=r1",
                      *DEVICES]},
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


@pytest.mark.parametrize("name", MACHINES)
def test_pci_agrees_with_qemu(machine, name):
    """Functions, BARs, buses and windows are QEMU's, after sizing as before; memory is reserved."""
    with machine(cmdline="json", **MACHINES[name]) as run:
        run.prompt()
        run.command("pci")
        events = run.events("pci")
        expected, found = told_by_qemu(run.hmp("info pci")), found_by_kernel(events)
        assert len(expected) >= 8
        assert found == expected
        before = len(run.events("region"))
        run.command("map")
        table = [(int(row["base"], 16), int(row["base"], 16) + int(row["size"], 16), row)
                 for row in run.events("region")[before:]]
    ranges = [span for event in events for span in event["ranges"]
              if span["space"] == "memory" and span["kind"] == "bar" and int(span["base"], 16)]
    assert any(span["wide"] for span in ranges) and any(not span["wide"] for span in ranges)
    for span in ranges:
        at, end = int(span["base"], 16), int(span["base"], 16) + int(span["size"], 16)
        while at < end:
            row = next((row for low, high, row in table if low <= at < high), None)
            assert row and row["type"] == "reserved", (span, row)
            assert row["tag"] in ("device", "framebuffer"), (span, row)
            at = int(row["base"], 16) + int(row["size"], 16)
