# SPDX-License-Identifier: BSD-2-Clause
"""UEFI maps that the corpus does not have: every type with every attribute, overlaps, thousands of
entries. What must come out is computed by memory_maps.py."""

import itertools

import pytest

import memory_maps as maps

TYPES = [*range(17), 0x6fffffff, 0x70000000, 0x7fffffff, 0x80000000, 0xffffffff]
ATTRIBUTES = [0x0, 0x1, 0x7, 0x8, 0xf, 0x4000f, 0x40007, 0x800f, 0x1000f, 0x100f,
              0x800000000000000f, 0x8000000000000001, 0x804000000004000f, 0xffffffffffffffff]


def expect_converted(descriptors):
    output = maps.run("--keep-low", "-", text=maps.efi_text(descriptors))
    table = maps.table_of(output)
    maps.expect_invariants(table)
    assert table == maps.expected_table(maps.convert_efi(descriptors))


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_with_every_attribute(kind):
    """Each descriptor becomes what the conversion's rules say, alone and beside its neighbours."""
    apart = [(kind, 0x100000 * (2 * place + 1), 0x10, attribute)
             for place, attribute in enumerate(ATTRIBUTES)]
    touching = [(kind, 0x100000 + 0x10000 * place, 0x10, attribute)
                for place, attribute in enumerate(ATTRIBUTES)]
    expect_converted(apart)
    expect_converted(touching)


@pytest.mark.parametrize("first, second", itertools.permutations(range(16), 2))
def test_every_pair_of_types_that_overlap(first, second):
    """Where two descriptors overlap the stricter type wins, whichever comes first."""
    expect_converted([(first, 0x100000, 0x20, 0xf), (second, 0x110000, 0x20, 0xf)])


def random_descriptors(generator, count):
    return [(generator.choice(TYPES), generator.randrange(0x40000) * maps.PAGE,
             generator.randrange(0x200), generator.choice(ATTRIBUTES)) for _ in range(count)]


@pytest.mark.parametrize("seed", range(40))
def test_random_maps(seed):
    """Descriptors of all types thrown into 1 GiB, most of them overlapping."""
    generator = maps.generator_for("efi", seed)
    expect_converted(random_descriptors(generator, generator.randrange(1, 120)))


def ladder(count):
    """Usable and reserved memory in turn, with gaps; nothing overlaps."""
    return [(7 if place % 3 else 0, 0x100000 + place * 0x3000, 2, 0xf) for place in range(count)]


@pytest.mark.parametrize("order", ["sorted", "reversed", "shuffled"])
def test_thousands_of_descriptors(order):
    """20,000 descriptors are no more trouble than 20, in whatever order they come."""
    descriptors = ladder(20000)
    if order == "reversed":
        descriptors.reverse()
    elif order == "shuffled":
        descriptors = maps.shuffled(descriptors, maps.generator_for("ladder"))
    table = maps.table_of(maps.run("--keep-low", "-", text=maps.efi_text(descriptors)))
    assert table == sorted((start, start + pages * maps.PAGE, maps.EFI_TYPES[kind])
                           for kind, start, pages, _ in descriptors)


def test_deeply_nested_descriptors():
    """2,000 descriptors inside each other: every border stays where it was."""
    depth = 2000
    kinds = [7, 15, 14, 9, 10, 0, 8]
    descriptors = [(kinds[level * len(kinds) // depth], 0x100000 + level * maps.PAGE,
                    2 * (depth - level), 0xf) for level in range(depth)]
    table = maps.table_of(maps.run("--keep-low", "-", text=maps.efi_text(descriptors)))
    maps.expect_invariants(table)
    for level in range(depth):
        word = maps.EFI_TYPES[descriptors[level][0]]
        first = descriptors[level][1]
        last = first + descriptors[level][2] * maps.PAGE - 1
        assert maps.type_at(table, first) == word and maps.type_at(table, last) == word


def test_owners():
    """Rows of one type with different owners are one line of text, and events of their own."""
    text = "7 100000 10 f\n4 110000 10 f\n3 120000 10 f\n2 130000 10 f\n5 140000 10 f\n"
    assert maps.table_of(maps.run("-", text=text)) == [
        (0x100000, 0x140000, "usable"), (0x140000, 0x150000, "reserved")]
    rows = [event for event in maps.events_of(maps.run("--json", "-", text=text))
            if event["event"] == "region"]
    assert [(row["base"], row["tag"], row.get("efi_type")) for row in rows] == [
        ("0x100000", "none", "ConventionalMemory"), ("0x110000", "boot services", None),
        ("0x130000", "loader", "LoaderData"), ("0x140000", "firmware", "RuntimeServicesCode")]
