# SPDX-License-Identifier: BSD-2-Clause
"""The 32-bit kernel boots by Multiboot on old and new processors, and proves its memory there.

The machine is QEMU's own Multiboot loader: no firmware volume, no disk. What is the same on both
widths is tested for both where the other width is: faults in test_monitor.py, PCI in test_pci.py."""

import re

import pytest

import matrix
from harness import EXIT_FAILURE, EXIT_SUCCESS, I386
from memory_view import flat_view, ram_of, table_of

MIB, GIB, PAGE = 1 << 20, 1 << 30, 4096
# The hole from 640 KiB to 1 MiB is RAM to QEMU; the BIOS keeps its tables at the top of low memory.
KEPT_BY_BIOS = MIB


@pytest.mark.parametrize("name", matrix.half())
def test_machine(boot, name):
    """The machine boots, all self-tests pass, and QEMU leaves with the code of success."""
    run = boot(cmdline=matrix.CMDLINE, **matrix.half()[name])
    assert run.code == EXIT_SUCCESS and matrix.problem(run) is None, run.fail(matrix.problem(run) or f"exit code {run.code}")


@pytest.mark.parametrize("name, end", (
    ("pentium-4G-pc", 4 * GIB), ("qemu32-4G-pc", 4 * GIB), ("max-4G-q35", None), ("x86_64-16G-pc", None),
    ("x86_64-64G-q35", None)))
def test_all_memory_is_used(machine, name, end):
    """What QEMU calls RAM is usable and in the pool, but for what the BIOS keeps: with PAE all of it,
    with 2 levels what lies below 4 GiB; of the rest the kernel says so."""
    with machine(cmdline='json run="frames"', **matrix.fields(matrix.rows()[name])) as run:
        run.prompt()
        ram = ram_of(flat_view(run))
        table = table_of(run)
    usable = [(low, high) for low, high, row in table if row["type"] == "usable"]
    assert all(any(first <= low and high <= last for first, last in ram) for low, high in usable)
    expected = sum(min(high, end or high) - low for low, high in ram if low < (end or high))
    assert sum(high - low for low, high in usable) >= expected - KEPT_BY_BIOS
    assert run.events("frames")[-1]["managed"] * PAGE >= expected - 2 * KEPT_BY_BIOS
    beyond = [row for row in run.events("change") if row["reason"] == "beyond the physical address limit"]
    assert bool(beyond) == (end is not None)


BENCH_VM = ["demand-zero fault", "copy-on-write fault", "map+unmap 1", "map+unmap 50", "map+unmap 1500"]


def test_spaces_and_their_cost(boot):
    """A thousand spaces leave as many frames free as they found, and bench vm measures each operation."""
    line = 'json run="stress spaces 1000; frames; bench vm; stress spaces; frames; exit" exit'
    run = boot(cmdline=line, **I386)
    assert run.code == EXIT_SUCCESS, run.fail(f"exit code {run.code}")
    assert [event["result"] for event in run.events("selftest")] == 2 * ["passed"]
    assert [event["name"] for event in run.events("bench")] == BENCH_VM
    before, after = [event["free"] for event in run.events("frames")][-2:]
    assert before == after


def test_load_on_frames(boot):
    """Operations of the frame allocator against a model: nothing lost, nothing twice, all free as at first."""
    run = boot(cmdline='json run="stress frames 30000; stress heap 20000; exit"', **I386)
    assert run.code == EXIT_SUCCESS
    assert [event["result"] for event in run.events("selftest")] == 2 * ["passed"]
    assert run.events("selftest")[0]["checks"] > 60000


@pytest.mark.parametrize("wish, levels", (("2level", 2), ("pae", 3)))
def test_format_can_be_chosen(boot, wish, levels):
    """pt= chooses the format of the page tables."""
    run = boot(cmdline=f'json pt={wish} run="selftest tables; exit"', **I386)
    assert run.code == EXIT_SUCCESS
    assert run.event("boot")["table_levels"] == levels


@pytest.mark.parametrize("wish, problem", (
    ("pt=6level", "pt=6level: needs 4level or 5level on x86-64, 2level or pae on i386: ignored"),
    ("pt=5level", "pt=5level: not on this processor by this loader; the page tables have 3 levels"),
    ("heap-max=1G", "heap-max=1G is more than the heap's window has from its start on: ignored "
                    "(the window is 0xf1000000 to 0xfeffffff)")))
def test_wishes_that_cannot_be_granted(boot, wish, problem):
    """A format that there is not, or a heap that does not fit, is told of and the boot goes on."""
    run = boot(cmdline=f'json {wish} run="exit"', **I386)
    assert run.code == EXIT_SUCCESS
    assert problem in run.text()


@pytest.mark.parametrize("fields", (I386, {}), ids=("i386", "x86_64"))
def test_heap_window_can_be_chosen(boot, fields):
    """heap-start= and heap-max= move and bound the heap's window; its self-test passes there."""
    start, size = (0xf2000000 if fields else 0xffffe10000000000), 16 * MIB
    run = boot(cmdline=f'json heap-start={start:#x} heap-max=16M run="selftest heap seed=1; kmalloc 64; heap; '
               f'kmalloc 17M; exit"', **fields)
    assert run.event("selftests")["failed"] == 0
    assert start < int(run.event("kmalloc")["address"], 16) < start + size
    assert run.event("heap")["window_bytes"] == size
    assert run.code == EXIT_FAILURE and "kmalloc 17M" in run.text()


@pytest.mark.parametrize("name", ("double", "stack"))
def test_depth_of_the_double_fault_stack(machine, name):
    """The report of a double fault takes at most three quarters of the one page that its task has.
    Fresh stacks are zeros: the lowest word that is not tells how deep it went."""
    with machine(cmdline="json", **I386) as run:
        run.prompt()
        run.type(f"fault {name}\r")
        run.expect("The machine is stopped")
        stacks = [(int(first, 16), int(end, 16)) for first, end in
                  re.findall(r"([0-9a-f]+)-([0-9a-f]+) [0-9a-f]+ -rw", run.hmp("info mem"))]
        start, end = next((first, end) for first, end in stacks
                          if 0xff400000 <= first < 0xff800000 and end - first == PAGE)
        words = [int(word, 16) for word in
                 re.findall(r"0x([0-9a-f]{8})", run.hmp(f"x /{PAGE // 4}wx {start:#x}"))]
    assert len(words) == PAGE // 4
    used = PAGE - 4 * next(i for i, word in enumerate(words) if word)
    assert PAGE // 8 < used <= PAGE * 3 // 4, used
