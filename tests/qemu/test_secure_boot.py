# SPDX-License-Identifier: BSD-2-Clause
"""Secure Boot: what is signed boots, what is not never runs, and what a signature does not cover is refused.

A machine has several sticks: firmware goes on with the next when one does not boot, so that one start shows
what becomes of each."""

import hashlib
import re

import pytest

from harness import EXIT_SUCCESS, ROOT
from secure_boot import LOADER, LOADER_FILE, sign, sticks

CONFIG_FILE = "meridian/meridian.conf"
KERNEL = (ROOT / "build/kernel-x86_64.elf").read_bytes()
MODULE = b"a module\n" * 1000
WORDS_OF_THE_LOADER = "Meridian"
FIRMWARE_REFUSES = r"BdsDxe: failed to load Boot[^\r\n]*(Access Denied|Security Violation)"
FIRMWARE_GOES_ON = r"BdsDxe: failed to start Boot"


def flip(content, at):
    """The same bytes, but for one bit."""
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1:]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def configuration(*lines):
    return "".join(line + "\n" for line in lines).encode()


def squeeze(text):
    return re.sub(r"\s+", "", text)


@pytest.fixture(scope="module")
def signed():
    return sign(LOADER)


def test_signed_loader_boots(machine, signed):
    """A signed loader boots under Secure Boot to a self-test that passes; its menu refuses to edit the command
    line, and says why; the kernel knows that Secure Boot is on."""
    files = {LOADER_FILE: signed,
             CONFIG_FILE: configuration("timeout: 600", 'cmdline: json run="selftest; exit" exit')}
    with machine(secure_boot=True, files=files) as run:
        run.expect(r"Boots in \d+ s")
        run.type("2")
        run.expect("Secure Boot is on: the command line stays what the configuration says")
        run.type("1")
        assert run.finish() == EXIT_SUCCESS
    assert run.event("selftests")["failed"] == 0
    assert run.event("trust") == {"meridian": 1, "event": "trust", "secure_boot": True, "pinned": False,
                                  "options_left_out": False, "tpm": False, "measured": []}
    assert "Trust: Secure Boot on, configuration not signed, no TPM 2.0: nothing is measured" in run.text()
    assert run.event("boot")["command_line"] == 'json run="selftest; exit" exit'


WHOLE = configuration("kernel: \\kernel.elf", f"sha256: {sha256(KERNEL)}",
                      "module: \\module", f"module-sha256: {sha256(MODULE)}",
                      'cmdline: json run="selftest memmap; exit" exit')
NO_HASH = configuration("kernel: \\kernel.elf")


def stick(loader, conf=WHOLE, kernel=KERNEL, module=MODULE):
    return {LOADER_FILE: loader, CONFIG_FILE: conf, "kernel.elf": kernel, "module": module}


def test_only_what_was_signed_boots(machine, folder, signed):
    """Of eight sticks only the last one boots: its loader was signed together with its configuration, which
    has the hashes of its kernel and its module. A loader that was changed or never signed says not a word."""
    pinned, nothing = sign(LOADER, WHOLE), sign(LOADER, NO_HASH)
    never_run = {"tampered": flip(signed, len(signed) // 2), "unsigned": LOADER.read_bytes()}
    refused = [
        (stick(signed), "the loader's signature does not cover the configuration"),
        (stick(pinned, conf=flip(WHOLE, len(WHOLE) - 2)), "not the configuration that the loader was signed with"),
        (stick(pinned, kernel=flip(KERNEL, len(KERNEL) // 2)), "its SHA-256 begins with"),
        (stick(pinned, module=flip(MODULE, 5)), "its SHA-256 begins with"),
        (stick(nothing, conf=NO_HASH), "there is no sha256 for '\\kernel.elf'"),
    ]
    extra = sticks(folder, {LOADER_FILE: never_run["unsigned"]}, *(files for files, _ in refused), stick(pinned))
    with machine(secure_boot=True, files={LOADER_FILE: never_run["tampered"]}, extra=extra) as run:
        for _ in never_run:
            said, _ = run.expect(FIRMWARE_REFUSES)
            assert WORDS_OF_THE_LOADER not in said
        for _, words in refused:
            said, _ = run.expect("Press a key")
            assert squeeze(words) in squeeze(said), run.fail(f"the message does not say '{words}'")
            run.type(" ")
            run.expect(FIRMWARE_GOES_ON)
        assert run.finish() == EXIT_SUCCESS
    assert run.event("selftests")["failed"] == 0
