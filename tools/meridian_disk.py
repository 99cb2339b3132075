#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""meridian_disk.py - a GPT disk whose EFI system partition holds a folder.

    meridian_disk.py FOLDER IMAGE

The same folder gives the same bytes: identifiers are fixed, times are SOURCE_DATE_EPOCH, names are
copied in sorted order. The image is written beside its place and moved there, so that a run that is
interrupted leaves nothing half done. sgdisk makes the table, mtools the FAT32 volume.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

MIB = 1 << 20
SECTOR = 512
START = MIB // SECTOR
DISK_GUID = "4D455249-4449-414E-0000-000000000001"
PARTITION_GUID = "4D455249-4449-414E-0000-000000000002"
VOLUME_ID = "4D455249"
DEFAULT_EPOCH = "1704067200"
SMALLEST_MIB = 64  # FAT32 with clusters of one sector needs 65525 of them
SPARE_MIB = 8


def run(*command):
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1",
                   "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    environment.setdefault("SOURCE_DATE_EPOCH", DEFAULT_EPOCH)
    done = subprocess.run([str(word) for word in command], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"meridian_disk.py: {command[0]} failed: {done.stdout.decode(errors='replace')}")


def disk_size_mib(folder, smallest_mib):
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return max(smallest_mib, used // MIB + used // (32 * MIB) + SPARE_MIB)


def fill_volume(volume, folder):
    """Copies the folder; times come from the files, so these get the epoch's first."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", DEFAULT_EPOCH))
    folders = sorted(path for path in folder.rglob("*") if path.is_dir())
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if folders:
        run("mmd", "-i", volume, *(f"::{path.relative_to(folder)}" for path in folders))
    for place in [folder, *folders]:
        here = [path for path in files if path.parent == place]
        for path in here:
            os.utime(path, (epoch, epoch))
        if here:
            run("mcopy", "-m", "-i", volume, *here, f"::{place.relative_to(folder)}/")


def write_disk(folder, image, smallest_mib=SMALLEST_MIB):
    """Writes `image` anew; `folder` is left alone but for being read through a copy."""
    folder, image = pathlib.Path(folder), pathlib.Path(image)
    size_mib = disk_size_mib(folder, smallest_mib)
    last = (size_mib - 1) * MIB // SECTOR - 1  # the second table is in the last MiB
    with tempfile.TemporaryDirectory(dir=image.parent, prefix=".disk-") as work:
        new, copy = pathlib.Path(work, "image"), pathlib.Path(work, "files")
        shutil.copytree(folder, copy)
        with open(new, "wb") as file:
            file.truncate(size_mib * MIB)
        run("sgdisk", "--clear", f"--disk-guid={DISK_GUID}", f"--new=1:{START}:{last}",
            "--typecode=1:EF00", "--change-name=1:Meridian ESP",
            f"--partition-guid=1:{PARTITION_GUID}", new)
        volume = f"{new}@@{START * SECTOR}"
        run("mformat", "-i", volume, "-F", "-c", 1 if size_mib < 256 else 8, "-h", 255, "-s", 63,
            "-H", START, "-T", last - START + 1, "-N", VOLUME_ID, "-v", "MERIDIAN", "::")
        fill_volume(volume, copy)
        os.replace(new, image)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write_disk(sys.argv[1], sys.argv[2])
