#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""measure.py - what the loader costs: guest instructions from its start to the kernel's entry.

    measure.py [--runs N] [--memory SIZE]        (make bench-boot)

Four loads are measured: the floor (a loader that only reads the file and leaves the boot services)
and Meridian's own, each with the kernel that ships and with one that carries 64 MiB of data.
efi_wrapper.efi starts the loader and tells the time-stamp counter; the kernel, asked by bench=boot,
tells the counter at its entry. Under -icount shift=0 a tick is an instruction.

Limits of the method: waiting by the clock counts as instructions; a disk request ends in host time,
so runs differ slightly, and the median is what counts; an iteration of a string instruction
counts as one instruction; slow memory costs nothing extra.
"""

import argparse
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
BUILD = ROOT / "build"
CONFIG = b"kernel: \\kernel.elf\ncmdline: bench=boot exit\n"
LARGE = BUILD / "bench/kernel-64m.elf"

# name, loader, kernel on the stick (None: the embedded one), upper bound in instructions
LOADS = [
    ("floor, kernel as shipped", BUILD / "firmware/efi_floor.efi", BUILD / "kernel-x86_64.elf", None),
    ("Meridian, embedded kernel", BUILD / "BOOTX64.EFI", None, 5_000_000),
    ("floor, kernel of 64 MiB", BUILD / "firmware/efi_floor.efi", LARGE, None),
    ("Meridian, kernel of 64 MiB", BUILD / "BOOTX64.EFI", LARGE, 150_000_000),
]


def stick(folder, loader, kernel):
    files = {"EFI/BOOT/BOOTX64.EFI": (BUILD / "firmware/efi_wrapper.efi").read_bytes(),
             "EFI/BOOT/LOADER.EFI": loader.read_bytes(),
             "meridian/meridian.conf": CONFIG if kernel else CONFIG.split(b"\n", 1)[1]}
    if kernel:
        files["kernel.elf"] = kernel.read_bytes()
    (folder / "empty").mkdir()
    meridian_qemu.stage(folder / "empty", folder / "esp", files=files)
    meridian_disk.write_disk(folder / "esp", folder / "disk.img")


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
    print(f"{'load':28} {'median':>14} {'min':>14} {'max':>14}   instructions, {options.memory}")
    for name, loader, kernel, bound in LOADS:
        costs = [measure(loader, kernel, options.memory) for _ in range(options.runs)]
        median = int(statistics.median(costs))
        over = bound is not None and median > bound
        failed |= over
        print(f"{name:28} {median:14,} {min(costs):14,} {max(costs):14,}"
              f"{f'   over {bound:,}' if over else ''}", flush=True)
    size = (BUILD / "BOOTX64.EFI").stat().st_size
    print(f"BOOTX64.EFI: {size:,} bytes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
