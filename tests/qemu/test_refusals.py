# SPDX-License-Identifier: BSD-2-Clause
"""What is damaged is refused: a message names the cause, and the firmware goes on.

Nothing may hang, reset or boot: after the message a key is pressed, and the firmware has to say
that the boot option failed and go on to its shell. Damaged memory maps come from a firmware that
lies (tests/qemu/firmware/hostile.c), which starts the loader once for each lie."""

import re

import pytest

import damage
from harness import EXIT_SUCCESS, ROOT

KERNELS = damage.kernels() if damage.KERNEL else {}
REFUSED = r"Meridian cannot boot: ([^\r\n]*) failed"
ASKS = r"Press a key"
FIRMWARE_AGAIN = r"BdsDxe: failed to start Boot|Shell>|UEFI Interactive Shell"
HOSTILE_AGAIN = r"HOSTILE: the loader returned ([A-Za-z ]+) after (\d+) allocations, (-?\d+) pages lost"


def squeeze(text):
    """Text without its line breaks, which a terminal of 80 columns puts anywhere."""
    return re.sub(r"\s+", "", text)


def refusal(run):
    """Waits for a refusal and presses a key; returns its text, all of it."""
    run.expect(REFUSED)
    text, _ = run.expect(ASKS)
    assert "why" in text and "next" in text, run.fail("the message lacks a cause or an advice")
    run.type(" ")
    return text


def expect_refusal(run, words):
    text = squeeze(refusal(run))
    assert any(squeeze(choice) in text for choice in words.split("|")), \
        run.fail(f"the message does not say '{words}'")


@pytest.mark.parametrize("name", KERNELS)
def test_damaged_kernel(machine, name):
    """A kernel that is wrong in one way is refused by name, and the firmware goes on."""
    content, words = KERNELS[name]
    files = {"kernel.elf": content, "meridian/meridian.conf": b"kernel: \\kernel.elf\n"}
    with machine(files=files) as run:
        expect_refusal(run, words)
        run.expect(FIRMWARE_AGAIN)


@pytest.mark.parametrize("name", damage.CONFIGS)
def test_damaged_configuration(machine, name):
    """A configuration that is wrong in one way is refused by name, and the firmware goes on."""
    content, words = damage.CONFIGS[name]
    with machine(files={"kernel.elf": damage.KERNEL, "meridian/meridian.conf": content}) as run:
        expect_refusal(run, words)
        run.expect(FIRMWARE_AGAIN)


def test_levels_that_the_processor_has_not(machine):
    """pt=5level on a processor without LA57 is refused by name, and the firmware goes on."""
    with machine(cmdline="pt=5level", cpu="max,-la57") as run:
        expect_refusal(run, "this processor has page tables of 4 levels")
        run.expect(FIRMWARE_AGAIN)


def test_without_a_key_the_firmware_goes_on(machine):
    """Nobody has to be there: after ten seconds the firmware goes on by itself."""
    with machine(files={"meridian/meridian.conf": b"nonsense\n"}) as run:
        run.expect(REFUSED)
        run.expect(FIRMWARE_AGAIN)


# --- a firmware that lies ----------------------------------------------------------------------

def hostile(machine, scenarios, cmdline='run="frames; exit" exit', **fields):
    """A machine whose firmware does what each line of `scenarios` says, one start for each."""
    files = {
        "EFI/BOOT/LOADER.EFI": (ROOT / "build/BOOTX64.EFI").read_bytes(),
        "EFI/BOOT/BOOTX64.EFI": (ROOT / "build/firmware/hostile.efi").read_bytes(),
        "hostile.txt": "".join(line + "\n" for line in scenarios).encode(),
    }
    return machine(cmdline=cmdline, files=files, **fields)


BAD_MAPS = {
    "map-error": "does not give its memory map",
    "map-short": "descriptors have 32 bytes|makes no sense",
    "map-torn": "makes no sense|memory map",
    "map-empty": "memory map",
    "map-no-ram": "no usable memory",
}


@pytest.mark.parametrize("lie", BAD_MAPS)
def test_damaged_map(machine, lie):
    """A memory map that cannot be believed is refused, and the firmware goes on."""
    with hostile(machine, [lie]) as run:
        expect_refusal(run, BAD_MAPS[lie])
        run.expect(HOSTILE_AGAIN)


STRANGE_MAPS = ["map-nested", "map-wrap", "map-oem", "map-extra=4000", "map-grow=3",
                "exit-fails=1", "exit-fails=3", "exit-fails=2 map-grow=2", "no-rng",
                "map-nested map-wrap map-oem map-extra=500"]


@pytest.mark.parametrize("lie", STRANGE_MAPS)
def test_strange_map_is_coped_with(machine, lie):
    """A map that is strange but can be cleaned boots to a kernel that accounts for its frames."""
    with hostile(machine, [lie], cmdline='json run="selftest; frames; exit" exit') as run:
        assert run.finish() == EXIT_SUCCESS
        frames = run.events("frames")[-1]
        assert frames["free"] + frames["used"] + frames["reserved"] == frames["total"]
        assert run.event("selftests")["failed"] == 0


def test_firmware_that_never_lets_go(machine):
    """When ExitBootServices() fails for ever the loader gives up, and the machine does not hang."""
    with hostile(machine, ["exit-fails=1000"]) as run:
        expect_refusal(run, "boot services")
        run.expect(HOSTILE_AGAIN)


def test_without_a_console(machine):
    """A firmware without any console boots to a kernel that speaks."""
    with hostile(machine, ["no-console"]) as run:
        assert run.finish() == EXIT_SUCCESS


def test_memory_runs_out_at_every_allocation(machine):
    """Wherever memory runs out, the loader gives back what it took and returns to a firmware that can
    start it again; no allocation is beyond the reach of this test."""
    starts = 24
    lies = [f"alloc-fails={n} exit-fails=1000" for n in range(1, starts + 1)]
    causes, lost, allocations = [], 0, 0
    with hostile(machine, lies + ["no-rng"], seconds=240) as run:
        for _ in lies:
            causes.append(squeeze(refusal(run)))
            _, match = run.expect(HOSTILE_AGAIN)
            allocations, lost = int(match.group(2)), lost + int(match.group(3))
        assert run.finish() == EXIT_SUCCESS
    assert allocations < starts, run.fail(f"{allocations} allocations, but {starts} starts")
    assert sum("memory" in cause for cause in causes) >= 5
    assert lost <= 16, run.fail(f"{lost} pages were not given back")
