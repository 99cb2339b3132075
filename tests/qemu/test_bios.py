# SPDX-License-Identifier: BSD-2-Clause
"""GRUB starts the 32-bit kernel from a disc, on machines with a BIOS: QEMU's with SeaBIOS, and Bochs.

Both get the same disc, and the kernel comes to the same result on both."""

import sys

import pexpect
import pytest

from bochs import Bochs
from harness import EXIT_FAILURE, EXIT_SUCCESS, ROOT  # and with it the path of tools/
import meridian_iso

KERNEL = ROOT / "build/kernel-i386.elf"
TOOL = str(ROOT / "tools/meridian_qemu.py")
SECONDS = 90
EXIT_CODE_SUCCESS = 0x10
# Words that GRUB's menu would read otherwise if they were not told to it well.
ODD_WORDS = "a='b' c=$root d=\\e {f} #g h;i"


@pytest.fixture
def disc(folder):
    """disc(cmdline, modules): the image of a disc."""
    def make(cmdline, modules=()):
        path = folder / "disc.iso"
        meridian_iso.write_kernel_disc(path, KERNEL, cmdline, modules)
        return str(path)
    yield make
    (folder / "disc.iso").unlink(missing_ok=True)


def results(events):
    """{name: result} of self-tests."""
    return {event["name"]: event["result"] for event in events}


def test_same_result_in_qemu_and_bochs(boot, disc, folder):
    """One disc boots under SeaBIOS in QEMU and under Bochs' BIOS in Bochs: the same self-tests, all of
    which pass, and frames that add up; what goes to the serial port goes to the debug console."""
    image = disc('json run="selftest; frames; exit" exit')
    qemu = boot(disc=image)
    assert qemu.code == EXIT_SUCCESS, qemu.fail("not the code of success")
    place = folder / "bochs"
    place.mkdir()
    with Bochs(place, image) as bochs:
        assert bochs.until("exit")["code"] == EXIT_CODE_SUCCESS, bochs.fail("not the code of success")
    for run in (qemu, bochs):
        totals, tests = run.events("selftests")[-1], results(run.events("selftest"))
        assert totals["failed"] == 0 and totals["passed"] == len(tests) > 0
        assert set(tests.values()) == {"passed"}
        frames = run.events("frames")[-1]
        assert frames["free"] + frames["used"] + frames["reserved"] == frames["total"]
        assert run.events("boot")[0]["loader"].startswith("GRUB")
        assert '"event":"exit"' in run.debug_text()
    assert results(qemu.events("selftest")) == results(bochs.events("selftest"))


def test_bochs_without_pae(disc, folder):
    """A Pentium of Bochs, which has no PAE, boots with 2-level tables and pages of 4 MiB."""
    with Bochs(folder, disc('json run="selftest tables; exit"'), cpu="pentium") as bochs:
        assert bochs.until("exit")["code"] == EXIT_CODE_SUCCESS, bochs.fail("not the code of success")
    boot = bochs.events("boot")[0]
    assert (boot["table_levels"], boot["largest_leaf"]) == (2, 2)
    assert bochs.events("selftests")[-1]["failed"] == 0


def test_command_line_passes_through_grub(boot, disc):
    """The kernel gets the words of a command line as they were typed, whatever they mean to GRUB's menu;
    a backslash before quotes and backslashes is GRUB's own way of handing a command line on."""
    run = boot(disc=disc(f'json run="help map; exit" {ODD_WORDS}'))
    assert run.code == EXIT_SUCCESS
    told = run.event("boot")["command_line"].replace("\\\\", "\\").replace("\\'", "'")
    assert all(word in told.split() for word in ODD_WORDS.split()), told


def test_modules_of_grub(boot, disc, folder):
    """Modules that GRUB loads are in the table, each with the size of its pages, and stay whole: the
    self-tests read all free memory back, and the modules are not part of it."""
    modules = []
    for name, size_bytes in (("first", 5000), ("second", 1 << 20)):
        (folder / name).write_bytes(b"\xa5" * size_bytes)
        modules.append(folder / name)
    run = boot(disc=disc('json run="selftest memory; exit"', modules))
    assert run.code == EXIT_SUCCESS
    assert sum(int(row["size"], 16) for row in run.events("region") if row["tag"] == "module") == 0x102000


@pytest.mark.parametrize("line, code", (("frames; exit", 0), ("nonsense; exit", EXIT_FAILURE)))
def test_run_bios(line, code):
    """The command behind `make run-bios` boots in a terminal, and ends as the machine did."""
    words = [TOOL, "run", "--grub", "--kernel", str(KERNEL), "--cmdline", f'run="{line}"']
    child = pexpect.spawn(sys.executable, words, timeout=SECONDS, encoding="utf-8",
                          codec_errors="replace", cwd=str(ROOT))
    child.expect("Leave with Ctrl-a x")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code


def test_reboot_starts_again(machine, disc):
    """`reboot` resets a BIOS machine: GRUB starts the kernel a second time."""
    with machine(disc=disc("json"), reboots=True) as run:
        run.prompt()
        run.type("reboot\r")
        run.prompt()
        assert len(run.events("boot")) == 2 and run.events("reboot")
