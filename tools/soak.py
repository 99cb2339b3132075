#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""soak.py - the loads of the memory manager, one after the other, for as long as one likes.

    soak.py [--time SECONDS] [--seed SEED] [--only NAME]

A round runs each load once: frames and heap hosted, against their models, and both kernels on four processors. Every
load gets the round's seed and prints it with the state of memory before and after, so that a failure can be
repeated. Hosted state is a hash (which frames are free; which pages of the heap are mapped); a kernel's is the
frames at hand, with the allocators' own checks. Rounds begin until the time is over, one at least. Ends with 1 at
the first failure, with the load's last words; all of them are in build/soak/.
"""

import argparse
import collections
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

LOGS = pathlib.Path("build/soak")
LAST_LINES = 40
WATCHDOG_SECONDS = 1800

# command: what {seed} stands in; state: what is told of memory, as (before, after); operations: how many a round has.
Load = collections.namedtuple("Load", "command environment state operations")

HASH = r"state hash (\S+) before, (\S+) after"
AT_HAND = r"(\d+) at hand before, (\d+) after"
KERNEL = "{python} tools/meridian_qemu.py {image} --cmdline 'run=\"stress 60 {seed}; exit\"' run -- -smp 4"

LOADS = {
    "frames": Load("build/soak/frames 100000000 2 {seed}", {}, HASH, 100_000_000),
    "heap": Load("build/soak/heap", {"MERIDIAN_HEAP_OPERATIONS": "5000000", "MERIDIAN_HEAP_SEED": "{seed}"}, HASH,
                 5_000_000),
    "x86_64": Load(KERNEL.replace("{image}", "--esp build/esp"), {}, AT_HAND, None),
    "i386": Load(KERNEL.replace("{image}", "--kernel build/kernel-i386.elf"), {}, AT_HAND, None),
}


def filled(text, seed):
    return text.replace("{seed}", str(seed)).replace("{python}", shlex.quote(sys.executable))


def run_load(name, load, seed):
    """(what is wrong or "", what the load said)."""
    log = LOGS / f"{name}-{seed}.log"
    environment = {**os.environ, **{key: filled(value, seed) for key, value in load.environment.items()}}
    with log.open("wb") as out:
        try:
            status = subprocess.run(shlex.split(filled(load.command, seed)), stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, env=environment, timeout=WATCHDOG_SECONDS).returncode
        except subprocess.TimeoutExpired:
            status = None
    return fault_of(load, status, said := log.read_text(errors="replace")), said


def fault_of(load, status, said):
    state = re.search(load.state, said)
    if status is None:
        return f"no end after {WATCHDOG_SECONDS} s"
    if status != 0:
        return f"it ended with status {status}"
    if state is None:
        return "it did not tell the state of memory"
    # A kernel may have more frames at hand than before: the first round of it fills caches that later go.
    equal = state[1] == state[2] if load.state == HASH else int(state[2]) >= int(state[1])
    return "" if equal else f"memory is not as it was: {state[1]} before, {state[2]} after"


def state_text(load, said):
    before, after = re.search(load.state, said).groups()
    return f"state {before} before and after" if before == after else f"{before} frames at hand before, {after} after"


def fail(name, load, seed, fault, said):
    print(f"\nsoak: {name}: {fault} (seed {seed}). Repeat it with --only {name} --seed {seed}. Its last words:\n")
    print("\n".join(said.splitlines()[-LAST_LINES:]))
    sys.exit(1)


def run_round(names, seed, done):
    for name in names:
        started = time.monotonic()
        fault, said = run_load(name, LOADS[name], seed)
        if fault:
            fail(name, LOADS[name], seed, fault, said)
        done[name] += LOADS[name].operations or 60
        print(f"{name:8} seed {seed}: {state_text(LOADS[name], said)}, {time.monotonic() - started:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--time", type=float, default=600, help="seconds after which no round begins")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 2**31, help="of the first round; 1 more each")
    parser.add_argument("--only", choices=LOADS)
    options = parser.parse_args()

    LOGS.mkdir(parents=True, exist_ok=True)
    names = [options.only] if options.only else list(LOADS)
    done, rounds, started = collections.Counter(), 0, time.monotonic()
    while rounds == 0 or time.monotonic() - started < options.time:
        run_round(names, options.seed + rounds, done)
        rounds += 1
    print(f"soak: {rounds} rounds, seeds {options.seed} to {options.seed + rounds - 1}, nothing lost: "
          + ", ".join(f"{name} {count:,}{' operations' if LOADS[name].operations else ' s'}" for name, count in done.items()))


if __name__ == "__main__":
    main()
