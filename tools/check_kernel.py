#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_kernel.py - proves that a linked kernel is what the loader takes, and knows its own names.

    check_kernel.py --base ADDRESS FILE
    check_kernel.py --program FILE

The loader refuses at boot what this refuses at build: segments that are not page-aligned, that
overlap or that are writable and executable, an interpreter, a relocation other than
R_X86_64_RELATIVE, one outside of the image, an entry outside of the code. A 32-bit kernel is fixed,
runs 3 GiB above where it is loaded, and its entry is a physical address in a segment of its own;
its Multiboot header is where loaders look for it. The table of .ksyms,
made from the first link, must agree with the symbols of this one.

A user program is fixed, at the place that include/user/abi.h has for programs, and has nothing left
to relocate.
"""

import argparse
import re
import struct
import sys

ET_EXEC, ET_DYN, EM_386, EM_X86_64 = 2, 3, 3, 62
PT_LOAD, PT_INTERP, PF_X, PF_W = 1, 3, 1, 2
SHT_SYMTAB, SHT_RELA, SHT_REL, SHT_RELR = 2, 4, 9, 19
SHF_ALLOC, SHF_EXECINSTR = 2, 4
STT_SECTION, STT_FILE = 3, 4
R_X86_64_RELATIVE = 8
PAGE = 4096
PROGRAM_START, PROGRAM_END = 0x400000, 0x10000000
MULTIBOOT_MAGIC, MULTIBOOT_BYTES, BOOT_END = 0x1BADB002, 8192, 4 << 20
CLONE = re.compile(r"\.(constprop|isra|part|lto_priv)\..*$")


class Refused(Exception):
    """What is wrong with the image."""


def demand(condition, what):
    if not condition:
        raise Refused(what)


class Elf:
    """As much of a little-endian ELF file of either width as the checks need."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        demand(self.data[:4] == b"\x7fELF" and self.data[4] in (1, 2) and self.data[5] == 1,
               "not a little-endian ELF file")
        self.wide = self.data[4] == 2
        self.type, self.machine = struct.unpack_from("<HH", self.data, 16)
        self.entry, program, section = struct.unpack_from("<QQQ" if self.wide else "<III",
                                                          self.data, 24)
        ph_size, ph_count, sh_size, sh_count = struct.unpack_from("<4H", self.data,
                                                                  54 if self.wide else 42)
        self.segments = [self.segment(program + i * ph_size) for i in range(ph_count)]
        self.sections = [struct.unpack_from("<IIQQQQIIQQ" if self.wide else "<10I", self.data,
                                            section + i * sh_size) for i in range(sh_count)]

    def segment(self, at):
        """Type, flags, offset, virtual and physical address, sizes in file and memory, alignment."""
        if self.wide:
            return struct.unpack_from("<IIQQQQQQ", self.data, at)
        kind, offset, va, pa, filed, size, flags, align = struct.unpack_from("<8I", self.data, at)
        return kind, flags, offset, va, pa, filed, size, align

    def text(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode("ascii", "replace")

    def symbols(self):
        """(name, info, section index, address) of every symbol."""
        for section in self.sections:
            if section[1] != SHT_SYMTAB:
                continue
            strings = self.sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], 24 if self.wide else 16):
                if self.wide:
                    name, info, _, index, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
                else:
                    name, value, _, info, _, index = struct.unpack_from("<IIIBBH", self.data, at)
                yield self.text(strings + name), info, index, value

    def offset_of(self, address):
        """Where the file has what stands at a virtual address."""
        for kind, _, offset, start, _, file_size, _, _ in self.segments:
            if kind == PT_LOAD and start <= address < start + file_size:
                return offset + address - start
        raise Refused(f"the file has nothing for {address:#x}")

    def words(self, address, count):
        return struct.unpack_from(f"<{count}I", self.data, self.offset_of(address))


def check_segments(elf, base):
    loads = [s for s in elf.segments if s[0] == PT_LOAD and (s[5] or s[6])]
    end = base
    demand(loads, "no segments to load")
    for _, flags, _, address, _, file_size, memory_size, _ in loads:
        where = f"segment at {address:#x}"
        demand(address % PAGE == 0, f"{where} is not page-aligned")
        demand(address >= end, f"{where} overlaps the one before, or lies below {base:#x}")
        demand(not (flags & PF_W and flags & PF_X), f"{where} is writable and executable")
        demand(0 < memory_size >= file_size, f"{where} has an impossible size")
        end = address + memory_size
    demand(not any(s[0] == PT_INTERP for s in elf.segments), "it asks for an interpreter")
    demand(any(s[1] & PF_X and s[3] <= elf.entry < s[3] + s[6] for s in loads),
           f"the entry {elf.entry:#x} is not in executable code")
    return end


def check_relocations(elf, base, end):
    for section in elf.sections:
        if not section[2] & SHF_ALLOC or section[5] == 0:
            continue
        demand(section[1] not in (SHT_REL, SHT_RELR), "it has relocations without addends")
        if section[1] != SHT_RELA:
            continue
        for at in range(section[4], section[4] + section[5], 24):
            offset, info, addend = struct.unpack_from("<QQQ", elf.data, at)
            demand(info == R_X86_64_RELATIVE, f"a relocation of kind {info:#x} at {offset:#x}")
            demand(base <= offset <= end - 8, f"a relocation of {offset:#x}, outside of the image")
            demand(base <= addend <= end, f"a relocation to {addend:#x}, outside of the image")


def check_multiboot(elf, base):
    """What a Multiboot loader needs: the header, and segments at the physical addresses they have."""
    boot, *rest = [s for s in elf.segments if s[0] == PT_LOAD]
    head = elf.data[:MULTIBOOT_BYTES]
    at = next((i for i in range(0, len(head) - 11, 4)
               if struct.unpack_from("<I", head, i)[0] == MULTIBOOT_MAGIC), None)
    demand(at is not None, "no Multiboot header in the first 8 KiB")
    demand(sum(struct.unpack_from("<3I", head, at)) % 2**32 == 0, "a wrong Multiboot checksum")
    demand(boot[3] == boot[4] and boot[3] <= elf.entry < boot[3] + boot[6],
           "the entry is not a physical address of the first segment")
    for _, flags, _, address, physical, _, _, _ in rest:
        demand(address - physical == base - boot[3], f"segment at {address:#x} is loaded elsewhere")
        demand(not (flags & PF_W and flags & PF_X), f"{address:#x} is writable and executable")
        demand(address % PAGE == 0, f"segment at {address:#x} is not page-aligned")
    demand(rest[-1][4] + rest[-1][6] <= BOOT_END, "the image ends beyond what the boot directory maps")


def check_program(elf):
    demand((elf.type, elf.machine) == (ET_EXEC, EM_X86_64 if elf.wide else EM_386),
           "not a fixed program")
    demand(check_segments(elf, PROGRAM_START) <= PROGRAM_END, "it reaches beyond where programs lie")
    demand(not any(s[1] in (SHT_REL, SHT_RELA, SHT_RELR) and s[5] for s in elf.sections),
           "something is left to relocate")


def check_symbols(elf, base):
    functions, tables = {}, {}
    executable = {i for i, s in enumerate(elf.sections) if s[2] & SHF_EXECINSTR}
    for name, info, index, value in elf.symbols():
        if name.startswith("ksyms_"):
            tables[name] = value
        elif index in executable and info & 15 not in (STT_SECTION, STT_FILE):
            functions.setdefault(value - base, set()).add(CLONE.sub("", name))
    count, = elf.words(tables["ksyms_count"], 1)
    demand(count > 0, "the symbol table is empty")
    offsets = elf.words(tables["ksyms_offsets"], count)
    names = elf.words(tables["ksyms_name_offsets"], count)
    demand(list(offsets) == sorted(set(offsets)), "the symbol table is not sorted")
    for offset, name_at in zip(offsets, names):
        name = elf.text(elf.offset_of(tables["ksyms_names"] + name_at))
        demand(name in functions.get(offset, ()),
               f"the symbol table says {name} at {offset:#x}, the image does not: code moved "
               "between the two links; .ksyms must lie behind all code")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", type=lambda text: int(text, 0))
    parser.add_argument("--program", action="store_true")
    parser.add_argument("file")
    options = parser.parse_args()
    try:
        elf = Elf(options.file)
        if options.program:
            check_program(elf)
            return
        if elf.wide:
            demand((elf.type, elf.machine) == (ET_DYN, EM_X86_64), "not an x86-64 PIE")
            end = check_segments(elf, options.base)
            check_relocations(elf, options.base, end)
        else:
            demand((elf.type, elf.machine) == (ET_EXEC, EM_386), "not a fixed i386 image")
            check_multiboot(elf, options.base)
        check_symbols(elf, options.base)
    except (Refused, KeyError, struct.error) as refusal:
        sys.exit(f"check_kernel.py: {options.file}: {refusal}")


if __name__ == "__main__":
    main()
