# SPDX-License-Identifier: BSD-2-Clause
"""What lies in the disk image and in the ISO, by the bytes, as docs/images.md says.

Images are made from a small tree here; that those which ship start is for tests/qemu/test_images.py."""

import os
import pathlib
import shutil
import struct
import subprocess
import sys
import zlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import meridian_disk  # noqa: E402
import meridian_grub  # noqa: E402
import meridian_iso  # noqa: E402

SECTOR = meridian_disk.SECTOR
LOADER, CONFIG, KERNEL = b"MZ the loader" * 1000, b"timeout: 3\n", b"\x7fELF the kernel" * 2000
ESP_TYPE = bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b")
BIOS_BOOT_TYPE = b"Hah!IdontNeedEFI"


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """(what UEFI needs, the same with what a BIOS needs)."""
    esp, stick = tmp_path_factory.mktemp("esp"), tmp_path_factory.mktemp("stick")
    for tree in (esp, stick):
        for name, content in (("EFI/BOOT/BOOTX64.EFI", LOADER), ("meridian/meridian.conf", CONFIG)):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(content)
    shutil.copytree(ROOT / "bios", stick, dirs_exist_ok=True)
    (stick / "meridian/kernel-i386.elf").write_bytes(KERNEL)
    return esp, stick


@pytest.fixture(scope="module")
def images(trees, tmp_path_factory):
    """(the bytes of the disk image, those of the ISO)."""
    return make(*trees, tmp_path_factory.mktemp("images"))


def make(esp, stick, place):
    meridian_disk.write_disk(stick, place / "image", grub=True)
    meridian_iso.write_iso(stick, place / "iso", esp)
    return (place / "image").read_bytes(), (place / "iso").read_bytes()


def table(image):
    """The partitions of a GPT, {type: (first sector, sectors)}; both headers and their sums are right."""
    for sector in (1, len(image) // SECTOR - 1):
        header = bytearray(image[sector * SECTOR:sector * SECTOR + 92])
        assert header[:8] == b"EFI PART"
        own, = struct.unpack_from("<I", header, 16)
        header[16:20] = bytes(4)
        assert zlib.crc32(header) == own
        start, count, size, entries_sum = struct.unpack_from("<QIII", header, 72)
        entries = image[start * SECTOR:start * SECTOR + count * size]
        assert zlib.crc32(entries) == entries_sum
    rows = [entries[i * size:(i + 1) * size] for i in range(count)]
    spans = {row[:16]: struct.unpack_from("<QQ", row, 32) for row in rows if any(row[:16])}
    return {kind: (first, last - first + 1) for kind, (first, last) in spans.items()}


def volume_file(image, sector, name, tmp_path):
    """The bytes of a file in the FAT volume that begins at that sector."""
    path = tmp_path / "volume"
    path.write_bytes(image)
    return subprocess.run(["mtype", "-i", f"{path}@@{sector * SECTOR}", f"::{name}"], check=True,
                          stdout=subprocess.PIPE).stdout


def test_master_boot_record(images):
    """Both have a protective entry that covers them, one marked active that is no partition, and code."""
    for image in images:
        first, second, rest = image[446:462], image[462:478], image[478:510]
        assert first[0] == 0 and first[4] == 0xEE
        assert struct.unpack_from("<II", first, 8) == (1, len(image) // SECTOR - 1)
        assert second[0] == 0x80 and second[4] == 0 and not any(rest)
        assert image[510:512] == b"\x55\xaa" and b"GRUB" in image[:440]


def test_partitions(images, tmp_path):
    """Each has one EFI system partition, a FAT volume with the loader and its configuration in it."""
    for image in images:
        first, count = table(image)[ESP_TYPE]
        assert image[(first * SECTOR) + 510:][:2] == b"\x55\xaa" and (first + count) * SECTOR <= len(image)
        assert volume_file(image, first, "EFI/BOOT/BOOTX64.EFI", tmp_path) == LOADER
        assert volume_file(image, first, "meridian/meridian.conf", tmp_path) == CONFIG


def test_grub_is_where_the_boot_sector_looks(images, tmp_path):
    """The disk's boot sector names the first sector of the BIOS boot partition; there GRUB's image names the
    rest of itself, which fits; the kernel and the menu are on the volume."""
    image, _ = images
    rows = table(image)
    first, count = rows[BIOS_BOOT_TYPE]
    assert struct.unpack_from("<Q", image, meridian_grub.BOOT_CORE_SECTOR) == (first,)
    core = meridian_grub.core_image(meridian_grub.DISK, meridian_disk.GRUB_PREFIX)
    start, sectors = struct.unpack_from("<QH", image, first * SECTOR + meridian_grub.CORE_BLOCKS)
    assert start == first + 1 and sectors + 1 == -(-len(core) // SECTOR) <= count
    assert image[start * SECTOR:][:len(core) - SECTOR] == core[SECTOR:]
    volume = rows[ESP_TYPE][0]
    assert volume_file(image, volume, "meridian/kernel-i386.elf", tmp_path) == KERNEL
    assert b"multiboot /meridian/kernel-i386.elf" in volume_file(image, volume, "boot/grub/grub.cfg", tmp_path)


def test_disc_has_the_files_as_well(images, tmp_path):
    """The ISO's own file system has every file of the stick: also one that is copied by hand starts."""
    (tmp_path / "iso").write_bytes(images[1])
    for name, content in (("EFI/BOOT/BOOTX64.EFI", LOADER), ("meridian/kernel-i386.elf", KERNEL)):
        out = tmp_path / pathlib.Path(name).name
        subprocess.run(["xorriso", "-osirrox", "on", "-indev", tmp_path / "iso", "-extract", f"/{name}", out],
                       check=True, capture_output=True)
        assert out.read_bytes() == content


def test_same_bytes_again(images, trees, tmp_path):
    """A second run, from a copy of the tree made in another order and at another time, gives the same bytes."""
    copies = []
    for tree in trees:
        copy = tmp_path / f"{tree.name}-copy"
        for path in sorted((path for path in tree.rglob("*") if path.is_file()), reverse=True):
            target = copy / path.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        copies.append(copy)
    assert make(*copies, tmp_path) == images


def test_table_moves_to_the_end_of_a_stick(images, tmp_path):
    """On a stick, which is larger, the command of docs/images.md puts the table's copy at the end."""
    stick = tmp_path / "stick"
    stick.write_bytes(images[0] + bytes(8 << 20))
    words = ["sgdisk", "--move-second-header", stick]
    subprocess.run(words, check=True, capture_output=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    assert table(stick.read_bytes()) == table(images[0])


def test_large_trees_get_larger_disks(trees, tmp_path):
    """A tree beyond the smallest disk gets one with room for it."""
    copy = tmp_path / "copy"
    shutil.copytree(trees[0], copy)
    (copy / "large").write_bytes(bytes(80 << 20))
    meridian_disk.write_disk(copy, tmp_path / "image")
    assert (tmp_path / "image").stat().st_size > 88 << 20


def test_grub_that_does_not_fit_is_refused(tmp_path):
    """GRUB's image is not written over what follows the sectors that are kept for it."""
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 20))
    with pytest.raises(SystemExit, match="sectors, but 100 are kept for it"):
        meridian_grub.install(image, "/boot/grub", 34, 100)
    assert not any(image.read_bytes())


def test_failing_tool_leaves_the_old_image(trees, tmp_path):
    """When there is nothing to put into it, the tool says so and an image that was there stays as it was."""
    image = tmp_path / "image"
    image.write_bytes(b"old")
    done = subprocess.run([sys.executable, ROOT / "tools/meridian_disk.py", tmp_path / "no-such-folder", image],
                          capture_output=True, check=False)
    assert done.returncode == 1 and b"no-such-folder: no such folder" in done.stderr
    assert image.read_bytes() == b"old" and [path.name for path in tmp_path.iterdir()] == ["image"]
