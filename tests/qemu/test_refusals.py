# SPDX-License-Identifier: BSD-2-Clause
"""What is damaged is refused: a message names the cause, and the firmware goes on.

Nothing may hang, reset or boot: after the message a key is pressed, and the firmware has to say
that the boot option failed and go on to its shell. What firmware does wrong is in test_hostile.py."""

import re

import pytest

import damage

KERNELS = damage.kernels() if damage.KERNEL else {}
REFUSED = r"Meridian cannot boot: ([^\r\n]*) failed"
ASKS = r"Press a key"
FIRMWARE_AGAIN = r"BdsDxe: failed to start Boot|Shell>|UEFI Interactive Shell"


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
