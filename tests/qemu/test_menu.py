# SPDX-License-Identifier: BSD-2-Clause
"""The loader's menu: on the serial line, on the screen, with a USB keyboard, and with nobody there.

Screens are compared by their colours: which rows are the title's and the chosen entry's is what a
dump of the screen shows without knowing the firmware's letters."""

import re

import pytest

import hostile
from harness import EXIT_SUCCESS
from picture import Picture

UP, DOWN, LEFT, BACKSPACE = "\x1b[A", "\x1b[B", "\x1b[D", "\x08"
ROW_PIXELS = 19                 # of edk2's letters: 8 by 19
ENTRIES_ROW, ENTRIES = 8, 5      # below the title
# What EFI_BLUE and EFI_LIGHTGRAY are on edk2's screens.
TITLE_BLUE, CHOSEN_GRAY = (0x00, 0x00, 0x98), (0x98, 0x98, 0x98)
KEYBOARD = ["-device", "qemu-xhci", "-device", "usb-kbd"]
COUNTDOWN = r"Boots in \d+ s"
HELP = r"Esc: boot"
DELAY_SECONDS = 0.2


def config(*lines):
    return {"meridian/meridian.conf": "\n".join(lines).encode() + b"\n"}


class Screen:
    """A dump of the machine's screen."""

    def __init__(self, run, name):
        path = run.folder / f"{name}.ppm"
        run.qmp("screendump", filename=str(path))
        head, size, _, self.pixels = path.read_bytes().split(b"\n", 3)
        assert head == b"P6"
        self.width, self.height = map(int, size.split())

    def chosen(self):
        """The rows that look chosen, counted from the title's; None where there is no title. The firmware
        puts its rows anywhere on the screen: the title's colour tells where."""
        at = self.pixels.find(bytes(TITLE_BLUE)) // 3
        if at < 0:
            return None
        left, top = at % self.width, at // self.width
        colours = [self.pixels[3 * ((top + row * ROW_PIXELS) * self.width + left):][:3]
                   for row in range(ENTRIES_ROW, ENTRIES_ROW + ENTRIES)]
        return [row for row, colour in enumerate(colours) if colour == bytes(CHOSEN_GRAY)]


def chosen_on_screen(run, name, wanted):
    """What the screen shows as chosen, as soon as that is what is wanted: drawing takes its time."""
    chosen = None
    while chosen != wanted and run.seconds_left() > 0:
        run.wait(DELAY_SECONDS)
        chosen = Screen(run, name).chosen()
    return chosen


def page_through(run):
    """Presses space until the last page is there; returns all that was shown."""
    text, shown = "", None
    while shown is None or shown.group(1) != shown.group(2):
        if shown:
            run.type(" ")
        before, shown = run.expect(r"lines \d+ to (\d+) of (\d+)")
        text += before
        run.wait(DELAY_SECONDS)
    return text + run.expect(r"End of the report")[0] + "End of the report"


def test_menu_on_the_serial_line(machine):
    """Within its time-out the menu is there, edits the command line, shows the map, saves a report, and
    boots; the screen shows the same, and the kernel gets the line as it was edited."""
    with machine(files=config("timeout: 600", 'cmdline: json run="exot" exit')) as run:
        run.expect(COUNTDOWN)
        assert chosen_on_screen(run, "first", [0]) == [0]
        run.type(DOWN)
        run.expect("Changes it for this boot")
        assert chosen_on_screen(run, "second", [1]) == [1]
        run.type("2")
        run.expect("of 4095 characters")
        run.type("no thanks")
        run.expect("thanks")
        run.type("\x1b")
        run.expect("It is as it was")
        run.type("2")
        run.expect("of 4095 characters")
        run.type(LEFT * 7 + BACKSPACE + "i")
        run.expect('run="exit" exit')
        run.type("\r")
        run.expect("For this boot only")
        run.type("3")
        text = page_through(run)
        assert "ConventionalMemory" in text and "usable -> reserved" in text
        assert "End of the report" in text
        run.type("q")
        run.expect(HELP)
        run.type("4")
        run.expect("Meridian saved its report")
        run.expect("Press a key")
        run.type(" ")
        run.expect(HELP)
        run.type(UP + "\r")
        run.expect("lines 1 to")
        run.type("q")
        run.expect(HELP)
        run.type("1")
        assert run.finish() == EXIT_SUCCESS
        assert run.event("boot")["command_line"] == 'json run="exit" exit'


@pytest.mark.parametrize("size", ["1920x1080", "3840x2160"])
def test_large_screens(machine, size):
    """The loader sets the mode that the configuration wants, and its menu is seen there; a picture of it
    stays in the machine's folder."""
    width, height = map(int, size.split("x"))
    with machine(files=config(f"screen: {size}", "timeout: 600", "cmdline: exit"), graphics=False,
                 extra=["-device", "VGA,vgamem_mb=64"]) as run:
        run.expect(COUNTDOWN)
        run.type(DOWN)
        run.expect("Changes it for this boot")
        assert chosen_on_screen(run, "menu", [1]) == [1]
        picture = Picture(run.folder / "menu.ppm")
        assert (picture.width, picture.height) == (width, height)
        picture.write_png(run.folder / "menu.png")
        (run.folder / "menu.ppm").unlink()


def test_keys_of_a_usb_keyboard(machine):
    """The menu obeys a USB keyboard, which works as long as the firmware does; the last entry gives the
    firmware back."""
    with machine(files=config("timeout: 600", "cmdline: exit"), extra=KEYBOARD) as run:
        run.expect(COUNTDOWN)
        run.qmp("send-key", keys=[{"type": "qcode", "data": "down"}])
        run.expect("Changes it for this boot")
        run.qmp("send-key", keys=[{"type": "qcode", "data": "5"}])
        run.expect(r"Boot Manager|BdsDxe|Shell>|Select Language|Continue")


def test_time_out_ends(machine):
    """Without a key the menu counts down and boots; so it does where the screen does not have the size
    that the configuration wants, which is told with those that it has."""
    with machine(files=config("screen: 1234x567", "timeout: 2", "cmdline: exit")) as run:
        run.expect("The screen stays as it is")
        text = "".join(run.expect("Take one of these sizes")[0].split())
        assert "nomodeof1234x567;ithas" in text and "640x480,800x480,800x600," in text
        run.expect("Boots in 2 s")
        run.expect("Boots in 1 s")
        assert run.finish() == EXIT_SUCCESS


def test_without_a_console_there_is_no_menu(machine):
    """Where no key can come, a time-out of an hour does not keep the machine from booting."""
    files = {**hostile.files(["no-console"]), **config("timeout: 3600", "cmdline: exit")}
    with machine(files=files) as run:
        assert run.finish() == EXIT_SUCCESS
        assert not re.search(COUNTDOWN, run.text())
