# SPDX-License-Identifier: BSD-2-Clause
"""All processors at once: allocate, free, map, unmap, fault and write, against checks.

How much they get done in a second depends on the host; what is true of it does not. `make stress-smp` is
the long version."""

import pytest

from harness import EXIT_SUCCESS, I386

MACHINES = {"x86-64": {"cpus": "4"}, "i386": {"cpus": "3", **I386}}
KINDS = ("frames", "objects", "areas", "faults", "spaces", "remaps")


@pytest.mark.parametrize("width", MACHINES)
def test_all_processors(boot, width):
    """No frame is lost, no pattern broken, no translation outlives its mapping, on any processor."""
    machine = MACHINES[width]
    run = boot(cmdline='json run="selftest shootdown; stress 1 7; exit" exit', seconds=240, **machine)
    assert run.code == EXIT_SUCCESS, run.fail(f"exit code {run.code}")
    count = int(machine["cpus"])
    test = run.event("selftest")
    assert test["result"] == "passed" and test["checks"] > 4 * 40
    load = run.event("stress")
    assert (load["seed"], load["failed"]) == (7, 0)
    assert [row["cpu"] for row in load["processors"]] == list(range(count))
    for row in load["processors"]:
        assert row["steps"] > 0 and row["checks"] > 0 and row["refused"] == 0
        assert sum(row[kind] for kind in KINDS) >= row["steps"] - row["steps"] // 4
    assert f"stress 1 seconds on {count} of {count} processors, seed=7" in run.text()
    assert "No frame is lost: " in run.text()


def test_pairs_cost_the_same(boot):
    """A pair of frames or objects costs four processors at once no more than 1.2 times what it costs one."""
    run = boot(cmdline='json run="bench smp; exit" exit', seconds=240, icount=True, **{**I386, "cpus": "4"})
    assert run.code == EXIT_SUCCESS, run.fail(f"exit code {run.code}")
    cost = {row["name"]: row["ticks"] / row["operations"] for row in run.events("bench")}
    for pair in ("frame pair", "heap pair"):
        assert cost[f"{pair}, all"] <= 1.2 * cost[f"{pair}, one"]
