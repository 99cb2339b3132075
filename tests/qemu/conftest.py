# SPDX-License-Identifier: BSD-2-Clause
"""conftest.py - gives each test machines, and a folder under build/qemu that outlives it."""

import pathlib
import re
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import I386, ROOT, Machine  # noqa: E402
from multiboot_block import MEMORY_MIB  # noqa: E402


@pytest.fixture
def folder(request):
    """An empty folder named after the test: what a machine said stays there to be read."""
    name = re.sub(r"[^A-Za-z0-9_.=-]+", "-", request.node.name).strip("-")
    path = ROOT / "build/qemu" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


@pytest.fixture
def machine(folder):
    """machine(**fields): a Machine in the test's folder."""
    def make(**fields):
        place = folder / str(sum(1 for _ in folder.iterdir()))
        place.mkdir()
        return Machine(place, **fields)
    return make


@pytest.fixture
def boot(machine):
    """boot(**fields): runs a machine until QEMU ends, and returns it."""
    def run(**fields):
        with machine(**fields) as running:
            running.finish()
        return running
    return run


@pytest.fixture
def start(machine, folder):
    """start(block, **fields): a machine whose 32-bit kernel is started with that Multiboot block."""
    def make(block, **fields):
        script = folder / "script"
        script.write_bytes(block.script())
        shim = ROOT / "build/firmware/multiboot_shim.bin"
        return machine(cmdline="", kernel=str(shim), machine="pc", memory=f"{MEMORY_MIB}M",
                       extra=["-initrd", f"{I386['kernel']},{script}"], **fields)
    return make
