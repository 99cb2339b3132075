#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""font.py - makes C of console fonts: the printable ASCII characters of PSF files.

    font.py --output FILE.c [PSF[.gz]...]

Without files, those of the Spleen font are taken from where distributions put console fonts.

Both versions of the format are read (PSF1: 8 pixels wide; PSF2: any size), each with its Unicode
table, which says where a character's picture is. Lines, bars and tiles are not taken from fonts:
the painter draws them to the pixel.
"""

import argparse
import gzip
import pathlib
import struct
import sys

PSF1_MAGIC, PSF2_MAGIC = b"\x36\x04", b"\x72\xb5\x4a\x86"
PSF1_512_GLYPHS, PSF1_TABLE, PSF2_TABLE = 1, 2 | 4, 1
FIRST, LAST = 0x20, 0x7E
PLACES = ("/usr/share/consolefonts", "/usr/share/kbd/consolefonts", "/usr/lib/kbd/consolefonts")
SIZES = ("8x16", "16x32")


def read_psf1(data):
    """(width, height, pictures, place by character)"""
    mode, size = data[2], data[3]
    count = 512 if mode & PSF1_512_GLYPHS else 256
    pictures = [data[4 + i * size:4 + (i + 1) * size] for i in range(count)]
    places, at = {}, 4 + count * size
    for place in range(count if mode & PSF1_TABLE else 0):
        in_sequence = False
        while (code := struct.unpack_from("<H", data, at)[0]) != 0xFFFF:
            in_sequence = in_sequence or code == 0xFFFE
            if not in_sequence:
                places.setdefault(code, place)
            at += 2
        at += 2
    return 8, size, pictures, places


def read_psf2(data):
    header, flags, count, size, height, width = struct.unpack_from("<6I", data, 8)
    pictures = [data[header + i * size:header + (i + 1) * size] for i in range(count)]
    places = {}
    rows = data[header + count * size:].split(b"\xff") if flags & PSF2_TABLE else []
    for place, row in enumerate(rows[:count]):
        for character in row.split(b"\xfe")[0].decode("utf-8"):
            places.setdefault(ord(character), place)
    return width, height, pictures, places


def read_font(path):
    data = pathlib.Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:2] == PSF1_MAGIC:
        return read_psf1(data)
    if data[:4] == PSF2_MAGIC:
        return read_psf2(data)
    sys.exit(f"{path}: no PSF font")


def rows_of(picture, width, height):
    """A picture's rows as numbers, the leftmost pixel highest."""
    stride = (width + 7) // 8
    return [int.from_bytes(picture[y * stride:(y + 1) * stride], "big") >> (stride * 8 - width)
            for y in range(height)]


def table(path):
    width, height, pictures, places = read_font(path)
    missing = [chr(code) for code in range(FIRST, LAST + 1) if places and code not in places]
    if missing or width > 16:
        sys.exit(f"{path}: no font for this: {missing or f'{width} pixels wide'}")
    lines = [f"const uint16_t font_{width}x{height}[{LAST - FIRST + 1} * {height}] = {{"]
    for code in range(FIRST, LAST + 1):
        rows = rows_of(pictures[places.get(code, code)], width, height)
        lines.append(f"    /* {code:#x} */ " + " ".join(f"{row:#x}," for row in rows))
    return "\n".join([*lines, "};"])


def find_font(size):
    """The first Spleen of that size that this machine has."""
    for place in PLACES:
        for path in sorted(pathlib.Path(place).glob(f"spleen-{size}.psf*")):
            return path
    sys.exit(f"no font spleen-{size}.psf in {', '.join(PLACES)}: install it (make doctor names the "
             "package)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True)
    parser.add_argument("fonts", nargs="*")
    options = parser.parse_args()
    text = ["/* Made by tools/font.py. */", '#include "dev/font.h"', "",
            *(table(path) for path in options.fonts or map(find_font, SIZES))]
    pathlib.Path(options.output).write_text("\n".join(text) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
