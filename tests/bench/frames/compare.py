#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare.py - runs frame allocators by turns and prints one table.

    compare.py [--rounds N] [--gib N] [--held N] [--limits PROGRAM] PROGRAM...     (make bench)

Each round runs every program once, so that what else the machine does meets all of them alike; the
table shows medians over the rounds. Behind them stand the first program's ratios to the others, one
thread (the median of each round's ratio: what slows a round down slows both), and the bound it is
held to.
"""

import argparse
import os
import statistics
import subprocess
import sys

# Bounds of the first program, in the unit of the row: one thread, two threads.
BOUNDS = {
    "init": (1.0, None),
    "metadata": (2.2, None),
    "bulk alloc (first)": (4.0, None),
    "bulk free in order": (5.0, None),
    "bulk alloc (again)": (4.0, None),
    "bulk free random": (6.0, None),
    "bulk alloc (scrambled)": (4.0, None),
    "pair alloc+free /op": (2.5, 3.5),
    "free (2 threads: other's)": (None, 9.0),
    "order 9 alloc": (10.0, None),
    "order 9 free random": (5.0, None),
    "order 9 pair /op": (None, 10.0),
    "alloc when nearly full": (10.0, None),
}
# Bounds that a figure may not fall below.
FLOORS = {"2 MiB after churn at 50 %": 99.0, "2 MiB after thinning to 25 %": 99.0}


def run(program, options):
    """{row: (unit, one thread, two threads or None)} of one run."""
    command = [program, "-t", "-r", "1", "-g", str(options.gib), "-n", str(options.held)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    rows = {}
    for line in output.splitlines():
        name, unit, one, two = line.split("\t")
        rows[name] = (unit, float(one), float(two) if float(two) >= 0 else None)
    return rows


def medians(runs, column):
    """{row: median} over runs of one program."""
    return {name: statistics.median(run[name][column] for run in runs) for name in runs[0]
            if runs[0][name][column] is not None}


def verdict(name, one, two):
    """What to print behind a row of the first program."""
    if name in FLOORS:
        return f">= {FLOORS[name]:g} %" + ("" if one >= FLOORS[name] else "  missed")
    bounds = BOUNDS.get(name, (None, None))
    words = []
    for bound, value, label in ((bounds[0], one, ""), (bounds[1], two, " (2)")):
        if bound is not None and value is not None:
            words.append(f"<= {bound:g}{label}" + ("" if value <= bound else " missed"))
    return ", ".join(words)


def ratio(runs, others, row):
    """How many times the other program's figure ours is, as a word; '-' without a figure."""
    pairs = [(ours[row][1], other[row][1]) for ours, other in zip(runs, others) if row in other]
    if not pairs or any(other <= 0 for _, other in pairs):
        return "-"
    return f"{statistics.median(ours / other for ours, other in pairs):.2f}"


def print_table(names, results):
    """One row a pattern, one column a program; two threads behind a slash."""
    first = names[0]
    print(f"{'':30}" + "".join(f"{name:>18}" for name in names)
          + "".join(f"{'/ ' + name:>10}" for name in names[1:]) + "   bound")
    for row, (unit, _, _) in results[first][0].items():
        cells = []
        for name in names:
            one = medians(results[name], 1).get(row)
            two = medians(results[name], 2).get(row)
            cell = "-" if one is None else f"{one:.2f}" + ("" if two is None else f" / {two:.2f}")
            cells.append(f"{cell:>18}")
        cells += [f"{ratio(results[first], results[name], row):>10}" for name in names[1:]]
        one, two = medians(results[first], 1)[row], medians(results[first], 2).get(row)
        print(f"{row + ', ' + unit:30}" + "".join(cells) + "   " + verdict(row, one, two))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gib", type=int, default=8, help="simulated memory")
    parser.add_argument("--held", type=int, default=1 << 20, help="frames held")
    parser.add_argument("--limits", help="program that prints what the machine allows")
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()

    if options.limits:
        subprocess.run([options.limits], check=True)
    results = {os.path.basename(program): [] for program in options.programs}
    for _ in range(options.rounds):
        for program in options.programs:
            results[os.path.basename(program)].append(run(program, options))
    print(f"{options.gib} GiB, {options.held} frames held, medians of {options.rounds} rounds; "
          "one thread / two threads")
    print_table(list(results), results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
