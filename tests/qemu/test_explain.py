# SPDX-License-Identifier: BSD-2-Clause
"""explain, asked about addresses of every kind: each link of the chain is what others say.

One machine a width stays at its prompt. What explain says is compared with the kernel's other commands,
whose events are computed with here, and with QEMU's own view of the machine: the page tables that it walks
(info tlb, gva2gpa), and what lies behind a physical address (info mtree, gpa2hva)."""

import json
import os
import re
import shutil
import subprocess

import jsonschema
import pytest

from harness import I386, ROOT, Machine

COLUMNS = 100
PAGE = 4096
WIDTHS = {"x86_64": {}, "i386": I386}
KERNEL_HALF = {"x86_64": 0xFFFF800000000000, "i386": 0xC0000000}
IMAGE_BASE = {"x86_64": 0xFFFFFFFF80000000, "i386": 0xC0100000}
LARGE_PAGE = 2 << 20  # of PAE's tables as well
SELF_REFERENCE = 0xFF800000  # i386: from here on the tables show themselves
ADDRESS_BITS = (1 << 52) - 1  # info tlb leaves the NX bit in
KINDS = 20  # addresses of different kinds that a machine must have at least

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs/events.schema.json").read_text(encoding="utf-8")))


class Told:
    """A machine with its tables, as its own commands and QEMU tell them."""

    def __init__(self, machine, width):
        self.machine, self.width = machine, width
        self.regions = self.events("map", "region")
        self.descriptors = self.events("map -u", "descriptor")
        self.changes = self.events("map -d", "change")
        self.mtree = self.read_mtree()

    def ask(self, line):
        lines, events = [], []
        for text in self.machine.command(line).splitlines():
            if text.startswith('{"meridian"'):
                event = json.loads(text)
                problems = [problem.message for problem in SCHEMA.iter_errors(event)]
                assert not problems, f"{text}: {problems}"
                events.append(event)
            else:
                assert len(text) <= COLUMNS, text
                lines.append(text)
        return lines, events

    def events(self, line, name):
        return [event for event in self.ask(line)[1] if event["event"] == name]

    def explain(self, argument):
        lines, events = self.ask(f"explain {argument}")
        assert len(events) == 1 and events[0]["event"] == "explain", events
        return "\n".join(lines), events[0]

    def tlb(self):
        """[(virtual, physical, bytes, flags)] of every leaf that QEMU finds in the tables."""
        rows = re.findall(r"^([0-9a-f]{8,16}): ([0-9a-f]{8,16}) (\S+)$", self.machine.hmp("info tlb"),
                          re.MULTILINE)
        return [(int(virtual, 16), int(entry, 16) & ADDRESS_BITS, LARGE_PAGE if "P" in flags else PAGE, flags)
                for virtual, entry, flags in rows]

    def read_mtree(self):
        """[(first, last, kind, name)] of the flat view of memory."""
        text = self.machine.hmp("info mtree -f")
        view = next(part for part in re.split(r"^FlatView", text, flags=re.MULTILINE)
                    if 'AS "memory"' in part)
        rows = re.findall(r"^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ([^)]+)\): (\S+)", view,
                          re.MULTILINE)
        return [(int(first, 16), int(last, 16), kind, name) for first, last, kind, name in rows]

    def behind(self, physical):
        """(kind, name) of what QEMU has there; None: nothing."""
        return next(((kind, name) for first, last, kind, name in self.mtree
                     if first <= physical <= last), None)


@pytest.fixture(scope="module", params=WIDTHS)
def told(request):
    folder = ROOT / "build/qemu" / f"explain-{request.param}-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Machine(folder, cmdline="json frame_sites heap=sites", seconds=300, **WIDTHS[request.param]) as machine:
        machine.prompt()
        yield Told(machine, request.param)


def number(text):
    return int(text, 16)


def size_of(descriptor):
    return number(descriptor["size"]) if "size" in descriptor else number(descriptor["pages"]) * PAGE


def holds(row, size, address):
    return number(row["base"]) <= address < number(row["base"]) + size


def check_physical(told, event):
    """The links from the firmware's map to the mappings, each against somebody else's word."""
    physical = number(event["physical"])
    page = physical & -PAGE
    assert [(entry["index"], entry["base"]) for entry in event["firmware"]] == [
        (index, entry["base"]) for index, entry in enumerate(told.descriptors)
        if holds(entry, size_of(entry), physical)]
    for entry in event["firmware"]:
        assert entry["name"] == told.descriptors[entry["index"]]["name"]
    rows = [row for row in told.regions if holds(row, number(row["size"]), physical)]
    assert [(row["base"], row["size"], row["type"], row["tag"]) for row in event["region"]] == [
        (row["base"], row["size"], row["type"], row["tag"]) for row in rows]
    touching = [change for change in told.changes
                if number(change["base"]) < page + PAGE
                and (number(change["base"]) >= page or
                     number(change["base"]) + number(change["size"]) > page)]
    assert [(change["base"], change["reason"]) for change in event["changes"]] == [
        (change["base"], change["reason"]) for change in touching][:8]
    check_frame(told, event, physical)
    check_mappings(told, event, physical)
    check_machine(told, event, physical)


def check_frame(told, event, physical):
    frame = event["frame"][0]
    other = told.events(f"frame {physical // PAGE}", "frame")[0]
    for member in ("number", "managed", "cached", "tag", "references"):
        assert frame[member] == other[member], member
    assert frame.get("site") == other.get("site")
    assert (frame["area"] << 30) + (frame["block"] << 21) + frame["in_block"] * PAGE == physical & -PAGE
    assert 0 <= frame["block_free"] <= frame["block_managed"] <= 512


def check_mappings(told, event, physical):
    """QEMU walks the tables and finds the same places, with the same rights and page sizes."""
    end = SELF_REFERENCE if told.width == "i386" else 1 << 64
    expected = {virtual + physical - target: (size, "W" in flags, "X" in flags)
                for virtual, target, size, flags in told.tlb()
                if target <= physical < target + size and KERNEL_HALF[told.width] <= virtual < end}
    assert {number(row["address"]) for row in event["mappings"]} == set(expected)
    for row in event["mappings"]:
        size, write, no_execute = expected[number(row["address"])]
        assert number(row["page"]) == size and ("w" in row["rights"]) == write
        assert ("x" in row["rights"]) != no_execute
        assert row["space"] == 0 and "u" not in row["rights"].split()[0]  # then the type: "uc"


def check_machine(told, event, physical):
    """What the frame allocator manages is RAM of the machine; what QEMU has nothing behind is not."""
    behind = told.behind(physical)
    managed = event["frame"][0]["managed"]
    host = told.machine.hmp(f"gpa2hva {physical:#x}")
    if managed:
        assert behind and behind[0] == "ram" and re.search(r"\((pc\.)?ram\)", host)
    if behind is None or behind[0] == "i/o":
        assert not managed and "Host virtual address" not in host
        assert not event["region"] or event["region"][0]["type"] != "usable"


def check_virtual(told, event):
    """A virtual address leads where QEMU's own walk leads."""
    answer = told.machine.hmp(f"gva2gpa {number(event['address']):#x}")
    match = re.search(r"gpa: (0x[0-9a-f]+)", answer)
    assert event["mapped"] == bool(match) == ("physical" in event), answer
    assert event["steps"][-1]["leaf"] == event["mapped"]
    if match:
        assert number(match.group(1)) == number(event["physical"])
        check_physical(told, event)


def test_every_kind_of_region(told):
    """An address of every kind of region that the machine has gets the right chain; so do holes."""
    kinds = {}
    for row in told.regions:
        kinds.setdefault((row["type"], row["tag"], row.get("efi_type"), bool(row.get("device"))), row)
    addresses = [number(row["base"]) + number(row["size"]) // 2 + 5 for row in kinds.values()]
    last = told.regions[-1]
    addresses += [0, 1 << 20, 0xFEE00000, number(last["base"]) + number(last["size"])]
    for address in addresses:
        text, event = told.explain(f"p:{address:#x}")
        assert event["kind"] == "physical" and number(event["physical"]) == address
        assert text.startswith(f"{address:#x}, a physical address:\n  firmware ")
        check_physical(told, event)
    told.kinds = len(addresses)


def test_every_window(told):
    """An address of every kind of mapping is walked to where QEMU finds it, and so is what is not mapped."""
    mappings = told.events("pt -a", "mapping")
    kinds = {(row["window"], row["rights"]): row for row in mappings if row["window"] != "no window"}
    addresses = [number(row["address"]) + 0x18 for row in kinds.values()]
    ends = {row["window"]: number(row["last"]) + 1 for row in mappings if row["window"] != "no window"}
    addresses += [end for end in ends.values() if end < 2 ** 64][:4]
    for address in [*addresses, 0, 0x400000]:
        text, event = told.explain(f"virtual {address:#x}")
        assert event["kind"] == "virtual" and "\n  walk " in text
        check_virtual(told, event)
    assert getattr(told, "kinds", KINDS) + len(addresses) + 2 >= KINDS


def function_at(width, offset):
    """The name that the symbol table of the linked kernel has for a byte of the image."""
    names = subprocess.run(["nm", "-n", ROOT / f"build/kernel-{width}.debug.elf"], check=True,
                           stdout=subprocess.PIPE, encoding="utf-8").stdout
    code = [(int(at, 16) - IMAGE_BASE[width], name)
            for at, name in re.findall(r"^([0-9a-f]+) [tT] (\w+)$", names, re.MULTILINE)]
    start, name = max(row for row in code if row[0] <= offset)
    return f"{name}+{offset - start:#x}"


def test_page_tables_and_code(told):
    """The root of the tables is a page table's frame, and an address of code has its function's name."""
    root = told.events("pt", "tables")[0]["root"]
    _, event = told.explain(f"p:{root}")
    check_physical(told, event)
    assert event["frame"][0]["tag"] == "page table"
    code = next(row for row in told.events("pt -a", "mapping") if row["execute"])
    text, event = told.explain(f"{number(code['address']) + 0x5432:#x}")
    assert f"Code: {function_at(told.width, 0x5432)}." in " ".join(text.split())
    assert event["mappings"] and event["region"][0]["tag"] == "kernel"


def test_guard_pages(told):
    """A guard page is known as one, with the stack that would have overrun."""
    stack = min(number(row["address"]) for row in told.events("pt -a", "mapping")
                if row["window"] == "kernel stacks")
    text, event = told.explain(f"v:{stack - 8:#x}")
    assert not event["mapped"] and event["guarded_stack"] == event["area"][0]["name"]
    assert "who comes here overran it" in text


@pytest.mark.parametrize("size", [40, 100000])
def test_objects(told, size):
    """An object is found through its own address, its frame's, and the direct map; freed ones are still known."""
    address = number(told.events(f"kmalloc {size}", "kmalloc")[0]["address"])
    text, event = told.explain(f"{address + 7:#x}")
    check_virtual(told, event)
    thing = event["object"][0]
    assert number(thing["address"]) == address and thing["live"] and thing["tag"] == "monitor"
    assert thing["asked"] == size and thing["allocated"].startswith("command_kmalloc+0x")
    assert f"{size} bytes were asked for at command_kmalloc+0x" in " ".join(text.split())
    for mapping in event["mappings"]:
        _, alias = told.explain(f"v:{mapping['address']}")
        check_virtual(told, alias)
        assert alias["physical"] == event["physical"]
    _, same = told.explain(f"p:{event['physical']}")
    assert same["object"] == event["object"]
    told.ask(f"kfree {address:#x}")
    _, event = told.explain(f"{address:#x}")
    assert not event["object"][0]["live"] and event["object"][0]["freed"].startswith("command_kfree+0x")


def test_retired_frame(told):
    """A frame that is taken out of circulation is a bad one from then on."""
    free = next(number(row["base"]) for row in told.regions
                if row["type"] == "usable" and row["tag"] == "none" and number(row["size"]) > 8 << 20)
    address = (free + (4 << 20)) & -PAGE
    told.ask(f"frame retire {address:#x}")
    text, event = told.explain(f"p:{address:#x}")
    check_physical(told, event)
    assert event["frame"][0]["tag"] == "bad" and not event["frame"][0]["managed"]
    assert "(bad)" in text


def test_what_a_number_is_taken_for(told):
    """A bare number is virtual in the kernel's half, else physical; a hint says how to ask for the other."""
    _, event = told.explain("0x100000")
    assert event["kind"] == "physical"
    text, event = told.explain(f"{KERNEL_HALF[told.width]:#x}")
    assert event["kind"] == "virtual"
    assert ("explain p:0x" in text) == (told.width == "i386")


def test_impossible_addresses(told):
    """What no processor has, and what no table translates, is said to be so."""
    text, event = told.explain("p:0xffffffffffffff00")
    assert not event["frame"] and not event["region"] and not event["mappings"]
    assert "no such physical address" in text
    if told.width == "x86_64":
        text, event = told.explain("v:0x8000000000000000")
        assert not event["canonical"] and "not canonical" in text
    else:
        lines, events = told.ask("explain v:0x100000000")
        assert "beyond all virtual addresses" in lines[0] and events[0]["event"] == "error"
