# SPDX-License-Identifier: BSD-2-Clause
"""memory_maps.py - memory maps for the tests: reading them, and saying what must come out.

expected_table() is a second, independent answer to what the sanitiser computes: it looks at every
stretch between two page borders anew, asks every entry whether it touches it, and knows nothing of
sweeps, counts and coalescing. It is slow and obvious on purpose.

All ranges are half-open, [start, end), in bytes. A table is a list of (start, end, type) with the
words of tests/data/maps as types.
"""

import json
import pathlib
import random
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAPS = ROOT / "tests" / "data" / "maps"
PROGRAM = ROOT / "build" / "host" / "meridian-map"
PAGE = 4096
MIB = 1 << 20
LIMIT = 1 << 52

# From weak to strict; what is not here is an unknown type, and counts as reserved.
STRICTNESS = ["usable", "unaccepted", "soft_reserved", "persistent7", "acpi_data", "acpi_nvs",
              "reserved", "unusable"]

WRITE_BACK = 1 << 3
SPECIAL_PURPOSE = 1 << 18

# What a UEFI type becomes when its attributes have nothing to say against it.
EFI_TYPES = {0: "reserved", 1: "usable", 2: "usable", 3: "usable", 4: "usable", 5: "reserved",
             6: "reserved", 7: "usable", 8: "unusable", 9: "acpi_data", 10: "acpi_nvs",
             11: "reserved", 12: "reserved", 13: "reserved", 14: "persistent7", 15: "unaccepted"}


# --- reading --------------------------------------------------------------------------------

def data_lines(path):
    """The words of each line that is not a comment."""
    lines = path.read_text(encoding="ascii").splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


def read_e820(path):
    """[(start, end, type)] in the order of the file."""
    return [(int(start, 16), int(last, 16) + 1, kind) for start, last, kind in data_lines(path)]


def read_efi(path):
    """[(type, start, pages, attribute)] in the order of the firmware."""
    return [(int(kind), int(start, 16), int(pages, 16), int(attribute, 16))
            for kind, start, pages, attribute in data_lines(path)]


def header(path):
    """The 'key: value' comments at the head of a file."""
    text = path.read_text(encoding="ascii")
    return dict(re.findall(r"^# ([a-z-]+): (.*)$", text, re.MULTILINE))


def convert_efi(descriptors):
    """The E820 entries that descriptors stand for, by the rules of the conversion."""
    entries = []
    for kind, start, pages, attribute in descriptors:
        word = EFI_TYPES.get(kind, "reserved")
        if word == "usable" and not attribute & WRITE_BACK:
            word = "reserved"
        elif word == "usable" and attribute & SPECIAL_PURPOSE:
            word = "soft_reserved"
        entries.append((start, start + pages * PAGE, word))
    return entries


# --- the answer -----------------------------------------------------------------------------

def down(address):
    return address // PAGE * PAGE


def up(address):
    return -(-address // PAGE) * PAGE


def believed(entries, limit):
    """Entries that make sense by themselves: types that are known, ends below the limit."""
    result = []
    for start, end, word in entries:
        if word not in STRICTNESS:
            word = "reserved"
        if end > 1 << 64 and word == "usable":
            continue
        if start < min(end, limit):
            result.append((start, min(end, limit), word))
    return result


def is_covered(start, end, ranges):
    """Whether every byte of [start, end) is in one of the ranges."""
    while start < end:
        reach = max((last for first, last in ranges if first <= start < last), default=start)
        if reach == start:
            return False
        start = reach
    return True


def type_of_stretch(start, end, entries):
    """The type of [start, end), whole pages in which no entry ends but within a single page."""
    touching = [entry for entry in entries if entry[0] < end and entry[1] > start]
    strict = [word for _, _, word in touching if word != "usable"]
    if strict:
        return max(strict, key=STRICTNESS.index)
    usable = [(first, last) for first, last, _ in touching]
    return "usable" if is_covered(start, end, usable) else None


def merged(table):
    """The same with neighbours of one type in one row, and without rows of no type."""
    rows = []
    for start, end, word in table:
        if word is None:
            continue
        if rows and rows[-1][1] == start and rows[-1][2] == word:
            rows[-1] = (rows[-1][0], end, word)
        else:
            rows.append((start, end, word))
    return rows


def expected_table(entries, keep_low=True, limit=LIMIT):
    entries = believed(entries, limit)
    borders = sorted({border for start, end, _ in entries
                      for border in (down(start), up(start), down(end), up(end))} | {0, MIB})
    table = []
    for start, end in zip(borders, borders[1:]):
        word = type_of_stretch(start, end, entries)
        if word == "usable" and start < MIB and not keep_low:
            word = "reserved"
        table.append((start, end, word))
    return merged(table)


def sizes(table):
    """Bytes by type."""
    totals = dict.fromkeys(STRICTNESS, 0)
    for start, end, word in table:
        totals[word] += end - start
    return totals


def type_at(table, address):
    return next((word for start, end, word in table if start <= address < end), None)


# --- running the program --------------------------------------------------------------------

def e820_text(entries):
    """As a plain map; an end beyond 2^64 wraps, as firmware would have it."""
    return "".join(f"{start:x} {(end - 1) % (1 << 64):x} {word}\n" for start, end, word in entries)


def efi_text(descriptors):
    return "".join(f"{kind} {start:x} {pages:x} {attribute:x}\n"
                   for kind, start, pages, attribute in descriptors)


def run(*options, text=None, status=0):
    """meridian-map's standard output; `text` is its standard input."""
    result = subprocess.run([PROGRAM, *options], input=text, capture_output=True, text=True,
                            timeout=60, check=False)
    assert result.returncode == status, (options, result.returncode, result.stderr)
    return result.stdout


def table_of(output):
    """The table that the program printed."""
    rows = [line.split() for line in output.splitlines() if not line.startswith("#")]
    return [(int(row[0], 16), int(row[1], 16) + 1, row[2]) for row in rows]


def events_of(output):
    return [json.loads(line) for line in output.splitlines()]


def expect_invariants(table):
    """Sorted, disjoint, page-aligned, coalesced, not empty, within 52 bits."""
    previous = (0, 0, None)
    for row in table:
        start, end, word = row
        assert start % PAGE == 0 and end % PAGE == 0 and start < end <= LIMIT, row
        assert word in STRICTNESS, row
        assert start >= previous[1], (previous, row)
        assert start > previous[1] or word != previous[2], (previous, row)
        previous = row


# --- making it hard -------------------------------------------------------------------------

def split_entries(entries, generator, step):
    """Every entry in up to four pieces, cut at multiples of `step` bytes."""
    pieces = []
    for start, end, word in entries:
        count = min(generator.randrange(4), max(0, (end - start) // step - 1))
        cuts = {start + step * generator.randrange(1, -(-(end - start) // step))
                for _ in range(count)}
        borders = sorted({start, end} | {cut for cut in cuts if start < cut < end})
        pieces += [(first, last, word) for first, last in zip(borders, borders[1:])]
    return pieces


def overlay_equal(entries, generator):
    """Repeats parts of some entries, in their own type."""
    extra = []
    for start, end, word in generator.sample(entries, k=min(10, len(entries))):
        first = generator.randrange(start, end)
        extra.append((first, generator.randrange(first, end) + 1, word))
    return entries + extra


def overlay_others(entries, generator):
    """Lays ranges of all types over the map, borders anywhere."""
    ends = [end for _, end, _ in entries]
    extra = []
    for _ in range(20):
        start = generator.randrange(max(ends))
        size = generator.choice([1, PAGE - 1, PAGE, generator.randrange(1, 1 << 24)])
        extra.append((start, start + size, generator.choice(STRICTNESS)))
    return entries + extra


def shuffled(entries, generator):
    return generator.sample(entries, k=len(entries))


def generator_for(*what):
    """The same numbers for the same test, in every run."""
    return random.Random("/".join(str(part) for part in what))
