# SPDX-License-Identifier: BSD-2-Clause
"""Real machines' memory maps go through conversion and sanitiser, and come out as they must.

What must come out is computed by memory_maps.py, page border by page border, without a line of the
program's own. Where Linux's result is recorded, it is a third opinion."""

import pytest

import memory_maps as maps

E820 = sorted((maps.MAPS / "e820").glob("*.map"))
EFI = sorted((maps.MAPS / "efi").glob("*.map"))


def name(path):
    return f"{path.parent.name}/{path.stem}"


def entries_of(path):
    if path.parent.name == "efi":
        return maps.convert_efi(maps.read_efi(path))
    return maps.read_e820(path)


def test_the_corpus_is_there():
    """The maps are in the tree, or the tests below would test nothing; new ones only join them."""
    assert len(E820) >= 252 and len(EFI) >= 16


@pytest.mark.parametrize("path", E820 + EFI, ids=name)
def test_table(path):
    """Every map becomes the table that the slow computation gives, low memory apart and within."""
    entries = entries_of(path)
    table = maps.table_of(maps.run(path))
    maps.expect_invariants(table)
    assert table == maps.expected_table(entries, keep_low=False)
    assert maps.table_of(maps.run("--keep-low", path)) == maps.expected_table(entries)


@pytest.mark.parametrize("path", E820 + EFI, ids=name)
def test_totals(path):
    """The totals of the event `memmap` are the sums over the slow computation's table."""
    table = maps.expected_table(entries_of(path))
    expected = maps.sizes(table)
    event = maps.events_of(maps.run("--json", "--keep-low", path))[-1]
    assert event["event"] == "memmap"
    for word in maps.STRICTNESS:
        assert event[word.rstrip("7")] == expected[word]
    assert event["described"] == sum(expected.values())
    assert int(event["highest_usable_end"], 16) == \
        max((end for _, end, word in table if word == "usable"), default=0)


@pytest.mark.parametrize("path", E820 + EFI, ids=name)
def test_low_memory(path):
    """Nothing below 1 MiB is usable, page 0 is nobody's, and four pages wait for processors."""
    events = maps.events_of(maps.run("--json", path))
    rows = [event for event in events if event["event"] == "region"]
    before = maps.expected_table(entries_of(path))
    usable_low = sum(min(end, 0xa0000) - start for start, end, word in before
                     if word == "usable" and start < 0xa0000)
    usable_low -= maps.PAGE if maps.type_at(before, 0) == "usable" else 0
    tagged = {"low memory": 0, "trampoline": 0}
    for row in rows:
        if row["tag"] in tagged:
            tagged[row["tag"]] += int(row["size"], 16)
            assert maps.PAGE <= int(row["base"], 16) < 0xa0000
        assert int(row["base"], 16) >= maps.MIB or row["type"] != "usable"
    assert sum(tagged.values()) == usable_low
    assert tagged["trampoline"] == (4 * maps.PAGE if usable_low >= 4 * maps.PAGE else 0)


# --- the same map, made hard ----------------------------------------------------------------

HARD = E820[::4]  # a quarter of them is enough: each is tried in several ways


def expect_same(entries, hard):
    output = maps.run("--keep-low", "-", text=maps.e820_text(hard))
    assert maps.table_of(output) == maps.expected_table(entries)


@pytest.mark.parametrize("path", HARD, ids=name)
def test_order_does_not_matter(path):
    """Shuffled, reversed and repeated entries give the table of the original."""
    entries = maps.read_e820(path)
    generator = maps.generator_for("order", path.stem)
    expect_same(entries, maps.shuffled(entries, generator))
    expect_same(entries, entries[::-1])
    expect_same(entries, maps.shuffled(entries * 3, generator))


@pytest.mark.parametrize("step", [maps.PAGE, 1], ids=["pages", "bytes"])
@pytest.mark.parametrize("path", HARD, ids=name)
def test_splitting_does_not_matter(path, step):
    """Entries cut into pieces anywhere, overlaid with parts of themselves, give the original's."""
    entries = maps.read_e820(path)
    generator = maps.generator_for("split", step, path.stem)
    for _ in range(3):
        pieces = maps.split_entries(entries, generator, step)
        expect_same(entries, maps.shuffled(pieces, generator))
        expect_same(entries, maps.shuffled(maps.overlay_equal(pieces, generator), generator))


@pytest.mark.parametrize("path", HARD, ids=name)
def test_overlaid_with_other_types(path):
    """Whatever is laid over a map, the strictest wins, and usable memory only shrinks."""
    entries = maps.read_e820(path)
    generator = maps.generator_for("overlay", path.stem)
    for _ in range(3):
        hard = maps.shuffled(maps.overlay_others(entries, generator), generator)
        expect_same(hard, hard)


# --- what Linux made of it ------------------------------------------------------------------

def linux_lines(path, key):
    """The words after `key` of each such line in the record beside a map."""
    return [words[1:] for words in maps.data_lines(path.with_suffix(".linux")) if words[0] == key]


def recorded(paths, *keys):
    return [path for path in paths if path.with_suffix(".linux").exists() and
            all(linux_lines(path, key) for key in keys)]


def linux_version(path):
    words = maps.header(path)["printed-by"].split()
    return tuple(int(part) for part in words[1].split(".")[:2])


def was_changed_by_hand(path):
    """mem=, memmap= or the trimming by the cache's registers made another map of it."""
    return bool(linux_lines(path, "user") or linux_lines(path, "modified"))


def usable_above_low(path):
    """Ours, from 1 MiB on."""
    table = maps.table_of(maps.run(path))
    return [(start, end) for start, end, word in table if word == "usable"]


@pytest.mark.parametrize("path", recorded(EFI, "e820"), ids=name)
def test_linux_converts_alike(path):
    """The E820 table that Linux's own conversion made of a UEFI map is ours, but for three rules.

    1. Type 20 is how some loaders mark runtime code; to us it is reserved.
    2. Below 1 MiB we reserve what Linux goes on using.
    3. What the recorded list of descriptors lacks (one log lost lines) cannot be compared."""
    theirs = [(int(start, 16), int(last, 16) + 1, word) for start, last, word in
              linux_lines(path, "e820")]
    described = maps.convert_efi(maps.read_efi(path))
    ours = maps.table_of(maps.run(path))
    borders = sorted({border for start, end, _ in theirs + ours + described
                      for border in (start, end)})
    for start, end in zip(borders, borders[1:]):
        linux = maps.type_at(theirs, start)
        if maps.type_at(described, start) is None:
            continue
        if linux == "type20":
            linux = "reserved"
        if end <= maps.MIB and linux == "usable":
            linux = "reserved"
        assert maps.type_at(ours, start) == linux, f"{start:#x}-{end:#x}"


def used_whole(paths):
    """Without the maps of which Linux did not use all: changed by hand, or of a 32-bit kernel."""
    return [path for path in paths if not was_changed_by_hand(path) and
            "32bit-kernel" not in maps.header(path)["tags"]]


@pytest.mark.parametrize("path", used_whole(recorded(E820, "last_pfn")), ids=name)
def test_linux_sees_the_same_end_of_memory(path):
    """Linux's last page frames are where our usable memory ends, in all and below 4 GiB.

    One log has lost the first of its two lines."""
    frames = [int(words[0], 16) for words in linux_lines(path, "last_pfn")]
    usable = usable_above_low(path)
    highest = max(end for _, end in usable) // maps.PAGE
    highest_low = max(min(end, 1 << 32) for start, end in usable if start < 1 << 32) // maps.PAGE
    assert frames in ([highest], [highest_low], [highest, highest_low])


def linux_totals(path):
    """KiB that Linux may count, if its table has our usable memory from 1 MiB on.

    Up to 3.10 it counted all frames up to the last. Since then it counts usable whole pages; of
    those below 1 MiB it drops the video window, and page 0, mostly with a line that says so."""
    if linux_version(path) <= (3, 10):
        return [int(linux_lines(path, "last_pfn")[0][0], 16) * 4]
    entries = maps.expected_table(maps.read_e820(path))
    total = sum(end - start for start, end in usable_above_low(path))
    total += sum(min(end, 0xa0000) - max(start, maps.PAGE) for start, end, word in entries
                 if word == "usable" and start < 0xa0000)
    says_so = any(words[0] == "0" for words in linux_lines(path, "update"))
    return [total // 1024] if says_so else [total // 1024, (total + maps.PAGE) // 1024]


@pytest.mark.parametrize("path", used_whole(recorded(E820, "memory_kib", "last_pfn")), ids=name)
def test_linux_counts_the_same_memory(path):
    """The total that Linux prints is, to the page, our usable memory and what it has below 1 MiB."""
    _, total = linux_lines(path, "memory_kib")[0]
    assert int(total) in linux_totals(path)
