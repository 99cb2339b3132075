#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""pe.py - seals and checks a UEFI application.

    pe.py seal FILE             sets NX_COMPAT, clears the time stamp, writes the checksum
    pe.py check [--so ELF] FILE proves what firmware and shim ask of an image
    pe.py pin --conf CONF FILE  pins a loader to a configuration (efi/pin.h); to be done before signing

Offsets are those of "PE Format" (Microsoft, revision 2023). The check demands: PE32+ for x86-64,
subsystem EFI application; sections aligned to 4 KiB in memory, in order, disjoint, inside the file
and inside SizeOfImage; no section both writable and executable, none empty; NX_COMPAT set; a base
relocation directory; the checksum right. With --so, also: every dynamic relocation of the ELF file
that the image was made from is R_X86_64_RELATIVE and lies in the table that _relocate() walks.
"""

import argparse
import hashlib
import struct
import sys

NX_COMPAT = 0x0100
MACHINE_AMD64 = 0x8664
PE32_PLUS = 0x20B
SUBSYSTEM_EFI_APPLICATION = 10
DIRECTORY_BASE_RELOCATION = 5
EXECUTE, WRITE = 0x20000000, 0x80000000
PAGE = 4096

# Offsets from the PE signature.
TIME_STAMP, SECTION_COUNT, OPTIONAL_SIZE, OPTIONAL = 8, 6, 20, 24
# Offsets from the optional header.
SECTION_ALIGNMENT, FILE_ALIGNMENT, IMAGE_SIZE, CHECKSUM = 32, 36, 56, 64
SUBSYSTEM, DLL_CHARACTERISTICS, DIRECTORIES = 68, 70, 112

PIN_MARK = b"MERIDIAN PINNED\0"
PIN_IS_SET, PIN_DIGEST = 16, 20  # offsets from the mark: efi/pin.h

DT_RELA, DT_RELASZ, DT_RELACOUNT = 7, 8, 0x6FFFFFF9
R_X86_64_NONE, R_X86_64_RELATIVE = 0, 8
SHT_RELA, SHT_DYNAMIC, SHF_ALLOC = 4, 6, 2


class Refused(Exception):
    """What is wrong with the file, and what to do about it."""


def demand(condition, what):
    if not condition:
        raise Refused(what)


class Image:
    """A PE file in memory; fields are read and written by offset."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        demand(self.data[:2] == b"MZ", "no MZ signature: not a PE file")
        self.pe = self.u32(0x3C)
        demand(self.data[self.pe:self.pe + 4] == b"PE\0\0", "no PE signature")
        self.optional = self.pe + OPTIONAL
        self.sections = [self.section(index) for index in range(self.u16(self.pe + SECTION_COUNT))]

    def u16(self, offset):
        return struct.unpack_from("<H", self.data, offset)[0]

    def u32(self, offset):
        return struct.unpack_from("<I", self.data, offset)[0]

    def section(self, index):
        at = self.optional + self.u16(self.pe + OPTIONAL_SIZE) + 40 * index
        name = self.data[at:at + 8].rstrip(b"\0").decode("ascii", "replace")
        size, address, raw_size, raw = struct.unpack_from("<4I", self.data, at + 8)
        return {"name": name, "size": size, "address": address, "raw_size": raw_size, "raw": raw,
                "flags": self.u32(at + 36)}

    def checksum(self):
        """The sum of "PE Format", with the field itself taken as zero."""
        data = bytes(self.data) + b"\0" * (-len(self.data) % 2)
        at = (self.optional + CHECKSUM) // 2
        words = struct.unpack(f"<{len(data) // 2}H", data)
        total = sum(words) - words[at] - words[at + 1]
        while total > 0xFFFF:
            total = (total & 0xFFFF) + (total >> 16)
        return total + len(self.data)


def seal(path):
    image = Image(path)
    flags = image.u16(image.optional + DLL_CHARACTERISTICS) | NX_COMPAT
    struct.pack_into("<H", image.data, image.optional + DLL_CHARACTERISTICS, flags)
    struct.pack_into("<I", image.data, image.pe + TIME_STAMP, 0)
    struct.pack_into("<I", image.data, image.optional + CHECKSUM, image.checksum())
    with open(path, "wb") as file:
        file.write(image.data)


def pin(path, configuration):
    """Writes the SHA-256 of the configuration behind the mark."""
    image = Image(path)
    demand(image.data.count(PIN_MARK) == 1, "there is no single place for a pin: not a Meridian loader")
    with open(configuration, "rb") as file:
        digest = hashlib.sha256(file.read()).digest()
    at = image.data.index(PIN_MARK)
    struct.pack_into("<I", image.data, at + PIN_IS_SET, 1)
    image.data[at + PIN_DIGEST:at + PIN_DIGEST + len(digest)] = digest
    struct.pack_into("<I", image.data, image.optional + CHECKSUM, image.checksum())
    with open(path, "wb") as file:
        file.write(image.data)


def check_sections(image):
    end = 0
    demand(image.sections, "no sections")
    for section in image.sections:
        name = section["name"]
        demand(section["size"] > 0, f"section {name} is empty: leave it out of objcopy -j")
        demand(section["address"] % PAGE == 0, f"section {name} is not aligned to 4 KiB")
        demand(section["address"] >= end, f"section {name} overlaps the one before it")
        demand(section["raw"] + section["raw_size"] <= len(image.data),
               f"section {name} ends beyond the file")
        demand(not (section["flags"] & WRITE and section["flags"] & EXECUTE),
               f"section {name} is writable and executable: split it")
        end = section["address"] + section["size"]
    demand(end <= image.u32(image.optional + IMAGE_SIZE), "sections end beyond SizeOfImage")


def check_image(image):
    optional = image.optional
    demand(image.u16(image.pe + 4) == MACHINE_AMD64, "the machine is not x86-64")
    demand(image.u16(optional) == PE32_PLUS, "not PE32+")
    demand(image.u16(optional + SUBSYSTEM) == SUBSYSTEM_EFI_APPLICATION,
           "the subsystem is not EFI application")
    demand(image.u32(optional + SECTION_ALIGNMENT) >= PAGE, "sections are not aligned to 4 KiB")
    demand(image.u16(optional + DLL_CHARACTERISTICS) & NX_COMPAT,
           "NX_COMPAT is not set: run pe.py seal")
    at = optional + DIRECTORIES + 8 * DIRECTORY_BASE_RELOCATION
    demand(image.u32(at) and image.u32(at + 4), "no base relocations: firmware cannot move it")
    demand(image.u32(optional + CHECKSUM) == image.checksum(), "the checksum is wrong")
    check_sections(image)


def elf_sections(data):
    """(type, flags, address, offset, size) of every section of a 64-bit ELF file."""
    table, = struct.unpack_from("<Q", data, 40)
    entry_size, count = struct.unpack_from("<HH", data, 58)
    for index in range(count):
        fields = struct.unpack_from("<IIQQQQ", data, table + index * entry_size)
        yield fields[1:6]


def check_relocations(image, so_path):
    """_relocate() of gnu-efi walks DT_RELASZ bytes from DT_RELA: nothing may lie elsewhere."""
    with open(so_path, "rb") as file:
        data = file.read()
    dynamic, sections = {}, list(elf_sections(data))
    for kind, _, _, offset, size in sections:
        if kind == SHT_DYNAMIC:
            for at in range(offset, offset + size, 16):
                tag, value = struct.unpack_from("<qQ", data, at)
                dynamic.setdefault(tag, value)
    start = dynamic.get(DT_RELA, 0)
    end = start + dynamic.get(DT_RELASZ, 0)
    for kind, flags, address, offset, size in sections:
        if kind != SHT_RELA or not flags & SHF_ALLOC or size == 0:
            continue
        demand(start <= address and address + size <= end,
               f"relocations at {address:#x} lie outside of DT_RELA {start:#x}-{end:#x}")
        demand(any(s["address"] <= address and address + size <= s["address"] + s["size"]
                   for s in image.sections), f"relocations at {address:#x} were not copied")
        for at in range(offset, offset + size, 24):
            kind_of = struct.unpack_from("<QQ", data, at)[1] & 0xFFFFFFFF
            demand(kind_of in (R_X86_64_NONE, R_X86_64_RELATIVE),
                   f"a relocation of type {kind_of}: _relocate() of gnu-efi ignores it")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("seal", "check", "pin"))
    parser.add_argument("--so")
    parser.add_argument("--conf")
    parser.add_argument("file")
    options = parser.parse_args()
    try:
        if options.action == "seal":
            seal(options.file)
        elif options.action == "pin":
            pin(options.file, options.conf)
        else:
            image = Image(options.file)
            check_image(image)
            if options.so:
                check_relocations(image, options.so)
    except (Refused, OSError, struct.error) as refusal:
        sys.exit(f"pe.py: {options.file}: {refusal}")


if __name__ == "__main__":
    main()
