# SPDX-License-Identifier: BSD-2-Clause
"""meridian_kernel.py - the kernel's own structures, read by symbols and DWARF types.

Nothing of the kernel is run: gdb may have stopped it in the middle of anything, with locks held. So everything
is read as it lies in memory, and a structure that is not made yet is told as that.
"""

import re

import gdb

from meridian_machine import PAGE, U64_END, Trouble

BLOCK_FRAMES, AREA_FRAMES, LOW_FRAMES = 512, 1 << 18, 256
RECORD_COUNT, RECORD_TAG_SHIFT = 0x7FF, 12
USE_FRAMES, USE_WHOLE, USE_CACHED = 0, 1 << RECORD_TAG_SHIFT, 2 << RECORD_TAG_SHIFT
REGION_RUNTIME = 1 << 4
EFI_TYPE_NONE = 0xFFFFFFFF
STATE_LIVE, STATE_TAG = 0x80, 0x0F
TREE_HEIGHT_MOST = 16           # of areas: VM_TREE_MAX_HEIGHT


def symbol(name):
    """A variable of the kernel."""
    try:
        return gdb.parse_and_eval(name)
    except gdb.error as error:
        raise Trouble(f"the kernel has no '{name}': are these the symbols of this build? ({error})") from None


def number(value):
    """A gdb number as an unsigned one of Python."""
    return int(value) & U64_END - 1


def address_of(value):
    """What a struct of one member (paddr_t, vaddr_t, pfn_t) holds."""
    return number(value[value.type.strip_typedefs().fields()[0].name])


def text_of(pointer):
    return pointer.string(errors="replace") if number(pointer) else ""


def pointer_bits():
    return 8 * gdb.lookup_type("unsigned long").sizeof


def enum_names(name, prefix):
    """{value: "boot services"} of an enum's members."""
    try:
        fields = gdb.lookup_type(f"enum {name}").fields()
    except gdb.error:
        raise Trouble(f"the symbols have no 'enum {name}': are they of this build?") from None
    return {field.enumval: field.name.removeprefix(prefix).lower().replace("_", " ") for field in fields}


def named(names, value):
    return names.get(value, f"unknown ({value})")


def efi_type_name(value):
    if value == EFI_TYPE_NONE:
        return "-"
    names = symbol("efi_memory_type_name::names")
    low, high = names.type.range()
    return text_of(names[value]) if low <= value <= high else str(value)


# --- the memory map ---------------------------------------------------------------------------


class Region:
    """A row of the table."""

    def __init__(self, row):
        self.start = number(row["base"])
        self.end = self.start + number(row["size_bytes"])
        self.type, self.tag, self.flags = number(row["type"]), number(row["tag"]), number(row["flags"])
        self.efi_type, self.device = number(row["efi_type"]), number(row["device"])

    def type_name(self):
        return named(enum_names("e820_type", "E820_"), self.type).replace("acpi", "ACPI").replace("nvs", "NVS")

    def holder(self):
        if self.device:
            bus = self.device - 1
            segment = f"{bus >> 16:04x}:" if bus >> 16 else ""
            return f"PCI {segment}{bus >> 8 & 255:02x}:{bus >> 3 & 31:02x}.{bus & 7}"
        if self.tag == 0:
            return "-"
        names = enum_names("region_tag", "REGION_TAG_")
        return {"acpi": "ACPI", "low": "low memory"}.get(names.get(self.tag), named(names, self.tag))


def memory_map():
    """The table that the frame allocator was started with, a struct memmap."""
    pointer = symbol("pmm_state")["map"]
    if number(pointer) == 0:
        raise Trouble("there is no memory map yet: the kernel adopts it at the start of kmain(); continue until it has booted")
    return pointer.dereference()


def regions():
    table = memory_map()
    return [Region(table["regions"][i]) for i in range(number(table["count"]))]


def region_at(address):
    return next((row for row in regions() if row.start <= address < row.end), None)


def changes_at(address):
    """Sentences about what the conversion of the firmware's map did there."""
    table = memory_map()
    types = {**enum_names("e820_type", "E820_"), 0: "nothing"}
    reasons = symbol("memmap_reason_name::names")
    found = []
    for i in range(number(table["change_count"]) if number(table["changes"]) else 0):
        change = table["changes"][i]
        start, size = number(change["base"]), number(change["size_bytes"])
        if start <= address < start + size:
            before, after = named(types, number(change["from_type"])), named(types, number(change["to_type"]))
            what = f"{before} became {after}" if before != after else f"{before} got a holder or a mark"
            reason = number(change["reason"])
            found.append(f"{what}: {text_of(reasons[reason]) if reason <= reasons.type.range()[1] else reason}")
    return found


# --- frames -----------------------------------------------------------------------------------


class Frame:
    """What the frame allocator knows of a frame; the same as frame_describe()."""

    def __init__(self, frame):
        self.number, self.tag, self.references = frame, "reserved", 0
        self.managed = self.cached = False
        self.names = enum_names("frame_tag", "FRAME_")
        self.state = symbol("pmm_state")
        if number(self.state["general_frames"]) == 0:
            raise Trouble("frames are not managed yet: pmm_init() has not run; continue until the kernel has booted")
        area = self.find_area()
        if area is None:
            self.from_extents()
        else:
            self.from_area(area)

    def find_area(self):
        """The area's structure if it has been made."""
        if self.number < LOW_FRAMES:
            area = self.state["low"]
            return area.dereference() if number(area) else None
        index = self.number // AREA_FRAMES
        if index >= number(self.state["area_count"]) or number(self.state["ready"][index]) == 0:
            return None
        area = self.state["directory"][index].dereference()
        block = self.number % AREA_FRAMES // BLOCK_FRAMES
        return area if number(area["block_start"]) <= block < number(area["block_end"]) else None

    def from_extents(self):
        extents = self.state["extents"]
        for i in range(number(self.state["extent_count"])):
            extent = extents[i]
            if number(extent["first"]) <= self.number < number(extent["end"]):
                tag = number(extent["tag"])
                self.managed, self.tag = True, named(self.names, tag)
                self.references = 0 if tag == 0 else 1
                return
        self.tag = self.foreign_tag()

    def from_area(self, area):
        place = self.number % AREA_FRAMES
        block, inside = divmod(place, BLOCK_FRAMES)
        use = number(area["uses"][block])
        if use & RECORD_COUNT:                  # a block of 2 MiB in use as one
            record = use
        elif use != USE_FRAMES:
            record = 0
        elif number(area["touched"][block]) == 0:
            self.from_extents()
            return
        else:
            record = number(area["records"][place])
        foreign = {value for value, name in self.names.items() if name in ("bad", "device", "firmware", "reserved")}
        tag = record >> RECORD_TAG_SHIFT
        self.references, self.tag, self.managed = record & RECORD_COUNT, named(self.names, tag), tag not in foreign
        if record == 0:
            bits = number(area["lines"][block]["word"][inside // 64]) if use == USE_FRAMES else 0
            self.cached = use == USE_CACHED or use == USE_FRAMES and not bits >> inside % 64 & 1
        elif self.tag == "reserved" and self.references == RECORD_COUNT:
            self.tag, self.references = self.foreign_tag(), 0

    def foreign_tag(self):
        """What a frame is that nobody manages, by the map."""
        row = region_at(self.number * PAGE)
        holder = row.holder() if row else "device"
        if holder in ("device", "framebuffer") or holder.startswith("PCI"):
            return "device"
        if holder in ("firmware", "ACPI") or row.type_name().startswith("ACPI") or row.flags & REGION_RUNTIME:
            return "firmware"
        return "bad" if row.type_name() == "unusable" else "reserved"

    def describe(self):
        if self.tag == "free":
            return "free" + (", waiting in a processor's magazine" if self.cached else "")
        if not self.managed:
            return f"not managed: {self.tag}"
        many = f"{self.references} reference{'s' if self.references != 1 else ''}"
        return f"in use: {self.tag}, {many}"


# --- windows, areas of the kernel's address space ---------------------------------------------


def window_of(address):
    """The name of the window, by the table that the kernel itself prints from."""
    table = symbol("explain_window_name::windows")
    low, high = table.type.range()
    for i in range(low, high + 1):
        if 0 <= address - number(table[i]["start"]) < number(table[i]["size_bytes"]):
            return text_of(table[i]["name"])
    half = 1 << pointer_bits() - 1 if pointer_bits() == 64 else 0xC0000000
    return "no window" if address >= half else "lower half"


def areas():
    """The areas of the kernel's space: struct vm_area, in order."""
    tree = symbol("kernel_space")["areas"]
    found = []

    def visit(node, height):
        if height > TREE_HEIGHT_MOST:
            raise Trouble("the tree of areas is damaged: it is higher than it can be")
        kind = gdb.lookup_type("struct vm_area" if height == 1 else "struct vm_node").pointer()
        for i in range(node["key"].type.range()[1] + 1):
            if number(node["key"][i]) == (1 << pointer_bits()) - 1:
                break
            child = node["slot"][i].cast(kind)
            if height == 1:
                found.append(child.dereference())
            else:
                visit(child.dereference(), height - 1)

    if number(tree["root"]):
        visit(tree["root"].dereference(), number(tree["height"]))
    return found


def area_at(address):
    return next((area for area in areas() if number(area["start"]) <= address < number(area["end"])), None)


# --- the heap ---------------------------------------------------------------------------------


class Heap:
    """The heap's window: its slabs and large objects, counted from the pages' records."""

    def __init__(self):
        self.window = symbol("heap_window")
        self.start, self.open = number(self.window["start"]), number(self.window["open_bytes"])
        if self.start == 0 or number(self.window["pages"]) == 0:
            raise Trouble("there is no heap yet: heap_init() has not run; continue until the kernel has booted")
        self.kinds = enum_names("heap_page_kind", "HEAP_PAGE_")
        self.tags = enum_names("heap_tag", "HEAP_TAG_")
        self.shapes = symbol("heap_shapes")

    def runs(self):
        """(page number, its record, kind) of each page that begins something."""
        page = 1
        while page < self.open // PAGE:
            record = self.window["pages"][page]
            kind = named(self.kinds, number(record["kind"]))
            count = number(record["page_count"])
            if kind == "inner" or count == 0:
                page += 1
                continue
            yield page, record, kind
            page += count

    def page_address(self, page):
        return self.start + page * PAGE

    def states(self, page, class_index):
        """The state byte of each object of a slab, with its address."""
        shape = self.shapes[class_index]
        size, plane = number(shape["object_bytes"]), number(shape["plane"])
        first = self.page_address(page)
        step = size >> plane
        base = number(shape["states"]) + (first >> plane) & (1 << pointer_bits()) - 1
        data = bytes(gdb.selected_inferior().read_memory(base, number(shape["count"]) * step))
        return [(first + i * size, data[i * step]) for i in range(number(shape["count"]))]

    def object_at(self, address):
        """A sentence about the object at an address, or None."""
        for page, record, kind in self.runs():
            start = self.page_address(page)
            if not start <= address < start + number(record["page_count"]) * PAGE:
                continue
            if kind == "slab":
                return self.small_object(page, number(record["class_index"]), address)
            if kind == "large":
                first = start + number(record["lead_bytes"])
                return (f"{number(record['size_bytes'])} bytes at {first:#x}, large, live, "
                        f"tag {named(self.tags, number(record['tag']))}{self.site(start)}")
            return f"no object: a run of {number(record['page_count'])} pages, {kind}"
        return None

    def small_object(self, page, class_index, address):
        size = number(self.shapes[class_index]["object_bytes"])
        states = self.states(page, class_index)
        index = (address - states[0][0]) // size
        while index > 0 and states[index][1] & 0xC0 == 0x40:        # inside a span
            index -= 1
        start, state = states[index]
        what = "live" if state & STATE_LIVE else "free"
        return f"{size} bytes at {start:#x}, {what}, tag {named(self.tags, state & STATE_TAG)}{self.site(start)}"

    def site(self, start):
        """Who allocated it, where debugging of the heap notes that."""
        records = symbol("heap_records")
        if number(records) == 0:
            return ""
        for i in range(1, number(symbol("heap_records_end"))):
            if number(records[i]["start"]) == start and number(records[i]["state"]) != 0:
                site = number(records[i]["alloc_site"])
                return f", allocated by {place(site) or hex(site)}"
        return ""


def place(address):
    """An address of code as function+offset (file:line)."""
    words = gdb.execute(f"info symbol {address:#x}", to_string=True)
    match = re.match(r"(\w+)(?: \+ (\d+))? in section", words)
    if not match:
        return None
    line = gdb.find_pc_line(address - 1)
    where = f" ({line.symtab.filename}:{line.line})" if line.symtab else ""
    return f"{match.group(1)}+{int(match.group(2) or 0):#x}{where}"
