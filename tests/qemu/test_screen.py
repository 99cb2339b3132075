# SPDX-License-Identifier: BSD-2-Clause
"""The screen shows what the kernel says: pixels against the event `viz`, at several sizes and in VGA text.

Each machine is asked many questions. The screen follows the serial port within some moments, so every
comparison is repeated until it holds or the machine's time is up. Pictures stay in the machine's
folder as PNG."""

import json
import re

import pytest
from harness import I386, NONE, Machine, clean
from picture import Picture
from vga import press, until_vga

SIZES = {"800x600": (8, 16), "1280x800": (8, 16), "1920x1080": (8, 16), "3840x2160": (16, 32)}
WHITE = 0xFFFFFF
F1 = "\x1bOP"
PATIENCE_PICTURES = 12


def config(*lines):
    return {"meridian/meridian.conf": "\n".join(lines).encode() + b"\n"}


class Screen:
    """A machine's screen, compared with what its serial port says."""

    def __init__(self, running):
        self.machine = running
        self.path = running.folder / "screen.ppm"

    def picture(self):
        self.machine.qmp("screendump", filename=str(self.path))
        return Picture(self.path)

    def until(self, check, name):
        """Repeats `check` on new pictures until it finds nothing wrong; keeps the last as NAME.png. What is
        checked may be drawn, and the rest not yet: the picture that is kept is one that stands still,
        unless the screen never does."""
        before, good = None, 0
        while True:
            picture = self.picture()
            problem = check(picture)
            good += problem is None
            still = problem is None and picture.pixels == before
            if still or good == PATIENCE_PICTURES or self.machine.seconds_left() <= 0:
                break
            before = picture.pixels
            self.machine.wait(0.1)
        picture.write_png(self.machine.folder / f"{name}.png")
        self.path.unlink()
        assert problem is None, problem
        return picture

    def key(self, text):
        """Types at the dashboard; returns what it says it shows."""
        self.machine.type(text)
        return self.event()

    def event(self):
        """The next event `viz`. It is read to its end: the machine waits for who reads its serial port."""
        match = self.machine.expect(r'(\{"meridian":1,"event":"viz"[^\n]*\})\r?\n')[1]
        return json.loads(clean(match.group(1)))


def palette(event, name):
    return {colour["letter"]: int(colour["rgb"], 16) for colour in event[name]}


def check_bars(event):
    """Each slice of each bar has its kind's colour in its middle."""
    width, height = event["cell_width"], event["cell_height"]
    colours = palette(event, "kinds")

    def check(picture):
        for bar in event["bars"]:
            y = event["top_pixels"] + bar["row"] * height + height // 2
            for index, letter in enumerate(bar["slices"]):
                x = event["left_pixels"] + bar["column"] * width + index * width // 2 + width // 4
                if picture.pixel(x, y) != colours[letter]:
                    return f"bar to {bar['end']}, slice {index}: {picture.pixel(x, y):#x}, {letter}"
        return None
    return check


def tile_middles(event):
    """(x, y, letter, address) for each tile of the grid."""
    width, height = event["cell_width"], event["cell_height"]
    left = event["left_pixels"] + event["grid_column"] * width
    top = event["top_pixels"] + event["grid_row"] * height
    tile_width, tile_height = width * event["columns_per_tile"], height * event["rows_per_tile"]
    if event["rows_per_tile"] == 0:
        tile_height = height // 2
    frame = int(event["grid_base"], 16)
    for row, line in enumerate(event["tiles"]):
        for column, letter in enumerate(line["row"]):
            # Left of the middle: a frame with several references has their number on the right.
            x = left + column * tile_width + (width // 2 if event["rows_per_tile"] == 0 else 1)
            y = top + row * tile_height + (height // 4 if event["rows_per_tile"] == 0 else 1)
            yield x, y, letter, frame
            frame += event["frames_per_tile"] << 12


def check_grid(event):
    """Each tile has its tag's colour; the one with the chosen frame is white."""
    colours = palette(event, "tags") | {" ": palette(event, "kinds")[" "]}
    chosen, span = int(event["chosen"], 16), event["frames_per_tile"] << 12

    def check(picture):
        for x, y, letter, address in tile_middles(event):
            expected = WHITE if address <= chosen < address + span else colours[letter.upper()]
            if picture.pixel(x, y) != expected:
                return f"tile at {address:#x}, {letter}: {picture.pixel(x, y):#x}, not {expected:#x}"
        return None
    return check


def check_text(event, *wanted):
    """Pieces of text are there to be read."""
    cell = event["cell_width"], event["cell_height"]
    origin = event["left_pixels"], event["top_pixels"]

    def check(picture):
        text = picture.text(cell, origin)
        missing = [piece for piece in wanted if piece not in text]
        return f"not on the screen: {missing}\n{text}" if missing else None
    return check


def check_tiles_add_up(event):
    """At one frame a tile, the letters are as many as the counts of the machine say at most."""
    letters = "".join(line["row"] for line in event["tiles"])
    assert len(letters) == 512 and event["frames_per_tile"] == 1
    assert letters.count(".") <= event["free_frames"]
    assert set(letters.upper()) <= set(palette(event, "tags")) | {" "}


@pytest.mark.parametrize("size", SIZES)
def test_framebuffer(machine, size):
    """Bars, squares and text are where and what the event says, the console comes back, and a report
    on a failed kernel is seen."""
    width, height = map(int, size.split("x"))
    video = ["-device", f"VGA,xres={width},yres={height},vgamem_mb=64"]
    files = config(f"screen: {size}", "cmdline: json")
    with machine(files=files, graphics=False, extra=video, seconds=300) as run:
        screen = Screen(run)
        run.prompt()
        event = screen.key(F1)
        assert (event["cell_width"], event["cell_height"]) == SIZES[size]
        assert event["columns"] == width // event["cell_width"]
        assert event["rows"] == height // event["cell_height"]
        screen.until(check_bars(event), "overview")
        event = screen.key("2")
        screen.until(check_grid(event), "frames")
        while event["zoom"] < event["zoom_most"]:
            event = screen.key("+")
        check_tiles_add_up(event)
        screen.until(check_grid(event), "block")
        assert event["bytes_written"] <= event["flushes"] * width * height * 4
        event = screen.key("\r")
        screen.until(check_text(event, f"{event['chosen']}, a physical address", "any key closes"),
                     "explain")
        screen.key(" ")
        run.type("q")
        run.prompt()
        screen.until(check_text(event, "meridian>", "screen: "), "console")
        run.type("fault null\r")
        run.expect("Press a key to restart")
        screen.until(check_text(event, "the kernel has failed", "stack trace:", "Press a key"),
                     "report")


def test_vga_text_and_keyboard(machine):
    """VGA's text mode shows console and dashboard; what is typed on the keyboard is obeyed as what
    comes over the serial line; printed pages keep to 100 columns."""
    with machine(cmdline="json", seconds=150, **I386) as run:
        screen = Screen(run)
        run.prompt()
        until_vga(run, "meridian>", "VGA text")
        press(run, "f", "r", "a", "m", "e", "s", "ret")
        run.expect("frames of 4 KiB")
        run.prompt()
        press(run, "f1")
        screen.event()
        until_vga(run, "MERIDIAN", "1 Overview", "Addresses", "free memory", "Esc leaves")
        press(run, "tab")
        assert screen.event()["page"] == "frames"
        until_vga(run, "zoom 0 of", "a square is", "kernel")
        press(run, "shift+equal")
        assert screen.event()["zoom"] == 1
        press(run, "right")
        screen.event()
        press(run, "ret")
        screen.event()
        until_vga(run, "a physical address", "any key closes this")
        screen.until(lambda picture: None, "vga")
        press(run, "esc", "esc")
        run.prompt()
        check_printed(run)
        run.type("exit\r")
        run.finish()


def check_printed(run):
    """viz and its alias print what they are asked for, within 100 columns, and refuse the rest."""
    plain = run.command("viz overview text")
    assert "Addresses" in plain and "free 2 MiB blocks" in plain
    assert "K" in run.command("memviz frames text")
    assert "Size classes" in run.command("viz heap ansi")
    assert "the last lines" in run.command("viz log text")
    for line in plain.splitlines():
        assert len(line) <= 100 or line.startswith("{"), line
    assert re.search("'chart' is neither a page nor a way to print it", run.command("viz chart"))
    assert "too many" in run.command("viz heap text more")


def test_tour_without_keys(machine):
    """A machine at which nobody can type shows the dashboard by itself."""
    with machine(machine="q35,i8042=off", serial=NONE, seconds=120) as run:
        run.expect_debug("Ready after")
        event = {"cell_width": 8, "cell_height": 16, "left_pixels": 0, "top_pixels": 0}
        Screen(run).until(check_text(event, "MERIDIAN", "tour   up 0:00:"), "tour")


def test_no_screen(machine):
    """A machine without a screen prints the dashboard when it is asked for."""
    with machine(cmdline='json run="viz frames; exit" exit', graphics=False) as run:
        run.finish()
        event = run.event("viz")
    assert event["page"] == "frames" and not event["on_screen"]
    assert sum(len(line["row"]) for line in event["tiles"]) > 1000
    assert isinstance(run, Machine) and run.code == 33
