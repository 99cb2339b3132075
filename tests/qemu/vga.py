# SPDX-License-Identifier: BSD-2-Clause
"""vga.py - the text in VGA's memory, and the keys of the machine's keyboard."""

VGA_COLUMNS, VGA_ROWS = 80, 25


def vga_rows(run):
    """The characters in VGA's memory, row by row, and their colours."""
    words = [int(word, 16) for line in run.hmp("xp /2000hx 0xb8000").splitlines()
             for word in line.split(":", 1)[1].split()]
    assert len(words) == VGA_COLUMNS * VGA_ROWS
    rows = [words[start:start + VGA_COLUMNS] for start in range(0, len(words), VGA_COLUMNS)]
    return ["".join(chr(word & 0x7F) if 0x20 <= word & 0xFF < 0x7F else "?" for word in row).rstrip()
            for row in rows]


def until_vga(run, *wanted):
    """Waits until all of these stand on the screen; returns what it shows."""
    while True:
        text = "\n".join(vga_rows(run))
        if all(piece in text for piece in wanted) or run.seconds_left() <= 0:
            break
        run.wait(0.1)
    assert all(piece in text for piece in wanted), text
    return text


def press(run, *names):
    """Keys on the machine's keyboard, one after the other."""
    for name in names:
        keys = [{"type": "qcode", "data": part} for part in name.split("+")]
        run.qmp("send-key", keys=keys)
        run.wait(0.12)
