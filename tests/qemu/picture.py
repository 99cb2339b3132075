# SPDX-License-Identifier: BSD-2-Clause
"""picture.py - what is on a machine's screen: pixels, and the text that is drawn in them.

A picture is QEMU's screendump. Text is read back by comparing cells with the font that the kernel was
built with, so a test can ask what a person would read."""

import functools
import pathlib
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import font  # noqa: E402

PALETTE_MOST = 256


def glyphs(width, height):
    """Characters by their picture: one number, row by row."""
    _, _, pictures, places = font.read_font(font.find_font(f"{width}x{height}"))
    found = {}
    for code in range(font.FIRST, font.LAST + 1):
        bits = 0
        for row in font.rows_of(pictures[places[code]], width, height):
            bits = bits << width | row
        found[bits] = chr(code)
    return found


@functools.lru_cache(maxsize=None)
def bits_of(pixels, ground):
    """A row of a cell as bits: what has another colour than the ground."""
    bits = 0
    for at in range(0, len(pixels), 3):
        bits = bits << 1 | (pixels[at:at + 3] != ground)
    return bits


class Picture:
    """A PPM file (P6, 8 bits a colour)."""

    def __init__(self, path):
        _, size, _, self.pixels = pathlib.Path(path).read_bytes().split(b"\n", 3)
        self.width, self.height = map(int, size.split())

    def pixel(self, x, y):
        """The colour as 0xRRGGBB."""
        at = (y * self.width + x) * 3
        return int.from_bytes(self.pixels[at:at + 3], "big")

    def text_row(self, row, cell, origin, known):
        """The text in a row of cells; '?' for what is no character. The ground of a cell is the
        colour of its upper left corner, which no character of the font reaches."""
        width, height = cell
        line = ""
        for column in range((self.width - origin[0]) // width):
            at = ((origin[1] + row * height) * self.width + origin[0] + column * width) * 3
            ground, bits = self.pixels[at:at + 3], 0
            for start in range(at, at + height * self.width * 3, self.width * 3):
                bits = bits << width | bits_of(self.pixels[start:start + width * 3], ground)
            line += known.get(bits, "?")
        return line.rstrip()

    def text(self, cell, origin):
        known = glyphs(*cell)
        rows = (self.height - origin[1]) // cell[1]
        return "\n".join(self.text_row(row, cell, origin, known) for row in range(rows))

    def write_png(self, path):
        """As a PNG: with a palette when 256 colours do, else with three bytes a pixel."""
        colours = [self.pixels[at:at + 3] for at in range(0, len(self.pixels), 3)]
        palette = {colour: index for index, colour in enumerate(sorted(set(colours)))}
        indexed = len(palette) <= PALETTE_MOST
        line = self.width if indexed else self.width * 3
        pixels = bytes(map(palette.get, colours)) if indexed else self.pixels
        lines = b"".join(b"\0" + pixels[y * line:(y + 1) * line] for y in range(self.height))

        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(
                ">I", zlib.crc32(kind + data))

        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 3 if indexed else 2, 0, 0, 0)
        pathlib.Path(path).write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            (chunk(b"PLTE", b"".join(palette)) if indexed else b"") +
            chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))
