#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""measure.py - what the loader costs: guest instructions from its start to the kernel's entry.

    measure.py [--runs N] [--memory SIZE]        (make bench-boot)

Two loads are measured, the kernel that ships and one that carries 64 MiB of data, each beside its
floor: a loader that only reads the file and leaves the boot services.
efi_wrapper.efi starts the loader and tells the time-stamp counter; the kernel, asked by bench=boot,
tells the counter at its entry. Under -icount shift=0 a tick is an instruction.

Limits of the method: waiting by the clock counts as instructions; a disk request ends in host time,
so runs differ slightly, and the median is what counts; an iteration of a string instruction
counts as one instruction; slow memory costs nothing extra.
"""

import argparse
import dataclasses
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

import meridian_disk  # noqa: E402
import meridian_qemu  # noqa: E402

SECONDS = 180
STICK_MIB = 512  # as sold: clusters of 4 KiB; the firmware walks a chain eight times as long in 512 B
BUILD = ROOT / "build"
CONFIG = b"kernel: \\kernel.elf\ncmdline: bench=boot exit\n"
LARGE = BUILD / "bench/kernel-64m.elf"

LOADER, FLOOR = BUILD / "BOOTX64.EFI", BUILD / "firmware/efi_floor.efi"


@dataclasses.dataclass
class Load:
    """A kernel to load, and how many instructions that may take where the floor takes `floor`."""

    name: str
    kernel: pathlib.Path
    embedded: bool
    bound: int
    floor: int

    def measure_floor(self, memory):
        return measure(FLOOR, self.kernel, memory)

    def measure_loader(self, memory):
        return measure(LOADER, None if self.embedded else self.kernel, memory)

    def limit(self, floor):
        """The bound, raised by what waiting for a busy host's disk costs the floor, too."""
        return self.bound + max(0, floor - self.floor)


LOADS = [Load("embedded kernel", BUILD / "kernel-x86_64.elf", True, 5_000_000, 900_000),
         Load("kernel of 64 MiB", LARGE, False, 150_000_000, 110_000_000)]


def stick(folder, loader, kernel):
    files = {"EFI/BOOT/BOOTX64.EFI": (BUILD / "firmware/efi_wrapper.efi").read_bytes(),
             "EFI/BOOT/LOADER.EFI": loader.read_bytes(),
             "meridian/meridian.conf": CONFIG if kernel else CONFIG.split(b"\n", 1)[1]}
    if kernel:
        files["kernel.elf"] = kernel.read_bytes()
    (folder / "empty").mkdir()
    meridian_qemu.stage(folder / "empty", folder / "esp", files=files)
    meridian_disk.write_disk(folder / "esp", folder / "disk.img", STICK_MIB)


def value(name, text):
    found = re.findall(rf"{name} (\d+)", text)
    if not found:
        tail = "\n".join(text.splitlines()[-20:])
        sys.exit(f"measure.py: the machine did not say {name}; it said last:\n{tail}")
    return int(found[-1])


def measure(loader, kernel, memory):
    """Instructions of one run."""
    with tempfile.TemporaryDirectory(prefix="meridian-bench-") as name:
        folder = pathlib.Path(name)
        stick(folder, loader, kernel)
        log = folder / "serial"
        guest = meridian_qemu.Guest(disk=str(folder / "disk.img"), folder=name, memory=memory,
                                    icount=True, disk_device="ide-hd", serial=f"file:{log}")
        try:
            subprocess.run(meridian_qemu.command(guest), timeout=SECONDS, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            print(f"measure.py: killed after {SECONDS} s", file=sys.stderr)
        text = log.read_text(errors="replace")
        per_million = value("TICKS_PER_MILLION", text)
        if abs(per_million - 1_000_000) > 1000:
            sys.exit(f"measure.py: {per_million} ticks per million instructions: no -icount?")
        return value("KERNEL_ENTRY_TSC", text) - value("LOADER_START_TSC", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory", default="512M")
    options = parser.parse_args()
    failed = False
    print(f"{'load':20} {'floor':>14} {'Meridian':>14} {'min':>14} {'max':>14} {'limit':>14}"
          f"   instructions, {options.memory}")
    for load in LOADS:
        floors, costs = zip(*((load.measure_floor(options.memory), load.measure_loader(options.memory))
                              for _ in range(options.runs)))
        floor, cost = int(statistics.median(floors)), int(statistics.median(costs))
        over = cost > load.limit(floor)
        failed |= over
        print(f"{load.name:20} {floor:14,} {cost:14,} {min(costs):14,} {max(costs):14,}"
              f" {load.limit(floor):14,}{'   over' if over else ''}", flush=True)
    size = (BUILD / "BOOTX64.EFI").stat().st_size
    print(f"BOOTX64.EFI: {size:,} bytes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
