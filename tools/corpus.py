#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""corpus.py - makes a test of a machine: an entry of tests/data/maps from what the machine said.

    corpus.py FILE [--machine TEXT] [--firmware TEXT] [--source TEXT] [--tags TEXT] [--print]

FILE is the loader's memmap.json, the log of a Linux boot (`dmesg`), or the output of memmap in the UEFI
Shell. Its map is written as the next free number of tests/data/maps/efi or e820, unconverted, below a
head that names machine, firmware and origin; options replace what the file does not say. --print
shows the entry and writes nothing.

build/host/meridian-map reads the map, so what it reads this reads. An entry that is there
already, a report that was cut off and a file without a map are refused. Ends with 0, or 2 and a message."""

import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build/host/meridian-map"
MAPS = ROOT / "tests/data/maps"
EXIT_BAD_INPUT = 2
UTF16_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
EFI_WORDS, E820_WORDS = 4, 3    # of a line of a map, by its kind
REPORT, REPORT_FOR_PEOPLE = '{"meridian":', "Meridian: the memory of this machine"
SANITISED = " (Linux prints it after sanitising: sorted, overlaps resolved)"


class Refusal(Exception):
    """Why there is no entry, and what to do."""


# --- what the file says of the machine ------------------------------------------------------

def text_of(path):
    """The file as text, whatever its encoding."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from error
    return content.decode(UTF16_MARKS.get(content[:2], "utf-8"), "replace")


def refuse_damaged(path, text):
    """Reports that are not whole, or are the ones for people."""
    if text.startswith(REPORT_FOR_PEOPLE):
        raise Refusal(f"{path}: this is the report for people; give the one for programs, memmap.json beside it.")
    if not text.startswith(REPORT):
        return
    try:
        json.loads(text)
    except ValueError as error:
        raise Refusal(f"{path}: the report is damaged or was cut off (it must end with its closing brace): save it "
                      f"again. {error}") from error


def facts_of_report(text):
    """Machine, firmware and origin from the loader's memmap.json."""
    report = json.loads(text)
    machine, firmware = report.get("machine", {}), report.get("firmware", {})
    name = " ".join(filter(None, (machine.get(key, "") for key in ("vendor", "product"))))
    return {"machine": ", ".join(filter(None, (name, machine.get("cpu", "")))) if name else "",
            "firmware": firmware.get("name", ""), "printed-by": "the loader of Meridian (memmap.json)"}


def facts_of_linux(text, kind):
    """The same from a boot log; what it does not say is empty."""
    def find(pattern):
        found = re.search(pattern, text, re.MULTILINE)
        return found.group(1).strip() if found else ""

    version = find(r"Linux version (\S+)")
    return {"machine": find(r"DMI: (.*)$"), "firmware": find(r"\b(?:efi|EFI): *(EFI v.*)$"),
            "printed-by": f"Linux {version or '(unknown version)'}" + (" efi=debug" if kind == "efi" else SANITISED)}


def facts_of(text, kind):
    if text.startswith(REPORT):
        return facts_of_report(text)
    if "BIOS-e820" in text or re.search(r"\befi: mem\d+:", text, re.IGNORECASE):
        return facts_of_linux(text, kind)
    if kind == "efi":
        return {"printed-by": "memmap in the UEFI Shell"}
    return {}


# --- the entry ------------------------------------------------------------------------------

def run_map(*words):
    """What meridian-map prints."""
    if not PROGRAM.exists():
        raise Refusal(f"{PROGRAM.relative_to(ROOT)} is not built: run make first.")
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise Refusal(done.stderr.strip())
    return done.stdout


def plain_map(path):
    """(kind, lines) of the map in the file, as the firmware had it."""
    lines = run_map("--plain", path)
    return {EFI_WORDS: "efi", E820_WORDS: "e820"}[len(lines.splitlines()[0].split())], lines


def head(path, text, kind, options):
    """The comments that say where the map comes from."""
    facts = {"machine": "", "firmware": "", "printed-by": "", **facts_of(text, kind),
             "source": options.source or "sent in", "tags": options.tags or "-", "kind": kind}
    facts["machine"] = options.machine or facts["machine"]
    facts["firmware"] = options.firmware or facts["firmware"] or "-"
    facts["printed-by"] = facts["printed-by"] or "-"
    if not facts["machine"]:
        raise Refusal(f"{path}: it does not say which machine it is from: add --machine 'MAKER MODEL'.")
    one_line = {key: " ".join(value.split()).encode("ascii", "replace").decode() for key, value in facts.items()}
    return "".join(f"# {key}: {value}\n" for key, value in one_line.items())


def lines_of(path):
    """The map without its head."""
    return "".join(line for line in path.read_text(encoding="ascii").splitlines(True) if not line.startswith("#"))


def refuse_twice(path, kind, lines):
    for other in sorted((MAPS / kind).glob("*.map")):
        if lines_of(other) == lines:
            raise Refusal(f"{path}: the same map is there already: {other.relative_to(ROOT)}.")


def next_path(kind):
    numbers = [int(path.stem) for path in (MAPS / kind).glob("*.map") if path.stem.isdigit()]
    return MAPS / kind / f"{max(numbers, default=0) + 1:03}.map"


def add(options):
    text = text_of(options.file)
    refuse_damaged(options.file, text)
    kind, lines = plain_map(options.file)
    entry = head(options.file, text, kind, options) + lines
    if options.print:
        print(entry, end="")
        return
    refuse_twice(options.file, kind, lines)
    place = next_path(kind)
    place.write_text(entry, encoding="ascii")
    place = place.relative_to(ROOT)
    print(f"wrote {place}, {len(lines.splitlines())} lines; to see what Meridian makes of it:\n"
          f"build/host/meridian-map --changes {place}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path, metavar="FILE")
    for name in ("machine", "firmware", "source", "tags"):
        parser.add_argument(f"--{name}", metavar="TEXT")
    parser.add_argument("--print", action="store_true")
    try:
        add(parser.parse_args())
    except Refusal as refusal:
        print(f"corpus.py: {refusal}", file=sys.stderr)
        return EXIT_BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
