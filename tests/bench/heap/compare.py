#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare.py - runs heaps by turns and prints one table.

    compare.py [--rounds N] PROGRAM...     (make bench-heap)

Each round runs every program once, so that what else the machine does meets all of them alike. The
table shows medians over the rounds, the first program's bound, and the geometric mean of the times
of the others in units of the first.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys

# Bounds of the first program, in the unit of the row.
BOUNDS = {
    "pair of 64 B": 4.5, "fifo of 10 k x 256 B": 12, "random 8-2048": 16, "log 8-4095": 15,
    "4 KiB-1 MiB": 70, "aligned": 17, "realloc": 25, "cross-thread free": 40, "larson": 20,
    "p99.9 of an allocation": 350,
    "16 B": 1.25, "64 B": 1.10, "random": 1.12, "churn": 1.25, "small->large": 1.6,
    "large churn": 1.3,
}
LEAST = {"wrong frees caught": 4}


def rows_of(command):
    """{row: (unit, value)} of one run; None when the program says that there is no such run."""
    result = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if result.returncode == 1:
        return None
    result.check_returncode()
    rows = {}
    for line in result.stdout.decode().splitlines():
        name, unit, value = line.split("\t")
        rows[name] = (unit, float(value))
    return rows


def run(program):
    """All rows of one program."""
    rows = rows_of([program, "speed"])
    rows.update(rows_of([program, "safe"]))
    index = 0
    while (memory := rows_of([program, "memory", str(index)])) is not None:
        rows.update(memory)
        index += 1
    return rows


def medians(runs):
    """{row: (unit, median)} over the runs of one program."""
    return {name: (unit, statistics.median(one[name][1] for one in runs))
            for name, (unit, _) in runs[0].items()}


def verdict(name, value):
    """What to print behind a row of the first program."""
    if name in LEAST:
        return f">= {LEAST[name]:g}" + ("" if value >= LEAST[name] else "  missed")
    if name not in BOUNDS:
        return ""
    return f"<= {BOUNDS[name]:g}" + ("" if value <= BOUNDS[name] else "  missed")


def mean_ratio(first, other):
    """Geometric mean of the times of `other` in units of those of `first`."""
    ratios = [other[name][1] / value for name, (unit, value) in first.items() if unit == "ns"]
    return math.exp(statistics.mean(math.log(ratio) for ratio in ratios))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()

    results = {os.path.basename(program): [] for program in options.programs}
    for _ in range(options.rounds):
        for program in options.programs:
            results[os.path.basename(program)].append(run(program))
    table = {name: medians(runs) for name, runs in results.items()}
    first = next(iter(table.values()))
    print(f"medians of {options.rounds} rounds; x is resident memory for each live byte")
    print(f"{'':32}" + "".join(f"{name:>12}" for name in table) + "   bound")
    for row, (unit, value) in first.items():
        cells = "".join(f"{rows[row][1]:12.2f}" for rows in table.values())
        print(f"{row + ', ' + unit:32}{cells}   {verdict(row, value)}")
    print(f"{'time, in units of the first':32}" +
          "".join(f"{mean_ratio(first, rows):12.2f}" for rows in table.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
