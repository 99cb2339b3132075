#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""meridian_disk.py - a GPT disk whose EFI system partition holds a folder.

    meridian_disk.py FOLDER IMAGE [--grub]

    sector 0      protective MBR: one entry that covers the disk, as UEFI wants it; with GRUB, its
                  boot code, and an empty entry marked active, which some BIOSes look for
    sector 1      the table, 128 entries
    sector 34     with GRUB: its image, in a BIOS boot partition
    1 MiB         the EFI system partition, FAT32
    last MiB      the table's copy

The same folder gives the same bytes: identifiers are fixed, times are SOURCE_DATE_EPOCH, names are
copied in sorted order. The image is written beside its place and moved there, so that a run that is
interrupted leaves nothing half done. sgdisk makes the table, mtools the FAT32 volume.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import meridian_grub

MIB = 1 << 20
SECTOR = 512
START = MIB // SECTOR
GRUB_START = 34  # behind the table
DISK_GUID = "4D455249-4449-414E-0000-000000000001"
PARTITION_GUID = "4D455249-4449-414E-0000-000000000002"
GRUB_GUID = "4D455249-4449-414E-0000-000000000004"
GRUB_PREFIX = "(,gpt1)/boot/grub"
VOLUME_ID = "4D455249"
DEFAULT_EPOCH = "1704067200"
SMALLEST_MIB = 64  # FAT32 with clusters of one sector needs 65525 of them
SPARE_MIB = 8
# The second entry of the MBR: active, type 0, which is no partition. UEFI 2.10, 5.2.3 wants the first one.
ACTIVE_ENTRY_OFFSET = 446 + 16
ACTIVE_ENTRY = bytes([0x80, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0])


def run(*command):
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1",
                   "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    environment.setdefault("SOURCE_DATE_EPOCH", DEFAULT_EPOCH)
    done = subprocess.run([str(word) for word in command], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stdout.decode(errors='replace')}")


def size_mib(folder, smallest_mib):
    """Of a volume that has room for the folder, and some to spare."""
    used = sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())
    return max(smallest_mib, used // MIB + used // (32 * MIB) + SPARE_MIB)


def set_times(folder):
    """Gives everything in the folder the time of the build: FAT and ISO 9660 keep times."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", DEFAULT_EPOCH))
    for path in (folder, *pathlib.Path(folder).rglob("*")):
        os.utime(path, (epoch, epoch))


def fill_volume(volume, folder, format_words):
    """Makes a FAT volume and copies the folder, with the times of its files, into it."""
    run("mformat", "-i", volume, *format_words, "-h", 255, "-s", 63, "-N", VOLUME_ID, "-v", "MERIDIAN", "::")
    with tempfile.TemporaryDirectory(prefix="meridian-files-") as work:
        tree = pathlib.Path(work, "files")
        shutil.copytree(folder, tree)
        set_times(tree)
        folders = sorted(path for path in tree.rglob("*") if path.is_dir())
        if folders:
            run("mmd", "-i", volume, *(f"::{path.relative_to(tree)}" for path in folders))
        for place in [tree, *folders]:
            here = sorted(path for path in place.iterdir() if path.is_file())
            if here:
                run("mcopy", "-m", "-i", volume, *here, f"::{place.relative_to(tree)}/")


def write_grub(image):
    """Makes the disk one that a BIOS starts GRUB from."""
    with open(image, "r+b") as file:
        file.seek(ACTIVE_ENTRY_OFFSET)
        file.write(ACTIVE_ENTRY)
    meridian_grub.install(image, GRUB_PREFIX, GRUB_START, START - GRUB_START)


def write_disk(folder, image, smallest_mib=SMALLEST_MIB, grub=False):
    """Writes `image` anew; with `grub` the folder has a menu in boot/grub, for a BIOS."""
    image = pathlib.Path(image)
    if not pathlib.Path(folder).is_dir():
        sys.exit(f"{folder}: no such folder; nothing is written")
    disk_mib = size_mib(folder, smallest_mib)
    last = (disk_mib - 1) * MIB // SECTOR - 1  # the second table is in the last MiB
    with tempfile.TemporaryDirectory(dir=image.parent, prefix=".disk-") as work:
        new = pathlib.Path(work, "image")
        with open(new, "wb") as file:
            file.truncate(disk_mib * MIB)
        words = [f"--new=1:{START}:{last}", "--typecode=1:EF00", "--change-name=1:Meridian ESP",
                 f"--partition-guid=1:{PARTITION_GUID}"]
        if grub:
            words += ["--set-alignment=1", f"--new=2:{GRUB_START}:{START - 1}", "--typecode=2:EF02",
                      "--change-name=2:Meridian GRUB", f"--partition-guid=2:{GRUB_GUID}"]
        run("sgdisk", "--clear", f"--disk-guid={DISK_GUID}", *words, new)
        fill_volume(f"{new}@@{START * SECTOR}", folder,
                    ["-F", "-c", 1 if disk_mib < 256 else 8, "-H", START, "-T", last - START + 1])
        if grub:
            write_grub(new)
        os.replace(new, image)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("image")
    parser.add_argument("--grub", action="store_true", help="a BIOS starts from it, too")
    options = parser.parse_args()
    write_disk(options.folder, options.image, grub=options.grub)


if __name__ == "__main__":
    main()
