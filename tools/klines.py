#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""klines.py - turns what readelf decodes of a kernel's line numbers into the assembler source of a table.

    readelf --debug-dump=decodedline pass1.elf | klines.py --base 0xFFFFFFFF80000000 > klines.s

kernel/diag/lines.h declares the result. A row says: from here on the code belongs to this line of this file.
Only rows that differ from the one before are kept, each as three variable-length numbers (DWARF 5, 7.6):

    unsigned   bytes of code since the row before, times 2, plus 1 if the file is another one
    unsigned   the file's number; only if it is another one. 0: no file, the code has no line numbers
    signed     the line, less the line of the row before
"""

import argparse
import re
import sys

ROW = re.compile(r"^(\S+) +(\d+|-) +(0x[0-9a-f]+)")


def unsigned(number):
    out = []
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return out


def signed(number):
    out = []
    while True:
        byte, number = number & 0x7F, number >> 7
        done = number == (-1 if byte & 0x40 else 0)
        out.append(byte | (0 if done else 0x80))
        if done:
            return out


def read_rows(stream, base):
    """[(offset, file, line)] in order; of equal offsets the last counts; file "" behind the end of a sequence,
    if no other one begins there. Rows at the very end of a sequence are about no code."""
    rows, ends, sequence = {}, set(), {}
    for text in stream:
        match = ROW.match(text)
        if not match:
            continue
        name, line, address = match.groups()
        offset = int(address, 16) - base
        if line != "-":
            sequence[offset] = (name, int(line))
            continue
        sequence.pop(offset, None)
        rows.update(sequence)
        ends.add(offset)
        sequence = {}
    rows.update({offset: ("", 0) for offset in ends - rows.keys()})
    return [(offset, *rows[offset]) for offset in sorted(rows) if offset >= 0]


def encode(rows):
    """(bytes of the table, names of files in the order of their numbers)."""
    files, out = {"": 0}, []
    offset, name, line = 0, "", 0
    for next_offset, next_name, next_line in rows:
        if (next_name, next_line) == (name, line):
            continue
        changes = next_name != name
        out += unsigned((next_offset - offset) * 2 + changes)
        if changes:
            out += unsigned(files.setdefault(next_name, len(files)))
        out += signed(next_line - line)
        offset, name, line = next_offset, next_name, next_line
    return out, list(files)


def write(table, files):
    print('    .section .ksyms, "a", @progbits')
    print("    .globl klines_bytes, klines_table, klines_files")
    print("    .hidden klines_bytes, klines_table, klines_files")
    print(f"    .balign 4\nklines_bytes:\n    .long {len(table)}\nklines_table:")
    for i in range(0, len(table), 32):
        print("    .byte " + ",".join(str(byte) for byte in table[i:i + 32]))
    print("klines_files:")
    for name in files:
        print(f'    .asciz "{name}"')
    print('    .section .note.GNU-stack, "", @progbits')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=lambda text: int(text, 0), required=True)
    write(*encode(read_rows(sys.stdin, parser.parse_args().base)))


if __name__ == "__main__":
    main()
