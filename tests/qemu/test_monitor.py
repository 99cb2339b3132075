# SPDX-License-Identifier: BSD-2-Clause
"""The monitor, typed at: every command does what its help says, everything wrong is answered.

Most tests share one machine, which stays at its prompt; what ends a machine has one of its own.
Every event is held against docs/events.schema.json, every line against 100 columns."""

import json
import os
import re
import shutil
import subprocess

import jsonschema
import pytest

from harness import EXIT_FAILURE, EXIT_SUCCESS, I386, ROOT, Machine

COMMANDS = ["help", "map", "frames", "frame", "pt", "walk", "explain", "region", "tour", "heap", "slabs",
            "tags", "leaks", "kmalloc", "kfree", "cpus", "pci", "fault", "run", "selftest", "stress",
            "bench", "viz", "memviz", "log", "json", "reboot", "exit"]
COLUMNS = 100
PAGE = 4096
UP, LEFT, HOME, END, DELETE = "\x1b[A", "\x1b[D", "\x1b[H", "\x05", "\x1b[3~"

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs/events.schema.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def prompt():
    """A machine at its prompt, with JSON events."""
    folder = ROOT / "build/qemu" / f"monitor-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Machine(folder, cmdline="json", seconds=300) as machine:
        machine.prompt()
        yield machine


def split(output):
    """(lines for people, events) of what a command printed; each is checked for its form."""
    lines, events = [], []
    for line in output.splitlines():
        if line.startswith('{"meridian"'):
            event = json.loads(line)
            problems = [problem.message for problem in SCHEMA.iter_errors(event)]
            assert not problems, f"{line}: {problems}"
            events.append(event)
        else:
            if not line.startswith("["):  # the log has its own form
                assert len(line) <= COLUMNS, f"{len(line)} columns: {line}"
            lines.append(line)
    return lines, events


def ask(machine, line):
    return split(machine.command(line))


def one(events, name):
    found = [event for event in events if event["event"] == name]
    assert len(found) == 1, events
    return found[0]


# --- what commands print ----------------------------------------------------------------------


def test_help_lists_every_command(prompt):
    """help names every command once, with one line of help."""
    lines, _ = ask(prompt, "help")
    assert [line.split()[0] for line in lines if line.startswith("  ")] == COMMANDS


def test_log(prompt):
    """log shows the boot's lines again, as long as not too many others have followed."""
    lines, _ = ask(prompt, "log")
    assert any("BIOS-e820: [mem 0x" in line for line in lines)


def test_map(prompt):
    """map prints the regions in order, as lines and as events, and their totals."""
    lines, events = ask(prompt, "map")
    regions = [event for event in events if event["event"] == "region"]
    rows = [line for line in lines if line.startswith("  0x")]
    assert len(regions) == len(rows) == one(events, "memmap")["regions"]
    for row, region in zip(rows, regions):
        first, last = (int(word, 16) for word in row.split()[:2])
        assert first == int(region["base"], 16)
        assert last - first + 1 == int(region["size"], 16)
    described = sum(int(region["size"], 16) for region in regions)
    totals = one(events, "memmap")
    assert described == totals["described"] + totals["added"]


def test_firmware_map(prompt):
    """map -u prints the firmware's descriptors as they came."""
    lines, events = ask(prompt, "map -u")
    descriptors = [event for event in events if event["event"] == "descriptor"]
    assert any(event["name"] == "ConventionalMemory" for event in descriptors)
    assert sum(line.startswith("  0x") for line in lines) == len(descriptors) > 20
    assert f"{len(descriptors)} entries of 48 bytes" in lines[-1]


def test_changes(prompt):
    """map -d says what the conversion changed; page 0 is always among it."""
    lines, events = ask(prompt, "map -d")
    assert any(event["reason"] == "page zero" for event in events)
    assert sum(line.startswith("  0x") for line in lines) == len(events)


def test_frames_add_up(prompt):
    """Free, used and reserved frames add up to the table, used ones to their tags."""
    _, events = ask(prompt, "frames; map")
    frames = one(events, "frames")
    assert frames["free"] + frames["used"] + frames["reserved"] == frames["total"]
    assert sum(tag["frames"] for tag in frames["tags"]) == frames["used"]
    assert frames["total"] * PAGE == one(events, "memmap")["described"]


def test_frames_by_block(prompt):
    """frames -b: blocks have as many used frames as `frames` counts, and free blocks as many as there are."""
    lines, events = ask(prompt, "frames -b; frames; map")
    frames = one(events, "frames")
    usable, used, free = 0, 0, 0
    for event in events:
        if event["event"] == "blocks":
            assert int(event["base"], 16) % (1 << 30) == 0
            assert sum(run["blocks"] for run in event["runs"]) == 512
            assert all((run["tag"] == "free") == (run["used"] == 0) for run in event["runs"])
            used += sum(run["used"] * run["blocks"] for run in event["runs"])
            usable += 512 * 512
            free += sum(run["blocks"] for run in event["runs"] if run["tag"] == "free")
    assert usable - used == frames["free"]
    assert free == frames["free_2m_blocks"]
    rows = [line.split() for line in lines if line.startswith("  0x0")]
    assert rows[0][0] == "0x000000000000" and len(rows[0][1]) == 64
    assert any("capitals" in line.lower() for line in lines)


BENCHES = {
    "frames": ["pair", "bulk alloc", "bulk free", "order 9 pair"],
    "vm": ["demand-zero fault", "copy-on-write fault", "map+unmap 1", "map+unmap 50", "map+unmap 1500"],
    "smp": ["frame pair, one", "frame pair, all", "heap pair, one", "heap pair, all"],
}


@pytest.mark.parametrize("suite", BENCHES)
def test_bench(prompt, suite):
    """bench measures each operation of a suite, and leaves as many frames free as it found."""
    lines, events = ask(prompt, f"bench {suite}; frames; bench {suite}; frames")
    rows = [event for event in events if event["event"] == "bench"]
    assert [row["name"] for row in rows] == 2 * BENCHES[suite]
    assert all(row["suite"] == suite for row in rows)
    assert all(f"  {row['name']} " in "\n".join(lines) for row in rows)
    before, after = (event["free"] for event in events if event["event"] == "frames")
    assert before == after


def test_a_thousand_spaces(prompt):
    """A thousand spaces, made, cloned, dirtied and ended, leave as many frames free as they found."""
    _, events = ask(prompt, "stress spaces 1000; frames; stress spaces; frames")
    assert [event["result"] for event in events if event["event"] == "selftest"] == 2 * ["passed"]
    before, after = (event["free"] for event in events if event["event"] == "frames")
    assert before == after


def test_frames_are_zeroed_ahead(prompt):
    """While nobody types, frames are zeroed; they count as free, and a test of all memory gets them too."""
    while one(ask(prompt, "frames")[1], "frames")["zeroed"] == 0:
        continue  # the machine's own deadline ends this
    _, events = ask(prompt, "selftest frames; frames")
    assert one(events, "selftest")["result"] == "passed"
    frames = one(events, "frames")
    assert frames["zeroed"] == 0 and frames["free"] + frames["used"] == frames["managed"]


def test_load_on_frames(prompt):
    """Operations of the frame allocator against a model: nothing lost, nothing twice, all free as at first. What is
    needed once, such as tables behind metadata that chance touches first, stays; a leak is there each time."""
    events = [event for _ in range(4) for event in ask(prompt, "stress frames 30000; frames")[1]]
    tests = [event for event in events if event["event"] == "selftest"]
    assert len(tests) == 4 and all(test["result"] == "passed" and test["checks"] > 60000 for test in tests)
    free = [event["free"] for event in events if event["event"] == "frames"]
    assert any(before == after for before, after in zip(free, free[1:])), free


def test_who_holds_the_heap(prompt):
    """tags, slabs and leaks account for three objects: by tag, by slab, by the place that allocated."""
    _, events = ask(prompt, "tags; kmalloc 3000 3; tags; slabs; slabs 3072")
    held = [event["bytes"] for event in events
            if event["event"] == "heap_tag" and event["tag"] == "monitor"]
    assert held[1] - held[0] == 3 * 3072
    assert any(event["object_bytes"] == 3072 and event["slabs"] >= 1 for event in events
               if event["event"] == "slabs")
    assert sum(event["taken"] for event in events if event["event"] == "slab") >= 3
    for address in [event["address"] for event in events if event["event"] == "kmalloc"]:
        ask(prompt, f"kfree {address}")
    _, events = ask(prompt, "heap debug sites,canary; leaks mark")
    assert one(events, "heap_debug")["options"] == "sites,canary"
    _, events = ask(prompt, "kmalloc 100 3; leaks; heap events 3; heap check")
    leak = one(events, "leak")
    assert (leak["tag"], leak["objects"], leak["bytes"]) == ("monitor", 3, 300)
    assert leak["place"].startswith("command_kmalloc+0x")
    noted = [event for event in events if event["event"] == "heap_event"]
    assert [(event["kind"], event["size"], event["place"]) for event in noted] == 3 * [
        ("alloc", 100, leak["place"])]
    objects = [event["address"] for event in events if event["event"] == "kmalloc"]
    assert [event["address"] for event in noted] == objects
    for address in objects:
        ask(prompt, f"kfree {address}")
    _, events = ask(prompt, "leaks; heap debug off; heap check")
    assert not [event for event in events if event["event"] in ("leak", "error")]
    assert one(events, "heap_debug")["options"] == "off"


def test_load_on_the_heap(prompt):
    """Operations of the heap against a model: no object damaged, no frame lost (the test's runner counts)."""
    _, events = ask(prompt, "stress heap 20000; heap check")
    test = one(events, "selftest")
    assert test["result"] == "passed" and test["checks"] > 60000


def test_stress_of_one_processor(prompt):
    """stress runs on one processor, too, as often as one likes, and gives back what it took."""
    lines, events = ask(prompt, "stress 1 5; frames; stress 1 5; frames")
    assert [event["failed"] for event in events if event["event"] == "stress"] == [0, 0]
    before, after = (event["free"] for event in events if event["event"] == "frames")
    assert before == after
    assert any(line.startswith("stress 1 seconds on 1 of 1 processors, seed=5") for line in lines)


@pytest.mark.parametrize("wrong", ["clouds", "0", "1T", "5 1T", "5 x", "spaces 0", "spaces many", "frames 0", "frames 1T"])
def test_stress_on_nothing(prompt, wrong):
    """stress refuses what it does not know."""
    _, events = ask(prompt, f"stress {wrong}")
    assert one(events, "error")["command"] == "stress"


def test_bench_of_nothing(prompt):
    """bench refuses a name that it does not know."""
    _, events = ask(prompt, "bench clouds")
    assert one(events, "error")["command"] == "bench"


def test_frame(prompt):
    """frame takes a physical address, a kernel address or a number, and knows what each is."""
    _, events = ask(prompt, "map")
    kernel = next(event for event in events if event.get("tag") == "kernel")
    number = int(kernel["base"], 16) // PAGE
    for argument in (kernel["base"], str(number)):
        lines, events = ask(prompt, f"frame {argument}")
        assert one(events, "frame")["number"] == number
        assert any("held by: kernel" in line for line in lines)
    lines, events = ask(prompt, "frame 0")
    assert one(events, "frame")["region"] == "reserved"
    lines, events = ask(prompt, "frame 0xfffffffffffff")
    assert any("does not know" in line for line in lines)


def test_frames_go_and_come(prompt):
    """frame retires, reserves and adds free memory; the sums follow; what is in the way is named."""
    def count(*lines):
        events = [event for line in (*lines, "frames") for event in ask(prompt, line)[1]]
        return [e for e in events if e["event"] in ("frame_change", "error")], one(events, "frames")

    first = count()[1]
    changes, after = count("frame reserve 0x1100000 700", "frame add 0x1100000 100", "frame retire 0x1100000 3")
    assert [(change["action"], change["frames"]) for change in changes] == [
        ("reserve", 700), ("add", 100), ("retire", 3)]
    assert first["managed"] - after["managed"] == first["free"] - after["free"] == 603
    assert after["reserved"] - first["reserved"] == 603
    errors, same = count("frame add 0x1100000 10", "frame retire 0x1100000", "frame add 0x1164000 601",
                         "frame reserve 0x1100003000 1", "frame add 0x1103000")
    assert [error["message"].split(":")[0] for error in errors] == [
        "the frame at 0x1100000 is retired for good",
        "the frame at 0x1100000 is not managed (bad)",
        "the frame at 0x13bc000 is managed already",
        "the frame allocator manages no memory there (not found)",
        "the frame at 0x1103000 is managed already"]
    assert (same["managed"], same["reserved"]) == (after["managed"], after["reserved"])
    changes, last = count("frame add 0x1164000 600", "frame 0x1100000")
    assert last["managed"] == first["managed"] - 3
    assert one(ask(prompt, "selftest frames; selftest pmm")[1][-1:], "selftests")["failed"] == 0


def test_tables_of_acpi_are_memory(prompt):
    """What the firmware calls reclaimable, and nothing reads any more, is free."""
    _, events = ask(prompt, "map")
    rows = [event for event in events if event.get("type") == "acpi_data"]
    assert rows
    for row in rows:
        _, events = ask(prompt, f"frame {row['base']}")
        assert one(events, "frame")["managed"] and one(events, "frame")["region"] == "acpi_data"


def test_page_tables(prompt):
    """pt of the fresh kernel is short, has no W+X and no page 0, and shows the image's segments."""
    lines, events = ask(prompt, "pt")
    mappings = [event for event in events if event["event"] == "mapping"]
    assert len(lines) < 25
    assert not any(event["write"] and event["execute"] for event in mappings)
    assert all(int(event["address"], 16) >= 0xFFFF800000000000 for event in mappings)
    image = [event["rights"] for event in mappings if event["window"] == "kernel image"]
    assert image == ["r-x", "r--", "rw-"]


def test_all_page_tables(prompt):
    """pt -a prints every run by itself, and maps as much."""
    _, short = ask(prompt, "pt")
    _, long = ask(prompt, "pt -a")
    mapped = [sum(event.get("mapped", 0) for event in events) for events in (short, long)]
    assert mapped[0] == mapped[1]
    assert all(event.get("runs", 1) == 1 for event in long)


def test_walk(prompt):
    """walk goes down to a page or to the entry that ends it; pt and walk agree."""
    _, events = ask(prompt, "pt")
    image = next(event for event in events if event.get("window") == "kernel image")
    lines, events = ask(prompt, f"walk {image['address']}")
    walk = one(events, "walk")
    assert walk["mapped"] and walk["steps"][-1]["leaf"]
    assert f"Physical {image['target']}" in lines[-1]
    lines, events = ask(prompt, "walk 0")
    assert not one(events, "walk")["mapped"]
    assert any("the walk ends here" in line for line in lines)


def test_explain(prompt):
    """explain takes either kind of address, says what it took it for, and knows the same of both."""
    _, events = ask(prompt, "kmalloc 100")
    address = one(events, "kmalloc")["address"]
    lines, events = ask(prompt, f"explain {address}")
    told = one(events, "explain")
    assert told["kind"] == "virtual" and lines[0] == f"{address}, a virtual address:"
    assert told["object"][0]["address"] == address and told["object"][0]["live"]
    _, events = ask(prompt, f"explain physical {told['physical']}")
    same = one(events, "explain")
    assert same["kind"] == "physical"
    assert all(same[link] == told[link] for link in ("firmware", "region", "changes", "frame", "mappings", "object"))
    assert address in [mapping["address"] for mapping in same["mappings"]]
    ask(prompt, f"kfree {address}")


def test_heap_and_back(prompt):
    """kmalloc takes what kfree gives back, and heap counts both."""
    _, events = ask(prompt, "heap")
    before = one(events, "heap")
    _, events = ask(prompt, "kmalloc 100 3")
    objects = [event["address"] for event in events if event["event"] == "kmalloc"]
    assert len(set(objects)) == 3
    _, events = ask(prompt, "heap")
    assert one(events, "heap")["live_objects"] == before["live_objects"] + 3
    for address in objects:
        _, events = ask(prompt, f"kfree {address}")
        assert one(events, "kfree")["accepted"]
    _, events = ask(prompt, "heap")
    assert one(events, "heap")["live_bytes"] == before["live_bytes"]


def test_wrong_frees(prompt):
    """A double free and a free into the middle are refused and reported; the machine goes on."""
    _, events = ask(prompt, "kmalloc 100")
    address = one(events, "kmalloc")["address"]
    for wrong in (f"{int(address, 16) + 16:#x}", "0x1000"):
        _, events = ask(prompt, f"kfree {wrong}")
        assert not one(events, "kfree")["accepted"]
    lines, events = ask(prompt, f"kfree {address}; kfree {address}")
    assert [event["accepted"] for event in events if event["event"] == "kfree"] == [True, False]
    told = "\n".join(lines)
    assert re.search(r"already free; .*; allocated near command_kmalloc\+0x", told), told
    lines, events = ask(prompt, f"explain {address}")
    assert one(events, "explain")["object"][0]["allocated_near"].startswith("command_kmalloc+0x")
    assert "It was allocated near command_kmalloc+0x" in " ".join(" ".join(lines).split())
    _, events = ask(prompt, "heap")
    assert one(events, "heap")["bad_frees"] >= 3


def test_selftest(prompt):
    """A self-test runs alone, and the same seed gives the same number of checks."""
    runs = [one(ask(prompt, "selftest pmm seed=7")[1], "selftest") for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0]["result"] == "passed" and runs[0]["checks"] > 1000
    lines, _ = ask(prompt, "selftest list")
    assert any(line.split()[0] == "heap" for line in lines)


def test_json_can_be_turned_off(prompt):
    """json off ends the events, json on brings them back."""
    _, events = ask(prompt, "json off; frames")
    assert not events
    _, events = ask(prompt, "json on; frames")
    assert one(events, "frames")


# --- what all commands have in common ---------------------------------------------------------

# Right uses, and wrong ones with a part of the answer. What ends the machine is tried further down.
CASES = {
    "help": (["help", "help map"], [("help nothing", "there is no command"), ("help a b", "too many")]),
    "map": (["map", "map -u", "map -d"], [("map -x", "unknown")]),
    "frames": (["frames"], [("frames now 1", "")]),
    "frame": (["frame 0x100000", "frame 256"], [("frame", "missing"), ("frame x", "no number")]),
    "pt": (["pt", "pt -a"], [("pt -b", "unknown")]),
    "walk": (["walk 0", "walk 0xffff800000000000"], [("walk", "missing"), ("walk x", "no number")]),
    "explain": (["explain 0x100000", "explain virtual 0", "explain p:0xfee00000"],
                [("explain", "missing"), ("explain x", "no address")]),
    "region": (["region", "region list", "region find device", "region find 0x100000",
                "region label 0x1000 4K user 'a name'", "region remove 0x1000 user"],
               [("region clouds", "none of list"), ("region find", "an address or a kind"),
                ("region find cloud", "neither an address"), ("region list all", "too many"),
                ("region label 1 2 user", "a name"), ("region label 1 2 cloud x", "none of dma"),
                ("region label 1 0 user x", "at least one byte"),
                ("region label 0xffffffffffffffff 2 user x", "beyond all addresses"),
                ("region label 1 2 user 123456789012345678901234", "at least one byte"),
                ("region remove 5 user", "no label of that kind"), ("region remove 5", "a kind")]),
    "tour": (["tour all"], [("tour some", "unknown")]),
    "heap": (["heap", "heap check", "heap events 3", "heap debug"], [("heap all", "neither check")]),
    "slabs": (["slabs"], [("slabs 17", "no slab"), ("slabs x", "no number")]),
    "tags": (["tags"], [("tags x", "too many")]),
    "leaks": (["leaks", "leaks mark"], [("leaks now", "not mark")]),
    "kmalloc": (["kmalloc 0"], [("kmalloc", "missing"), ("kmalloc 64 0", "COUNT")]),
    "kfree": ([], [("kfree", "missing"), ("kfree xyz", "no number")]),
    "cpus": (["cpus"], [("cpus x", "too many")]),
    "pci": (["pci"], [("pci x", "too many")]),
    "fault": (["fault try divide", "fault log"], [("fault", "missing"), ("fault cloud", "no fault")]),
    "run": (["run list", "run tour"], [("run", "missing"), ("run clouds", "no program")]),
    "selftest": (["selftest list", "selftest memmap"], [("selftest clouds", "no test")]),
    "stress": (["stress spaces 3"], [("stress clouds", ""), ("stress spaces 0", "COUNT")]),
    "bench": (["bench frames"], [("bench", "missing"), ("bench clouds", "")]),
    "viz": (["viz overview text", "viz frames text", "viz heap text"], [("viz clouds", "")]),
    "memviz": (["memviz overview text"], [("memviz clouds", "")]),
    "log": (["log"], [("log x", "too many")]),
    "json": (["json", "json on"], [("json maybe", "neither on nor off")]),
    "reboot": ([], [("reboot now", "too many")]),
    "exit": ([], [("exit x", "no number"), ("exit 1000", "CODE is 0 to 127")]),
}


def test_every_command_is_tried(prompt):
    """Every command that help lists has right and wrong uses in the table; nothing else is in it."""
    lines, _ = ask(prompt, "help")
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(CASES) == sorted(listed)
    assert all(wrong for _, wrong in CASES.values())


@pytest.mark.parametrize("name", CASES)
def test_command(prompt, name):
    """Used rightly a command answers within 100 columns and without an error; used wrongly it says what is
    wrong and how it is used; with help it has a text."""
    right, wrong = CASES[name]
    for line in right:
        lines, events = ask(prompt, line)
        assert lines, line
        assert not [event for event in events if event["event"] == "error"], line
    for line, answer in wrong:
        lines, events = ask(prompt, line)
        error = one(events, "error")
        assert error["command"] == name and answer in error["message"], line
        assert lines[0] == f"{name}: {error['message']}"
    lines, _ = ask(prompt, f"help {name}")
    assert lines[0].startswith(f"{name}: ") and lines[1].startswith(f"usage: {name}")


def test_tour(prompt):
    """The tour does what it tells: frames go and come, two spaces share one, and all is given back."""
    ask(prompt, "tour all")  # what the kernel keeps for the next time is there now
    lines, events = ask(prompt, "frames; tour all; frames")
    steps = [event for event in events if event["event"] == "tour_step"]
    assert [step["number"] for step in steps] == list(range(1, 9))
    before, after = (event["free"] for event in events if event["event"] == "frames")
    assert before == after == steps[-1]["free"]
    assert steps[0]["free"] - steps[1]["free"] == 1
    told = [event for event in events if event["event"] == "explain"]
    shared = next(event for event in told if len({row["space"] for row in event.get("mappings", [])}) == 3)
    assert shared["frame"][0]["references"] == 2 and shared["frame"][0]["tag"] == "user"
    programs = [row for row in shared["mappings"] if row["space"] != 0]
    assert [row["rights"] for row in programs] == ["r--u", "r--u"]
    assert "the guard area 'the tour'" in " ".join(" ".join(lines).split())


def test_tour_by_key(prompt):
    """Without 'all' each step waits for a key, and q ends the tour with everything given back."""
    before = one(ask(prompt, "frames")[1], "frames")["free"]
    prompt.type("tour\r")
    for key in " \rx":
        prompt.expect("any key goes on, q ends the tour")
        prompt.type(key)
    prompt.expect("4 of 8. A touch")
    prompt.expect("any key goes on, q ends the tour")
    prompt.type("q")
    prompt.prompt()
    assert one(ask(prompt, "frames")[1], "frames")["free"] == before


# --- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("line,answer", [
    ("nonsense", "no such command"),
    ("map -u -d", "'-d' is one argument too many"),
    ("frames now", "'now' is unknown"),
    ("frames -b -b", "'-b' is one argument too many"),
    ("frame", "an argument is missing"),
    ("frame abc", "'abc' is no number"),
    ("frame retire", "an argument is missing"),
    ("frame keep 3", "there is nothing to do with 'keep'"),
    ("frame retire 0", "there is no range of 1 frames at frame 0"),
    ("frame add 0x100000 0", "there is no range of 0 frames"),
    ("frame retire 0x100000 0xffffffffffffffff", "beyond all addresses"),
    ("frame add 0xb0000000", "no memory to be had"),
    ("frame add 0xfffffffff000", "the map knows no memory"),
    ("frame 99999999999999999999", "larger than 64 bits"),
    ("frame 0xffff9999999ff000", "nothing is mapped"),
    ("walk 0x8000000000000000", "no address that"),
    ("explain real 0", "'real' is neither physical nor virtual"),
    ("explain p: 0", "'p:' is neither physical nor virtual"),
    ("explain v:99999999999999999999", "larger than 64 bits"),
    ("heap all", "'all' is neither check, events nor debug"),
    ("heap events 0", "COUNT is 1 to 256"),
    ("kmalloc 1000T", "bytes at most"),
    ("fault try", "try which fault?"),
    ("fault try nothing", "there is no fault 'nothing'"),
    ("fault null now", "'null' takes nothing more"),
    ("fault log 1000", "there is no fault 1000 in the log"),
    ("fault log x", "'x' is no number"),
    ("selftest seed=x", "'seed=x'|no seed"),
    ("map 'open", "a quote is not closed"),
    ("1 2 3 4 5 6 7 8 9", "too many words"),
])
def test_wrong_command(prompt, line, answer):
    """What is wrong is said, with the usage where there is one, and as an event."""
    lines, events = ask(prompt, line)
    error = one(events, "error")
    assert any(text in error["message"] for text in answer.split("|")), error
    assert lines[0] == f"{error['command']}: {error['message']}"


def test_nothing_typed(prompt):
    """Empty lines and empty commands say nothing and are no mistake."""
    assert ask(prompt, "") == ([], [])
    assert ask(prompt, " ; ;") == ([], [])


# --- typing -----------------------------------------------------------------------------------


def typed(machine, keys, answer):
    """Types keys and Enter; the machine answers. (Editing shows the prompt again and again.)"""
    machine.type(keys + "\r")
    machine.expect(answer)
    machine.prompt()


def test_editing(prompt):
    """A line can be corrected at any place before it is entered."""
    typed(prompt, "rames" + HOME + "x" + LEFT + DELETE + "f" + END + " \x08", "frames of 4 KiB")


def test_history(prompt):
    """The arrow brings the line before back."""
    ask(prompt, "help frames")
    typed(prompt, UP, "usage: frames ")


def test_completion(prompt):
    """Tab completes commands and their arguments."""
    typed(prompt, "hel\tfram\t", r"usage: frame \[retire")
    typed(prompt, "selft\tli\t", "kstack +kernel stacks")


def test_cancel_and_garbage(prompt):
    """ctrl-C throws a line away; control characters and broken sequences do no harm."""
    prompt.type("nonsense\x03")
    prompt.expect(r"nonsense\^C")
    typed(prompt, "\x00\x1b[999;999;999z\x1b]\x7f\x1bO\x1b\x1b[help\x15heap", " class +slabs")


def test_several_commands(prompt):
    """Commands on a line run in order, and one that fails does not stop the next."""
    _, events = ask(prompt, "frames; nonsense; heap")
    assert [event["event"] for event in events if event["event"] != "heap_class"] == [
        "frames", "error", "heap"]


# --- what ends a machine ----------------------------------------------------------------------


@pytest.mark.parametrize("commands,code", [
    ("exit", EXIT_SUCCESS),
    ("nonsense; exit", EXIT_FAILURE),
    ("kfree 0x1000; exit", EXIT_FAILURE),
    ("exit 5", 11),
])
def test_exit(boot, commands, code):
    """exit leaves QEMU with the code that says whether anything failed, or with a given one."""
    run = boot(cmdline=f'json run="{commands}"')
    assert run.code == code
    assert run.event("exit")["code"] * 2 + 1 == code


def test_reboot(boot):
    """reboot says so and resets the machine; QEMU, told so, ends instead."""
    run = boot(cmdline='json run="reboot; nonsense"')
    assert run.code == 0
    assert "Resetting the machine" in run.text()
    assert run.event("reboot") and not run.events("error")


WIDTHS = {"x86_64": {}, "i386": I386}
FAULTS = {
    "null": ("write_to_null", "page fault", "write"),
    "wx": ("write_to_kernel_code", "page fault", "write"),
    "nx": ("execute_data", "page fault", "execute"),
    "stack": ("recurse_without_end", "page fault", "write"),
    "divide": ("divide_by_zero", "divide error", None),
    "gp": ("touch_impossible_address", "general protection fault", None),
    "double": ("break_the_stack", "double fault", None),
}


# The line that says what the error code means, where it means something.
ERROR_CODES = {
    "null": "write from ring 0, page not present",
    "wx": "write from ring 0, page present",
    "nx": "execute from ring 0, page present",
    ("stack", "x86_64"): "write from ring 0, page not present",
    ("gp", "i386"): "selector 0xfff8 of the GDT",
}


def expected_fault(name, width):
    """(function, exception, access) of a fault."""
    function, exception, access = FAULTS[name]
    if (name, width) == ("stack", "i386"):  # no stack of its own for page faults: SDM vol. 3A, 6.12.1
        return function, "double fault", None
    return function, exception, access


@pytest.mark.parametrize("width", WIDTHS)
def test_sites_of_frames(machine, width):
    """With frame_sites the kernel knows who allocated a frame, and works as without."""
    with machine(cmdline="frame_sites json", **WIDTHS[width]) as run:
        run.prompt()
        held = one(ask(run, "kmalloc 2M")[1], "kmalloc")["address"]
        lines, events = ask(run, f"frame {held}")
        assert re.fullmatch(r"[a-z_]+\+0x[0-9a-f]+", one(events, "frame")["site"])
        assert any(line.startswith("  allocated    by ") for line in lines)
        assert one(ask(run, "selftest")[1], "selftests")["failed"] == 0


@pytest.fixture(scope="module", params=WIDTHS)
def survivor(request):
    """(a machine at its prompt that faults are tried on, its width)."""
    folder = ROOT / "build/qemu" / f"faults-{request.param}-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Machine(folder, cmdline="json", seconds=300, **WIDTHS[request.param]) as machine:
        machine.prompt()
        yield machine, request.param


def check_report(fault, report, name, width):
    """The report is the same on both widths: sentence, error code, registers, walk, trace, log."""
    function, exception, access = expected_fault(name, width)
    assert fault["name"] == exception
    assert fault.get("access") == access
    trace = [entry.get("function") for entry in fault["trace"]]
    assert function in trace
    if name != "double":
        assert {"command_fault", "provoke"} & set(trace) or name == "stack"
    code = ERROR_CODES.get(name) or ERROR_CODES.get((name, width))
    said = re.search("^error code: (.*)$", report, re.MULTILINE)
    assert (said and said.group(1)) == code
    assert f"{exception} (vector" in report and "\nstack trace:\n  #0 " in report
    assert re.search(r"^  [er]ax 0x[0-9a-f]+ ", report, re.MULTILINE)
    walked = name in ("null", "wx", "nx", "stack") or (name, width) == ("double", "i386")
    assert ("\npage walk of 0x" in report) == walked
    fails = name in ("null", "stack") or (name, width) == ("double", "i386")
    assert ("not present   <-- fails here" in report) == fails
    near = exception == "page fault"
    assert bool(re.search("^(nearest areas:|in the area ')", report, re.MULTILINE)) == near
    assert "\nlast lines of the log:\n  [" in report
    assert {row["name"] for row in fault["registers"]} >= {"cr0", "cr2", "cr3"}
    assert fault["log"] and fault["log"][-1]["line"].startswith("[")


def test_lines_of_a_trace(survivor):
    """Every function of a trace has the file and line that the debug information has for its call."""
    machine, width = survivor
    image = next(event for event in ask(machine, "pt -a")[1] if event.get("execute"))
    base = {"x86_64": 0xFFFFFFFF80000000, "i386": 0xC0100000}[width]
    slide = int(image["address"], 16) - base
    trace = [entry for entry in one(ask(machine, "fault try heap-freed")[1], "fault")["trace"]
             if "function" in entry]
    calls = [hex(int(entry["address"], 16) - slide - (place > 0)) for place, entry in enumerate(trace)]
    known = subprocess.run(["addr2line", "-e", ROOT / f"build/kernel-{width}.debug.elf", *calls], check=True,
                           stdout=subprocess.PIPE, encoding="utf-8").stdout.splitlines()
    expected = [re.sub(r" \(discriminator \d+\)$", "", line).rsplit("/", 1)[-1] for line in known]
    told = [f"{entry['file']}:{entry['line']}" if "file" in entry else "??:0" for entry in trace]
    assert len(told) > 6 and told == [line.replace("??:?", "??:0") for line in expected]


@pytest.mark.parametrize("name", FAULTS)
def test_fault(survivor, name):
    """Each fault gets its report, the kernel goes on, and the same fault again is only counted."""
    machine, width = survivor
    lines, events = ask(machine, f"fault try {name}")
    fault = one(events, "fault")
    check_report(fault, "\n".join(lines), name, width)
    lines, events = ask(machine, f"fault try {name}; fault log")
    assert [event for event in events if event["event"] == "fault_repeat"] == [
        {"meridian": 1, "event": "fault_repeat", "number": fault["number"], "count": 2}]
    record = next(event for event in events if event.get("number") == fault["number"]
                  and event["event"] == "fault_record")
    assert record["count"] == 2 and record["sentence"] == fault["sentence"]
    again, _ = ask(machine, f"fault log {fault['number']}")
    assert fault["sentence"] in " ".join(" ".join(again).split())
    assert any(line.startswith("stack trace:") for line in again)


def test_faults_of_programs(survivor):
    """A program's fault is in the log under its name, and counted as one's own."""
    machine, _ = survivor
    _, events = ask(machine, "run text; run text; fault log")
    fault = one(events, "fault")
    assert fault["program"] == "text" and not fault["trace"]
    record = next(event for event in events if event["event"] == "fault_record"
                  and event["number"] == fault["number"])
    assert record["program"] == "text" and record["count"] == 2


def test_old_faults_are_forgotten(survivor):
    """The log keeps eight different faults, the newest."""
    machine, _ = survivor
    ask(machine, "run data; run stack; run kernel; run cli")
    ask(machine, "run fpu; run text; fault try divide; fault try null; run gdt")
    lines, events = ask(machine, "fault log")
    numbers = [event["number"] for event in events if event["event"] == "fault_record"]
    assert len(numbers) <= 8 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[0] > 1 and f"{numbers[0] - 1} older ones are forgotten." in lines


@pytest.mark.parametrize("name, width", [("null", "x86_64"), ("stack", "i386"), ("double", "x86_64")])
def test_fatal_fault(boot, name, width):
    """A fault that nobody tries ends in its report and in the code of failure."""
    run = boot(cmdline=f'json run="fault {name}" exit', **WIDTHS[width])
    assert run.code == EXIT_FAILURE
    fault = run.event("fault")
    assert not [problem.message for problem in SCHEMA.iter_errors(fault)]
    report = run.text()[run.text().index("the kernel has failed"):]
    check_report(fault, report, name, width)
    rows = [line for line in report.splitlines() if not line.startswith("{")]
    assert max(len(row) for row in rows) <= COLUMNS, rows


@pytest.mark.parametrize("name, width, function, sentence", [
    ("heap-freed", "x86_64", "read_freed_object",
     r": byte 2 of the freed object of 64 bytes .*allocated at allocate_object\S+ freed at free_object"),
    ("heap-fresh", "i386", "follow_unwritten_pointer",
     r"is what fills uninitialised memory: .* of 64 bytes .*allocated at allocate_object"),
])
def test_heap_fault(boot, name, width, function, sentence):
    """The report on a misused object names the object, who allocated it, freed it and used it. The
    other ways to misuse one are in the self-test `heapdebug`."""
    run = boot(cmdline=f'json run="fault {name}" exit', **WIDTHS[width])
    fault = run.event("fault")
    assert run.code == EXIT_FAILURE
    assert re.search(sentence, fault["sentence"])
    assert function in [entry.get("function") for entry in fault["trace"]]


def test_heap_debugging(boot):
    """With all of the heap's checks on from the start the self-tests pass, and nothing is reported
    that was not provoked; a word that is not known gets a warning."""
    words = "poison,verify,quarantine,random,canary,guard=20,bogus"
    run = boot(cmdline=f'json heap={words} run="selftest heap; selftest heapdebug; selftest badfree; '
                       'selftest vmm; exit"')
    assert run.code == EXIT_SUCCESS
    assert "heap=bogus: no such option" in run.text()
    assert not re.search(r"error: heap", run.text())
    assert [event["result"] for event in run.events("selftest")] == 4 * ["passed"]


def test_every_event_of_a_boot(boot):
    """Every event of a boot with self-tests is as the schema says."""
    run = boot(cmdline='json selftest run="map; frames; pt; heap; exit"')
    assert run.code == EXIT_SUCCESS
    events = run.events()
    assert {"boot", "region", "memmap", "ready", "selftests", "exit"} <= {
        event["event"] for event in events}
    for event in events:
        problems = [problem.message for problem in SCHEMA.iter_errors(event)]
        assert not problems, f"{event}: {problems}"
    for line in run.text().splitlines():
        if not line.startswith("{") and re.match(r"selftest|  ", line):
            assert len(line) <= COLUMNS, line
