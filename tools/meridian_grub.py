#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""meridian_grub.py - a disc that GRUB starts from, on machines with a BIOS.

    meridian_grub.py IMAGE --kernel ELF [--cmdline TEXT] [--module FILE]...

grub-mkrescue makes it: GRUB for a BIOS, a menu of one entry that is taken at once, the kernel and
its modules. The entry says `multiboot`, which is Multiboot 1. The image also starts from a stick.

GRUB reads its menu as a shell reads a script, and puts quotes around a word that has blanks in it
before it hands the command line on. So the command line is cut into words as the kernel cuts it,
each word loses its quotes, and is written so that GRUB takes it as it is.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Fedora and openSUSE call it by its version.
MAKERS = ("grub-mkrescue", "grub2-mkrescue")
MODULE_FOLDERS = ("/usr/lib/grub/i386-pc", "/usr/share/grub2/i386-pc")
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


def write_image(image, kernel, cmdline="", modules=()):
    """Makes the image; ends with grub-mkrescue's own words when it cannot."""
    maker = next(filter(shutil.which, MAKERS), None)
    platform = next((folder for folder in MODULE_FOLDERS if pathlib.Path(folder).is_dir()), None)
    if maker is None or platform is None:
        sys.exit("no GRUB for a BIOS found: install it (make doctor names the packages)")
    with tempfile.TemporaryDirectory(prefix="meridian-grub-") as folder:
        boot = pathlib.Path(folder, "boot")
        (boot / "grub").mkdir(parents=True)
        for path in (kernel, *modules):
            shutil.copy(path, boot)
        names = [pathlib.Path(path).name for path in modules]
        text = menu(pathlib.Path(kernel).name, cmdline, names)
        (boot / "grub/grub.cfg").write_text(text, encoding="utf-8")
        done = subprocess.run([maker, "-d", platform, "-o", str(image), folder], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0 or not pathlib.Path(image).exists():
        sys.exit(f"{maker} made no image:\n{done.stdout}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--cmdline", default="")
    parser.add_argument("--module", action="append", default=[])
    options = parser.parse_args()
    write_image(options.image, options.kernel, options.cmdline, options.module)


if __name__ == "__main__":
    main()
