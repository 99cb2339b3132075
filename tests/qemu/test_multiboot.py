# SPDX-License-Identifier: BSD-2-Clause
"""Whatever a Multiboot loader leaves, the booted kernel lives with it or says why not.

QEMU starts tests/qemu/multiboot/shim.asm, which starts the kernel with a block that the test wrote.
QEMU runs with -no-reboot: a triple fault would end it, without the words and with another code than
those that are asked for. A kernel that lives proves it by the self-test that reads memory back."""

import pytest

from harness import EXIT_FAILURE, EXIT_SUCCESS
from multiboot_block import (GIB, HAS_FRAMEBUFFER, HAS_LOADER_NAME, HAS_SIZES, KIB, LOW, MEMORY_MIB, MIB, RESERVED,
                             TRUE_MAP, USABLE, Block)

VIDEO = 0xB8000
ISA_HOLE = 15 * MIB
NOWHERE = 256 * MIB                 # below the end of the direct map, beyond all memory
TOP = 0xFFFFFFF0
COMMAND_LINE = b'json run="selftest memory; exit" exit\0'
LOW_MAP = TRUE_MAP[:3]


def block(rows=None, command_line=COMMAND_LINE, changes=None, **info):
    """A block like any loader's, but for what is given; `changes` are its fields once it is whole."""
    made = Block(TRUE_MAP if rows is None else rows, command_line, **info)
    made.info.update(changes or {})
    return made


def registers(eax=None, ebx=None):
    made = block()
    made.eax = made.eax if eax is None else eax
    made.ebx = made.ebx if ebx is None else ebx
    return made


# name: (block, what the kernel says about it)
SURVIVED = {
    "20-byte-entries": (block(), ""),
    "24-byte-entries": (block(entry_bytes=24), ""),
    "sizes-alone": (block([], flags=HAS_SIZES, mem_lower=640, mem_upper=62 * KIB), "no map of memory"),
    "absurd-sizes": (block([], flags=HAS_SIZES, mem_lower=0xFFFFFFFF, mem_upper=0xFFFFFFFF),
                     "does not answer: left alone"),
    "map-of-4-GiB": (block(changes={"map_bytes": 0xFFFFFFFF}), "is broken"),
    "map-at-the-video-memory": (block(changes={"map": VIDEO}, flags=HAS_SIZES, mem_lower=640,
                                      mem_upper=62 * KIB), "is broken"),
    "map-beyond-memory": (block(changes={"map": TOP}, flags=HAS_SIZES, mem_lower=640,
                                mem_upper=62 * KIB), "is broken"),
    "wrapped-ranges": (block([*TRUE_MAP, ((1 << 64) - 4096, 8192, USABLE), (2 * GIB, (1 << 64) - 1, USABLE),
                              ((1 << 64) - 1, 1, RESERVED)]), ""),
    "range-of-2^62-bytes": (block([*LOW_MAP, (MIB, 1 << 62, USABLE)]), "does not answer: left alone"),
    "range-to-2^64": (block([*TRUE_MAP, (63 * MIB, (1 << 64) - 63 * MIB, USABLE)],
                            modules=[(32 * MIB, 33 * MIB, NOWHERE)]), ""),
    "memory-that-is-not-there": (block([*TRUE_MAP, (64 * MIB, GIB, USABLE)]), "does not answer: left alone"),
    "memory-above-4-GiB-that-is-not-there": (block([*TRUE_MAP, (4 * GIB, 4 * GIB, USABLE)]),
                                             "does not answer: left alone"),
    "modules-over-the-kernel": (block(modules=[(MIB, 2 * MIB, 0), (0, 0xFFFFFFFF, 0), (LOW, 2 * LOW, 0)]),
                                "module 1 of 3, [mem 0x00100000-0x00200000): it is not in free memory"),
    "module-that-wraps": (block(modules=[(TOP & ~0xFFF, 0x1000, 0)]), "it ends before it starts"),
    "module-beyond-memory": (block(modules=[(NOWHERE, NOWHERE + 4096, 0)]), "it is not in free memory"),
    "module-with-a-name-nowhere": (block(modules=[(32 * MIB, 33 * MIB, NOWHERE)]), "no end within"),
    "4-Gi-modules": (block(modules=[(32 * MIB, 33 * MIB, 0)], changes={"module_count": 0xFFFFFFFF}),
                     "the rest is left out"),
    "modules-in-a-hole": (block(modules=[(0, 0, 0)], changes={"modules": ISA_HOLE * 8}), "the rest is left out"),
    "loader-name-in-the-video-memory": (block(flags=HAS_LOADER_NAME, loader_name=VIDEO), "no end within"),
    "framebuffer-over-the-kernel": (block(flags=HAS_FRAMEBUFFER, framebuffer_low=MIB, stride=4096,
                                          width=1024, height=768, bits_and_type=0x0120), "cannot be: left out"),
    "framebuffer-over-everything": (block(flags=HAS_FRAMEBUFFER, framebuffer_low=2 * MIB, stride=0xFFFFFFFF,
                                          width=1024, height=0xFFFFFFFF, bits_and_type=0x0120),
                                    "cannot be: left out"),
    "every-flag": (block(flags=0xFFFFFFFF & ~HAS_FRAMEBUFFER), ""),
}
# The kernel runs, but whoever started it did not manage to tell it what to do.
UNGUIDED = {
    "command-line-without-end": (block(command_line=b"exit " + b"x" * 5000), "no end within 4096 bytes"),
    "command-line-in-the-video-memory": (block(changes={"command_line": VIDEO}), "no end within"),
    "command-line-in-the-ISA-hole": (block([*LOW_MAP, (MIB, 14 * MIB, USABLE), (16 * MIB, 46 * MIB, USABLE)],
                                           changes={"command_line": ISA_HOLE}), "no end within"),
    "command-line-beyond-memory": (block(changes={"command_line": NOWHERE}), "no end within"),
    "command-line-at-the-top": (block(changes={"command_line": TOP}), "no end within"),
    "no-command-line": (block(command_line=None, changes={}), ""),
}
REFUSED = {
    "no-map-at-all": (block([]), "neither a map nor mem_lower and mem_upper"),
    "map-without-memory": (block([(0, 4 * GIB, RESERVED)]), "neither a map nor mem_lower and mem_upper"),
    "one-page": (block([(MIB, 4096, USABLE)]), "is free memory"),
    "no-memory-where-the-kernel-is": (block([(16 * MIB, 16 * MIB, USABLE)]), "cannot be used"),
    "the-kernel-and-no-more": (block([(MIB, 64 * KIB, USABLE)]), "cannot be used"),
    "20000-entries": (block([*TRUE_MAP, *[(MIB * 2, 4096, USABLE)] * 20000]), "does not fit"),
}
# Not even the command line can be read, which could ask for an end: the report stays on the screen.
REFUSED_UNGUIDED = {
    "another-magic": (registers(eax=0x36D76289), "wants a Multiboot 1 loader"),
    "block-in-the-video-memory": (registers(ebx=VIDEO), "is out of reach"),
    "block-beyond-memory": (registers(ebx=NOWHERE), "is out of reach"),
    "block-at-the-top": (registers(ebx=TOP), "is out of reach"),
    "block-at-an-odd-end": (registers(ebx=MEMORY_MIB * MIB - 3), "is out of reach"),
}


@pytest.mark.parametrize("name", SURVIVED)
def test_survived(start, name):
    """What makes no sense is left out with a message; the kernel boots, and its memory is memory."""
    hostile, message = SURVIVED[name]
    with start(hostile) as run:
        assert run.finish() == EXIT_SUCCESS, run.fail("the kernel did not live")
    assert message in run.text()
    assert run.event("selftests")["failed"] == 0


@pytest.mark.parametrize("name", UNGUIDED)
def test_survived_to_the_prompt(start, name):
    """A command line that cannot be read is none: the message says so, and the monitor asks."""
    hostile, message = UNGUIDED[name]
    with start(hostile) as run:
        assert message in run.prompt()
        assert "passed" in run.command("selftest memmap")


@pytest.mark.parametrize("name", REFUSED)
def test_refused(start, name):
    """Where there is nothing to live on, the report says what is wrong, and the machine ends as asked."""
    hostile, message = REFUSED[name]
    with start(hostile) as run:
        assert run.finish() == EXIT_FAILURE, run.fail("the kernel did not refuse")
    assert message in run.text()
    assert "the kernel has failed" in run.text()


@pytest.mark.parametrize("name", REFUSED_UNGUIDED)
def test_refused_on_the_screen(start, name):
    """A block that cannot be read is refused with its address; the machine stands still and runs on."""
    hostile, message = REFUSED_UNGUIDED[name]
    with start(hostile) as run:
        said, _ = run.expect("stack trace:")
        assert message in said and "the kernel has failed" in said
        assert run.qmp("query-status")["running"]
