# SPDX-License-Identifier: BSD-2-Clause
"""An allocation fails, wherever it is: nothing is lost, nothing hangs, and somebody says so.

`make fail-alloc` lets every allocation of the kernel's start fail, on both widths."""

import pytest

import failures
from harness import EXIT_SUCCESS

OPERATIONS = ["frames", "objects", "cache", "memory", "stack", "space", "faults", "program"]


@pytest.mark.parametrize("width", failures.WIDTHS)
def test_each_allocation(boot, width):
    """stress fail lets each allocation of each operation fail, alone and with all behind it, and as many
    frames are at hand after each; the self-tests pass afterwards."""
    run = boot(cmdline='json run="stress fail; stress fail sites; selftest; exit" exit', seconds=240,
               **failures.WIDTHS[width])
    assert run.code == EXIT_SUCCESS, run.fail(f"exit code {run.code}")
    for event in run.events("failures"):
        assert event["passed"]
        assert [row["name"] for row in event["operations"]] == OPERATIONS
        for row in event["operations"]:
            assert row["runs"] == 2 * row["allocations"] > 0
            assert row["failures"] >= row["runs"] and row["survived"] < row["runs"]
        assert event["failures"] == sum(row["failures"] for row in event["operations"])
        assert event["sites"] >= 20
    first, second = run.events("failures")
    assert second["sites"] >= first["sites"]
    assert "nothing was lost, everything is sound." in run.text()


@pytest.mark.parametrize("nth", [1, 9, 120, failures.NEVER])
def test_start(boot, nth):
    """A start in which an allocation fails goes on and is sound, or ends with words that say why."""
    run = boot(cmdline=failures.cmdline(nth), seconds=failures.SECONDS, **failures.WIDTHS["i386"])
    goes_on, said = failures.outcome(run)
    assert goes_on is not None, said
    if nth == failures.NEVER:
        assert goes_on and failures.count(run) > 40 and ", 0 of them failed" in said
    elif goes_on:
        assert ", 1 of them failed" in said
    if nth == 1:
        assert not goes_on


def test_start_without_room_for_devices(boot):
    """Without memory for a larger table of memory a start goes on, says that devices are not in it, and is sound. It is
    one of the last allocations."""
    def text_with(nth):
        run = boot(cmdline=failures.cmdline(nth), seconds=failures.SECONDS, **failures.WIDTHS["i386"])
        goes_on, said = failures.outcome(run)
        assert goes_on, said
        return run
    last = failures.count(text_with(failures.NEVER))
    assert any("PCI: the table of memory does not show devices (no memory)" in text_with(nth).text()
               for nth in range(last, last - 16, -1))


def test_wrong_words(boot):
    """stress fail takes nothing but 'sites', and fail_alloc= a number."""
    run = boot(cmdline='json fail_alloc=all run="stress fail 7; exit" exit', seconds=60,
               **failures.WIDTHS["i386"])
    assert run.code != EXIT_SUCCESS
    assert "'7' is not 'sites'" in run.event("error")["message"]
    assert "fail_alloc=all: needs a number from 1 to 65535" in run.text()
