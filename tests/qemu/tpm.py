# SPDX-License-Identifier: BSD-2-Clause
"""tpm.py - a TPM 2.0 for a machine: swtpm, its registers, and the event log that firmware keeps.

    with Tpm() as tpm:
        with machine(tpm=tpm.socket) as run:
            run.prompt()
            events = event_log(run)         # the firmware's, as the kernel was handed it
        tpm.registers([8, 9])               # SHA-256, after the machine was killed

A QEMU that is killed leaves swtpm as it is, and a new connection speaks to the same TPM. One that ends by itself
shuts it down: read the registers of machines that are left at their prompt.

Sources: TPM 2.0 Library, part 3, 22.4 (PCR_Read); TCG PC Client Platform Firmware Profile 1.05, 10.2 (the log)."""

import dataclasses
import hashlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

SECONDS = 10
CMD_SET_DATAFD = 0x10           # of swtpm's control channel
TPM_ST_NO_SESSIONS, TPM_CC_PCR_READ, TPM_ALG_SHA256 = 0x8001, 0x17E, 0x000B
DIGEST_BYTES = 32
EV_NO_ACTION, EV_SEPARATOR, EV_IPL = 3, 4, 13


@dataclasses.dataclass
class Event:
    """An entry of the log; `digest` is its SHA-256."""

    pcr: int
    kind: int
    digest: bytes
    data: bytes


class Tpm:
    """A swtpm with a TPM that was never used before."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="meridian-")
        self.socket = os.path.join(self.folder, "control")
        self.process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}",
                                         "--ctrl", f"type=unixio,path={self.socket}", "--flags", "startup-clear"])
        deadline = time.monotonic() + SECONDS
        while not os.path.exists(self.socket) and time.monotonic() < deadline:
            assert self.process.poll() is None, "swtpm did not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def connect(self):
        """A channel for commands. swtpm refuses a second one until it has seen that the first is closed."""
        deadline = time.monotonic() + SECONDS
        while True:
            mine, theirs = socket.socketpair()
            with socket.socket(socket.AF_UNIX) as control, theirs:
                control.settimeout(SECONDS)
                control.connect(self.socket)
                socket.send_fds(control, [struct.pack(">I", CMD_SET_DATAFD)], [theirs.fileno()])
                if control.recv(4) == bytes(4):
                    mine.settimeout(SECONDS)
                    return mine
            mine.close()
            assert time.monotonic() < deadline, "swtpm refuses a connection"
            time.sleep(0.05)

    def registers(self, numbers):
        """{number: SHA-256} of these registers."""
        with self.connect() as data:
            return {number: self.read_register(data, number) for number in numbers}

    @staticmethod
    def read_register(data, number):
        selection = (1 << number).to_bytes(3, "little")
        body = struct.pack(">IHB", 1, TPM_ALG_SHA256, len(selection)) + selection
        data.sendall(struct.pack(">HII", TPM_ST_NO_SESSIONS, 10 + len(body), TPM_CC_PCR_READ) + body)
        answer = data.recv(4096)
        assert answer[6:10] == bytes(4), f"PCR_Read failed: {answer.hex()}"
        return answer[-DIGEST_BYTES:]


def event_log(run):
    """The events in the log that the kernel was handed, read from the guest's memory; the one that says what the
    log is like left out."""
    trust = run.event("trust")
    path = run.folder / "log.bin"
    run.qmp("pmemsave", val=int(trust["event_log"], 16), size=trust["event_log_bytes"], filename=str(path))
    return list(parse(path.read_bytes()))


def parse(log):
    """The first entry has the old form, and tells the sizes of digests."""
    first_bytes, = struct.unpack_from("<I", log, 28)
    assert log[32:48] == b"Spec ID Event03\0"
    count, = struct.unpack_from("<I", log, 56)
    sizes = dict(struct.unpack_from("<HH", log, 60 + 4 * index) for index in range(count))
    at = 32 + first_bytes
    while at < len(log):
        pcr, kind, digests = struct.unpack_from("<III", log, at)
        at, digest = at + 12, b""
        for _ in range(digests):
            algorithm, = struct.unpack_from("<H", log, at)
            if algorithm == TPM_ALG_SHA256:
                digest = log[at + 2:at + 2 + DIGEST_BYTES]
            at += 2 + sizes[algorithm]
        size, = struct.unpack_from("<I", log, at)
        yield Event(pcr, kind, digest, log[at + 4:at + 4 + size])
        at += 4 + size
    assert at == len(log), "the log does not end with an event"


def replay(events, pcr):
    """What a register holds after these events."""
    value = bytes(DIGEST_BYTES)
    for event in events:
        if event.pcr == pcr and event.kind != EV_NO_ACTION:
            value = hashlib.sha256(value + event.digest).digest()
    return value
