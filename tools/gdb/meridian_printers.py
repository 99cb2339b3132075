# SPDX-License-Identifier: BSD-2-Clause
"""meridian_printers.py - how gdb shows the kernel's one-member structs, and enum status, by itself.

    $1 = 0x1de92000 (physical)        paddr_t
    $2 = 0xfffff00000001000           vaddr_t, with the symbol there if it has one
    $3 = frame 122514 (0x1de92000)    pfn_t
"""

import re

import gdb

from meridian_machine import PAGE, U64_END


def content(value):
    return int(value[value.type.strip_typedefs().fields()[0].name]) & U64_END - 1


class Physical:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return f"{content(self.value):#x} (physical)"


class Virtual:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        address = content(self.value)
        match = re.match(r"(\w+)(?: \+ (\d+))? in section", gdb.execute(f"info symbol {address:#x}", to_string=True))
        if not match:
            return f"{address:#x}"
        return f"{address:#x} <{match.group(1)}{'+' + match.group(2) if match.group(2) else ''}>"


class FrameNumber:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return f"frame {content(self.value)} ({content(self.value) * PAGE:#x})"


class Status:
    """STATUS_NO_MEMORY, and what the kernel's log would call it."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        number = int(self.value)
        name = next((field.name for field in self.value.type.fields() if field.enumval == number), None)
        if name is None:
            return f"{number} (no status)"
        return f"{name} ({name.removeprefix('STATUS_').lower().replace('_', ' ')})"


PRINTERS = {"paddr_t": Physical, "vaddr_t": Virtual, "pfn_t": FrameNumber}


def find(value):
    kind = value.type
    while kind.code == gdb.TYPE_CODE_TYPEDEF:
        if kind.name in PRINTERS:
            return PRINTERS[kind.name](value)
        kind = kind.target()
    unqualified = kind.unqualified()
    if unqualified.code == gdb.TYPE_CODE_ENUM and unqualified.tag == "status":
        return Status(value.cast(unqualified))
    return PRINTERS[unqualified.name](value) if unqualified.name in PRINTERS else None


def register():
    find.name, find.enabled = "meridian", True
    gdb.pretty_printers[:] = [printer for printer in gdb.pretty_printers if getattr(printer, "name", "") != "meridian"]
    gdb.pretty_printers.append(find)
