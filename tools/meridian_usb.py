#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""meridian_usb.py - writes an image to a USB stick or a memory card, and to nothing else.

    meridian_usb.py IMAGE            lists the sticks that are there
    meridian_usb.py IMAGE DEVICE     shows what the device is, asks once, writes, reads back

What is refused, always before a byte is written: what is no block device, a partition, a disk that
the kernel does not call removable or that is not on USB or in a card reader, a disk that is
write-protected, too small, mounted, used as swap, or part of a RAID or of LVM. There is no way to
overrule that; docs/images.md says how images are written by hand.

Linux tells all this in sysfs and procfs. What is known of a device is looked up by its number, so a
link to it is as good as its name.
"""

import argparse
import dataclasses
import errno
import fcntl
import os
import pathlib
import stat
import sys

MIB = 1 << 20
SECTOR = 512           # the unit of sizes in sysfs, whatever the device's sectors are
CHUNK = 4 * MIB
SCSI_DISK = "0"        # type of a SCSI device: SPC-4, 6.4.2
MEMORY_CARD = "SD"     # type of an MMC device; "MMC" is soldered in
REREAD_PARTITIONS = 0x125F  # BLKRRPART of linux/fs.h
ANSWER = "yes"


class Refusal(Exception):
    """Why nothing was written, and what to do."""


@dataclasses.dataclass
class Host:
    """Where the machine tells about itself; tests have one of their own."""

    sys: pathlib.Path = pathlib.Path("/sys")
    proc: pathlib.Path = pathlib.Path("/proc")
    stat: callable = os.stat


@dataclasses.dataclass
class Disk:
    """A whole disk: its node, its folder in sysfs, the numbers of itself and its partitions."""

    node: str
    folder: pathlib.Path
    numbers: dict  # "8:16" -> "sdb"

    @property
    def size_bytes(self):
        return int(attribute(self.folder, "size") or 0) * SECTOR

    @property
    def model(self):
        words = [attribute(self.folder, f"device/{name}") for name in ("vendor", "model", "name")]
        return " ".join(filter(None, words)) or "a disk without a name"

    def describe(self):
        return f"{self.node}: {self.model}, {self.size_bytes / 1e9:.1f} GB, {len(self.numbers) - 1} partitions"


def attribute(folder, name):
    """What a file of sysfs says; empty where there is none."""
    try:
        return (folder / name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def numbers_of(folder):
    """{number: name} of a disk and its partitions."""
    parts = [folder, *(path.parent for path in folder.glob("*/partition"))]
    return {attribute(part, "dev"): part.name for part in parts}


def find_disk(host, device):
    """The disk of that name; refuses what is none."""
    try:
        status = host.stat(device)
    except OSError as error:
        raise Refusal(f"{device}: {error.strerror}. Without a device, the command lists the sticks that are there.") from error
    if not stat.S_ISBLK(status.st_mode):
        raise Refusal(f"{device} is not a block device. A stick is one, such as /dev/sdb; 'lsblk' lists them.")
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    folder = (host.sys / "dev/block" / number).resolve()
    if not folder.is_dir():
        raise Refusal(f"{device}: the kernel knows no device {number}. Was the stick pulled out? Look at 'lsblk'.")
    if (folder / "partition").exists():
        raise Refusal(f"{device} is a partition. The image has partitions of its own: name the whole disk, "
                      f"/dev/{folder.parent.name}.")
    return Disk(str(device), folder, numbers_of(folder))


# --- what is no stick ---------------------------------------------------------------------------

def is_stick(disk):
    """A disk on USB, or a card in a reader, that can be taken out. A disk in a USB enclosure says that it
    is fixed: it may be somebody's backup."""
    kind = attribute(disk.folder, "device/type")
    on_usb = any(part.startswith("usb") for part in disk.folder.parts)
    return kind == MEMORY_CARD or (kind == SCSI_DISK and on_usb and attribute(disk.folder, "removable") == "1")


def refuse_fixed(_, disk, __):
    if not is_stick(disk):
        raise Refusal(f"{disk.describe()}: not a USB stick or memory card, but a disk that stays. "
                      "docs/images.md says how to write the image by hand if you are sure.")


def refuse_protected(_, disk, __):
    if attribute(disk.folder, "ro") == "1":
        raise Refusal(f"{disk.describe()}: write-protected. Look for a switch on the stick or card.")


def refuse_small(_, disk, image_bytes):
    if disk.size_bytes < image_bytes:
        raise Refusal(f"{disk.node} has {disk.size_bytes // MIB} MiB, the image {image_bytes // MIB} MiB. "
                      "Take a larger stick" + ("." if disk.size_bytes else ", or push it in: there is no medium."))


def uses_of(host, disk):
    """Who uses the disk or one of its partitions, in words."""
    for line in attribute(host.proc, "self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        number, source = before.split()[2], after.split()[1]
        if number in disk.numbers or device_number(host, source) in disk.numbers:
            yield f"{source} is mounted at {before.split()[4]}: umount {source}"
    for line in attribute(host.proc, "swaps").splitlines()[1:]:
        if device_number(host, line.split()[0]) in disk.numbers:
            yield f"{line.split()[0]} is used as swap: swapoff {line.split()[0]}"
    for name in disk.numbers.values():
        part = disk.folder if name == disk.folder.name else disk.folder / name
        for holder in (part / "holders").glob("*"):
            yield f"{name} is part of {holder.name}, a RAID, LVM or encrypted volume: take that apart"


def device_number(host, path):
    """The number of a block device, None for whatever else a path may be."""
    try:
        status = host.stat(path)
    except OSError:
        return None
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" if stat.S_ISBLK(status.st_mode) else None


def refuse_used(host, disk, _):
    uses = list(uses_of(host, disk))
    if uses:
        raise Refusal(f"{disk.describe()}: in use.\n" + "\n".join(f"    {use}" for use in uses))


CHECKS = (refuse_fixed, refuse_protected, refuse_small, refuse_used)


def sticks(host):
    """The disks that may be written to, as far as their kind goes."""
    for folder in sorted((host.sys / "block").glob("*")):
        disk = Disk(f"/dev/{folder.name}", folder.resolve(), numbers_of(folder.resolve()))
        if is_stick(disk) and disk.size_bytes:
            yield disk


# --- writing ------------------------------------------------------------------------------------

class Progress:
    """One line that tells how far it is; on what is no terminal only the last."""

    def __init__(self, what, total, stream):
        self.what, self.total, self.stream = what, total, stream

    def show(self, done):
        if self.stream.isatty() or done == self.total:
            end = "\n" if done == self.total else ""
            start = "\r" if self.stream.isatty() else ""
            print(f"{start}{self.what} {done // MIB} of {self.total // MIB} MiB", end=end, file=self.stream, flush=True)


def chunks(image):
    with open(image, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def write_all(handle, image, total, stream):
    """Every chunk is on the medium before the next: the progress is that of the stick."""
    progress, done = Progress("Written", total, stream), 0
    for chunk in chunks(image):
        view = memoryview(chunk)
        while view:
            view = view[os.write(handle, view):]
        os.fsync(handle)
        done += len(chunk)
        progress.show(done)


def read_back(handle, image, total, stream):
    """What the medium holds, not what is remembered of it, is the image."""
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.lseek(handle, 0, os.SEEK_SET)
    progress, done = Progress("Read back", total, stream), 0
    for chunk in chunks(image):
        have = b""
        while len(have) < len(chunk) and (more := os.read(handle, len(chunk) - len(have))):
            have += more
        if have != chunk:
            wrong = next((i for i, (a, b) in enumerate(zip(have, chunk)) if a != b), len(have))
            raise Refusal(f"The stick does not hold what was written to it, from byte {done + wrong} on. "
                          "It is broken, or smaller than it says: take another one.")
        done += len(chunk)
        progress.show(done)


def write_image(image, node, stream):
    """Writes and verifies; nobody else may have the device open for writing meanwhile."""
    total = os.stat(image).st_size
    try:
        handle = os.open(node, os.O_RDWR | os.O_EXCL)
    except PermissionError as error:
        raise Refusal(f"{node}: not permitted. Type: sudo tools/meridian_usb.py {image} {node}") from error
    except OSError as error:
        busy = " Something has it open; close that." if error.errno == errno.EBUSY else ""
        raise Refusal(f"{node}: {error.strerror}.{busy}") from error
    try:
        write_all(handle, image, total, stream)
        read_back(handle, image, total, stream)
        try:
            fcntl.ioctl(handle, REREAD_PARTITIONS)
        except OSError:
            pass  # seen again when the stick is pushed in anew
    except OSError as error:
        raise Refusal(f"{node}: {error.strerror}. The stick holds part of the image, which does not start.") from error
    finally:
        os.close(handle)


def list_sticks(host, stream):
    found = [disk.describe() for disk in sticks(host)]
    print("Which one? make usb DEV=..." if found else "No USB stick or memory card is there.", file=stream)
    print("".join(f"    {line}\n" for line in found), end="", file=stream)
    return 1


def main(words, host=Host(), keyboard=sys.stdin, stream=sys.stdout):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("device", nargs="?")
    options = parser.parse_args(words)
    if not options.device:
        return list_sticks(host, stream)
    try:
        disk = find_disk(host, options.device)
        for check in CHECKS:
            check(host, disk, os.stat(options.image).st_size)
        print(f"{disk.describe()}\nAll that is on it will be lost. Type '{ANSWER}' to write {options.image}: ",
              end="", file=stream, flush=True)
        if keyboard.readline().strip() != ANSWER:
            raise Refusal("Nothing was written.")
        write_image(options.image, options.device, stream)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print("Done. The stick can be pulled out; start a machine from it.", file=stream)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
