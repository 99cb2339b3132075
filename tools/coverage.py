#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""coverage.py - which lines the tests execute: hosted ones and machines, in one report.

    coverage.py prepare FOLDER            what a counting QEMU needs to know of build/kernel-*.debug.elf
    coverage.py report FOLDER [--goals]   FOLDER/hosted.info and FOLDER/*.counts: a table, and pages in FOLDER/html

Hosted lines and branches are clang's own, from the sources (llvm-cov). A machine runs the kernel that ships, and
QEMU counts its instructions (tools/coverage/plugin.c): a line is one that the line table gives code to, and it is
executed when any instruction of it is. What the compiler has folded into others or left out has no code and is not
counted. A line of a header is executed when any copy of it is. With --goals the status is 1 when one is missed,
or an error return is taken by no test.

An error return is taken when clang has counted it. Only where it has none of the file does the machines' count tell:
their compiler likes to load a status before it is known whether it is returned, so that count may be too good."""

import argparse
import pathlib
import re
import struct
import subprocess
import sys

import coverage_html

WIDTHS = ("x86_64", "i386")
# What the hosted goal is about: all of kernel/mm, and the parts of efi that need no firmware.
MM = re.compile(r"kernel/mm/")
KERNEL = re.compile(r"kernel/")
HOSTED_EFI = re.compile(r"efi/")
COUNTED = re.compile(r"(kernel|efi|include)/.*\.[ch]$")
GOALS = {"hosted lines": 95.0, "hosted branches": 90.0, "kernel lines": 85.0}
ERROR_RETURN = re.compile(r"\b(return|status =|\?|:)\s*(STATUS_(?!OK\b)[A-Z_]+|REFUSE[A-Z_]*\()")


class File:
    """What is known of a source: {line: times}; branches as [line, times taken or None]."""

    def __init__(self):
        self.hosted, self.machine, self.branches = {}, {}, []


def tool(name):
    """LLVM's tools have their version in their names on Debian."""
    for word in (f"{name}-14", name):
        if subprocess.run(["which", word], capture_output=True, check=False).returncode == 0:
            return word
    sys.exit(f"{name} is missing: install llvm")


# --- hosted ------------------------------------------------------------------------------------------


def read_hosted(path, files):
    """LCOV's form of what clang counted."""
    file = None
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key == "SF":
            name = str(pathlib.Path(value).resolve()).removeprefix(f"{pathlib.Path.cwd()}/")
            file = files.setdefault(name, File()) if COUNTED.match(name) else None
        elif file is None:
            continue
        elif key == "DA":
            number, times = value.split(",")[:2]
            file.hosted[int(number)] = file.hosted.get(int(number), 0) + int(times)
        elif key == "BRDA":
            number, _, _, times = value.split(",")
            file.branches.append((int(number), 0 if times == "-" else int(times)))


# --- machines -----------------------------------------------------------------------------------------


def sections(elf):
    """(address, size) of the code of a kernel."""
    text = subprocess.run(["readelf", "-SW", elf], capture_output=True, text=True, check=True).stdout
    address, size = re.search(r"\.text\s+PROGBITS\s+(\w+)\s+\w+\s+(\w+)", text).groups()
    return int(address, 16), int(size, 16)


def prepare(folder):
    for width in WIDTHS:
        elf = f"build/kernel-{width}.debug.elf"
        code = (folder / f"{width}.text").resolve()
        subprocess.run(["objcopy", "-O", "binary", "-j", ".text", elf, str(code)], check=True)
        (folder / f"{width}.counts").unlink(missing_ok=True)
        words = [(folder / "plugin.so").resolve(), f"text={code}", f"start={sections(elf)[0]:#x}",
                 f"counts={code.with_suffix('.counts')}"]
        (folder / f"{width}.plugin").write_text(",".join(map(str, words)) + "\n", encoding="ascii")


def line_rows(elf):
    """[(address, file, line)] of a kernel's line table in order; file None ends a sequence."""
    text = subprocess.run([tool("llvm-dwarfdump"), "--debug-line", elf], capture_output=True, text=True,
                          check=True).stdout
    rows = []
    for unit in text.split("debug_line[")[1:]:
        folders = dict(re.findall(r'include_directories\[ *(\d+)\] = "(.*)"', unit))
        names = {number: f"{folders[place]}/{name}".removeprefix("./") for number, name, place in re.findall(
            r'file_names\[ *(\d+)\]:\s+name: "(.*)"\s+dir_index: (\d+)', unit)}
        for address, line, file, rest in re.findall(r"^(0x\w+) +(\d+) +\d+ +(\d+) +\d+ +\d+(.*)$", unit, re.MULTILINE):
            rows.append((int(address, 16), None if "end_sequence" in rest else names[file], int(line)))
    return sorted(rows, key=lambda row: row[0])


def read_machine(elf, counts, files):
    """Adds what a width's machines executed. The bytes of a row are those up to the next row's address."""
    start, size = sections(elf)
    content = counts.read_bytes()
    times = struct.unpack(f"<{len(content) // 8}Q", content)
    rows = line_rows(elf)
    for (address, name, line), (end, _, _) in zip(rows, rows[1:]):
        if name is None or end == address or line == 0 or not COUNTED.match(name):
            continue
        if not start <= address < start + size:
            continue
        file = files.setdefault(name, File())
        file.machine[line] = max(file.machine.get(line, 0), max(times[address - start:end - start]))


# --- sums -----------------------------------------------------------------------------------------------


def share(covered, total):
    return 100.0 * covered / total if total else 100.0


def lines_of(counted):
    return sum(times > 0 for times in counted.values()), len(counted)


def branches_of(file):
    return sum(times > 0 for _, times in file.branches), len(file.branches)


def add(pairs):
    pairs = list(pairs)
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


def missed_errors(files):
    """(file, line, text) of error returns that nothing has taken."""
    for name, file in sorted(files.items()):
        if not pathlib.Path(name).exists():
            continue
        for number, text in enumerate(pathlib.Path(name).read_text(encoding="utf-8").splitlines(), 1):
            if ERROR_RETURN.search(text) and file.hosted.get(number, file.machine.get(number)) == 0:
                yield name, number, text.strip()


def error_count(files):
    return sum(1 for name, file in files.items() if pathlib.Path(name).exists()
               for number, text in enumerate(pathlib.Path(name).read_text(encoding="utf-8").splitlines(), 1)
               if ERROR_RETURN.search(text) and (number in file.hosted or number in file.machine))


def print_table(files):
    print(f"{'file':<42} {'hosted lines':>18} {'branches':>18} {'machine lines':>18}")
    for name, file in sorted(files.items()):
        columns = []
        for covered, total in (lines_of(file.hosted), branches_of(file), lines_of(file.machine)):
            columns.append(f"{covered:>5} / {total:<5}{share(covered, total):>4.0f} %" if total else f"{'-':>18}")
        print(f"{name:<42} {' '.join(columns)}")


def print_sums(files):
    """The figures that there are goals for; returns those that are missed."""
    hosted = {name: file for name, file in files.items() if file.hosted and (MM.match(name) or HOSTED_EFI.match(name))}
    kernel = {name: file for name, file in files.items() if file.machine and KERNEL.match(name)}
    sums = {"hosted lines": add(lines_of(file.hosted) for file in hosted.values()),
            "hosted branches": add(branches_of(file) for file in hosted.values()),
            "kernel lines": add(lines_of(file.machine) for file in kernel.values())}
    print()
    for name, (covered, total) in sums.items():
        print(f"{name:<16} {covered:>6} of {total:>6}, {share(covered, total):5.1f} %, goal {GOALS[name]:.0f} %")
    return [name for name, pair in sums.items() if share(*pair) < GOALS[name]]


def report(folder, goals):
    files = {}
    if (folder / "hosted.info").exists():
        read_hosted(folder / "hosted.info", files)
    for width in WIDTHS:
        if (folder / f"{width}.counts").exists():
            read_machine(f"build/kernel-{width}.debug.elf", folder / f"{width}.counts", files)
    print_table(files)
    missed = print_sums(files)
    errors = list(missed_errors(files))
    print(f"error returns    {error_count(files) - len(errors)} of {error_count(files)} taken{'; not:' if errors else ''}")
    for name, number, text in errors:
        print(f"  {name}:{number}: {text}")
    coverage_html.write(folder / "html", files)
    print(f"wrote {folder / 'html/index.html'}")
    return 1 if goals and (missed or errors) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("prepare", "report"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--goals", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.what == "prepare":
        prepare(options.folder)
        return 0
    return report(options.folder, options.goals)


if __name__ == "__main__":
    sys.exit(main())
