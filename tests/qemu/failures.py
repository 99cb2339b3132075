#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""failures.py - the kernel starts while one of its allocations fails.

    failures.py [i386|x86-64]...    every allocation in turn, a line for each that ends the start

`make test` lets some of them fail (test_fail_alloc.py). A start may go on without what it did not get, and
then passes its self-tests; or it ends with words that name the phase and the reason."""

import re
import sys
import tempfile

from harness import EXIT_FAILURE, EXIT_SUCCESS, I386, Machine

WIDTHS = {"i386": I386, "x86-64": {}}
SECONDS = 120
# More than there are: nothing fails, and all are counted.
NEVER = 65535
COMMANDS = 'run="selftest pmm; selftest vmm; selftest heap; exit"'
COUNTED = re.compile(r"fail_alloc=\d+: (\d+) allocations since then, (\d+) of them failed")
ENDED = re.compile(r"The kernel cannot start: phase '[a-z ]+' failed \(no memory\)|"
                   r"panic|the kernel has failed")


def cmdline(nth):
    return f"json fail_alloc={nth} {COMMANDS} exit"


def outcome(run):
    """(goes on, what was said) of a machine that has ended; None for words that nobody said."""
    counted, ended = COUNTED.search(run.text()), ENDED.search(run.text())
    if run.code == EXIT_SUCCESS and counted:
        return True, counted[0]
    if run.code == EXIT_FAILURE and ended:
        return False, ended[0]
    return None, run.fail(f"exit code {run.code}")


def count(run):
    """Allocations of a start in which nothing failed."""
    return int(COUNTED.search(run.text())[1])


def start(width, nth):
    with tempfile.TemporaryDirectory() as folder:
        with Machine(folder, cmdline=cmdline(nth), seconds=SECONDS, **WIDTHS[width]) as run:
            run.finish()
        return outcome(run), count(run) if nth == NEVER else 0


def sweep(width):
    """Lets each allocation fail; how many starts had no end that was told."""
    _, last = start(width, NEVER)
    went_on = wrong = 0
    for nth in range(1, last + 1):
        (goes_on, said), _ = start(width, nth)
        went_on += goes_on is True
        wrong += goes_on is None
        if not goes_on:
            print(f"{width} {nth:4}  {said}", flush=True)
    print(f"{width}: {last} allocations, {went_on} starts went on without, {last - went_on - wrong} "
          f"ended with a message, {wrong} without", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(1 if sum(sweep(width) for width in sys.argv[1:] or WIDTHS) else 0)
