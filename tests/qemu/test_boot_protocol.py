# SPDX-License-Identifier: BSD-2-Clause
"""docs/boot-protocol.md is enough to write a kernel that the loader boots.

The page's own example is taken out of it, built with the page's own commands, and booted in each of
the forms that the page says are accepted."""

import hashlib
import re
import subprocess

import pytest

from harness import ROOT

PAGE = ROOT / "docs/boot-protocol.md"
FIXED = "0xFFFFFFFF80200000"

# What the page's link command is changed into, for each form of kernel.
FORMS = {
    "position-independent": [],
    "linked-high": [("ld -pie", f"ld -pie -Ttext-segment={FIXED}")],
    "fixed": [("-fpie", "-fno-pie -mcmodel=kernel"), ("ld -pie", f"ld -Ttext-segment={FIXED}")],
}


def blocks():
    """The page's indented blocks, unindented."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() + "\n" for block in found]


def build(folder, changes):
    """The example kernel, made as the page says but for `changes` of its commands."""
    source = next(block for block in blocks() if block.startswith("/* hello.c"))
    commands = next(block for block in blocks() if block.startswith("gcc "))
    for old, new in changes:
        assert old in commands
        commands = commands.replace(old, new)
    (folder / "hello.c").write_text(source, encoding="utf-8")
    commands = commands.replace("-Iinclude", f"-I{ROOT / 'include'}")
    subprocess.run(["sh", "-ec", commands], cwd=folder, check=True)
    return (folder / "kernel.elf").read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_example_kernel(machine, tmp_path, form):
    """The example says how much memory the machine has, whichever way it is linked."""
    kernel = build(tmp_path, FORMS[form])
    config = f"kernel: /boot/hello.elf\nsha256: {hashlib.sha256(kernel).hexdigest()}\n"
    files = {"boot/hello.elf": kernel, "meridian/meridian.conf": config.encode()}
    with machine(files=files) as run:
        _, match = run.expect(r"hello, MiB of memory: (\d+)\r")
    assert 440 < int(match.group(1)) < 512
