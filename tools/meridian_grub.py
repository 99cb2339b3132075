#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""meridian_grub.py - GRUB for machines with a BIOS: its image, its boot sector, its menu.

GRUB's image (core.img) has all modules that a menu can want inside, so that no folder of them lies
beside it: a few sectors that a boot sector finds by number on a disk, or that a BIOS loads from a CD.

GRUB reads its menu as a shell reads a script, and puts quotes around a word that has blanks in it
before it hands the command line on. So the command line is cut into words as the kernel cuts it,
each word loses its quotes, and is written so that GRUB takes it as it is.
"""

import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

# Fedora and openSUSE call it by its version.
MAKERS = ("grub-mkimage", "grub2-mkimage")
MODULE_FOLDERS = ("/usr/lib/grub/i386-pc", "/usr/share/grub2/i386-pc")
# What a menu needs, and what helps somebody who types at GRUB's own prompt.
MODULES = ("biosdisk", "normal", "multiboot", "ls", "cat", "echo", "test", "reboot", "halt", "serial", "terminal")
DISK, DISC = "i386-pc", "i386-pc-eltorito"
FILE_SYSTEMS = {DISK: ("part_gpt", "fat"), DISC: ("iso9660",)}
SECTOR = 512
# Of boot.img, which is the boot sector, and of diskboot.img, the first sector of core.img:
# include/grub/i386/pc/boot.h, include/grub/offsets.h.
BOOT_CODE_BYTES = 440
BOOT_CORE_SECTOR, BOOT_DRIVE_CHECK = 0x5C, 0x66
NO_DRIVE_CHECK = b"\x90\x90"  # some BIOSes give a stick the number of a floppy: believe what they say
CORE_BLOCKS = SECTOR - 12     # (first sector, sectors, segment) of what follows the first sector
QUOTE = '"'


def words_of(cmdline):
    """The words of a command line, without the quotes around a word or a value: cmdline.c."""
    words, word, is_open = [], "", False
    for character in cmdline + " ":
        if character in " \t" and not is_open:
            words += [word] if word else []
            word = ""
        elif character == QUOTE:
            is_open = not is_open
        else:
            word += character
    if is_open:
        sys.exit(f"the command line has a quote without its partner: {cmdline}")
    return words


def script_word(word):
    """A word as GRUB's script wants it: nothing within single quotes means anything."""
    return "'" + word.replace("'", "'\\''") + "'"


def menu(kernel_name, cmdline, module_names):
    """The text of grub.cfg."""
    if any(ord(character) < ord(" ") for character in cmdline.replace("\t", " ")):
        sys.exit("the command line has a control character in it: GRUB's menu cannot say that")
    words = " ".join([f"/boot/{kernel_name}", *map(script_word, words_of(cmdline))])
    lines = [f"    multiboot {words}", *(f"    module /boot/{name} {name}" for name in module_names)]
    return "\n".join(["set timeout=0", "menuentry Meridian {", *lines, "}", ""])


def module_folder():
    """Where the distribution keeps GRUB for a BIOS."""
    found = next((folder for folder in map(pathlib.Path, MODULE_FOLDERS) if folder.is_dir()), None)
    return found or sys.exit("no GRUB for a BIOS found: install it (make doctor names the packages)")


def core_image(kind, prefix):
    """The bytes of GRUB's image for a disk or a disc, whose menu is `prefix`/grub.cfg."""
    maker = next(filter(shutil.which, MAKERS), None)
    if maker is None:
        sys.exit("no grub-mkimage found: install it (make doctor names the packages)")
    with tempfile.TemporaryDirectory(prefix="meridian-grub-") as folder:
        image = pathlib.Path(folder, "core.img")
        done = subprocess.run([maker, "-d", module_folder(), "-O", kind, "-o", image, "-p", prefix,
                               *MODULES, *FILE_SYSTEMS[kind]], text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            sys.exit(f"{maker} made no image:\n{done.stdout}")
        return image.read_bytes()


def install(image, prefix, core_sector, core_sectors):
    """Writes the code of the boot sector and GRUB's image into the disk `image`, the latter into the
    sectors that are kept for it. The table in the boot sector stays as it is."""
    core = bytearray(core_image(DISK, prefix))
    core += bytes(-len(core) % SECTOR)
    count = len(core) // SECTOR
    if count > core_sectors:
        sys.exit(f"GRUB's image has {count} sectors, but {core_sectors} are kept for it")
    struct.pack_into("<QH", core, CORE_BLOCKS, core_sector + 1, count - 1)
    code = bytearray((module_folder() / "boot.img").read_bytes()[:BOOT_CODE_BYTES])
    struct.pack_into("<Q", code, BOOT_CORE_SECTOR, core_sector)
    code[BOOT_DRIVE_CHECK:BOOT_DRIVE_CHECK + len(NO_DRIVE_CHECK)] = NO_DRIVE_CHECK
    with open(image, "r+b") as file:
        file.write(code)
        file.seek(core_sector * SECTOR)
        file.write(core)
