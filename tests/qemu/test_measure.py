# SPDX-License-Identifier: BSD-2-Clause
"""Measurement: what is booted is in the TPM's registers and in the firmware's event log, before it runs.

swtpm plays the TPM. The log that the kernel was handed is replayed: registers and log have to agree with each other
and with hashes that are made here from the files."""

import hashlib

from harness import ROOT
from secure_boot import LOADER, LOADER_FILE, sign
from tpm import EV_IPL, EV_SEPARATOR, Event, Tpm, event_log, replay

CONFIG_FILE = "meridian/meridian.conf"
KERNEL = (ROOT / "build/kernel-x86_64.elf").read_bytes()
MODULE = b"a module\n" * 1000
COMMAND_LINE = "json loglevel=6"
PCR_COMMAND_LINE, PCR_FILES = 8, 9
FIRMWARES_REGISTERS = [0, 2, 4, 7]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def told(pcr, name, content):
    """What the kernel's event `trust` says of a measurement."""
    return {"pcr": pcr, "name": name, "sha256": sha256(content), "extended": True}


def logged(pcr, text, content):
    return Event(pcr, EV_IPL, hashlib.sha256(content).digest(), text.encode() + b"\0")


def of_the_loader(events):
    return [event for event in events
            if event.pcr in (PCR_COMMAND_LINE, PCR_FILES) and event.kind != EV_SEPARATOR]


def check(tpm, run, content):
    """Runs to the prompt; the log has exactly `content` ((register, event's text, kernel's name, bytes) each), as
    has the kernel's report, and the log replayed is what the registers hold."""
    run.prompt()
    events = event_log(run)
    trust = run.event("trust")
    assert of_the_loader(events) == [logged(pcr, text, data) for pcr, text, _, data in content]
    assert trust["measured"] == [told(pcr, name, data) for pcr, _, name, data in content]
    assert trust["tpm"] is True
    run.process.kill()
    run.process.wait()
    registers = tpm.registers([*FIRMWARES_REGISTERS, PCR_COMMAND_LINE, PCR_FILES])
    assert registers == {number: replay(events, number) for number in registers}
    return trust


def test_embedded_kernel_is_measured(machine):
    """Configuration, command line and embedded kernel are measured, each with the hash of its bytes: the kernel
    with that of build/kernel-x86_64.elf."""
    conf = f"cmdline: {COMMAND_LINE}\n".encode()
    with Tpm() as tpm, machine(tpm=tpm.socket, files={CONFIG_FILE: conf}) as run:
        trust = check(tpm, run, [
            (PCR_FILES, "\\meridian\\meridian.conf", "\\meridian\\meridian.conf", conf),
            (PCR_COMMAND_LINE, f"kernel_cmdline: {COMMAND_LINE}", "command line", COMMAND_LINE.encode()),
            (PCR_FILES, "embedded kernel", "embedded kernel", KERNEL),
        ])
    assert trust["secure_boot"] is False and trust["pinned"] is False


def test_files_are_measured_under_secure_boot(machine):
    """Under Secure Boot a pinned configuration that requires measurement boots, with its kernel and its module
    in the log."""
    conf = "".join(f"{line}\n" for line in [
        "measure: required", "kernel: \\kernel.elf", f"sha256: {sha256(KERNEL)}", "module: /module",
        f"module-sha256: {sha256(MODULE)}", f"cmdline: {COMMAND_LINE}"]).encode()
    files = {LOADER_FILE: sign(LOADER, conf), CONFIG_FILE: conf, "kernel.elf": KERNEL, "module": MODULE}
    with Tpm() as tpm, machine(secure_boot=True, tpm=tpm.socket, files=files) as run:
        trust = check(tpm, run, [
            (PCR_FILES, "\\meridian\\meridian.conf", "\\meridian\\meridian.conf", conf),
            (PCR_COMMAND_LINE, f"kernel_cmdline: {COMMAND_LINE}", "command line", COMMAND_LINE.encode()),
            (PCR_FILES, "\\kernel.elf", "\\kernel.elf", KERNEL),
            (PCR_FILES, "/module", "/module", MODULE),
        ])
    assert trust["secure_boot"] is True and trust["pinned"] is True


def test_without_a_tpm(machine):
    """Without a TPM a boot says so and goes on, unless the configuration requires measurement."""
    conf = b"measure: required\n"
    with machine(files={CONFIG_FILE: conf}) as run:
        run.expect("the configuration demands measurement, and this machine has no TPM 2.0")
