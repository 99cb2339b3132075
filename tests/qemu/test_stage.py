# SPDX-License-Identifier: BSD-2-Clause
"""A machine that hangs says where: the stage of the boot at port 0x80, and as a mark on the screen.

A second debug console of QEMU listens at the port. The mark is read from the machine's picture by letters
that are drawn here, not by the kernel's."""

import re
import subprocess

import hostile
import pytest
from harness import EXIT_SUCCESS, I386, LISTEN, ROOT
from picture import Picture

HEADER = (ROOT / "include/boot/stage.h").read_text(encoding="utf-8")
STAGES = {name: int(code, 16) for name, code in re.findall(r"^    STAGE_([A-Z_]+) = 0x(\d\d),", HEADER, re.MULTILINE)}
OF_MULTIBOOT = [code for code in STAGES.values() if 0x50 <= code < 0x55]
OF_KERNEL = [code for code in STAGES.values() if code >= 0x55]
OF_LOADER = [code for code in STAGES.values() if code < 0x50]
LETTERS = {"L": "#.. #.. #.. #.. ###", "K": "#.# #.# ##. #.# #.#",
           "0": "### #.# #.# #.# ###", "1": ".#. ##. .#. .#. ###", "2": "### ..# ### #.. ###",
           "3": "### ..# ### ..# ###", "4": "#.# #.# ### ..# ..#", "5": "### #.. ### ..# ###",
           "6": "### #.. ### #.# ###", "7": "### ..# ..# ..# ..#", "8": "### #.# ### #.# ###",
           "9": "### #.# ### ..# ###"}
COLUMNS, ROWS, BLACK, WHITE = 13, 7, 0, 0xFFFFFF
TEXT_CORNER = 0xB8000 + 2 * 77
# Functions of kernel/main.c that begin a stage, and the code that is shown when they are reached.
STOPS = {"read_map": "K60", "start_frames": "K62", "start_areas": "K64", "start_heap": "K67", "reclaim": "K70",
         "console_start_screen": "K80"}


def name_of(code):
    return f"{'L' if code < 0x50 else 'K'}{code:02x}"


def mark_on(path):
    """The three characters in the upper right corner of a picture; '?' where there is none."""
    picture = Picture(path)
    scale = max(picture.height // 270, 2)
    left = picture.width - COLUMNS * scale

    def dot(column, row):
        places = [(left + column * scale + x, row * scale + y) for x in (0, scale - 1) for y in (0, scale - 1)]
        colours = {picture.pixel(x, y) for x, y in places}
        return {BLACK: ".", WHITE: "#"}.get(colours.pop(), "?") if len(colours) == 1 else "?"

    rows = ["".join(dot(column, row) for column in range(COLUMNS)) for row in range(ROWS)]
    if set(rows[0] + rows[-1] + "".join(row[::4] for row in rows)) != {"."}:
        return "?"
    shapes = [" ".join(row[4 * place + 1:4 * place + 4] for row in rows[1:-1]) for place in range(3)]
    return "".join(next((letter for letter, shape in LETTERS.items() if shape == found), "?") for found in shapes)


def mark_of(run):
    path = run.folder / "screen.ppm"
    run.qmp("screendump", filename=str(path))
    return mark_on(path)


def text_mark(run):
    """The last three cells of the first row of VGA's text."""
    cells = re.findall(r"0x([0-9a-f]{4})", run.hmp(f"xp /3hx {TEXT_CORNER:#x}").split(":", 1)[1])
    assert all(cell[:2] == "0f" for cell in cells), cells
    return "".join(chr(int(cell[2:], 16)) for cell in cells)


def post_codes(folder):
    """QEMU's words for a device at port 0x80, and the file that it writes."""
    path = folder / "post"
    return ["-chardev", f"file,id=post,path={path}", "-device", "isa-debugcon,iobase=0x80,chardev=post"], path


@pytest.mark.parametrize("width", ["x86_64", "i386"])
def test_every_stage_is_at_the_port(machine, folder, width):
    """Port 0x80 gets every code of the way that a boot takes, once each, in order."""
    extra, path = post_codes(folder)
    expected = OF_MULTIBOOT + OF_KERNEL if width == "i386" else OF_LOADER + OF_KERNEL
    with machine(cmdline='run="exit" exit', serial=LISTEN, extra=extra, **(I386 if width == "i386" else {})) as run:
        assert run.finish() == EXIT_SUCCESS
    codes = list(path.read_bytes())
    assert codes[-len(expected):] == expected, [name_of(code) for code in codes]
    assert not set(expected) & set(codes[:-len(expected)]), "a code came twice, or the firmware uses it, too"


@pytest.mark.parametrize("lie, shown", [("map-hangs", "L30"), ("exit-hangs", "L40")])
def test_firmware_that_hangs(machine, lie, shown):
    """When a call of the firmware never returns, the screen says in which stage."""
    with machine(files=hostile.files([lie]), extra=["-vga", "std"]) as run:
        run.expect("HOSTILE: it hangs")
        assert mark_of(run) == shown, run.fail("another mark is on the screen")


def stops(run, symbols, functions):
    """Lets gdb run the machine to each of the functions, and yields its name there."""
    words = ["gdb", "-q", "-nx", "-ex", "set pagination off", "-ex", "set confirm off", "-ex", f"symbol-file {symbols}",
             "-ex", f"target remote {run.sockets}/gdb"]
    for name in functions:
        words += ["-ex", f"thbreak {name}"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          cwd=ROOT) as gdb:
        for name in functions:
            gdb.stdin.write("continue\n")
            gdb.stdin.flush()
            while not re.search(rf"Temporary breakpoint .*\b{name} \(", line := gdb.stdout.readline()):
                assert line, run.fail(f"gdb has not come to {name}")
            yield name
        gdb.stdin.write("kill\nquit\n")
        gdb.stdin.close()


@pytest.mark.parametrize("width", ["x86_64", "i386"])
def test_kernel_that_stops(machine, width):
    """Wherever the kernel stops in its boot, the screen says in which stage: in pixels, or in VGA's text."""
    run = machine(cmdline="nokaslr", **(I386 if width == "i386" else {}))
    run.guest.extra = ["-S", "-gdb", f"unix:{run.sockets}/gdb,server=on,wait=off"]
    with run:
        shown = {name: text_mark(run) if width == "i386" else mark_of(run)
                 for name in stops(run, ROOT / f"build/kernel-{width}.debug.elf", STOPS)}
    assert shown == STOPS
