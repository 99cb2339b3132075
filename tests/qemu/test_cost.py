# SPDX-License-Identifier: BSD-2-Clause
"""What a start costs, in instructions of the guest: the loader's part and the kernel's.

Under -icount shift=0 a tick of the time-stamp counter is one instruction, so the figures do not
depend on the machine that runs the tests."""

import sys

import pytest

from harness import EXIT_SUCCESS, ROOT

sys.path.insert(0, str(ROOT / "tests/bench/boot"))

import measure  # noqa: E402

MEMORIES = {"512M": "max", "6G": "max", "64G": "max", "1T": "max,phys-bits=46"}
SPREAD = 0.10


def test_kernel_cost_does_not_grow_with_memory(machine):
    """From its entry to `ready` the kernel takes as many instructions with 1 TiB as with 512 MiB."""
    ticks = {}
    for memory, cpu in MEMORIES.items():
        with machine(cmdline='json run="exit" exit', memory=memory, cpu=cpu, icount=True) as run:
            assert run.finish() == EXIT_SUCCESS
        ticks[memory] = run.event("ready")["ticks"]
    print(ticks)
    assert max(ticks.values()) <= (1 + SPREAD) * min(ticks.values()), ticks


@pytest.mark.parametrize("load", [load for load in measure.LOADS if load[3]],
                         ids=lambda load: load[0].replace(" ", "-"))
def test_loader_cost(load):
    """The loader stays within its bound with the embedded kernel and with a large one."""
    _, loader, kernel, bound = load
    assert measure.measure(loader, kernel, "512M") <= bound
