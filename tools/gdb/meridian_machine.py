# SPDX-License-Identifier: BSD-2-Clause
"""meridian_machine.py - the processor and the memory behind gdb, and where the kernel's image lies.

Page tables are read by physical address, so that a walk needs nothing of the kernel: it works at any
instruction, in the firmware as well. QEMU's stub reads physical memory in a mode of its own
(Qqemu.PhyMemMode); addresses that gdb cannot name on i386, above 4 GiB, are read through QEMU's monitor.

The image of x86-64 slides. Its pages are the only ones in the last 2 GiB; so the lowest page that is
mapped there is its first, and the distance from where it was linked is the slide. That it is this
kernel, and no other, is proved by comparing its first page of code with the ELF file.
"""

import re
import struct

import gdb

PAGE = 4096
U64_END = 1 << 64
CR0_PAGING, CR4_PAE, CR4_LA57, EFER_LONG = 1 << 31, 1 << 5, 1 << 12, 1 << 10
PRESENT, WRITE, USER, LARGE, GLOBAL, NX = 1, 2, 4, 1 << 7, 1 << 8, 1 << 63
PHYSICAL_MODE = "maintenance packet Qqemu.PhyMemMode:"
CACHES = ("", "wc", "uc-", "uc", "wt", "wc", "uc-", "uc")    # by PAT, PCD, PWT, as the kernel sets the PAT register
COMPARED_BYTES = 2048
LOAD, EXECUTABLE = 1, 1         # of a program header: its type, its flags


class Trouble(gdb.GdbError):
    """What a command cannot do, and why; gdb shows the text."""


def need_machine():
    if not gdb.selected_inferior().pid or not gdb.selected_inferior().threads():
        raise Trouble("no machine is connected; start one with 'make debug', or connect with 'target remote ...'")


def register(name):
    try:
        return int(gdb.newest_frame().read_register(name))
    except (ValueError, gdb.error, TypeError):
        pass
    match = re.search(rf"^{name}\s+(0x[0-9a-f]+)", gdb.execute(f"info registers {name}", to_string=True), re.MULTILINE)
    if not match:
        raise Trouble(f"the machine does not tell its register {name}: is it QEMU?")
    return int(match.group(1), 16)


# --- physical memory --------------------------------------------------------------------------


def read_by_monitor(address, size):
    words = gdb.execute(f"monitor xp /{size // 8}gx {address:#x}", to_string=True)
    found = re.findall(r"0x([0-9a-f]{16})\b", re.sub(r"(?m)^[0-9a-f]+:", "", words))
    if len(found) * 8 != size:
        raise Trouble(f"physical memory at {address:#x} could not be read: {words.strip()}")
    return struct.pack(f"<{len(found)}Q", *(int(word, 16) for word in found))


def read_physical(address, size):
    """`size` bytes, a multiple of 8."""
    if address + size > 1 << 32 and is_i386():
        return read_by_monitor(address, size)
    if '"OK"' not in gdb.execute(PHYSICAL_MODE + "1", to_string=True):
        raise Trouble("the debugger's stub cannot read physical memory: QEMU 4.1 or later can")
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except gdb.error as error:
        raise Trouble(f"physical memory at {address:#x} could not be read: {error}") from None
    finally:
        gdb.execute(PHYSICAL_MODE + "0", to_string=True)


def is_i386():
    return gdb.selected_inferior().architecture().name() in ("i386", "i8086")


# --- page tables ------------------------------------------------------------------------------


class Step:
    """One entry on the way of an address."""

    def __init__(self, level, table, index, entry, leaf):
        self.level, self.table, self.index, self.entry, self.leaf = level, table, index, entry, leaf
        self.present = bool(entry & PRESENT)


class Leaf:
    """A page that is mapped; rights are those of all levels together."""

    def __init__(self, address, target, size, rights):
        self.address, self.target, self.size, self.rights = address, target, size, rights

    @property
    def end(self):
        return self.address + self.size


class Tables:
    """The page tables of the processor, as its registers say: 5, 4, 3 (PAE) or 2 levels."""

    def __init__(self):
        need_machine()
        cr4 = register("cr4")
        if not register("cr0") & CR0_PAGING:
            raise Trouble("paging is off: addresses are physical, and there are no page tables to walk")
        self.known = {}
        self.root = register("cr3")
        self.long = not is_i386() and bool(register("efer") & EFER_LONG)
        self.bits, self.entry_bytes, self.nx = 9, 8, NX
        if self.long:
            self.levels = 5 if cr4 & CR4_LA57 else 4
            self.name = f"x86-64, {self.levels} levels"
        elif cr4 & CR4_PAE:
            self.levels, self.name = 3, "i386, PAE, 3 levels"
        else:
            self.levels, self.name, self.bits, self.entry_bytes, self.nx = 2, "i386, 2 levels", 10, 4, 0
        self.root &= 0xFFFFFFE0 if self.levels == 3 else ~0xFFF & (1 << 52) - 1

    def shift(self, level):
        return 12 + self.bits * (level - 1)

    def count(self, level):
        return 4 if self.levels == level == 3 else 1 << self.bits

    def entries(self, table, level):
        """The entries of a table; read once in the life of this object."""
        if table not in self.known:
            data = read_physical(table, self.count(level) * self.entry_bytes)
            self.known[table] = struct.unpack(f"<{self.count(level)}{'Q' if self.entry_bytes == 8 else 'I'}", data)
        return self.known[table]

    def is_leaf(self, entry, level):
        return level == 1 or bool(entry & LARGE) and not self.levels == level == 3

    def target(self, entry, level):
        if level > 1 and self.is_leaf(entry, level):
            if self.entry_bytes == 4:               # PSE-36: bits 32 to 39 are at 13 to 20
                return entry & 0xFFC00000 | (entry >> 13 & 0xFF) << 32
            return entry & 0x000FFFFFFFFFF000 & ~((1 << self.shift(level)) - 1)
        return entry & (0xFFFFF000 if self.entry_bytes == 4 else 0x000FFFFFFFFFF000)

    def rights(self, entry, level, above):
        """(write, execute, user, cache): of this entry and those above it."""
        if self.levels == level == 3:               # entries of PAE's first level grant all
            return above
        cache = ""
        if self.is_leaf(entry, level):
            pat = entry >> (7 if level == 1 else 12) & 1
            cache = CACHES[pat << 2 | entry >> 3 & 3]
        return (above[0] and bool(entry & WRITE), above[1] and not entry & self.nx, above[2] and bool(entry & USER), cache)

    def is_canonical(self, address):
        if not self.long:
            return 0 <= address < 1 << 32
        top = address >> (self.shift(self.levels + 1) - 1)
        return 0 <= address < U64_END and top in (0, (1 << (65 - self.shift(self.levels + 1))) - 1)

    def walk(self, address):
        """(steps, leaf): the leaf is None where the walk ends at an entry that is not present."""
        if not self.is_canonical(address):
            raise Trouble(f"{address:#x} is no address that {self.name} can translate")
        steps, table, rights = [], self.root, (True, True, True, "")
        for level in range(self.levels, 0, -1):
            index = address >> self.shift(level) & self.count(level) - 1
            entry = self.entries(table, level)[index]
            leaf = bool(entry & PRESENT) and self.is_leaf(entry, level)
            steps.append(Step(level, table, index, entry, leaf))
            if not entry & PRESENT:
                return steps, None
            rights = self.rights(entry, level, rights)
            if leaf:
                size = 1 << self.shift(level)
                return steps, Leaf(address & -size, self.target(entry, level), size, rights)
            table = self.target(entry, level)
        raise Trouble("a walk ends at the first level")

    def leaves(self, first=0, end=U64_END):
        """All pages that are mapped in [first, end), in order of address."""
        yield from self.leaves_of(self.root, self.levels, 0, (True, True, True, ""), first, end)

    def leaves_of(self, table, level, base, above, first, end):
        size = 1 << self.shift(level)
        for index, entry in enumerate(self.entries(table, level)):
            address = base + index * size
            if self.long and level == self.levels and index >= 1 << self.bits - 1:
                address |= U64_END - (1 << self.shift(level + 1))
            if not entry & PRESENT or address + size <= first or address >= end:
                continue
            rights = self.rights(entry, level, above)
            if self.is_leaf(entry, level):
                yield Leaf(address, self.target(entry, level), size, rights)
            elif self.target(entry, level) != table:        # i386's directory refers to itself
                yield from self.leaves_of(self.target(entry, level), level - 1, address, rights, first, end)


def rights_text(rights):
    write, execute, user, cache = rights
    text = "r" + ("w" if write else "-") + ("x" if execute else "-") + ("u" if user else "")
    return f"{text} {cache}".rstrip()


# --- where the image lies ---------------------------------------------------------------------


class Image:
    """The ELF file whose symbols gdb has."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:4] != b"\x7fELF":
            raise Trouble(f"{path} is no ELF file")
        self.path, wide = path, self.data[4] == 2
        self.entry, headers = struct.unpack_from("<QQ" if wide else "<II", self.data, 24)
        size, count = struct.unpack_from("<HH", self.data, 54 if wide else 42)
        self.segments = []
        for at in range(headers, headers + size * count, size):
            if wide:
                kind, flags, offset, address, physical = struct.unpack_from("<IIQQQ", self.data, at)
            else:
                kind, offset, address, physical, _, _, flags = struct.unpack_from("<IIIIIII", self.data, at)
            if kind == LOAD and flags & EXECUTABLE:
                self.segments.append((address, offset, physical))
        self.wide = wide
        # Of the code: where it was linked, where it is loaded, its first bytes. On i386 other code comes before
        # it, which runs before paging is on.
        self.base, offset, self.physical = max(self.segments)
        self.code = self.data[offset:offset + COMPARED_BYTES]


def symbol_path():
    files = [file for file in gdb.objfiles() if file.is_valid() and file.owner is None]
    if not files:
        raise Trouble("gdb has no symbols; give it the kernel: symbol-file build/kernel-x86_64.debug.elf")
    return files[0].filename


def applied_slide(image):
    """How far gdb has moved the symbols already."""
    if not image.wide:
        return 0
    return (int(gdb.parse_and_eval("(unsigned long)&kernel_entry")) & U64_END - 1) - image.entry


def same_code(image, start):
    try:
        return bytes(gdb.selected_inferior().read_memory(start, len(image.code))) == image.code
    except gdb.MemoryError:
        return False


def find_slide(image):
    """The distance between where the image was linked and where it is, from the page tables alone."""
    if not image.wide:
        start = image.base if register("cr0") & CR0_PAGING else image.physical
        if not same_code(image, start):
            raise Trouble(f"what lies at {start:#x} is not {image.path}: the kernel has not been loaded yet, or is another build")
        return 0
    if not register("cr0") & CR0_PAGING or not Tables().long:
        raise Trouble("the processor is not in 64-bit mode: the firmware has just begun; continue until the kernel runs")
    for leaf in Tables().leaves(image.base, image.base + (1 << 30)):
        if same_code(image, leaf.address):
            return leaf.address - image.base
        raise Trouble(f"the image at {leaf.address:#x} is not {image.path}: is it another build, or another kernel?")
    raise Trouble(f"nothing is mapped from {image.base:#x} on: the firmware or the loader still runs; continue until the kernel does")


def fit_symbols():
    """Moves gdb's symbols to where the kernel is. Returns the slide."""
    need_machine()
    image = Image(symbol_path())
    if image.wide == is_i386():
        raise Trouble(f"{image.path} is a kernel of the other width than the machine's processor")
    slide = find_slide(image)
    if slide != applied_slide(image):
        gdb.execute(f"symbol-file {image.path} -o {slide:#x}", to_string=True)
        gdb.write(f"The kernel has slid by {slide:#x}: symbols were moved there.\n")
    return slide
