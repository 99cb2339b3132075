# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's table of memory is true of the machine, as QEMU itself describes the machine.

QEMU's flat view (`info mtree -f`) says which physical addresses are RAM, which are ROM and which
are devices; the kernel's table has to agree, whatever the firmware made of it."""

import pytest

from harness import EXIT_SUCCESS, I386
from memory_view import PAGE, disagreement, flat_view, ram_of, table_of

MACHINES = {
    "q35-64M": {"memory": "64M"},
    "q35-512M": {},
    "q35-6G": {"memory": "6G"},
    "pc-4G": {"machine": "pc", "memory": "4G"},
    "q35-64G": {"memory": "64G"},
    "nvdimm": {"machine": "q35,nvdimm=on", "memory_options": ",slots=2,maxmem=4G",
               "extra": ["-object", "memory-backend-ram,id=nv,size=256M",
                         "-device", "nvdimm,id=nv0,memdev=nv"]},
}


@pytest.mark.parametrize("name", MACHINES)
def test_table_agrees_with_qemu(machine, name):
    """Usable memory is RAM to QEMU; RAM that is not listed at all is only what the firmware hides;
    the sum of both is what QEMU gave the machine."""
    with machine(cmdline="json", seconds=120, **MACHINES[name]) as run:
        run.prompt()
        ram = ram_of(flat_view(run))
        summary = run.qmp("query-memory-size-summary")
        table = table_of(run)
    assert table, run.fail("no events 'region'")
    assert sum(end - start for start, end in ram) <= summary["base-memory"]
    assert disagreement(table, ram) is None


@pytest.mark.parametrize("name", MACHINES)
def test_table_is_sound(boot, name):
    """The table is sorted, disjoint and page-aligned, and keeps page 0 and low memory out."""
    run = boot(cmdline='json run="frames; exit" exit', seconds=120, **MACHINES[name])
    assert run.code == EXIT_SUCCESS
    table = table_of(run)
    for (_, end, _), (start, _, _) in zip(table, table[1:]):
        assert end <= start
    for start, end, region in table:
        assert start % PAGE == 0 and end % PAGE == 0 and start < end
    frames = run.events("frames")[-1]
    assert frames["free"] + frames["used"] + frames["reserved"] == frames["total"]
    usable = sum(end - start for start, end, region in table if region["type"] == "usable")
    assert frames["free"] * PAGE <= usable


def test_nvdimm_is_never_usable(machine):
    """What QEMU says is an NVDIMM is no usable memory. (OVMF does not list it at all: only a firmware
    that does can have it in the table, as persistent.)"""
    with machine(cmdline="json", **MACHINES["nvdimm"]) as run:
        run.prompt()
        device, = (found["data"] for found in run.qmp("query-memory-devices"))
        table = table_of(run)
    first, end_of_device = device["addr"], device["addr"] + device["size"]
    assert device["size"] == 256 << 20 and table
    inside = [region["type"] for start, end, region in table if start < end_of_device and first < end]
    assert all(kind.startswith("persistent") for kind in inside), inside


@pytest.mark.parametrize("fields, request_of_user", (
    ({}, "mem=256M memmap=64M@0x12000000"), (I386, "mem=256M memmap=64M@0x12000000"),
    ({**I386, "memory": "2G"}, "mem=1G memmap=64M@0x5fe00000")), ids=("x86_64", "i386", "i386-high"))
def test_memory_that_the_user_adds(boot, fields, request_of_user):
    """memmap=NN@SS adds memory that can be used: all of it is written and read back."""
    run = boot(cmdline=f'json {request_of_user} run="selftest frames; selftest memory; frames; exit"',
               **fields)
    assert run.code == EXIT_SUCCESS
    added = [(end - start, region["type"]) for start, end, region in table_of(run)
             if region["tag"] == "user"]
    assert added == [(64 << 20, "usable")]
