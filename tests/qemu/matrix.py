#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""matrix.py - every machine of matrix.table: the self-tests pass there, and its map is QEMU's.

    matrix.py [WORD]...     runs those whose line has all of the words (i386, q35, grub ...); no word: all

Two machines run at a time. Each runs `selftest; frames; map` and waits at its prompt, where the table is compared
with QEMU's flat view of the address space (memory_view.py); then it is ended, with the code of success. `make
test` runs half of the i386 ones without the comparison, so that each processor meets each memory size.

The words of matrix.table: `starts-by` is how the kernel is started: ovmf and ovmf-2m are the two sizes of the
firmware, ovmf-smm keeps memory for system management; multiboot is QEMU itself, multiboot-64 the same with a
64-bit processor; grub a disc under SeaBIOS. `nodes` share the memory equally. `devices` are those of DEVICES."""

import concurrent.futures
import pathlib
import sys
import tempfile
import time

from harness import EXIT_SUCCESS, I386, Machine
from memory_view import disagreement, flat_view, left_out, ram_of, table_of
import meridian_iso

TABLE = pathlib.Path(__file__).with_name("matrix.table")
COLUMNS = ("name", "width", "starts_by", "chipset", "processor", "memory", "nodes", "cpus", "devices")
TESTS = "selftest; frames; map"
CMDLINE = f'json run="{TESTS}; exit"'
CMDLINE_WAITING = f'json run="{TESTS}"'
SECONDS = 150
SECONDS_IN_MATRIX = 1500  # beside whatever else the host does; all of 2 GiB is written where addresses have 32 bits
AT_A_TIME = 2
MIB = {"M": 1, "G": 1024}
NVDIMM_MIB = 256
OVMF = {"ovmf": "OVMF_CODE_4M.fd", "ovmf-2m": "OVMF_CODE.fd", "ovmf-smm": "OVMF_CODE_4M.secboot.fd"}

# What beside the processor, memory and the usual disk is in a machine: fields of it, or options of QEMU.
DEVICES = {
    "nvme": {"disk_device": "nvme,serial=meridian"},
    "ahci": {"disk_device": "ide-hd,bus=sata.0"},
    "usb": {"disk_device": "usb-storage"},
    "scsi": {"disk_device": "scsi-hd"},
    "no-vga": {"graphics": False},
    "cirrus": {"extra": ["-vga", "cirrus"]},
    "qxl": {"extra": ["-vga", "qxl"]},
    "gpu": {"extra": ["-vga", "virtio"]},
    "net": {"extra": ["-device", "virtio-net-pci"]},
    "e1000": {"extra": ["-device", "e1000"]},
    "hda": {"extra": ["-device", "intel-hda"]},
    "xhci": {"extra": ["-device", "qemu-xhci"]},
    "balloon": {"extra": ["-device", "virtio-balloon-pci"]},
    "ports": {"extra": ["-device", "pcie-root-port,id=p1,chassis=1", "-device", "pcie-root-port,id=p2,chassis=2",
                        "-device", "e1000e,bus=p1"]},
    "pxb": {"extra": ["-device", "pxb-pcie,id=second,bus_nr=64",
                      "-device", "pcie-root-port,bus=second,id=p1,chassis=1"]},
    # A BAR of 256 MiB, which 32-bit firmware must find room for below 4 GiB.
    "bigbar": {"extra": ["-object", "memory-backend-ram,id=shared,size=256M,share=on,reserve=off",
                         "-device", "ivshmem-plain,memdev=shared"]},
    "nvdimm": {"machine_options": ",nvdimm=on", "memory_options": ",slots=2,maxmem=128G",
               "extra": ["-object", f"memory-backend-ram,id=nv,size={NVDIMM_MIB}M,reserve=off",
                         "-device", "nvdimm,id=nv0,memdev=nv"]},
}


def rows():
    """{name: {column: word}} of the table."""
    lines = [line.split() for line in TABLE.read_text(encoding="ascii").splitlines() if line and line[0] != "#"]
    return {words[0]: dict(zip(COLUMNS, words, strict=True)) for words in lines}


def share_of_nodes(row):
    """Options for nodes of equal memory, processors in turn."""
    count, cpus = int(row["nodes"]), int(row["cpus"])
    mib = int(row["memory"][:-1]) * MIB[row["memory"][-1]] // count
    words = []
    for node in range(count):
        words += ["-object", f"memory-backend-ram,id=node{node},size={mib}M,reserve=off",
                  "-numa", ",".join([f"node,nodeid={node},memdev=node{node}",
                                     *(f"cpus={cpu}" for cpu in range(node, cpus, count))])]
    return words


def fields(row):
    """A row as fields of a Machine, but for how a disc is written."""
    made = {"cpu": row["processor"], "memory": row["memory"], "cpus": row["cpus"], "machine": row["chipset"],
            "seconds": SECONDS, "extra": []}
    if row["starts_by"].startswith("multiboot"):
        made.update(I386)
    elif row["starts_by"] in OVMF:
        made["ovmf"] = f"/usr/share/OVMF/{OVMF[row['starts_by']]}"
    if row["starts_by"] == "multiboot-64":
        made["emulator"] = "qemu-system-x86_64"
    if row["starts_by"] == "ovmf-smm":
        made["machine"] += ",smm=on"
    for name in row["devices"].split(",") if row["devices"] != "-" else ():
        device = dict(DEVICES[name])
        made["machine"] += device.pop("machine_options", "")
        made["extra"] = [*made["extra"], *device.pop("extra", [])]
        made.update(device)
    if int(row["nodes"]) > 1:
        made.update(lazy_memory=False, extra=[*share_of_nodes(row), *made["extra"]])
    return made


def half():
    """{name: fields} of half of the i386 ones: each processor with each memory size; the types of machine take
    turns. For addresses of 32 bits a q35 keeps exactly 2 GiB of 3G or 4G, all of which the self-tests write: left
    to the whole matrix."""
    small = [row for row in rows().values() if row["starts_by"] == "multiboot"]
    processors, sizes = (list(dict.fromkeys(row[column] for row in small)) for column in ("processor", "memory"))
    chosen = {"x86_64-16G-pc", "x86_64-64G-q35"}
    for row in small:
        slow = row["processor"] in ("486", "pentium", "qemu32") and row["memory"] in ("3G", "4G")
        turn = (processors.index(row["processor"]) + sizes.index(row["memory"])) % 2
        if row["chipset"] == ("pc" if slow else ("pc", "q35")[turn]):
            chosen.add(row["name"])
    return {name: fields(row) for name, row in rows().items() if name in chosen}


# --- running ---------------------------------------------------------------------------------------


def problem(run):
    """What is wrong with what a machine has said, or None."""
    totals, frames = run.event("selftests"), run.events("frames")[-1]
    if totals["failed"] or not totals["passed"]:
        return f"{totals['failed']} self-tests failed"
    if frames["free"] + frames["used"] + frames["reserved"] != frames["total"]:
        return "frames do not add up"
    return None


def machine_of(row, folder):
    made = {**fields(row), "seconds": SECONDS_IN_MATRIX}
    if row["starts_by"] != "grub":
        return Machine(folder, cmdline=CMDLINE_WAITING, **made)
    disc = folder / "disc.iso"
    meridian_iso.write_kernel_disc(disc, pathlib.Path(I386["kernel"]), CMDLINE_WAITING, ())
    return Machine(folder, disc=str(disc), **made)


def try_machine(row):
    """(machine that has ended, what is wrong or None, seconds)."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="meridian-") as name:
        run = None
        try:
            with machine_of(row, pathlib.Path(name)) as run:
                run.prompt()
                wrong = disagreement(table_of(run), ram_of(flat_view(run)), left_out(run))
                run.type("exit\r")
                run.finish()
            if run.code != EXIT_SUCCESS:
                wrong = f"exit code {run.code}"
            line = sums_of(run)
            wrong = problem(run) or wrong
        except AssertionError as failure:
            line, wrong = f"{'':>39}", str(failure).splitlines()[0]
    return line, wrong, time.monotonic() - started


def sums_of(run):
    frames, boot = run.events("frames")[-1], run.event("boot")
    usable = {row["base"]: int(row["size"], 16) for row in run.events("region") if row["type"] == "usable"}
    return (f"{boot['table_levels']:>6} {run.event('selftests')['passed']:>6} {sum(usable.values()) / 2**20:>12.2f} "
            f"{frames['free'] / 256:>12.2f}")


def main():
    chosen = [row for row in rows().values() if all(word in row.values() for word in sys.argv[1:])]
    good = 0
    print(f"{'machine':<20} {'levels':>6} {'tests':>6} {'usable MiB':>12} {'free MiB':>12} {'s':>6}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for row, (line, wrong, seconds) in zip(chosen, pool.map(try_machine, chosen)):
            good += wrong is None
            print(f"{row['name']:<20} {line} {seconds:>6.1f}  {wrong or 'ok'}", flush=True)
    print(f"{good} of {len(chosen)} machines passed, {len(chosen) - good} failed")
    return 0 if chosen and good == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
