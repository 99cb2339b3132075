# SPDX-License-Identifier: BSD-2-Clause
"""bochs.py - a machine of Bochs, which shares no line of code with QEMU.

    with Bochs(folder, disc="disc.iso") as machine:
        machine.until("exit")               # the event of that name
        machine.events("selftests")

Bochs wants a display: xvfb-run gives it one that nobody sees. Debian's Bochs has its debugger built
in, which stops at the first instruction; a script tells it to go on. Bochs has no port that ends
it, so whoever runs it watches the serial port and ends the process. Time in the machine is counted
in instructions, `INSTRUCTIONS_A_SECOND` of them, and does not depend on the host.
"""

import json
import os
import pathlib
import signal
import subprocess
import time

from harness import EVENT, TAIL_LINES, clean

DEFAULT_SECONDS = 240            # a quiet host needs 15
INSTRUCTIONS_A_SECOND = 10_000_000
LOG_LINES = 15                   # of Bochs' own log, when something went wrong
POLL_SECONDS = 0.2
END_SECONDS = 10                 # from the signal to the end
BIOS_FOLDER = pathlib.Path("/usr/share/bochs")
# What is told by $0 gets the process id of what the rest becomes.
RECORD_PID = 'echo $$ > "$0"; exec "$@"'

CONFIGURATION = """\
display_library: x
romimage: file={bios}/BIOS-bochs-latest
vgaromimage: file={bios}/VGABIOS-lgpl-latest
megs: {memory_mib}
cpu: model={cpu}, count=1, ips={ips}, reset_on_triple_fault=0
clock: sync=none, time0=utc
ata0-master: type=cdrom, path={disc}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={folder}/serial.log
port_e9_hack: enabled=1
speaker: enabled=0
log: {folder}/bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""


class Bochs:
    """One run of Bochs from a disc; its files are in `folder`, and stay there."""

    def __init__(self, folder, disc, cpu="corei7_sandy_bridge_2600k", memory_mib=64,
                 seconds=DEFAULT_SECONDS):
        self.folder = pathlib.Path(folder)
        self.seconds = seconds
        (self.folder / "bochsrc").write_text(CONFIGURATION.format(
            bios=BIOS_FOLDER, memory_mib=memory_mib, cpu=cpu, ips=INSTRUCTIONS_A_SECOND, disc=disc,
            folder=self.folder), encoding="utf-8")
        (self.folder / "debugger").write_text("continue\n", encoding="ascii")
        self.process = None

    def __enter__(self):
        words = ["xvfb-run", "-a", "sh", "-c", RECORD_PID, str(self.folder / "pid"), "bochs", "-q",
                 "-f", str(self.folder / "bochsrc"), "-rc", str(self.folder / "debugger")]
        self.deadline = time.monotonic() + self.seconds
        # What is written to port 0xE9 comes out here, among Bochs' own words.
        with open(self.folder / "output.log", "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder)
        return self

    def __exit__(self, *_):
        """Ends Bochs, not the shell around it: that one takes the display away afterwards."""
        if self.process.poll() is None and (self.folder / "pid").exists():
            for way in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.kill(int((self.folder / "pid").read_text(encoding="ascii")), way)
                    self.process.wait(END_SECONDS)
                    break
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def text(self):
        path = self.folder / "serial.log"
        return clean(path.read_text("utf-8", "replace") if path.exists() else "")

    def debug_text(self):
        return clean((self.folder / "output.log").read_text("utf-8", "replace"))

    def events(self, name):
        """The events of that name on the serial port, of lines that are whole."""
        whole = self.text().rpartition("\n")[0].splitlines()
        found = [json.loads(match.group()) for match in map(EVENT.search, whole) if match]
        return [event for event in found if event["event"] == name]

    def until(self, name):
        """Until the machine has told the event of that name; returns it."""
        while not self.events(name):
            if self.process.poll() is not None:
                self.fail(f"Bochs ended by itself, with {self.process.returncode}")
            if time.monotonic() > self.deadline:
                self.fail(f"no event '{name}' after {self.seconds} s")
            time.sleep(POLL_SECONDS)
        return self.events(name)[-1]

    def tail(self, name, lines):
        path = self.folder / name
        return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:]
                         if path.exists() else [])

    def fail(self, what):
        """Ends the test with what the machine and Bochs said last."""
        raise AssertionError(
            f"{what}\n--- files in {self.folder} ---\n--- bochs.log ---\n"
            f"{self.tail('bochs.log', LOG_LINES)}\n--- output.log ---\n"
            f"{self.tail('output.log', LOG_LINES)}\n--- serial port ---\n"
            f"{self.tail('serial.log', TAIL_LINES)}")
