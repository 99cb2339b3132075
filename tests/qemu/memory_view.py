# SPDX-License-Identifier: BSD-2-Clause
"""memory_view.py - a machine's memory as QEMU describes it, beside the kernel's table.

QEMU's flat view (`info mtree -f`) says which physical addresses are RAM, which are ROM and which are devices.
Ranges are [start, end)."""

import re

PAGE = 4096
# What firmware keeps to itself and does not list: SMRAM (1 to 8 MiB at the top of low memory) and the ROM's shadow.
HIDDEN_BY_FIRMWARE = 9 << 20
VIEW_LINE = re.compile(r"^\s+([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ([a-z/]+)\): (\S+)", re.MULTILINE)
# Names of RAM that is the machine's own: the whole, its parts, and that of nodes. Devices have other names.
MACHINE_RAM = re.compile(r"(pc\.ram|ram|ram-below-4g|ram-above-4g|node\d+)$")


def merge(ranges):
    """Sorted, touching and overlapping ranges made one."""
    merged = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def covered(start, end, ranges):
    return any(low <= start and end <= high for low, high in ranges)


def flat_view(run):
    """(kind, name, start, end) of the address space of the processors."""
    text = run.hmp("info mtree -f")
    views = re.split(r"^FlatView #\d+\n", text, flags=re.MULTILINE)
    view = next(view for view in views if re.search(r'AS "(memory|cpu-memory-0)"', view))
    return [(kind, name, int(start, 16), int(end, 16) + 1)
            for start, end, kind, name in VIEW_LINE.findall(view)]


def ram_of(view):
    """RAM that belongs to the machine, without the memory of graphics and other devices."""
    return merge((start, end) for kind, name, start, end in view if kind == "ram" and MACHINE_RAM.match(name))


def table_of(run):
    """[(start, end, event)] of the kernel's table, as it was told at boot, and again by `map`."""
    return [(int(region["base"], 16), int(region["base"], 16) + int(region["size"], 16), region)
            for region in run.events("region")]


def left_out(run):
    """What the kernel says it cannot reach: beyond what its page tables or its processor can."""
    return [(int(change["base"], 16), int(change["base"], 16) + int(change["size"], 16))
            for change in run.events("change") if change["reason"] == "beyond the physical address limit"]


def disagreement(table, ram, elsewhere=()):
    """What the kernel's table and QEMU's RAM do not agree about, or None; `elsewhere` was told of, too."""
    for start, end, region in table:
        if region["type"] == "usable" and not covered(start, end, ram):
            return f"{start:#x}-{end:#x} is usable, but not RAM to QEMU"
    listed = merge([(start, end) for start, end, region in table] + list(elsewhere))
    hidden = sum(end - start for start, end in ram) - sum(
        max(0, min(end, high) - max(start, low)) for start, end in ram for low, high in listed)
    if not table or hidden > HIDDEN_BY_FIRMWARE:
        return f"{hidden:#x} bytes of RAM are not in the table"
    return None
