# SPDX-License-Identifier: BSD-2-Clause
"""The build gives the same bytes everywhere, and rebuilds what a change touches and nothing else.

The tree is copied into folders of different names and depth and built there from nothing."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCTS = ["BOOTX64.EFI", "kernel-x86_64.elf", "kernel-x86_64.debug.elf", "kernel-i386.elf", "meridian.img", "meridian.iso"]
PARTS = ["Makefile", "LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "mk", "include", "efi",
         "kernel", "library", "user", "esp", "bios", "tools", "tests"]
GIVEN = ["BOOTX64.EFI", "kernel-x86_64.elf", "kernel-i386.elf", "meridian.img", "meridian.iso", "LICENSE",
         "include/meridian/boot/handoff.h", "lib/libmeridian-mm.a", "docs/images.md", "docs/man/meridian.conf.5",
         "CHANGELOG.md", "SHA256SUMS"]


def copy_tree(place):
    place.mkdir(parents=True)
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, place)
    return place


def make(place, *words, umask=0o022):
    """Runs make without the variables of the make that runs this test; returns what it said."""
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CONFIG")}
    done = subprocess.run(["make", "-j2", *words], cwd=place, env=environment, text=True, umask=umask,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def compiled(said):
    """The sources that a build compiled."""
    return set(re.findall(r"^  (?:CC|ASM) +(\S+)", said, re.MULTILINE))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    place = copy_tree(tmp_path_factory.mktemp("short") / "t")
    make(place)
    return place


def test_same_bytes_elsewhere(built, tmp_path):
    """A build in another folder, at another time, by somebody with other habits gives the same products and the same
    files to give away byte for byte, packed and not."""
    other = copy_tree(tmp_path / "a/folder with a longer name/deeper".replace(" ", "-"))
    make(built, "dist")
    make(other, "all", "dist", umask=0o077)
    given = [path.relative_to(built / "build") for path in (built / "build/dist").rglob("*") if path.is_file()]
    for name in [*PRODUCTS, *given, "meridian-dist.tar.gz"]:
        assert (built / "build" / name).read_bytes() == (other / "build" / name).read_bytes(), name


def test_what_is_given_away_is_whole(built, tmp_path):
    """What make dist packs has all its parts, readable for everybody, and a sum of each that is right."""
    make(built, "dist")
    subprocess.run(["tar", "-xf", built / "build/meridian-dist.tar.gz", "-C", tmp_path], check=True)
    place = tmp_path / "meridian"
    files = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert set(GIVEN) <= files and (place / "meridian.img").stat().st_mode & 0o777 == 0o644
    sums = (place / "SHA256SUMS").read_text().splitlines()
    assert {line.split(maxsplit=1)[1] for line in sums} == files - {"SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=place, check=True)


def test_nothing_to_do(built):
    """A second make compiles and links nothing."""
    assert re.findall(r"^  [A-Z]+ .*$", make(built), re.MULTILINE) == []


def test_header_rebuilds_its_includers(built):
    """A changed header rebuilds the files that include it, and not all the others."""
    header = built / "efi/refusal.h"
    header.write_text(header.read_text() + "\n")
    again = compiled(make(built))
    assert "efi/main.c" in again
    assert not any(name.startswith("kernel/arch/") for name in again)


def test_flags_rebuild(built):
    """Changed flags rebuild, and changing them back gives the same bytes as before."""
    before = (built / "build/BOOTX64.EFI").read_bytes()
    assert "kernel/main.c" in compiled(make(built, "CONFIG=-DCONFIG_DEBUG=1"))
    make(built)
    assert (built / "build/BOOTX64.EFI").read_bytes() == before


def test_removed_source_is_noticed(built):
    """A source that goes away leaves the image, though no other file changed."""
    extra = built / "kernel/lib/extra_for_test.c"
    extra.write_text("int extra_for_test(void);\nint extra_for_test(void)\n{\n    return 1;\n}\n")
    make(built)
    image = built / "build/kernel-x86_64.debug.elf"
    assert b"extra_for_test" in image.read_bytes()
    extra.unlink()
    make(built)
    assert b"extra_for_test" not in image.read_bytes()
