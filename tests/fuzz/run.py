#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py - runs fuzzers one after the other, and adds up what they did.

    run.py --time SECONDS [--runs RUNS] NAME...        each for that long, or until it has that many runs
    run.py --keep NAME...                              write the inputs that are kept in the repository
    run.py --totals                                    what all campaigns in this tree came to

Inputs that reached something new are in build/fuzz/corpus/NAME, findings in build/fuzz/findings; a line
for each class goes to build/fuzz/totals, so that campaigns add up. A run is one input given to the code
under test: libFuzzer's own or one of its neighbours (tests/fuzz/fuzz.h). Ends with 1 when there was a finding.
"""

import argparse
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import time

BUILD = pathlib.Path("build/fuzz")
KEPT = pathlib.Path("tests/fuzz/corpus")
TOTALS = BUILD / "totals"
FINDINGS = BUILD / "findings"
# What libFuzzer makes inputs as long as: enough for all that a class can be asked at once.
INPUT_BYTES = {"efi_map": 41, "multiboot": 164, "acpi": 96, "cmdline": 40, "config": 64, "pci": 160,
               "elf": 48, "program_elf": 40, "frames": 32, "heap": 48, "spaces": 48}
INPUT_BYTES_ELSE = 64
KEPT_BYTES = 4096
# With its neighbours: fuzz.h.
RUNS_OF_INPUT = 1 + int(re.search(r"FUZZ_NEIGHBOURS (\d+)u",
                                  pathlib.Path("tests/fuzz/fuzz.h").read_text(encoding="ascii"))[1])


def kept_inputs(name):
    """The inputs in the repository: a line of hexadecimal digits each."""
    path = KEPT / f"{name}.txt"
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    return [bytes.fromhex(line) for line in lines if line and not line.startswith("#")]


def write_input(folder, data):
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def corpus(name):
    folder = BUILD / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    for data in kept_inputs(name):
        write_input(folder, data)
    return folder


def command(name, *words):
    return [str(BUILD / name), f"-max_len={INPUT_BYTES.get(name, INPUT_BYTES_ELSE)}", "-entropic=0", "-timeout=20",
            f"-artifact_prefix={FINDINGS}/{name}-", *words]


def fuzz(name, seconds, runs):
    """Runs one class; what it did, and whether it found something."""
    FINDINGS.mkdir(parents=True, exist_ok=True)
    words = [f"-max_total_time={seconds}", "-print_final_stats=1"]
    if runs:
        words.append(f"-runs={-(-runs // RUNS_OF_INPUT)}")
    started, before = time.monotonic(), time.time()
    done = subprocess.run(command(name, *words, str(corpus(name))), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace", check=False)
    seconds = time.monotonic() - started
    found = any(path.stat().st_mtime >= before for path in FINDINGS.glob(f"{name}-*"))
    units = re.search(r"stat::number_of_executed_units: (\d+)", done.stdout)
    covered = re.findall(r"cov: (\d+) ", done.stdout)
    count = int(units[1]) * RUNS_OF_INPUT if units else 0
    print(f"{name:12} {count:14,} runs {seconds:8.1f} s {count / seconds:12,.0f} runs/s "
          f"{covered[-1] if covered else '?':>5} edges  {'A FINDING' if found else 'nothing found'}", flush=True)
    if found:
        print("\n".join(done.stdout.splitlines()[-40:]), flush=True)
    with open(TOTALS, "a", encoding="ascii") as totals:
        totals.write(f"{name} {count} {seconds:.1f} {int(found)}\n")
    return count, found


def print_totals():
    sums = {}
    for line in TOTALS.read_text(encoding="ascii").splitlines() if TOTALS.exists() else []:
        name, count, seconds, found = line.split()
        old = sums.get(name, (0, 0.0, 0))
        sums[name] = old[0] + int(count), old[1] + float(seconds), old[2] + int(found)
    for name, (count, seconds, found) in sorted(sums.items()):
        print(f"{name:12} {count:14,} runs in all {seconds:8.0f} s {count / max(seconds, 1):12,.0f} runs/s "
              f"{found} findings")


def keep(name):
    """The fewest inputs that reach every edge that the whole corpus reaches, as far as there is room."""
    folder = BUILD / "kept" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(command(name, "-merge=1", "-use_counters=0", str(folder), str(corpus(name))),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda data: (len(data), data))
    lines, room = [], KEPT_BYTES
    for data in inputs:
        room -= len(data)
        if data and room >= 0:
            lines.append(data.hex())
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{name}: {len(lines)} of {len(inputs)} inputs kept")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=int, default=60)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--totals", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.totals:
        print_totals()
        return 0
    if options.keep:
        for name in options.names:
            keep(name)
        return 0
    results = [fuzz(name, options.time, options.runs) for name in options.names]
    runs, findings = sum(count for count, _ in results), sum(found for _, found in results)
    print(f"fuzz: {runs:,} runs of {len(results)} classes, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
