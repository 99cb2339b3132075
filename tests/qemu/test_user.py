# SPDX-License-Identifier: BSD-2-Clause
"""Programs in ring 3, on both widths: what they may do works, what they may not ends them, and the
kernel goes on as if nothing had been.

One machine a width, typed at; how every program ends on every other machine is `selftest user`."""

import os
import re
import shutil

import pytest

from harness import EXIT_SUCCESS, I386, ROOT, Machine
from test_monitor import SCHEMA, one

PAGE = 4096
WIDTHS = {"x86_64": {}, "i386": I386}
KERNEL_HALF = {"x86_64": 1 << 63, "i386": 0xC0000000}
LAST_BYTES = {"x86_64": "0x800000000000", "i386": "0xc0000000"}


@pytest.fixture(scope="module", params=WIDTHS)
def prompt(request):
    """(machine at its prompt, width)."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    folder = ROOT / "build/qemu" / f"user-{request.param}-{worker}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Without LA57 the end of user space is known.
    fields = WIDTHS[request.param] or {"cpu": "max,-la57"}
    # Little memory, so that it is soon used up.
    with Machine(folder, cmdline="json quiet", seconds=300, **{**fields, "memory": "256M"}) as machine:
        machine.prompt()
        yield machine, request.param


def run(machine, line):
    """(text without events, events) of a command; events keep to their schema."""
    known = len(machine.events())
    output = machine.command(line)
    events = machine.events()[known:]
    assert not [problem.message for event in events for problem in SCHEMA.iter_errors(event)]
    return "\n".join(text for text in output.splitlines() if not text.startswith("{")), events


def end_of(events, name):
    """The event `program`, which must leave as many frames free as there were."""
    end = one(events, "program")
    assert end["name"] == name
    assert end["frames_before"] == end["frames_after"] > 0
    return end


def steps(events):
    return [(event["step"], event["text"]) for event in events if event["event"] == "step"]


# --- programs that behave -------------------------------------------------------------------------


def test_list(prompt):
    """run list names every program of user/programs, each with what it does."""
    text, _ = run(prompt[0], "run list")
    names = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
    assert sorted(names) == sorted(path.stem for path in (ROOT / "user/programs").glob("*.c"))


def test_tour(prompt):
    """run tour shows the chain from malloc to the page-table entry, in this order, and all comes back."""
    text, events = run(prompt[0], "run tour")
    assert end_of(events, "tour")["code"] == 0
    kinds = [kind for kind, _ in steps(events)]
    first = kinds.index("call")
    assert kinds[first:first + 7] == ["call", "area", "result", "fault", "area", "frame", "entry"]
    chain = ["tour| malloc(100)", "    call    map(anywhere, 65536 bytes, rw-)", "    area    'memory'",
             "    fault   write at 0x1000", "    frame   0x", "    entry   level 1, table 0x",
             "tour| writing to 100 bytes"]
    places = []
    for piece in chain:
        places.append(text.index(piece, places[-1] if places else 0))
    assert places == sorted(places)


def test_tour_is_true(prompt):
    """The frame of each page fault is the one that the page-table entry names."""
    _, events = run(prompt[0], "run tour")
    told = steps(events)
    frames = [text for kind, text in told if kind == "frame"]
    entries = [text for kind, text in told if kind == "entry"]
    assert len(frames) == len(entries) == one(events, "program")["faults"]
    for frame, entry in zip(frames, entries):
        address = int(frame.split(" at ")[1].split(",")[0], 16)
        value = int(entry.split(" = ")[1].split(",")[0], 16)
        assert address == value & 0x7FFFFFFFFFFFF000 and address % PAGE == 0
        assert "1 reference" in frame


def test_clone(prompt):
    """A clone sees what its original has, writes to frames of its own, and ends before it."""
    text, events = run(prompt[0], "run clone")
    assert end_of(events, "clone")["code"] == 0
    assert [line for line in text.splitlines() if "byte" in line] == [
        "clone| the byte is 1; now the address space is cloned",
        "clone| in the clone: the byte is 1, as in the original",
        "clone| in the clone: the byte is 2 after a write",
        "clone| in the original: the byte is 1, and the clone ended with 42"]
    assert ("fault", "mapped, but shared") in [(kind, said.split(", ", 1)[-1])
                                               for kind, said in steps(events)]


def test_tracing_can_be_asked_for(prompt):
    """run -t tells the steps of a program that is not traced by itself."""
    assert not steps(run(prompt[0], "run text")[1])
    assert [kind for kind, _ in steps(run(prompt[0], "run -t text")[1])] == [
        "fault", "area", "frame", "entry"] * (2 if prompt[1] == "i386" else 1)


# --- hostile ones ---------------------------------------------------------------------------------

READ, WRITE, EXECUTE = {"access": "read"}, {"access": "write"}, {"access": "execute"}
PAGE_FAULT = {"exception": "page fault", "vector": 14}
HOSTILE = {
    "kernel": ("in the kernel's part of the address space, which is not open to it",
               {**PAGE_FAULT, **READ}),
    "data": ("in its area 'data', which is not executable",
             {**PAGE_FAULT, **EXECUTE, "area": "data"}),
    "text": ("in its area 'text', which is read-only", {**PAGE_FAULT, **WRITE, "area": "text"}),
    "stack": ("below its area 'stack', which cannot grow so far: the stack was overrun",
              {**PAGE_FAULT, **WRITE}),
    "gdt": ("an instruction that is the kernel's alone", {"vector": 13}),
    "cli": ("an instruction that is the kernel's alone", {"vector": 13}),
    "fpu": ("used the FPU, MMX, SSE or AVX", {"vector": 7}),
    "step": ("was stepped through", {"vector": 1}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(prompt, name):
    """A hostile program is ended by the right exception, with a readable report, and the kernel goes on."""
    machine, width = prompt
    sentence, expected = HOSTILE[name]
    text, events = run(machine, f"run {name}; run tour; frames")
    end = next(event for event in events if event["event"] == "program")
    assert end["frames_before"] == end["frames_after"]
    assert end["end"] == "fault" and expected.items() <= end.items()
    again = re.search("'fault log ([0-9]+)' shows it", text)
    if again:  # by an earlier test: it is told in one line, and kept in full
        text = run(machine, f"fault log {again.group(1)}")[0]
    assert sentence in end["sentence"] and f"{end['sentence']}." in " ".join(text.split())
    assert f"the program '{name}' has failed" in text
    assert f"at {end['instruction']}" in text
    counter = "rip 0x%016x" if width == "x86_64" else "eip 0x%08x"
    assert counter % int(end["instruction"], 16) in text
    assert ("page walk of" in text) == (end["vector"] == 14)
    if name == "kernel":
        assert int(end["address"], 16) >= KERNEL_HALF[width]
    after = [event for event in events if event["event"] == "program"][1]
    assert after["end"] == "exit" and after["code"] == 0
    assert not [event for event in events if event["event"] in ("error", "panic")]
    assert all(event["program"] == name for event in events if event["event"] == "fault")


def test_loop(prompt):
    """A program that never ends is ended when its time is used up, with a report, and the kernel goes on; one that
    ends sooner does not notice the bound."""
    machine, _ = prompt
    text, events = run(machine, "run -t -s 1 loop; run -s 1 loop; run tour; run -s 5 clone; cpus")
    ends = [event for event in events if event["event"] == "program"]
    assert [end["name"] for end in ends] == ["loop", "loop", "tour", "clone"]
    for end in ends:
        assert end["frames_before"] == end["frames_after"] > 0
    for end in ends[:2]:
        assert end["end"] == "fault" and end["exception"] == "timer interrupt"
        assert end["sentence"] == "The program has run for 1 s, which is all it has, and has not ended"
        assert end["refused"] == 0 and int(end["instruction"], 16) in IMAGE
    assert [end.get("code") for end in ends[2:]] == [0, 0]
    assert "loop| looping for ever" in text and "the program 'loop' has failed" in text
    assert text.count("'loop' was ended by a timer interrupt.") == 2
    assert not [event for event in events if event["event"] in ("error", "panic")]


LONG = "-s 3600"  # what may take long where others use the computer, too
NO_FRAME = "in its area 'memory', for which no frame is left"


def test_all_memory_used_up(prompt):
    """A program that uses up all memory, by copies and by new pages, is ended with a report each time, all frames
    come back, and the kernel goes on."""
    machine, _ = prompt
    # The heap gives back what it kept in reserve, so that from now on the numbers are equal.
    text = " ".join(run(machine, f"run {LONG} eat")[0].split())
    assert text.count("the program 'eat' has failed") == text.count(NO_FRAME) == 2
    assert "eat| the clone was ended" in text
    text, events = run(machine, f"frames; run {LONG} eat; frames; run tour")
    before, after = [event["free"] for event in events if event["event"] == "frames"]
    end = one([event for event in events if event.get("name") == "eat"], "program")
    assert before == after == end["frames_before"] == end["frames_after"]
    assert end["end"] == "fault" and {**PAGE_FAULT, **WRITE}.items() <= end.items()
    assert NO_FRAME in end["sentence"]
    assert [event["code"] for event in events if event.get("name") == "tour"] == [0]
    assert not [event for event in events if event["event"] in ("error", "panic")]


def places_of(text):
    """Of each run of `places`: where its parts lie."""
    lines = [line.split("| ")[1] for line in text.splitlines() if line.startswith("places| ")]
    told = [(line.split(" at ")[0], int(line.split(" at ")[1], 16)) for line in lines]
    return [dict(told[first:first + 5]) for first in range(0, len(told), 5)]


IMAGE, WINDOW, STACK = range(0x400000, 0x10000000), range(0x10000000, 0x50000000), range(0x6FF00000, 0x70000000)


def test_places_without_aslr(prompt):
    """Without aslr a program lies where user/abi.h draws it, each time."""
    first, again = places_of(run(prompt[0], "run places; run places")[0])
    assert first == again
    assert first["text"] in IMAGE and first["data"] in IMAGE
    assert first["memory"] == WINDOW.start and first["stack"] in STACK


@pytest.mark.parametrize("width", WIDTHS)
def test_places_with_aslr(boot, width):
    """With aslr what map() places and the stack lie elsewhere each time, in their windows, in whole pages; programs
    of all kinds end as they do without it."""
    line = "run places; run places; run tour; run clone; run pointers; selftest user; exit"
    machine = boot(cmdline=f'json aslr run="{line}"', **WIDTHS[width])
    assert machine.code == EXIT_SUCCESS, machine.fail("a command failed")
    first, again = places_of(machine.text())
    most = 1 << 40 if width == "x86_64" else 1 << 28
    for places in first, again:
        assert places["text"] in IMAGE and places["data"] in IMAGE
        assert places["memory"] in range(WINDOW.start, WINDOW.start + most)
        assert places["memory"] % PAGE == 0
        assert places["stack"] in range(STACK.start, STACK.stop + 2 * most)
        assert places["stack"] - places["memory"] > STACK.start - WINDOW.start
        assert places["stack"] < places["end of all"]
    assert (first["memory"], first["stack"]) != (again["memory"], again["stack"])
    assert [event["result"] for event in machine.events("selftest")] == ["passed"]


def test_bad_pointers(prompt):
    """Every bad pointer to a system call is refused, none is written through, clones of clones end where they may
    not be more, and the program ends well."""
    text, events = run(prompt[0], "run pointers")
    end = end_of(events, "pointers")
    assert end["code"] == 0 and end["refused"] == 31
    assert "accepted" not in text


def test_return_to_the_end_of_user_space(prompt):
    """A system call in the last bytes of user space cannot make the kernel go on elsewhere."""
    text, events = run(prompt[0], "run edge")
    end = end_of(events, "edge")
    assert end["end"] == "fault" and end["instruction"] == LAST_BYTES[prompt[1]]
    # Where returning would fault in ring 0, the call is not even answered.
    assert (end["vector"], end["refused"]) == ((13, 0) if prompt[1] == "x86_64" else (14, 1))
    assert "the kernel returned" not in text


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["", "nonsense", "-t", "-t nonsense", "-x tour", "tour tour", "-s", "-s 1", "-s tour",
                                   "-s x tour", "-s 0 tour", "-s 86401 tour"])
def test_wrong_uses(prompt, wrong):
    """run answers what it does not understand with its usage."""
    text, events = run(prompt[0], f"run {wrong}")
    assert one(events, "error")["command"] == "run"
    assert "usage: run list|[-t] [-s SECONDS] PROGRAM" in text
