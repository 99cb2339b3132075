# SPDX-License-Identifier: BSD-2-Clause
"""docs/tour.md says what is seen: its keys are pressed, its words are looked for.

In the document's numbered sections <kbd>X</kbd> is a key, or a word to type, and `X` is text that is
then on the screen; both are taken in the order in which they are read. What a section's picture should
show is left in the machine's folder under the picture's name."""

import re

from harness import ROOT
from picture import Picture
from test_screen import press

DOCUMENT = ROOT / "docs/tour.md"
CELL, ORIGIN = (8, 16), (0, 0)
KEYS = {"F1": "f1", "Enter": "ret", "Esc": "esc", "Tab": "tab", "Space": "spc", "+": "shift+equal",
        "←": "left", "→": "right", "↑": "up", "↓": "down"}


def sections():
    """(title, [(is a key, text)], name of the picture) of each numbered section."""
    found = []
    for part in re.split(r"(?m)^## (?=\d+\. )", DOCUMENT.read_text(encoding="utf-8"))[1:]:
        title, body = re.split("\n", re.split(r"(?m)^## ", part)[0], maxsplit=1)
        body = re.sub(r"(?ms)^```.*?^```", "", body)
        tokens = [(bool(key), key or text)
                  for key, text in re.findall(r"<kbd>(.+?)</kbd>|`([^`]+)`", body)]
        found.append((title, tokens, re.search(r"\]\(pictures/([\w.-]+)\)", body).group(1)))
    return found


def dump(run):
    path = run.folder / "screen.ppm"
    run.qmp("screendump", filename=str(path))
    return Picture(path)


def settled(run):
    """The screen once two pictures in a row are the same: nothing is drawn by halves."""
    before = dump(run)
    while run.seconds_left() > 0:
        run.wait(0.1)
        now = dump(run)
        if now.pixels == before.pixels:
            break
        before = now
    return before


def see(run, title, wanted, seen):
    """Until the screen says `wanted`; returns all that it says. `seen` is what it said before."""
    while wanted not in seen and run.seconds_left() > 0:
        seen = " ".join(settled(run).text(CELL, ORIGIN).split())
    assert wanted in seen, f"{title}: '{wanted}' is not on the screen\n{seen}"
    return seen


def test_path(machine):
    """A newcomer's path, keystroke by keystroke, shows what the document says."""
    video = ["-device", "VGA,xres=1280,yres=800,vgamem_mb=64"]
    with machine(graphics=False, extra=video, seconds=240) as run:
        run.prompt()
        seen = ""
        for title, tokens, picture in sections():
            assert any(not is_key for is_key, _ in tokens), f"{title} says nothing that is seen"
            for is_key, text in tokens:
                if is_key:
                    press(run, *([KEYS[text]] if text in KEYS else text))
                    seen = ""
                else:
                    seen = see(run, title, text, seen)
            settled(run).write_png(run.folder / picture)
        (run.folder / "screen.ppm").unlink()


def test_document():
    """Each section has a picture in the repository, and the path is whole."""
    found = sections()
    keys = [text for _, tokens, _ in found for is_key, text in tokens if is_key]
    assert {"F1", "→", "Enter", "Esc", "tour"} <= set(keys)
    for title, _, picture in found:
        assert (ROOT / "docs/pictures" / picture).is_file(), f"{title}: no {picture}"
