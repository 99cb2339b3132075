# SPDX-License-Identifier: BSD-2-Clause
"""Secure Boot: what is signed boots, what is not or not any more never runs.

The firmware enforces it; that the loader never says a word shows that it did."""

import pytest

from harness import EXIT_SUCCESS
from secure_boot import LOADER, LOADER_FILE, sign

WORDS_OF_THE_LOADER = "Meridian"
FIRMWARE_REFUSES = r"BdsDxe: failed to load Boot[^\r\n]*(Access Denied|Security Violation)"


@pytest.fixture(scope="module")
def signed():
    return sign(LOADER)


def test_signed_loader_boots(boot, signed):
    """A signed loader boots under Secure Boot to a self-test that passes, and the kernel knows."""
    run = boot(secure_boot=True, files={LOADER_FILE: signed}, cmdline='json run="selftest; exit" exit')
    assert run.code == EXIT_SUCCESS
    assert run.event("selftests")["failed"] == 0
    assert run.event("boot")["secure_boot"] is True


def flip_byte(signed):
    """A byte in the middle of the embedded kernel is another one: the signature stays, and is wrong."""
    return signed[:len(signed) // 2] + bytes([signed[len(signed) // 2] ^ 1]) + signed[len(signed) // 2 + 1:]


@pytest.mark.parametrize("make", [flip_byte, lambda _: LOADER.read_bytes()], ids=["tampered", "unsigned"])
def test_other_loader_never_runs(machine, signed, make):
    """A loader that was changed after it was signed, or never signed, says not a word: the firmware refuses it."""
    with machine(secure_boot=True, files={LOADER_FILE: make(signed)}) as run:
        said, _ = run.expect(FIRMWARE_REFUSES)
        assert WORDS_OF_THE_LOADER not in said
