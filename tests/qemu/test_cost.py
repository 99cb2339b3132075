# SPDX-License-Identifier: BSD-2-Clause
"""What a start costs, in instructions of the guest: the loader's part and the kernel's.

Under -icount shift=0 a tick of the time-stamp counter is one instruction, so what does not wait for
a disk does not depend on the machine that runs the tests."""

import sys

from harness import EXIT_SUCCESS, LISTEN, ROOT

sys.path.insert(0, str(ROOT / "tests/bench/boot"))

import measure  # noqa: E402

MEMORIES = {"512M": "max", "64G": "max", "1T": "max,phys-bits=46"}
SPREAD = 0.10
SECONDS = 240


def test_kernel_cost_does_not_grow_with_memory(machine):
    """From its entry to `ready` the kernel takes as many instructions with 1 TiB as with 512 MiB."""
    ticks = {}
    for memory, cpu in MEMORIES.items():
        with machine(cmdline='json run="exit" exit', memory=memory, cpu=cpu, icount=True,
                     serial=LISTEN, seconds=SECONDS) as run:
            assert run.finish() == EXIT_SUCCESS
        ticks[memory] = run.event("ready")["ticks"]
    print(ticks)
    assert max(ticks.values()) <= (1 + SPREAD) * min(ticks.values()), ticks


def test_loader_cost_with_the_embedded_kernel():
    """From its start to the kernel's entry the loader stays within its bound."""
    load = measure.LOADS[0]
    assert load.measure_loader("512M") <= load.bound


def test_a_kernel_of_64_mib_starts():
    """A large kernel is read whole and entered. Its cost is for make bench-boot to tell: it waits
    for the disk, and so for the host."""
    assert measure.LOADS[1].measure_loader("512M") > 0
