# SPDX-License-Identifier: BSD-2-Clause
"""The linked kernel is what the loader takes, and the check of it finds each fault."""

import pathlib
import struct

import pytest

import check_kernel

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNEL = ROOT / "build/kernel-x86_64.debug.elf"
BASE = 0xFFFFFFFF80000000
PROGRAM_HEADER = 56


class Damaged(check_kernel.Elf):
    """The kernel with bytes of its headers changed; the file itself is not touched."""

    def __init__(self, folder, changes):
        data = bytearray(KERNEL.read_bytes())
        for offset, form, value in changes(data):
            struct.pack_into(form, data, offset, value)
        path = folder / "damaged.elf"
        path.write_bytes(data)
        super().__init__(path)


def check(elf):
    end = check_kernel.check_segments(elf, BASE)
    check_kernel.check_relocations(elf, BASE, end)
    check_kernel.check_symbols(elf, BASE)


def segment(data, wanted):
    """File offset of the first loadable program header with these flags."""
    table, = struct.unpack_from("<Q", data, 32)
    count, = struct.unpack_from("<H", data, 56)
    for index in range(count):
        at = table + index * PROGRAM_HEADER
        if struct.unpack_from("<II", data, at) == (check_kernel.PT_LOAD, wanted):
            return at
    raise AssertionError(f"no segment with flags {wanted}")


def table(elf, name):
    return next(elf.offset_of(value) for symbol, _, _, value in elf.symbols() if symbol == name)


FAULTS = {
    "writable and executable": lambda data: [(segment(data, 5) + 4, "<I", 7)],
    "not page-aligned": lambda data: [(segment(data, 5) + 16, "<Q", BASE + 16)],
    "overlaps the one before": lambda data: [(segment(data, 6) + 16, "<Q", BASE)],
    "impossible size": lambda data: [(segment(data, 4) + 40, "<Q", 1)],
    "not in executable code": lambda data: [(24, "<Q", BASE - 8)],
    "asks for an interpreter": lambda data: [(segment(data, 4), "<I", check_kernel.PT_INTERP)],
}


def test_kernel_passes():
    """The kernel of this build: segments, relocations and its own symbol table are right."""
    check(check_kernel.Elf(KERNEL))


@pytest.mark.parametrize("message", FAULTS)
def test_fault_is_found(tmp_path, message):
    """A kernel with one fault in its headers is refused, with the fault's name."""
    with pytest.raises(check_kernel.Refused, match=message):
        check(Damaged(tmp_path, FAULTS[message]))


PROGRAMS = sorted((ROOT / "build/user").glob("*/*.elf"))


def test_programs_pass():
    """Every user program of this build, of both widths, is what the kernel accepts."""
    assert len(PROGRAMS) == 2 * len(list((ROOT / "user/programs").glob("*.c")))
    for path in PROGRAMS:
        check_kernel.check_program(check_kernel.Elf(path))


PROGRAM_FAULTS = {
    "not a fixed program": (16, "<H", 3),
    "writable and executable": (64 + 4, "<I", 7),
    "not page-aligned": (64 + 16, "<Q", 0x400010),
    "beyond where programs lie": (64 + 2 * PROGRAM_HEADER + 16, "<Q", 0x10000000),
    "lies below": (64 + 16, "<Q", 0x3FF000),
    "not in executable code": (24, "<Q", 0x401000),
}


@pytest.mark.parametrize("message", PROGRAM_FAULTS)
def test_fault_of_a_program_is_found(tmp_path, message):
    """A program with one fault in its headers is refused, with the fault's name."""
    data = bytearray((ROOT / "build/user/x86_64/data.elf").read_bytes())
    offset, form, value = PROGRAM_FAULTS[message]
    struct.pack_into(form, data, offset, value)
    path = tmp_path / "damaged.elf"
    path.write_bytes(data)
    with pytest.raises(check_kernel.Refused, match=message):
        check_kernel.check_program(check_kernel.Elf(path))


def test_moved_code_is_found(tmp_path):
    """A symbol table that is not true of the image is refused."""
    offset = table(check_kernel.Elf(KERNEL), "ksyms_offsets") + 8
    elf = Damaged(tmp_path, lambda data: [(offset, "<I",
                                           struct.unpack_from("<I", data, offset)[0] + 1)])
    with pytest.raises(check_kernel.Refused, match="code moved"):
        check_kernel.check_symbols(elf, BASE)


def test_unknown_relocation_is_found(tmp_path):
    """A relocation of another kind than R_X86_64_RELATIVE is refused."""
    elf = check_kernel.Elf(KERNEL)
    place = next(section[4] for section in elf.sections if section[1] == check_kernel.SHT_RELA
                 and section[2] & check_kernel.SHF_ALLOC and section[5])
    damaged = Damaged(tmp_path, lambda data: [(place + 8, "<Q", 1)])
    with pytest.raises(check_kernel.Refused, match="relocation of kind 0x1"):
        check_kernel.check_relocations(damaged, BASE, BASE + (1 << 30))
