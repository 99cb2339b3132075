# SPDX-License-Identifier: BSD-2-Clause
"""The changes that are noted explain the difference between a map and the table, byte for byte.

They are replayed, one after the other, on what the entries say: first entry by entry (nonsense is
cut off, types are replaced), then over the set of types that lie over each stretch of memory."""

import pytest

import memory_maps as maps

E820 = sorted((maps.MAPS / "e820").glob("*.map"))
EFI = sorted((maps.MAPS / "efi").glob("*.map"))

OVERLAP = "a stricter entry covers it"
UNALIGNED = "shares a page"
CONVERSION = {"unknown type", "cannot be cached write-back", "specific-purpose memory"}
CUTS = {"empty", "wraps past 2^64", "beyond the physical address limit"}
LOW = {"page zero", "below 1 MiB", "set aside for starting processors"}


class Change:
    def __init__(self, event):
        self.start = int(event["base"], 16)
        self.end = self.start + int(event["size"], 16)
        self.source, self.target = event["from"], event["to"]
        self.reason = event["reason"]

    def covers(self, start, end):
        return self.start <= start and end <= self.end


def name(path):
    return f"{path.parent.name}/{path.stem}"


def convert(output):
    """(changes, table) of the program's events."""
    events = maps.events_of(output)
    assert events[-1]["event"] == "memmap"
    changes = [Change(event) for event in events if event["event"] == "change"]
    assert events[-1]["changes"] == len(changes), "notes were lost"
    table = [(int(event["base"], 16), int(event["base"], 16) + int(event["size"], 16),
              event["type"]) for event in events if event["event"] == "region"]
    return changes, table


def apply(change, words):
    """What is left of the types over a stretch after one change of the table."""
    source = {change.source} - {"nothing"}
    target = {change.target} - {"nothing"}
    if change.reason == OVERLAP:
        assert source <= words and target <= words, "a change of what is not there"
        return words - source | target
    if words == source:
        return target
    assert change.reason == UNALIGNED, "a change of what is not there"
    return words


def expect_explained(entries, changes, table):
    """`entries` are believable by themselves: (start, end, type)."""
    later = [change for change in changes if change.reason in {OVERLAP, UNALIGNED} | LOW]
    ends = entries + [(change.start, change.end, None) for change in later] + table
    borders = sorted({border for start, end, _ in ends for border in (start, end)})
    for start, end in zip(borders, borders[1:]):
        words = {word for first, last, word in entries if first < end and last > start}
        for change in later:
            if change.covers(start, end):
                words = apply(change, words)
        actual = maps.type_at(table, start)
        assert words == ({actual} if actual else set()), f"{start:#x}-{end:#x}"


@pytest.mark.parametrize("path", E820 + EFI, ids=name)
def test_real_maps(path):
    """Every map's table is what its entries and the changes say, low memory included."""
    if path.parent.name == "efi":
        entries = maps.convert_efi(maps.read_efi(path))
    else:
        entries = maps.read_e820(path)
    changes, table = convert(maps.run("--json", path))
    expect_explained(maps.believed(entries, maps.LIMIT), changes, table)


@pytest.mark.parametrize("path", E820[::10], ids=name)
def test_hard_maps(path):
    """The same with ranges of all types laid over the map, borders anywhere, in any order."""
    generator = maps.generator_for("changes", path.stem)
    entries = maps.overlay_others(maps.read_e820(path), generator)
    entries = maps.shuffled(maps.split_entries(entries, generator, 512), generator)
    changes, table = convert(maps.run("--json", "-", text=maps.e820_text(entries)))
    expect_explained(maps.believed(entries, maps.LIMIT), changes, table)


@pytest.mark.parametrize("path", E820 + EFI, ids=name)
def test_maps_without_need_are_not_changed(path):
    """A map that is sorted, aligned and disjoint already has no changes but of low memory."""
    if path.parent.name == "efi":
        entries = maps.convert_efi(maps.read_efi(path))
    else:
        entries = maps.read_e820(path)
    sound = all(start % maps.PAGE == 0 and end % maps.PAGE == 0 and start < end and
                word in maps.STRICTNESS for start, end, word in entries)
    ordered = sorted(entries)
    sound = sound and all(a[1] <= b[0] for a, b in zip(ordered, ordered[1:]))
    changes, _ = convert(maps.run("--json", path))
    assert {change.reason for change in changes} <= LOW or not sound


# --- one entry, one reason ------------------------------------------------------------------

def changes_of(*options, text):
    return [(change.start, change.end, change.source, change.target, change.reason)
            for change in convert(maps.run("--json", *options, "-", text=text))[0]]


@pytest.mark.parametrize("text, expected", [
    ("200000 1fffff usable\n", (0x200000, 0x200000, "usable", "nothing", "empty")),
    ("ffffffffffff0000 ffff usable\n",
     (0xffffffffffff0000, 1 << 64, "usable", "nothing", "wraps past 2^64")),
    ("fffffffffff000 ffff reserved\n",
     (0xfffffffffff000, 1 << 64, "reserved", "nothing", "wraps past 2^64")),
    ("200000 fffffffffffffff usable\n",
     (1 << 52, 1 << 60, "usable", "nothing", "beyond the physical address limit")),
    ("200000 2fffff type20\n", (0x200000, 0x300000, "unknown", "reserved", "unknown type")),
    ("200000 2fffff persistent12\n", (0x200000, 0x300000, "unknown", "reserved", "unknown type")),
    ("7 200000 100 7\n",
     (0x200000, 0x300000, "usable", "reserved", "cannot be cached write-back")),
    ("7 200000 100 4000f\n",
     (0x200000, 0x300000, "usable", "soft_reserved", "specific-purpose memory")),
    ("2147483648 200000 100 f\n", (0x200000, 0x300000, "nothing", "reserved", "unknown type")),
    ("7 200000 0 f\n", (0x200000, 0x200000, "usable", "nothing", "empty")),
    ("7 200000 fffffffffffff000 f\n",
     (0x200000, 1 << 64, "usable", "nothing", "wraps past 2^64")),
    ("200000 2fffff usable\n280000 280fff reserved\n",
     (0x280000, 0x281000, "usable", "reserved", "a stricter entry covers it")),
    ("200000 2fff00 usable\n", (0x2ff000, 0x2fff01, "usable", "nothing", "shares a page")),
    ("0 fff usable\n", (0, 0x1000, "usable", "reserved", "page zero")),
    ("1000 1fff usable\n", (0x1000, 0x2000, "usable", "reserved", "below 1 MiB")),
])
def test_each_reason(text, expected):
    """A map with one thing wrong has one change, which says what, where and why."""
    assert changes_of(text=text) == [expected]


def test_the_limit_of_the_processor():
    """With --bits, what lies beyond is cut, and the change says so."""
    text = "100000 ffffffffff usable\n"
    assert changes_of("--bits", "36", text=text) == [
        (1 << 36, 1 << 40, "usable", "nothing", "beyond the physical address limit")]


def test_the_command_line():
    """mem= and memmap= of --cmdline change the table, with their own reason."""
    text = "100000 3fffffff usable\n"
    assert changes_of("--cmdline", "quiet mem=512M memmap=1M$16M", text=text) == [
        (0x20000000, 0x40000000, "usable", "nothing", "command line"),
        (0x1000000, 0x1100000, "usable", "reserved", "command line")]


def test_as_text():
    """--changes prints them as comments, so that the whole is a map again."""
    output = maps.run("--changes", "-", text="200000 2fffff type20\n300000 2fffff usable\n")
    assert output.splitlines() == [
        "0000000000200000 00000000002fffff reserved",
        "# 0000000000200000 00000000002fffff unknown -> reserved: unknown type",
        "# 0000000000300000 (no bytes)       usable -> nothing: empty"]
    assert maps.run("-", text=output) == output.splitlines(True)[0]
