# SPDX-License-Identifier: BSD-2-Clause
"""multiboot_block.py - a Multiboot information block as a test wants it, right or wrong.

    block = Block(map=[(0, 0x9FC00, USABLE), (MIB, 63 * MIB, USABLE)], command_line=b"json\\0")
    block.info["map_bytes"] = 0xFFFFFFFF
    path.write_bytes(block.script())

A block and what it points to are pieces of memory, from LOW on; script() is what
tests/qemu/multiboot/shim.asm writes there before it enters the kernel. A field that is set in
`info` is what the kernel reads, whatever the parts say; `pieces` may get more of them.

Source: Multiboot Specification 0.6.96, 3.3.
"""

import struct

LOADER_MAGIC = 0x2BADB002
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
USABLE, RESERVED = 1, 2
HAS_SIZES, HAS_COMMAND_LINE, HAS_MODULES, HAS_MAP, HAS_LOADER_NAME, HAS_FRAMEBUFFER = (
    1 << bit for bit in (0, 2, 3, 6, 9, 12))
LOW = 0x9000
MEMORY_MIB = 64                     # of the machine that conftest.py starts with a block
# What that machine has, but for its last MiB, where the BIOS keeps tables.
TRUE_MAP = [(0, 0x9FC00, USABLE), (0x9FC00, 0x400, RESERVED), (0xF0000, 0x10000, RESERVED),
            (MIB, (MEMORY_MIB - 2) * MIB, USABLE)]
INFO_BYTES = 116
FIELDS = {"flags": 0, "mem_lower": 4, "mem_upper": 8, "command_line": 16, "module_count": 20,
          "modules": 24, "map_bytes": 44, "map": 48, "loader_name": 64, "framebuffer_low": 88,
          "framebuffer_high": 92, "stride": 96, "width": 100, "height": 104, "bits_and_type": 108}


class Block:
    """`map` has rows (base, size, type), `modules` rows (start, end, name's address)."""

    def __init__(self, map=(), command_line=None, modules=(), entry_bytes=20, **info):
        self.eax, self.ebx = LOADER_MAGIC, LOW
        self.pieces = []
        self.used = LOW + INFO_BYTES + 4
        self.info = {"flags": 0}
        if map:
            rows = b"".join(struct.pack("<IQQII", entry_bytes, *row, 1)[:4 + entry_bytes] for row in map)
            self.point("map", HAS_MAP, rows)
            self.info["map_bytes"] = len(rows)
        if command_line is not None:
            self.point("command_line", HAS_COMMAND_LINE, command_line)
        if modules:
            self.point("modules", HAS_MODULES, b"".join(struct.pack("<IIII", *row, 0) for row in modules))
            self.info["module_count"] = len(modules)
        self.info["flags"] |= info.pop("flags", 0)
        self.info.update(info)

    def put(self, content):
        """Bytes into low memory; returns their address."""
        address = self.used
        self.pieces.append((address, content))
        self.used += (len(content) + 3) & ~3
        return address

    def point(self, field, flag, content):
        self.info[field] = self.put(content)
        self.info["flags"] |= flag

    def script(self):
        """What the shim reads: registers, then the pieces."""
        block = bytearray(INFO_BYTES)
        for name, value in self.info.items():
            struct.pack_into("<I", block, FIELDS[name], value)
        pieces = [*self.pieces, (LOW, bytes(block))]
        return struct.pack("<III", self.eax, self.ebx, len(pieces)) + b"".join(
            struct.pack("<II", address, len(content)) + content for address, content in pieces)
