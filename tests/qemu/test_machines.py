# SPDX-License-Identifier: BSD-2-Clause
"""Meridian boots on every machine, proves its own memory there, and accounts for every frame.

Each machine runs `selftest; frames; exit` from the command line. What counts: exit code 33, every
self-test passed, and the sums of frames are what the firmware described."""

import pytest

from harness import EXIT_FAILURE, EXIT_SUCCESS, NONE

LINE = 'json run="selftest; frames; exit" exit'
PAGE = 4096

NUMA = ["-object", "memory-backend-ram,id=n0,size=384M", "-object", "memory-backend-ram,id=n1,size=640M",
        "-numa", "node,nodeid=0,cpus=0-1,memdev=n0", "-numa", "node,nodeid=1,cpus=2-3,memdev=n1"]
NVDIMM = ["-object", "memory-backend-ram,id=nv,size=256M", "-device", "nvdimm,id=nv0,memdev=nv"]

MACHINES = {
    "q35-64M": {"memory": "64M"},
    "q35-512M": {},
    "q35-3G": {"memory": "3G"},
    "q35-6G": {"memory": "6G"},
    "q35-64G": {"memory": "64G"},
    "q35-1T": {"memory": "1T", "cpu": "max,phys-bits=46"},
    "pc-64M": {"machine": "pc", "memory": "64M"},
    "pc-512M": {"machine": "pc"},
    "pc-4G": {"machine": "pc", "memory": "4G"},
    "four-processors": {"cpus": "4"},
    "numa": {"cpus": "4", "memory": "1G", "lazy_memory": False, "extra": NUMA},
    "nvdimm": {"machine": "q35,nvdimm=on", "memory_options": ",slots=2,maxmem=4G", "extra": NVDIMM},
    "no-nx": {"cpu": "qemu64,-nx"},
    "no-gigabyte-pages": {"cpu": "max,-pdpe1gb", "memory": "6G"},
    "gigabyte-pages": {"cpu": "max,+pdpe1gb", "memory": "6G"},
    "four-levels": {"cpu": "max,-la57"},
    "five-levels": {"cpu": "max,+la57"},
    "plain-qemu64": {"cpu": "qemu64"},
    "no-rdrand": {"cpu": "max,-rdrand,-rdseed"},
    "no-graphics": {"graphics": False},
    "sata-disk": {"disk_device": "ide-hd"},
    "nvme-disk": {"disk_device": "nvme,serial=meridian"},
}
LEVELS = {"four-levels": 4, "plain-qemu64": 4, "five-levels": 5}
SECONDS = {"q35-1T": 240, "q35-64G": 180}


def firmware_bytes(run):
    """What the regions of the kernel's table add up to, by type."""
    total = {}
    for region in run.events("region"):
        total[region["type"]] = total.get(region["type"], 0) + int(region["size"], 16)
    return total


@pytest.mark.parametrize("name", MACHINES)
def test_machine(boot, name):
    """The machine boots, the self-tests pass, and QEMU leaves with the code of success."""
    run = boot(cmdline=LINE, seconds=SECONDS.get(name, 90), **MACHINES[name])
    assert run.code == EXIT_SUCCESS, run.fail(f"exit code {run.code}")
    totals = run.event("selftests")
    assert totals["failed"] == 0 and totals["passed"] > 0
    assert len(run.events("selftest")) == totals["passed"]
    assert run.event("boot")["table_levels"] == LEVELS.get(name, run.event("boot")["table_levels"])
    frames = run.events("frames")[-1]
    assert frames["free"] + frames["used"] + frames["reserved"] == frames["total"]
    sizes = firmware_bytes(run)
    assert all(size % PAGE == 0 for size in sizes.values())


@pytest.mark.parametrize("levels", [4, 5])
def test_levels_of_tables(boot, levels):
    """pt= gives the kernel tables of so many levels, on which all self-tests pass."""
    run = boot(cmdline=f'pt={levels}level json run="selftest; pt; exit" exit', cpu="max,+la57")
    assert run.code == EXIT_SUCCESS, run.fail(f"exit code {run.code}")
    assert run.event("tables")["format"] == f"x86-64, {levels} levels"
    assert run.event("selftests")["failed"] == 0


def test_no_serial_port(machine):
    """Without a serial port everything is said on port 0xE9, and the machine still ends well."""
    with machine(cmdline='run="frames; exit" exit', serial=NONE) as run:
        assert run.finish() == EXIT_SUCCESS
    assert "BIOS-e820" in run.debug_text()


def test_failure_leaves_with_the_other_code(boot):
    """A wrong command makes the machine leave with the code of failure."""
    run = boot(cmdline='run="nonsense; exit" exit')
    assert run.code == EXIT_FAILURE


def test_only_file_on_the_stick(machine):
    """BOOTX64.EFI boots to the prompt when it is the only file there is."""
    with machine(files={"meridian/meridian.conf": None}) as run:
        run.prompt()
        assert "usable" in run.command("map")
