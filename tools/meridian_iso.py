#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""meridian_iso.py - a disc that BIOS and UEFI start from, and that is a stick as well.

    meridian_iso.py FOLDER IMAGE [--esp FOLDER]

FOLDER has boot/grub/grub.cfg, GRUB's menu, and becomes the ISO 9660 file system. The folder of --esp
becomes a FAT volume in it, which firmware finds in two ways:

    as a disc    El Torito: GRUB's image for a BIOS, the FAT volume for UEFI
    as a stick   a boot sector that loads GRUB's image; a GPT whose EFI system partition is the volume

The same folders give the same bytes: identifiers and times are fixed. xorriso makes it all.
"""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time

import meridian_disk
import meridian_grub

CORE = "boot/grub/core.img"
VOLUME = "boot/esp.img"
DISK_GUID = "4D455249-4449-414E-0000-000000000003"
BOOT_LOAD_SECTORS = 4  # what a BIOS reads of GRUB's image; that part reads the rest
VOLUME_STEP_MIB = 4


def xorriso_words(image, folder, has_volume):
    stamp = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", meridian_disk.DEFAULT_EPOCH)))
    date = time.strftime("%Y%m%d%H%M%S00", stamp)
    words = ["xorriso", "-as", "mkisofs", "-quiet", "-o", image, "-volid", "MERIDIAN", "-rational-rock",
             "-joliet", f"--modification-date={date}", "--set_all_file_dates", "set_to_mtime",
             "-eltorito-boot", CORE, "-no-emul-boot", "-boot-load-size", BOOT_LOAD_SECTORS,
             "-boot-info-table", "--grub2-boot-info", "--boot-catalog-hide",
             "--grub2-mbr", meridian_grub.module_folder() / "boot_hybrid.img",
             "--protective-msdos-label", "--mbr-force-bootable", "--gpt_disk_guid", DISK_GUID]
    if has_volume:
        words += ["-eltorito-alt-boot", "--efi-boot", VOLUME, "-no-emul-boot",
                  "-efi-boot-part", "--efi-boot-image"]
    return [*words, folder]


def write_volume(folder, volume):
    """A FAT volume that is as small as the folder lets it be."""
    size_mib = meridian_disk.size_mib(folder, VOLUME_STEP_MIB)
    with open(volume, "wb") as file:
        file.truncate(size_mib * meridian_disk.MIB)
    meridian_disk.fill_volume(volume, folder, ["-T", size_mib * meridian_disk.MIB // meridian_disk.SECTOR])


def write_iso(folder, image, esp=None):
    """Writes `image` anew; the folders are read through a copy."""
    image = pathlib.Path(image)
    with tempfile.TemporaryDirectory(dir=image.parent, prefix=".disc-") as work:
        new, tree = pathlib.Path(work, "image"), pathlib.Path(work, "files")
        shutil.copytree(folder, tree)
        (tree / CORE).write_bytes(meridian_grub.core_image(meridian_grub.DISC, "/boot/grub"))
        if esp:
            write_volume(esp, tree / VOLUME)
        meridian_disk.set_times(tree)
        meridian_disk.run(*xorriso_words(new, tree, bool(esp)))
        os.replace(new, image)


def write_kernel_disc(image, kernel, cmdline="", modules=()):
    """A disc for a BIOS whose menu has one entry, taken at once: the kernel and its modules."""
    with tempfile.TemporaryDirectory(prefix="meridian-disc-") as folder:
        boot = pathlib.Path(folder, "boot")
        (boot / "grub").mkdir(parents=True)
        for path in (kernel, *modules):
            shutil.copy(path, boot)
        names = [pathlib.Path(path).name for path in modules]
        text = meridian_grub.menu(pathlib.Path(kernel).name, cmdline, names)
        (boot / "grub/grub.cfg").write_text(text, encoding="utf-8")
        write_iso(folder, image)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("image")
    parser.add_argument("--esp", help="what the volume for UEFI holds")
    options = parser.parse_args()
    write_iso(options.folder, options.image, options.esp)


if __name__ == "__main__":
    sys.exit(main())
