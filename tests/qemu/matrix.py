#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""matrix.py - the 32-bit kernel on every old and new processor, memory size and machine type.

    matrix.py           runs all of them, one after the other, and prints a line each

`make test` runs half of them, so that each processor meets each memory size (test_i386.py)."""

import pathlib
import sys
import tempfile
import time

from harness import EXIT_SUCCESS, I386, Machine

CMDLINE = 'json run="selftest; frames; map; exit"'
MEMORY = ("8M", "64M", "512M", "3G", "4G")
CPUS = ("486", "pentium", "pentium3", "qemu32", "max")
# These are for 64-bit guests to QEMU: a 32-bit processor with PAE, and memory beyond 4 GiB.
LARGE_MEMORY = ("16G", "64G")
LARGE = {"emulator": "qemu-system-x86_64", "cpu": "max"}
TYPES = ("pc", "q35")
SECONDS = 150


def describe(cpu, memory, machine):
    return dict(I386, cpu=cpu, memory=memory, machine=machine, seconds=SECONDS)


def every():
    """{name: fields of a machine}."""
    machines = {f"{cpu}-{memory}-{kind}": describe(cpu, memory, kind)
                for cpu in CPUS for memory in MEMORY for kind in TYPES}
    for memory in LARGE_MEMORY:
        for kind in TYPES:
            machines[f"x86_64-{memory}-{kind}"] = dict(describe("max", memory, kind), **LARGE)
    return machines


def half():
    """Each processor with each memory size; the types of machine take turns. For addresses of 32
    bits a q35 keeps exactly 2 GiB of 3G or 4G, all of which the self-tests write: left to the whole
    matrix."""
    chosen = set()
    for i, cpu in enumerate(CPUS):
        for j, memory in enumerate(MEMORY):
            slow = cpu in ("486", "pentium", "qemu32") and memory in ("3G", "4G")
            chosen.add(f"{cpu}-{memory}-{'pc' if slow else TYPES[(i + j) % 2]}")
    chosen |= {f"x86_64-{memory}-{kind}" for memory, kind in zip(LARGE_MEMORY, TYPES)}
    return {name: fields for name, fields in every().items() if name in chosen}


def problem(run):
    """What is wrong with a machine that has ended, or None."""
    totals, frames = run.event("selftests"), run.events("frames")[-1]
    if run.code != EXIT_SUCCESS:
        return f"exit code {run.code}"
    if totals["failed"] or not totals["passed"]:
        return f"{totals['failed']} self-tests failed"
    if frames["free"] + frames["used"] + frames["reserved"] != frames["total"]:
        return "frames do not add up"
    return None


def show(name, run, seconds):
    """Prints a row; returns whether it is one of success."""
    wrong = problem(run)
    frames, boot = run.events("frames")[-1], run.event("boot")
    rows = {row["base"]: row for row in run.events("region")}  # told at boot, and by map
    usable = sum(int(row["size"], 16) for row in rows.values() if row["type"] == "usable")
    print(f"{name:<18} {run.code:>4} {boot['table_levels']:>6} {run.event('selftests')['passed']:>6} "
          f"{usable / 2**20:>12.2f} {frames['free'] / 256:>12.2f} {seconds:>6.1f}  {wrong or 'ok'}",
          flush=True)
    return wrong is None


def main():
    good, machines = 0, every()
    print(f"{'machine':<18} {'exit':>4} {'levels':>6} {'tests':>6} {'usable MiB':>12} "
          f"{'free MiB':>12} {'s':>6}")
    for name, fields in machines.items():
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="meridian-") as folder:
            try:
                with Machine(pathlib.Path(folder), cmdline=CMDLINE, **fields) as run:
                    run.finish()
                good += show(name, run, time.monotonic() - started)
            except AssertionError as failure:
                print(f"{name:<18} {failure}", flush=True)
    print(f"{good} of {len(machines)} machines passed")
    return 0 if good == len(machines) else 1


if __name__ == "__main__":
    sys.exit(main())
