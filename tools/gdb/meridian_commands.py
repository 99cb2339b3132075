# SPDX-License-Identifier: BSD-2-Clause
"""meridian_commands.py - `meridian map | frame | pt | walk | heap | explain | slide` in gdb.

Results look as the kernel's monitor prints them, so that one can be held against the other. ADDRESS is
any expression of gdb: 0x1000, $rsp, &heap_window, direct_map.
"""

import gdb

import meridian_kernel as kernel
import meridian_machine as machine
from meridian_kernel import number
from meridian_machine import PAGE, Trouble

ADDRESS = "ADDRESS"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size_text(size):
    """Cut to one digit behind the point, which exact figures lack, as the monitor does."""
    unit = 0
    while size >> 10 * (unit + 1) and unit < len(UNITS) - 1:
        unit += 1
    rest = size & (1 << 10 * unit) - 1
    return f"{size >> 10 * unit}{f'.{rest * 10 >> 10 * unit}' if rest else ''} {UNITS[unit]}"


def say(text=""):
    gdb.write(text + "\n")


def address_argument(text):
    try:
        value = gdb.parse_and_eval(text)
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
            return kernel.address_of(value)
        if value.type.strip_typedefs().code not in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_ENUM):
            value = value.address
        return int(value.cast(gdb.lookup_type("unsigned long long" if value.type.sizeof == 8 else "unsigned long")))
    except (gdb.error, AttributeError, TypeError, OverflowError) as error:
        raise Trouble(f"'{text}' is no address: {error}") from None


class Command(gdb.Command):
    """What all have in common: symbols that fit, no arguments unless wanted, errors in words."""

    wants_argument = False      # or "ADDRESS", which it cannot do without, or True

    def __init__(self):
        super().__init__(f"meridian {type(self).__name__.lower()}", gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        argument = argument.strip()
        if argument and not self.wants_argument:
            raise Trouble(f"'{argument}' is one argument too many")
        if self.wants_argument == ADDRESS and not argument:
            raise Trouble("ADDRESS is missing: a number, or any expression of gdb")
        machine.fit_symbols()
        try:
            self.run(argument)
        except gdb.MemoryError as error:
            if not machine.register("cr0") & machine.CR0_PAGING:
                raise Trouble("paging is off: the kernel's own addresses do not exist yet; continue until it has booted") from None
            raise Trouble(f"a structure of the kernel could not be read ({error}): it may be in the middle of a change, "
                          "or the processor uses page tables without it") from None


class Map(Command):
    """The memory map: meridian map. What lies where, and whose it is, as the kernel's table has it."""

    def run(self, _argument):
        rows = kernel.regions()
        say("  first byte      last byte             size  type          held by        for the firmware")
        for row in rows:
            say(f"  0x{row.start:012x}  0x{row.end - 1:012x}  {size_text(row.end - row.start):>10}  {row.type_name():<14}"
                f"{row.holder():<14} {kernel.efi_type_name(row.efi_type)}")
        say(f"{len(rows)} regions.")


class Frame(Command):
    """All about one frame: meridian frame ADDRESS. A physical address, or one of the kernel, which is walked first."""

    wants_argument = ADDRESS

    def run(self, argument):
        address = physical_of(address_argument(argument))
        frame = kernel.Frame(address // PAGE)
        row = kernel.region_at(address)
        say(f"frame {frame.number} at {frame.number * PAGE:#x}")
        say(f"  state        {frame.describe()}")
        say(f"  tag          {frame.tag}")
        say(f"  references   {frame.references}")
        if row:
            holder = "" if row.holder() == "-" else f", held by: {row.holder()}"
            say(f"  region       {row.start:#x}-{row.end - 1:#x}, {row.type_name()}{holder}")
        else:
            say("  region       none")


def in_kernel_half(address):
    half = 1 << 63 if kernel.pointer_bits() == 64 else 0xC0000000
    return half <= address < 1 << kernel.pointer_bits()


def physical_of(address):
    """A physical address as it is; one of the kernel's half through the page tables."""
    if not in_kernel_half(address):
        return address
    _, leaf = machine.Tables().walk(address)
    if leaf is None:
        raise Trouble(f"nothing is mapped at {address:#x}; 'meridian walk {address:#x}' shows where the walk ends")
    return leaf.target + address - leaf.address


class Walk(Command):
    """The way of an address through the page tables, level by level: meridian walk ADDRESS."""

    wants_argument = ADDRESS

    def run(self, argument):
        address = address_argument(argument)
        tables = machine.Tables()
        steps, leaf = tables.walk(address)
        say("  level  table           index  entry               leads to")
        for step in steps:
            if not step.present:
                leads = "not present   <-- the walk ends here"
            else:
                leads = f"{'page ' if step.leaf else 'table'} {tables.target(step.entry, step.level):#x}"
            say(f"  {step.level:>5}  0x{step.table:012x}  {step.index:>5}  0x{step.entry:016x}  {leads}")
        if leaf is None:
            say(f"Nothing is mapped there. Window: {kernel.window_of(address)}.")
            return
        say(f"Physical {leaf.target + address - leaf.address:#x}, {machine.rights_text(leaf.rights)}, in a page of {size_text(leaf.size)}. "
            f"Window: {kernel.window_of(address)}.")


class Pt(Command):
    """The page tables as runs of equal rights: meridian pt [ADDRESS]. With ADDRESS, only the run around it."""

    wants_argument = True

    def run(self, argument):
        tables = machine.Tables()
        wanted = address_argument(argument) if argument else None
        say("  first byte          last byte               mapped  runs  rights        window")
        shown = 0
        for group in groups(tables):
            if wanted is None or group.start <= wanted < group.end:
                say(f"  0x{group.start:016x}  0x{group.end - 1:016x}  {size_text(group.mapped):>10}  {group.runs:>4}  "
                    f"{machine.rights_text(group.rights):<12}  {group.window}")
                shown += 1
        if wanted is not None and shown == 0:
            raise Trouble(f"nothing is mapped at {wanted:#x}")
        say(f"{tables.name}: {len(tables.known)} tables take {size_text(len(tables.known) * PAGE)}; the root lies at {tables.root:#x}.")


class Group:
    """Runs of one window with equal rights."""

    def __init__(self, leaf, window):
        self.start, self.end, self.target, self.rights = leaf.address, leaf.end, leaf.target, leaf.rights
        self.window, self.mapped, self.runs, self.next = window, leaf.size, 1, leaf.target + leaf.size

    def takes(self, leaf, window):
        if leaf.rights != self.rights or window != self.window:
            return False
        self.runs += 0 if leaf.address == self.end and leaf.target == self.next else 1
        self.end, self.next = leaf.end, leaf.target + leaf.size
        self.mapped += leaf.size
        return True


def groups(tables):
    group = None
    for leaf in tables.leaves():
        window = kernel.window_of(leaf.address)
        if group is None or not group.takes(leaf, window):
            if group:
                yield group
            group = Group(leaf, window)
    if group:
        yield group


class Heap(Command):
    """The heap: meridian heap. Slabs by class, large objects, pages; recounted from the records of all pages."""

    def run(self, _argument):
        heap = kernel.Heap()
        classes, pages, large, large_bytes = {}, {}, 0, 0
        for page, record, kind in heap.runs():
            count = number(record["page_count"])
            pages[kind] = pages.get(kind, 0) + count
            if kind == "slab":
                index = number(record["class_index"])
                states = heap.states(page, index)
                row = classes.setdefault(index, [0, 0, 0])
                row[0] += 1
                row[1] += len(states)
                row[2] += sum(state >= 0x80 for _, state in states)
            elif kind == "large":
                large, large_bytes = large + 1, large_bytes + count * PAGE
        say("      class     slabs     objects        live")
        for index in sorted(classes):
            slabs, objects, live = classes[index]
            say(f"{number(heap.shapes[index]['object_bytes']):>11}{slabs:>10}{objects:>12}{live:>12}")
        say(f"{large} large objects take {size_text(large_bytes)}.")
        say("Pages: " + ", ".join(f"{kind} {size_text(count * PAGE)}" for kind, count in sorted(pages.items())) + ".")
        say(f"The window begins at {heap.start:#x}; {size_text(heap.open)} of it is open.")


class Explain(Command):
    """Everything that is known about an address: meridian explain ADDRESS, physical or of the kernel."""

    wants_argument = ADDRESS

    def run(self, argument):
        address = address_argument(argument)
        if not in_kernel_half(address):
            say(f"{address:#x}, a physical address:")
            explain_physical(address)
            return
        say(f"{address:#x}, a virtual address:")
        explain_place(address)
        _, leaf = machine.Tables().walk(address)
        if leaf is None:
            say(f"  walk       Nothing is mapped there: 'meridian walk {address:#x}' shows where the walk ends.")
        else:
            physical = leaf.target + address - leaf.address
            say(f"  walk       A page of {size_text(leaf.size)}, {machine.rights_text(leaf.rights)}: physical {physical:#x}.")
            explain_physical(physical)
        found = kernel.Heap().object_at(address) if kernel.window_of(address) == "heap" else None
        if found:
            say(f"  object     {found}.")


def explain_place(address):
    window, area = kernel.window_of(address), kernel.area_at(address)
    words = f"Window: {window}."
    if area is not None:
        start, end = number(area["start"]), number(area["end"])
        words += f" Area '{kernel.text_of(area['name'])}', {start:#x} to {end - 1:#x} ({size_text(end - start)})."
    symbol = kernel.place(address)
    if symbol:
        words += f" {symbol}."
    say(f"  place      {words}")


def explain_physical(address):
    row = kernel.region_at(address)
    if row is None:
        say("  region     The table knows nothing there: no memory, and no device that the firmware named.")
    else:
        holder = "held by nobody" if row.holder() == "-" else f"held by: {row.holder()}"
        say(f"  region     {row.start:#x} to {row.end - 1:#x} ({size_text(row.end - row.start)}): {row.type_name()}, {holder}; "
            f"for the firmware {kernel.efi_type_name(row.efi_type)}.")
    for sentence in kernel.changes_at(address):
        say(f"  change     {sentence[0].upper()}{sentence[1:]}.")
    frame = kernel.Frame(address // PAGE)
    area, place = divmod(frame.number, kernel.AREA_FRAMES)
    say(f"  frame      Frame {frame.number}: area {area} (1 GiB), block {place // 512} of it (2 MiB), frame {place % 512} of that: "
        f"{frame.describe()}.")


class Slide(Command):
    """Finds where the kernel's image is and moves the symbols there: meridian slide. Other commands do so by themselves."""

    def run(self, _argument):
        slide = machine.fit_symbols()
        image = machine.Image(machine.symbol_path())
        say(f"{image.path} is at {image.base + slide:#x}" + (f", {slide:#x} from where it was linked." if slide else ", where it was linked."))


class Meridian(gdb.Command):
    """The memory of the Meridian kernel. meridian map | frame ADDRESS | pt [ADDRESS] | walk ADDRESS | heap | explain ADDRESS | slide"""

    def __init__(self):
        super().__init__("meridian", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)

    def invoke(self, argument, _from_tty):
        if argument:
            raise Trouble(f"there is no 'meridian {argument.split()[0]}'; 'help meridian' lists what there is")
        gdb.execute("help meridian")


def register():
    Meridian()
    for command in (Map, Frame, Pt, Walk, Heap, Explain, Slide):
        command()
