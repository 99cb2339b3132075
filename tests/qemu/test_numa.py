# SPDX-License-Identifier: BSD-2-Clause
"""Machines of several nodes: ACPI's SRAT and SLIT become nodes, and memory comes from the near one.

The boot processor is on node 0, whose memory lies below 4 GiB: without nodes, memory above would be
taken first."""

import pytest

from harness import EXIT_SUCCESS, I386

GIB_FRAMES = (1 << 30) // 4096
TAKEN_FRAMES = (8 << 20) // 4096
DISTANCE = 31


def nodes(*sizes, processors=("0", "1")):
    """QEMU's options for nodes of these sizes."""
    words = []
    for number, size in enumerate(sizes):
        words += ["-object", f"memory-backend-ram,id=n{number},size={size},reserve=off",
                  "-numa", f"node,nodeid={number},cpus={processors[number]},memdev=n{number}"]
    return [*words, "-numa", f"dist,src=0,dst=1,val={DISTANCE}"]


@pytest.mark.parametrize("here", [0, 1])
def test_two_nodes(boot, here):
    """Both nodes are there with their sizes and distance; what is allocated comes from the near one."""
    run = boot(cmdline='json run="frames; kmalloc 8M; frames; selftest; frames; exit" exit',
               memory="4G", cpus="2", lazy_memory=False, seconds=180,
               extra=nodes("2G", "2G", processors=("0", "1") if here == 0 else ("1", "0")))
    assert run.code == EXIT_SUCCESS, run.fail(f"exit code {run.code}")
    counts = [event for event in run.events("frames") if "nodes" in event]
    for event in counts:
        assert [node["distance"] for node in event["nodes"]] == [
            10 if node == here else DISTANCE for node in (0, 1)]
        assert sum(node["managed"] for node in event["nodes"]) == event["managed"]
        assert sum(node["free"] for node in event["nodes"]) + event["cached"] == event["free"]
    before, after = (event["nodes"] for event in counts[:2])
    assert before[1]["managed"] == 2 * GIB_FRAMES
    assert before[here]["free"] - after[here]["free"] >= TAKEN_FRAMES
    assert before[1 - here]["free"] == after[1 - here]["free"]
    assert run.event("selftests")["failed"] == 0
    assert "SRAT: Node 1 PXM 1 [mem 0x" in run.text()


def test_two_nodes_of_a_32_bit_kernel(boot):
    """The 32-bit kernel maps the tables for a moment, and finds the same."""
    run = boot(cmdline='json run="frames; selftest pmm; exit" exit', memory="3G", cpus="2", lazy_memory=False,
               extra=nodes("1G", "2G"), **I386)
    assert run.code == EXIT_SUCCESS, run.fail(f"exit code {run.code}")
    found = run.events("frames")[-1]["nodes"]
    assert [node["distance"] for node in found] == [10, DISTANCE]
    assert found[0]["managed"] < GIB_FRAMES < found[1]["managed"]
