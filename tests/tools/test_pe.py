# SPDX-License-Identifier: BSD-2-Clause
"""The loader's PE file is what firmware and shim demand, and the check of it finds each fault."""

import pathlib
import shutil
import struct

import pytest

import pe

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOADER = ROOT / "build/BOOTX64.EFI"
SHARED = ROOT / "build/obj/loader/loader.so"
SIZE_LIMIT = 512 << 10


def test_loader_passes():
    """BOOTX64.EFI: sections of 4 KiB, no W+X, NX_COMPAT, relocations, a right checksum."""
    image = pe.Image(LOADER)
    pe.check_image(image)
    pe.check_relocations(image, SHARED)


def test_loader_is_small():
    """The loader with the kernel in it stays under 512 KiB."""
    assert LOADER.stat().st_size < SIZE_LIMIT


def test_loader_has_no_time_stamp():
    """Nothing in the file depends on when it was built."""
    image = pe.Image(LOADER)
    assert image.u32(image.pe + pe.TIME_STAMP) == 0


def clear_nx(image):
    struct.pack_into("<H", image.data, image.optional + pe.DLL_CHARACTERISTICS, 0)


def write_and_execute(image):
    at = image.optional + image.u16(image.pe + pe.OPTIONAL_SIZE) + 36
    struct.pack_into("<I", image.data, at, pe.WRITE | pe.EXECUTE)


def small_alignment(image):
    struct.pack_into("<I", image.data, image.optional + pe.SECTION_ALIGNMENT, 512)


def no_relocations(image):
    at = image.optional + pe.DIRECTORIES + 8 * pe.DIRECTORY_BASE_RELOCATION
    struct.pack_into("<II", image.data, at, 0, 0)


def misplaced_section(image):
    at = image.optional + image.u16(image.pe + pe.OPTIONAL_SIZE) + 12
    struct.pack_into("<I", image.data, at, image.sections[0]["address"] + 16)


def overlapping_sections(image):
    at = image.optional + image.u16(image.pe + pe.OPTIONAL_SIZE) + 40 + 12
    struct.pack_into("<I", image.data, at, image.sections[0]["address"])


def empty_section(image):
    at = image.optional + image.u16(image.pe + pe.OPTIONAL_SIZE) + 8
    struct.pack_into("<I", image.data, at, 0)


def beyond_the_file(image):
    at = image.optional + image.u16(image.pe + pe.OPTIONAL_SIZE) + 20
    struct.pack_into("<I", image.data, at, len(image.data))


def other_machine(image):
    struct.pack_into("<H", image.data, image.pe + 4, 0x14C)


FAULTS = {
    clear_nx: "NX_COMPAT is not set",
    write_and_execute: "writable and executable",
    small_alignment: "not aligned to 4 KiB",
    no_relocations: "no base relocations",
    misplaced_section: "is not aligned to 4 KiB",
    overlapping_sections: "overlaps",
    empty_section: "is empty",
    beyond_the_file: "ends beyond the file",
    other_machine: "not x86-64",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_fault_is_found(tmp_path, fault):
    """A file with one fault is refused, with the fault's name, whatever its checksum."""
    image = pe.Image(LOADER)
    fault(image)
    struct.pack_into("<I", image.data, image.optional + pe.CHECKSUM, image.checksum())
    path = tmp_path / "damaged.efi"
    path.write_bytes(image.data)
    with pytest.raises(pe.Refused, match=FAULTS[fault]):
        pe.check_image(pe.Image(path))


def test_wrong_checksum_is_found(tmp_path):
    """A file that changed after it was sealed is refused."""
    path = tmp_path / "changed.efi"
    data = bytearray(LOADER.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(pe.Refused, match="checksum"):
        pe.check_image(pe.Image(path))


def test_lost_relocations_are_found(tmp_path):
    """Relocations that were not copied into the image are noticed."""
    image = pe.Image(LOADER)
    image.sections = [section for section in image.sections
                      if not section["name"].startswith(".rel") or section["name"] == ".reloc"]
    with pytest.raises(pe.Refused, match="were not copied"):
        pe.check_relocations(image, SHARED)


def test_seal_is_stable(tmp_path):
    """Sealing a sealed file changes nothing."""
    path = tmp_path / "again.efi"
    shutil.copy(LOADER, path)
    pe.seal(path)
    assert path.read_bytes() == LOADER.read_bytes()
