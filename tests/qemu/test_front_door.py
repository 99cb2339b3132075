# SPDX-License-Identifier: BSD-2-Clause
"""What people type: make run in a terminal, and make debug."""

import os
import re
import subprocess
import sys

import pexpect
import pytest

from harness import EXIT_FAILURE, PROMPT, ROOT, clean

SECONDS = 90
TOOL = str(ROOT / "tools/meridian_qemu.py")


def without_display():
    return {key: value for key, value in os.environ.items()
            if key not in ("DISPLAY", "WAYLAND_DISPLAY")}


@pytest.fixture
def terminal():
    """The command behind `make run`, in a terminal without a display."""
    def start(*words):
        child = pexpect.spawn(sys.executable, [TOOL, "run", "--esp", str(ROOT / "build/esp"), *words],
                              env=without_display(), timeout=SECONDS, encoding="utf-8",
                              codec_errors="replace", cwd=str(ROOT))
        children.append(child)
        return child
    children = []
    yield start
    for child in children:
        child.close(force=True)


def test_run_reaches_the_prompt_and_ends(terminal):
    """make run says how to leave, boots to the prompt in the terminal, prints memory at F1, and `exit`
    ends it."""
    child = terminal()
    child.expect("Leave with Ctrl-a x")
    child.expect(re.escape(PROMPT))
    child.send("map\r")
    child.expect("usable")
    child.expect(re.escape(PROMPT))
    child.send("\x1bOP")
    child.expect("Addresses")
    child.expect(re.escape(PROMPT))
    child.send("exit\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_run_can_be_left_by_keys(terminal):
    """Ctrl-a x ends QEMU at any time."""
    child = terminal()
    child.expect(re.escape(PROMPT))
    child.send("\x01x")
    child.expect(pexpect.EOF)


def test_run_takes_a_command_line(terminal):
    """ARGS of make run is the kernel's command line."""
    child = terminal("--cmdline", 'run="frames; exit"')
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "free" in clean(child.before)


def test_run_fails_when_the_machine_does(terminal):
    """A machine that ends by saying that something failed makes make run fail, and says so."""
    child = terminal("--cmdline", 'run="nonsense; exit"')
    child.expect("something failed")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == EXIT_FAILURE


@pytest.mark.parametrize("width, boots, entry, early", (
    ("x86_64", ("--esp", "build/esp"), "0xffffffff80000000", "there is no memory map yet"),
    ("i386", ("--kernel", "build/kernel-i386.elf"), "0x0010000c", "paging is off")))
def test_debug_stops_at_the_kernel(tmp_path, width, boots, entry, early):
    """make debug and debug-i386 stop gdb at the first instruction of the kernel, at its link address, with the commands
    of tools/gdb, which say that it is early."""
    done = subprocess.run([sys.executable, TOOL, "debug", *boots, "--batch",
                           "--symbols", str(ROOT / f"build/kernel-{width}.debug.elf"),
                           "--folder", str(tmp_path)],
                          cwd=ROOT, env=without_display(), text=True, capture_output=True,
                          timeout=SECONDS, check=False)
    assert re.search(rf"Breakpoint 1, {entry} in kernel_(entry|start)", done.stdout), \
        done.stdout + done.stderr
    assert "where it was linked." in done.stdout
    assert early in done.stderr
