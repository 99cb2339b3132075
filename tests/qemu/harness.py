# SPDX-License-Identifier: BSD-2-Clause
"""harness.py - a machine under test: a disk, a QEMU, its serial port, its debug console, its QMP.

    with Machine(folder, cmdline='json run="frames; exit"') as machine:
        machine.finish()                    # until QEMU ends by itself
        assert machine.code == EXIT_SUCCESS
        machine.events("frames")            # parsed JSON lines

    with Machine(folder, cmdline="json") as machine:
        machine.prompt()                    # until the monitor asks
        text = machine.command("help")
        machine.qmp("query-memory-size-summary")

Every wait has a deadline that belongs to the machine, not to the wait: a guest that hangs is killed,
and the test fails with the last lines of its log. Machines keep their files in `folder`.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pexpect
import pexpect.fdpexpect

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import meridian_disk  # noqa: E402
import meridian_qemu  # noqa: E402
from meridian_qemu import EXIT_FAILURE, EXIT_SUCCESS  # noqa: E402

# What tests take from here beside Machine; the constants of QEMU's exit included.
__all__ = ["EXIT_FAILURE", "EXIT_SUCCESS", "I386", "LISTEN", "Machine", "NONE", "PROMPT", "ROOT",
           "TALK", "clean"]

PROMPT = "meridian> "
# Fields of a machine that QEMU starts the 32-bit kernel on, by Multiboot.
I386 = {"kernel": str(ROOT / "build/kernel-i386.elf")}
TALK, LISTEN, NONE = "talk", "listen", "none"
DEFAULT_SECONDS = 90
TAIL_LINES = 40
EVENT = re.compile(r'\{"meridian":.*\}')
ESCAPES = re.compile(r"\x1b\[[0-9;=?]*[A-Za-z]")


def clean(text):
    """Text as a reader sees it: no terminal escapes, no carriage returns."""
    return ESCAPES.sub("", text).replace("\r", "")


class Machine:
    """One run of QEMU. Fields of meridian_qemu.Guest are keyword arguments.

    `serial` is TALK (a terminal that can be typed at), LISTEN (a file: never makes the guest wait,
    which counts where instructions are counted) or NONE (the machine has no such port)."""

    def __init__(self, folder, cmdline=None, files=None, seconds=DEFAULT_SECONDS,
                 esp=ROOT / "build/esp", disk_image=None, serial=TALK, **guest):
        self.folder = pathlib.Path(folder)
        self.deadline_seconds = seconds
        self.serial = serial
        # Paths of Unix sockets are short: 107 bytes at most.
        self.sockets = tempfile.mkdtemp(prefix="meridian-")
        self.log_path = self.folder / "serial.log"
        self.debug_path = self.folder / "debug.log"
        if "kernel" in guest:
            guest["append"] = cmdline or ""
        elif "disc" not in guest:
            guest["disk"] = str(disk_image or self.make_disk(esp, cmdline, files))
        self.guest = meridian_qemu.Guest(
            folder=str(self.folder), debug_console=str(self.debug_path),
            serial={TALK: "chardev:serial", LISTEN: f"file:{self.log_path}", NONE: "none"}[serial],
            qmp=os.path.join(self.sockets, "qmp"), **guest)
        self.process = self.terminal = self.log = None
        self.serial_socket = self.qmp_file = None
        self.code = None

    def make_disk(self, esp, cmdline, files):
        """The disk of this run: a staged tree with a command line and files of its own."""
        disk, tree = self.folder / "disk.img", self.folder / "esp"
        meridian_qemu.stage(esp, tree, cmdline, files)
        meridian_disk.write_disk(tree, disk)
        shutil.rmtree(tree)
        return disk

    # --- life ------------------------------------------------------------------------------

    def __enter__(self):
        serial_path = os.path.join(self.sockets, "serial")
        if self.serial == TALK:
            # wait=on: QEMU starts the machine when we listen, so no byte is lost.
            # QEMU's own logfile= is no use: it notes a byte twice when the socket was full.
            self.guest.extra = ["-chardev", f"socket,id=serial,path={serial_path},server=on,wait=on",
                                *self.guest.extra]
        words = meridian_qemu.command(self.guest)
        (self.folder / "command.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        self.deadline = time.monotonic() + self.deadline_seconds
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if self.serial == TALK:
            self.serial_socket = self.connect(serial_path)
            self.terminal = pexpect.fdpexpect.fdspawn(self.serial_socket.fileno(), encoding="utf-8",
                                                      codec_errors="replace")
            self.log = open(self.log_path, "w", encoding="utf-8", newline="")
            self.terminal.logfile_read = self.log
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.code = self.process.wait()
        for stream in (self.qmp_file, self.serial_socket, self.log):
            if stream:
                stream.close()
        shutil.rmtree(self.sockets, ignore_errors=True)
        (self.folder / "disk.img").unlink(missing_ok=True)
        (self.folder / "vars.fd").unlink(missing_ok=True)

    def connect(self, path):
        while True:
            try:
                stream = socket.socket(socket.AF_UNIX)
                stream.connect(path)
                return stream
            except OSError:
                stream.close()
                if self.process.poll() is not None or self.seconds_left() <= 0:
                    self.fail("QEMU did not start")
                time.sleep(0.02)

    def seconds_left(self):
        return self.deadline - time.monotonic()

    def fail(self, what):
        """Ends the test with what the machine said last."""
        tail = "\n".join(self.text().splitlines()[-TAIL_LINES:])
        said = (self.folder / "qemu.log").read_text(errors="replace")
        raise AssertionError(f"{what}\n--- files in {self.folder}; QEMU: {said or 'silent'}\n"
                             f"--- the last lines of the machine ---\n{tail}")

    # --- waiting ---------------------------------------------------------------------------

    def finish(self):
        """Until QEMU ends by itself; returns its exit code."""
        if self.terminal:
            try:
                self.terminal.expect(pexpect.EOF, timeout=max(self.seconds_left(), 0))
            except pexpect.TIMEOUT:
                self.fail(f"no end after {self.deadline_seconds} s")
        try:
            self.code = self.process.wait(max(self.seconds_left(), 1))
        except subprocess.TimeoutExpired:
            self.fail(f"no end after {self.deadline_seconds} s")
        return self.code

    def expect(self, pattern):
        """Until the serial port says `pattern` (a regular expression); returns what came before
        it and the match."""
        try:
            self.terminal.expect(pattern, timeout=max(self.seconds_left(), 0))
        except (pexpect.TIMEOUT, pexpect.EOF):
            self.fail(f"the machine did not say {pattern!r} within {self.deadline_seconds} s")
        return clean(self.terminal.before), self.terminal.match

    def wait(self, seconds):
        """Lets time pass and reads on: QEMU throws away what a socket has no room for, soon with single bytes.
        What was read is there for the next expect()."""
        if self.terminal:
            self.terminal.expect(pexpect.TIMEOUT, timeout=seconds)
        else:
            time.sleep(seconds)

    def expect_debug(self, pattern):
        """The same for the debug console, for machines without a serial port."""
        while not re.search(pattern, self.debug_text()):
            if self.seconds_left() <= 0 or self.process.poll() is not None:
                self.fail(f"the debug console did not say {pattern!r}")
            time.sleep(0.1)

    # --- the monitor -----------------------------------------------------------------------

    def type(self, keys):
        self.terminal.send(keys)

    def prompt(self):
        return self.expect(re.escape(PROMPT))[0]

    def command(self, line):
        """Types a line at the prompt; returns what it printed."""
        self.type(line + "\r")
        return self.prompt().split("\n", 1)[-1]

    # --- what was said ---------------------------------------------------------------------

    def text(self):
        """Everything on the serial port, or on the debug console where there is no such port."""
        if self.serial == NONE:
            return self.debug_text()
        return clean(self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else "")

    def debug_text(self):
        return clean(self.debug_path.read_text(encoding="utf-8", errors="replace")
                     if self.debug_path.exists() else "")

    def events(self, name=None):
        found = []
        for line in self.text().splitlines():
            match = EVENT.search(line)
            if match:
                event = json.loads(match.group())
                if name in (None, event["event"]):
                    found.append(event)
        return found

    def event(self, name):
        """The only event of that name."""
        found = self.events(name)
        if len(found) != 1:
            self.fail(f"{len(found)} events '{name}' instead of one")
        return found[0]

    # --- QEMU's own view -------------------------------------------------------------------

    def qmp(self, command, **arguments):
        if self.qmp_file is None:
            self.qmp_file = self.connect(self.guest.qmp).makefile("rw", encoding="utf-8")
            json.loads(self.qmp_file.readline())
            self.qmp("qmp_capabilities")
        request = {"execute": command, "arguments": arguments}
        self.qmp_file.write(json.dumps(request) + "\n")
        self.qmp_file.flush()
        while True:
            answer = json.loads(self.qmp_file.readline())
            if "error" in answer:
                self.fail(f"QMP {command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def hmp(self, line):
        return self.qmp("human-monitor-command", **{"command-line": line}).replace("\r", "")
