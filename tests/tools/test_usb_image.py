# SPDX-License-Identifier: BSD-2-Clause
"""The stick writer writes to sticks and to nothing else, and knows when a stick did not keep what it got.

A machine is played: a tree as sysfs has it, files of procfs, and plain files in the places of devices,
which stat() calls block devices."""

import io
import os
import pathlib
import stat
import subprocess
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import meridian_usb  # noqa: E402

MIB = meridian_usb.MIB
USB = "devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0"
SATA = "devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0"
CARD = "devices/pci0000:00/0000:00:1c.0/mmc_host/mmc0/mmc0:aaaa"
IMAGE = bytes(range(256)) * (5 * MIB // 256)


class Computer:
    """A machine with disks, each a plain file under dev/."""

    def __init__(self, folder):
        self.folder, self.numbers = folder, {}
        for name in ("sys/dev/block", "sys/block", "proc/self", "dev"):
            (folder / name).mkdir(parents=True)
        (folder / "image").write_bytes(IMAGE)
        self.mounts(), self.swaps()
        self.host = meridian_usb.Host(folder / "sys", folder / "proc", self.stat)

    def stat(self, path):
        number = self.numbers.get(pathlib.Path(path).name)
        return os.stat(path) if number is None else types.SimpleNamespace(
            st_mode=stat.S_IFBLK | 0o660, st_rdev=os.makedev(*number))

    def disk(self, name="sdb", place=USB, size_bytes=8 * MIB, number=(8, 16), partitions=1, **attributes):
        """A disk with its partitions; returns its node, which holds nothing but ones."""
        folder = self.folder / "sys" / place / "block" / name
        known = {"removable": "1", "ro": "0", "size": size_bytes // 512, "device/type": "0",
                 "device/vendor": "Acme", "device/model": "Cruiser", **attributes}
        self.add(folder, name, number, known)
        (self.folder / "sys/block" / name).symlink_to(folder)
        for i in range(1, partitions + 1):
            self.add(folder / f"{name}{i}", f"{name}{i}", (number[0], number[1] + i), {"partition": i})
        node = self.folder / "dev" / name
        node.write_bytes(b"\xff" * size_bytes)
        return node

    def add(self, folder, name, number, attributes):
        (folder / "holders").mkdir(parents=True)
        for key, value in {**attributes, "dev": "{}:{}".format(*number)}.items():
            (folder / key).parent.mkdir(exist_ok=True)
            (folder / key).write_text(f"{value}\n")
        (self.folder / "sys/dev/block/{}:{}".format(*number)).symlink_to(folder)
        (self.folder / "dev" / name).touch()
        self.numbers[name] = number

    def mounts(self, *lines):
        (self.folder / "proc/self/mountinfo").write_text("".join(f"{line}\n" for line in lines))

    def swaps(self, *lines):
        rows = ["Filename Type Size Used Priority", *lines]
        (self.folder / "proc/swaps").write_text("".join(f"{row}\n" for row in rows))

    def write(self, *device, answer="yes\n"):
        """Runs the command; returns (status, what it said)."""
        stream = io.StringIO()
        words = [str(self.folder / "image"), *map(str, device)]
        status = meridian_usb.main(words, self.host, io.StringIO(answer), stream)
        return status, stream.getvalue()


@pytest.fixture
def computer(tmp_path):
    return Computer(tmp_path)


def untouched(node):
    return not node.read_bytes().strip(b"\xff")


def test_stick_is_written_and_read_back(computer):
    """After one yes the stick begins with the image, the rest of it is as it was, and both steps are told."""
    node = computer.disk()
    status, said = computer.write(node)
    assert status == 0
    assert node.read_bytes() == IMAGE + b"\xff" * (8 * MIB - len(IMAGE))
    assert "Acme Cruiser, 0.0 GB, 1 partitions" in said and said.count("Type 'yes'") == 1
    assert "Written 5 of 5 MiB" in said and "Read back 5 of 5 MiB" in said and "Done." in said


@pytest.mark.parametrize("answer", ("", "\n", "y\n", "no\n", "YES\n", "yes please\n"))
def test_other_answers_write_nothing(computer, capsys, answer):
    """Anything but yes, and no answer at all, leaves the stick alone."""
    node = computer.disk()
    assert computer.write(node, answer=answer)[0] == 1
    assert untouched(node) and capsys.readouterr().err == "Nothing was written.\n"


REFUSED = {
    "sata": ({"place": SATA, "removable": "0"}, "not a USB stick"),
    "sata-bay": ({"place": SATA}, "not a USB stick"),
    "usb-enclosure": ({"removable": "0"}, "not a USB stick"),
    "usb-cd": ({"device/type": "5"}, "not a USB stick"),
    "soldered-card": ({"name": "mmcblk0", "place": CARD, "device/type": "MMC", "removable": "0"}, "not a USB stick"),
    "loop": ({"name": "loop0", "place": "devices/virtual", "removable": "0"}, "not a USB stick"),
    "protected": ({"ro": "1"}, "write-protected"),
    "too-small": ({"size_bytes": 4 * MIB}, "has 4 MiB, the image 5 MiB. Take a larger stick."),
    "no-medium": ({"size_bytes": 0}, "there is no medium"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_disks_are_refused(computer, capsys, name):
    """A disk that stays, is protected or too small is refused by name before anything is asked or written."""
    fields, why = REFUSED[name]
    node = computer.disk(**fields)
    status, said = computer.write(node)
    told = capsys.readouterr().err
    assert status == 1 and said == "" and untouched(node)
    assert why in told and node.name in told


def test_memory_card_is_taken(computer):
    """A card in a reader of the machine itself is no USB device, but as good as a stick."""
    node = computer.disk(name="mmcblk0", place=CARD, removable="0", **{"device/type": "SD", "device/name": "SL16G"})
    status, said = computer.write(node)
    assert status == 0 and "SL16G" in said


def test_partition_is_refused(computer, capsys):
    """A partition is refused, and the disk that it is on is named."""
    node = computer.disk()
    assert computer.write(node.with_name("sdb1"))[0] == 1
    told = capsys.readouterr().err
    assert "is a partition" in told and "/dev/sdb." in told and untouched(node)


@pytest.mark.parametrize("what, why", (("dev/none", "No such file"), ("image", "not a block device"),
                                       ("dev", "not a block device")))
def test_what_is_no_device_is_refused(computer, capsys, what, why):
    """A name of nothing, a file and a folder are refused."""
    assert computer.write(computer.folder / what)[0] == 1
    assert why in capsys.readouterr().err


def test_device_that_is_gone_is_refused(computer, capsys):
    """A node whose device the kernel does not know any more is refused."""
    node = computer.disk()
    (computer.folder / "sys/dev/block/8:16").unlink()
    assert computer.write(node)[0] == 1
    assert "knows no device 8:16" in capsys.readouterr().err and untouched(node)


def hold(computer):
    (computer.folder / "sys" / USB / "block/sdb/sdb1/holders/md0").mkdir()


USED = {
    "disk": (lambda c: c.mounts("29 1 8:16 / /media/stick rw - vfat /dev/root rw"), "mounted at /media/stick"),
    "partition": (lambda c: c.mounts("29 1 8:17 / /media/a rw shared:1 - vfat /dev/sdb1 rw"), "umount /dev/sdb1"),
    "btrfs": (lambda c: c.mounts(f"29 1 0:41 / /mnt rw - btrfs {c.folder}/dev/sdb1 rw"), "mounted at /mnt"),
    "swap": (lambda c: c.swaps(f"{c.folder}/dev/sdb1 partition 1024 0 -2"), "swapoff"),
    "raid": (hold, "sdb1 is part of md0"),
}


@pytest.mark.parametrize("name", USED)
def test_used_stick_is_refused(computer, capsys, name):
    """A stick that is mounted, swapped to or part of a volume is refused with what to do about it."""
    node = computer.disk()
    use, why = USED[name]
    use(computer)
    assert computer.write(node)[0] == 1
    told = capsys.readouterr().err
    assert "in use" in told and why in told and untouched(node)


def test_mounts_of_other_disks_do_not_matter(computer):
    """What else is mounted, and a file system whose source is no path, is no reason to refuse."""
    node = computer.disk()
    computer.disk("sda", SATA, number=(8, 0), removable="0")
    computer.mounts("29 1 8:1 / / rw - ext4 /dev/sda1 rw", "30 29 0:21 / /proc rw - proc proc rw")
    assert computer.write(node)[0] == 0


def test_device_that_is_not_permitted(computer, capsys, monkeypatch):
    """Without the right to write, the command to type is told."""
    node = computer.disk()

    def refuse(*_):
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr(meridian_usb.os, "open", refuse)
    assert computer.write(node)[0] == 1
    assert f"sudo tools/meridian_usb.py {computer.folder}/image {node}" in capsys.readouterr().err


@pytest.mark.parametrize("place", (0, MIB + 17, len(IMAGE) - 1))
def test_stick_that_forgets_is_noticed(computer, capsys, monkeypatch, place):
    """One byte that comes back as another is found, wherever it is, and its place is told."""
    node = computer.disk()
    write = meridian_usb.write_all

    def forget(handle, *words):
        write(handle, *words)
        os.pwrite(handle, bytes([IMAGE[place] ^ 1]), place)
    monkeypatch.setattr(meridian_usb, "write_all", forget)
    assert computer.write(node)[0] == 1
    assert f"from byte {place} on" in capsys.readouterr().err


def test_stick_that_is_pulled_out(computer, capsys, monkeypatch):
    """An error while writing is told, and that the stick does not start."""
    node = computer.disk()

    def fail(*_):
        raise OSError(5, "Input/output error")
    monkeypatch.setattr(meridian_usb.os, "fsync", fail)
    assert computer.write(node)[0] == 1
    assert "Input/output error. The stick holds part of the image" in capsys.readouterr().err


def test_list_names_sticks_only(computer):
    """Without a device the sticks are listed, and no other disk; the command fails, so that make does."""
    assert computer.write() == (1, "No USB stick or memory card is there.\n")
    computer.disk()
    computer.disk("sda", SATA, number=(8, 0), removable="0")
    computer.disk("sdc", number=(8, 32), size_bytes=0, partitions=0)
    status, said = computer.write()
    assert status == 1 and "/dev/sdb: Acme Cruiser" in said and "sda" not in said and "sdc" not in said


def test_command_refuses_what_this_machine_has(tmp_path):
    """The command itself, on the machine that runs this test: a device that is no disk is refused."""
    (tmp_path / "image").write_bytes(IMAGE)
    done = subprocess.run([sys.executable, ROOT / "tools/meridian_usb.py", tmp_path / "image", "/dev/null"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "/dev/null is not a block device" in done.stderr


def test_make_usb():
    """make usb hands on the image and the device, and fails when they are refused."""
    done = subprocess.run(["make", "-s", "usb", "IMAGE=LICENSE", "DEV=/dev/null"], cwd=ROOT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "/dev/null is not a block device" in done.stderr
    assert "LICENSE" in subprocess.run(["make", "-n", "usb", "IMAGE=LICENSE"], cwd=ROOT, capture_output=True, text=True,
                                       check=True).stdout
