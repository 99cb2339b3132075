# SPDX-License-Identifier: BSD-2-Clause
"""damage.py - kernels and configurations that are wrong in one way each, and what must be said.

KERNELS: name -> (bytes of the file, words that the loader's reason has to have).
CONFIGS: name -> (bytes of meridian.conf, words). Made from the kernel of this build.
"""

import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNEL = (ROOT / "build/kernel-x86_64.elf").read_bytes() \
    if (ROOT / "build/kernel-x86_64.elf").exists() else b""

# Offsets in the ELF header and in a program header (System V ABI, chapters 4 and 5).
CLASS, DATA, VERSION = 4, 5, 6
TYPE, MACHINE, ENTRY, PROGRAM_HEADERS = 16, 18, 24, 32
HEADER_SIZE, PROGRAM_HEADER_SIZE, PROGRAM_HEADER_COUNT = 52, 54, 56
P_FLAGS, P_OFFSET, P_ADDRESS, P_FILE_SIZE, P_MEMORY_SIZE, P_ALIGN = 4, 8, 16, 32, 40, 48
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_RELA = 7
TEXT, READ_ONLY, DATA_FLAGS = 5, 4, 6
HUGE = 0xFFFFFFFFFFFFF000


def headers():
    """(offset, type, flags) of each program header."""
    table, = struct.unpack_from("<Q", KERNEL, PROGRAM_HEADERS)
    size, count = struct.unpack_from("<HH", KERNEL, PROGRAM_HEADER_SIZE)
    for index in range(count):
        at = table + index * size
        yield (at, *struct.unpack_from("<II", KERNEL, at))


def segment(flags):
    return next(at for at, kind, rights in headers() if (kind, rights) == (PT_LOAD, flags))


def other(kind):
    return next(at for at, found, _ in headers() if found == kind)


def patched(*changes):
    """The kernel with (offset, struct format, value) written into it."""
    data = bytearray(KERNEL)
    for offset, form, value in changes:
        struct.pack_into(form, data, offset, value)
    return bytes(data)


def file_offset(address):
    for at, kind, _ in headers():
        offset, start, _, size = struct.unpack_from("<QQQQ", KERNEL, at + P_OFFSET)
        if kind == PT_LOAD and start <= address < start + size:
            return offset + address - start
    raise AssertionError(f"{address:#x} is not in the file")


def first_relocation():
    """File offset of the first relocation."""
    at = other(PT_DYNAMIC)
    offset, = struct.unpack_from("<Q", KERNEL, at + P_OFFSET)
    while True:
        tag, value = struct.unpack_from("<QQ", KERNEL, offset)
        if tag == DT_RELA:
            return file_offset(value)
        offset += 16


def kernels():
    text, data = segment(TEXT), segment(DATA_FLAGS)
    relocation = first_relocation()
    return {
        "empty": (b"", "ends within the ELF header"),
        "a-text": (b"This is not a kernel at all, but a letter." * 20, "not an ELF file"),
        "cut-in-the-header": (KERNEL[:40], "ends within the ELF header"),
        "cut-in-a-segment": (KERNEL[:8192], "reaches to byte"),
        "class-32": (patched((CLASS, "<B", 1)), "not a 64-bit ELF"),
        "big-endian": (patched((DATA, "<B", 2)), "big-endian"),
        "elf-version": (patched((VERSION, "<B", 9)), "unknown ELF version"),
        "for-i386": (patched((MACHINE, "<H", 3)), "for i386"),
        "for-arm64": (patched((MACHINE, "<H", 183)), "for AArch64"),
        "object-file": (patched((TYPE, "<H", 1)), "not linked"),
        "core-dump": (patched((TYPE, "<H", 4)), "core dump"),
        "header-size": (patched((HEADER_SIZE, "<H", 12)), "header claims 12 bytes"),
        "program-header-size": (patched((PROGRAM_HEADER_SIZE, "<H", 32)), "claim 32 bytes"),
        "no-program-headers": (patched((PROGRAM_HEADER_COUNT, "<H", 0)), "0 program headers"),
        "many-program-headers": (patched((PROGRAM_HEADER_COUNT, "<H", 0xFFFF)),
                                 "65535 program headers"),
        "program-headers-beyond": (patched((PROGRAM_HEADERS, "<Q", 1 << 40)),
                                   "ends within the program headers"),
        "program-headers-wrap": (patched((PROGRAM_HEADERS, "<Q", HUGE)), "program headers"),
        "segment-beyond-file": (patched((text + P_OFFSET, "<Q", 1 << 30)), "reaches to byte"),
        "segment-offset-wraps": (patched((text + P_OFFSET, "<Q", HUGE)), "wraps past 2^64"),
        "segment-address-wraps": (patched((data + P_ADDRESS, "<Q", HUGE)), "wrap past 2^64"),
        "segment-file-larger": (patched((text + P_MEMORY_SIZE, "<Q", 16)),
                                "more bytes in the file than in memory"),
        "segment-of-a-terabyte": (patched((text + P_MEMORY_SIZE, "<Q", 1 << 40)),
                                  "wrap past 2^64|more than 1 GiB"),
        "segment-alignment": (patched((text + P_ALIGN, "<Q", 0x1001)), "no power of two"),
        "segments-overlap": (patched((data + P_ADDRESS, "<Q",
                                      struct.unpack_from("<Q", KERNEL, text + P_ADDRESS)[0])),
                             "overlaps the segment before|out of order"),
        "writable-and-executable": (patched((text + P_FLAGS, "<I", 7)),
                                    "both writable and executable"),
        "wants-an-interpreter": (patched((other(PT_DYNAMIC), "<I", PT_INTERP)), "interpreter"),
        "dynamic-outside": (patched((other(PT_DYNAMIC) + P_ADDRESS, "<Q", 0x1000)),
                            "dynamic section lies outside"),
        "entry-in-data": (patched((ENTRY, "<Q",
                                   struct.unpack_from("<Q", KERNEL, data + P_ADDRESS)[0])),
                          "in no executable segment"),
        "entry-nowhere": (patched((ENTRY, "<Q", 0)), "in no executable segment"),
        "relocation-type": (patched((relocation + 8, "<Q", 1)), "of type 1"),
        "relocation-outside": (patched((relocation, "<Q", HUGE)), "outside of the image"),
    }


CONFIGS = {
    "unknown-key": (b"kernal: \\kernel.elf\n", "key 'kernal' is unknown"),
    "no-colon": (b"# fine\nkernel \\kernel.elf\n", "no ':'"),
    "utf-16": ("cmdline: json\n".encode("utf-16"), "UTF-16"),
    "binary": (bytes(range(256)) * 4, "NUL byte|UTF-8|control character"),
    "twice": (b"timeout: 0\ntimeout: 0\n", "already given in line 1"),
    "no-value": (b"cmdline:\n", "has no value"),
    "too-large": (b"# filler\n" * 10000, "more than 65536"),
    "long-line": (b"cmdline: " + b"x" * 3000 + b"\n", "more than 2048"),
    "timeout-of-words": (b"timeout: soon\n", "not a number"),
    "timeout-too-long": (b"timeout: 99999\n", "more than 3600"),
    "report-maybe": (b"report: maybe\n", "neither yes nor no"),
    "hash-without-kernel": (b"sha256: " + b"0" * 64 + b"\n", "no kernel that it belongs to"),
    "hash-too-short": (b"kernel: \\kernel.elf\nsha256: 1234\n", "64 hexadecimal digits"),
    "hash-not-hexadecimal": (b"kernel: \\kernel.elf\nsha256: " + b"g" * 64 + b"\n",
                             "not hexadecimal"),
    "hash-of-another": (b"kernel: \\kernel.elf\nsha256: " + b"0" * 64 + b"\n",
                        "SHA-256 begins with"),
    "kernel-missing": (b"kernel: \\nowhere\\kernel.elf\n", "no such file"),
    "kernel-is-a-folder": (b"kernel: \\EFI\n", "it is a folder"),
    "module-missing": (b"module: \\nowhere\\ramdisk\n", "no such file"),
}
