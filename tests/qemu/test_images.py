# SPDX-License-Identifier: BSD-2-Clause
"""The images as they ship: the disk image and the ISO, as disk, stick and disc, under UEFI and a BIOS.

Each machine reaches the kernel's prompt, where a self-test passes, and tells how it was started. The images
are those of build/, byte for byte: nothing is put into them, what is asked is typed."""

import pytest

from harness import EXIT_SUCCESS, ROOT
from meridian_qemu import BIOS, UEFI

IMAGE, ISO = ROOT / "build/meridian.img", ROOT / "build/meridian.iso"
DISK, STICK, DISC = "ide-hd", "usb-storage", "ide-cd"
LOADERS = {UEFI: "Meridian UEFI loader", BIOS: "GRUB"}
WAYS = [(IMAGE, STICK), (IMAGE, DISK), (ISO, DISC), (ISO, STICK)]


def medium(image, device):
    """The fields of a machine that has the image in that kind of drive."""
    return {"disc": str(image)} if device == DISC else {"disk_image": image, "disk_device": device}


def check(run, loader):
    """Asks a machine at its prompt what this file wants of each."""
    assert f"started by {loader}" in run.prompt()
    run.command("json on")
    run.command("selftest tables")
    totals = run.event("selftests")
    assert totals["passed"] == 1 and totals["failed"] == 0
    run.type("exit\r")
    assert run.finish() == EXIT_SUCCESS


@pytest.mark.parametrize("firmware", (UEFI, BIOS))
@pytest.mark.parametrize("image, device", WAYS, ids=lambda value: getattr(value, "name", value))
def test_image_starts(machine, image, device, firmware):
    """The image boots from this drive with this firmware, to a prompt and a passing self-test."""
    with machine(firmware=firmware, **medium(image, device)) as run:
        check(run, LOADERS[firmware])
