# SPDX-License-Identifier: BSD-2-Clause
"""The images as they ship: the disk image and the ISO, as disk, stick and disc, under UEFI and a BIOS; with a
signed loader under Secure Boot; and the loader from other boot managers, by the lines of docs/images.md.

Each machine reaches the kernel's prompt, where a self-test passes, and tells how it was started. The images
are those of build/, byte for byte, or with another loader in them: what is asked is typed."""

import re
import shutil
import subprocess

import pytest

from harness import EXIT_SUCCESS, ROOT
import meridian_iso
from meridian_qemu import BIOS, UEFI
from secure_boot import LOADER, LOADER_FILE, sign
from vga import press, until_vga, vga_rows

PAGE = ROOT / "docs/images.md"
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


def test_menu_of_grub_on_an_old_machine(machine):
    """Esc at the start shows GRUB's menu, where the kernel's command line can be changed for one start: here on
    a 486 with 8 MiB."""
    with machine(firmware=BIOS, machine="pc", cpu="486", memory="8M", **medium(IMAGE, DISK)) as run:
        while "GNU GRUB" not in "\n".join(vga_rows(run)) and run.seconds_left() > 0:
            press(run, "esc")
        press(run, "e")
        until_vga(run, "setparams 'Meridian'", "multiboot /meridian/kernel-i386.elf", "Ctrl-x")
        press(run, "down", "down", "end", "spc", *"json", "ctrl+x")
        check(run, LOADERS[BIOS])
        assert run.event("boot")["command_line"] == "json"


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """{image: the same with a signed loader}: the disk by the command of docs/images.md, the disc made anew."""
    place = tmp_path_factory.mktemp("signed")
    esp, stick = place / "esp", place / "stick"
    (place / "build/signed").mkdir(parents=True)
    (place / "build/signed/BOOTX64.EFI").write_bytes(sign(LOADER))
    shutil.copy(IMAGE, place / "build")
    command, = re.findall(r"^    (mcopy .*signed.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    subprocess.run(command.split(), cwd=place, check=True)
    (place / "meridian.conf").write_text("cmdline: json\n", encoding="ascii")
    words = ["mcopy", "-o", "-i", f"build/{IMAGE.name}@@1M", "meridian.conf", "::/meridian/"]
    subprocess.run(words, cwd=place, check=True)
    for tree in (esp, stick):
        shutil.copytree(ROOT / "build" / tree.name, tree)
        shutil.copy(place / "build/signed/BOOTX64.EFI", tree / LOADER_FILE)
        shutil.copy(place / "meridian.conf", tree / "meridian")
    meridian_iso.write_iso(stick, place / ISO.name, esp)
    return {IMAGE: place / "build" / IMAGE.name, ISO: place / ISO.name}


@pytest.mark.parametrize("image, device", WAYS, ids=lambda value: getattr(value, "name", value))
def test_signed_image_starts_under_secure_boot(machine, signed, image, device):
    """With a loader signed with a key of the firmware's, each image boots under Secure Boot."""
    with machine(secure_boot=True, **medium(signed[image], device)) as run:
        check(run, LOADERS[UEFI])
        assert run.event("boot")["secure_boot"] is True


def page_block(name):
    """The block of docs/images.md that follows the name of that file."""
    page = PAGE.read_text(encoding="utf-8")
    block, = re.findall(rf"^`{re.escape(name)}`[^\n]*:\n\n((?:(?:    .*)?\n)+)", page, re.MULTILINE)
    return re.sub(r"^    ", "", block, flags=re.MULTILINE).encode()


def grub(folder):
    """GRUB for UEFI as grub-mkimage makes it, with its menu in /boot/grub/grub.cfg."""
    program = folder / "grub.efi"
    subprocess.run(["grub-mkimage", "-O", "x86_64-efi", "-p", "/boot/grub", "-o", program, "part_gpt", "fat",
                    "normal", "search", "search_fs_file", "chain"], check=True)
    return program.read_bytes()


# name: (its program, its files, what makes it take its only entry at once)
MANAGERS = {
    "grub": (grub, {"boot/grub/grub.cfg": b"set timeout=0\n"}),
    "systemd-boot": ("/usr/lib/systemd/boot/efi/systemd-bootx64.efi",
                     {"loader/entries/meridian.conf": b"", "loader/loader.conf": None}),
    "refind": ("/usr/share/refind/refind/refind_x64.efi", {"EFI/BOOT/refind.conf": b"timeout -1\nscanfor manual\n"}),
}


@pytest.mark.parametrize("manager", MANAGERS)
def test_other_boot_managers(machine, folder, manager):
    """GRUB, systemd-boot and rEFInd start the loader with the lines of docs/images.md, and what these lines
    add to the kernel's command line arrives there."""
    program, files = MANAGERS[manager]
    content = program(folder) if callable(program) else open(program, "rb").read()
    files = {name: (head or b"") + page_block(name) for name, head in files.items()}
    with machine(files={LOADER_FILE: content, "EFI/meridian/BOOTX64.EFI": LOADER.read_bytes(), **files}) as run:
        check(run, LOADERS[UEFI])
        assert run.event("boot")["command_line"] == "json"
