#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""hostile_all.py - every quirk of firmware alone, and every call of a start failing: a line each.

    hostile_all.py [NAME...]    (make hostile)   quirks of hostile.py; `refused` and `campaigns` are names, too

`make test` plays several quirks at once and samples the calls (test_hostile.py)."""

import pathlib
import sys
import tempfile
import time

import hostile
from harness import LISTEN, Machine

SECONDS = 300
CAMPAIGN_SECONDS = 5400


def run_machine(look, **fields):
    """What `look` finds wrong with a machine that has run, or None."""
    with tempfile.TemporaryDirectory(prefix="meridian-") as folder:
        try:
            return look(Machine(pathlib.Path(folder), serial=LISTEN, **fields))
        except AssertionError as failure:
            return str(failure).splitlines()[0]


def boots(quirk):
    def look(machine):
        with machine as run:
            run.finish()
            return hostile.problem(run, quirk)
    return run_machine(look, cmdline=quirk.cmdline, files=hostile.files([quirk.line], hostile.CONFIGS), seconds=SECONDS,
                       **quirk.machine)


def refused():
    """All that cannot boot: one machine."""
    def look(machine):
        with machine as run:
            hostile.wait_for_done(run)
            return hostile.refusals_problem(run)
    return run_machine(look, files=hostile.refusal_files(), seconds=SECONDS)


def campaigns():
    """Each call of each campaign: one machine, which says how many there were."""
    def look(machine):
        with machine as run:
            hostile.wait_for_done(run)
            for name, row in zip(hostile.CAMPAIGNS, hostile.CAMPAIGN.findall(run.text())):
                print(f"  {name}: " + hostile.CAMPAIGN_ROW.format(*row), flush=True)
            return hostile.campaign_problem(run)
    return run_machine(look, files=hostile.campaign_files(), seconds=CAMPAIGN_SECONDS, cpu="max,-la57")


def main():
    jobs = {name: lambda quirk=quirk: boots(quirk) for name, quirk in hostile.BOOTS.items()}
    jobs |= {"refused": refused, "campaigns": campaigns}
    names = sys.argv[1:] or list(jobs)
    good = 0
    for name in names:
        started = time.monotonic()
        wrong = jobs[name]()
        good += wrong is None
        print(f"{name:<28} {time.monotonic() - started:>6.1f} s  {wrong or 'ok'}", flush=True)
    print(f"{len(hostile.BOOTS)} quirks boot, {len(hostile.REFUSED)} are refused: {good} of {len(names)} runs passed")
    return 0 if good == len(names) else 1


if __name__ == "__main__":
    sys.exit(main())
