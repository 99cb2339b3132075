#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""meridian_qemu.py - the one place that knows how Meridian is run in QEMU.

    meridian_qemu.py run   --esp FOLDER [--cmdline TEXT] [--memory SIZE] [--gdb SOCKET] [-- QEMU OPTIONS]
    meridian_qemu.py run   --kernel ELF [--grub] [--cmdline TEXT] [--memory SIZE] [-- QEMU OPTIONS]
    meridian_qemu.py debug --esp FOLDER --symbols ELF [--cmdline TEXT] [--batch] [-- QEMU OPTIONS]
    meridian_qemu.py debug --kernel ELF --symbols ELF [--cmdline TEXT] [--batch] [-- QEMU OPTIONS]
    meridian_qemu.py attach --symbols ELF --gdb SOCKET

`make run`, `make debug` and every test describe a Guest and ask command() for the command line.
A guest is OVMF with its own empty variable store and one disk, made from a folder; or, for the
32-bit kernel, a BIOS machine that starts it by Multiboot: QEMU itself is the loader, or GRUB is.
Both start from disks, sticks (usb-storage) and discs.
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import meridian_disk
import meridian_iso

QEMU = "qemu-system-x86_64"
QEMU_I386 = "qemu-system-i386"
DEBUG_CONSOLE_PORT = 0xE9
EXIT_PORT = 0xF4
# isa-debug-exit leaves with (value << 1) | 1: the kernel writes 0x10 for success, 0x11 for failure.
EXIT_SUCCESS, EXIT_FAILURE = 33, 35
BIOS, UEFI = "bios", "uefi"
CONFIG_FILE = "meridian/meridian.conf"
# Disks that want a controller of their own.
CONTROLLERS = {"usb-storage": "qemu-xhci,id=stick", "scsi-hd": "virtio-scsi-pci,id=scsi",
               "ide-hd,bus=sata.0": "ich9-ahci,id=sata"}
ELF_CLASS_32 = 1                # of byte 4 of an ELF file
GDB_COMMANDS = pathlib.Path(__file__).parent / "gdb/meridian.py"
OVMF_LIST = pathlib.Path(__file__).with_name("ovmf.list")
# Firmware that enforces Secure Boot, and a variable store with Debian's test keys enrolled; it wants SMM.
OVMF_SECURE = ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd")
SECURE_WORDS = ["-global", "driver=cfi.pflash01,property=secure,value=on"]


def firmware():
    """(code, variables) of the first OVMF that this machine has."""
    for line in OVMF_LIST.read_text(encoding="ascii").splitlines():
        pair = line.split()
        if pair and pair[0].startswith("/") and os.path.exists(pair[0]):
            return pair[0], pair[1]
    sys.exit("no OVMF found: install it (make doctor names the package)")


def stage(source, target, cmdline=None, files=None):
    """Copies an ESP tree, puts `cmdline` into its configuration, adds files by path (None removes)."""
    target = pathlib.Path(target)
    shutil.copytree(source, target)
    if cmdline is not None:
        config = target / CONFIG_FILE
        config.parent.mkdir(parents=True, exist_ok=True)
        lines = config.read_text(encoding="utf-8").splitlines() if config.exists() else []
        lines = [line for line in lines if not line.startswith("cmdline:")]
        config.write_text("\n".join([*lines, f"cmdline: {cmdline}"]) + "\n", encoding="utf-8")
    for name, content in (files or {}).items():
        path = target / name
        if content is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclasses.dataclass
class Guest:
    """A machine to boot, by its firmware from a `disk` or a `disc`, or by QEMU itself (`kernel`). Paths are
    strings; `folder` keeps the variable store of OVMF."""

    disk: str = ""
    folder: str = ""
    kernel: str = ""             # a Multiboot kernel that QEMU itself loads
    append: str = ""             # its command line
    disc: str = ""               # an image in a CD drive
    firmware: str = ""           # BIOS or UEFI; else UEFI for a disk, BIOS for a disc
    ovmf: str = ""               # path of OVMF's code, its empty variables beside it; else the first there is
    emulator: str = ""           # the program; else the one for the width
    machine: str = "q35"
    cpu: str = "max"
    memory: str = "512M"
    memory_options: str = ""     # what follows the size in -m: slots, maxmem
    cpus: str = "1"
    serial: str = "stdio"        # QEMU's -serial; "none" leaves the machine without the port
    debug_console: str = ""      # a file that gets what is written to port 0xE9
    display: str = "none"
    graphics: bool = True        # False: no VGA device at all
    disk_device: str = "virtio-blk-pci"
    disk_options: str = "snapshot=on"  # what is written is forgotten; "" keeps it, "readonly=on"
    icount: bool = False         # one instruction is one nanosecond of the guest's clock
    lazy_memory: bool = True     # host memory is taken when the guest touches it (1 TiB guests)
    reboots: bool = False        # a reset starts the machine again instead of ending QEMU
    qmp: str = ""                # path of a QMP socket
    secure_boot: bool = False    # OVMF with Secure Boot on; the disk is staged with signed programs
    tpm: str = ""                # path of the control socket of a swtpm; "" is a machine without a TPM
    extra: list = dataclasses.field(default_factory=list)


def firmware_of(guest):
    return guest.firmware or (UEFI if guest.disk or guest.secure_boot else BIOS)


def uefi_words(guest):
    """OVMF, with a copy of its variable store in the guest's folder."""
    code, variables = OVMF_SECURE if guest.secure_boot else firmware()
    if guest.ovmf:
        code, variables = guest.ovmf, guest.ovmf.replace("_CODE", "_VARS").replace(".secboot", "")
    store = os.path.join(guest.folder, "vars.fd")
    shutil.copyfile(variables, store)
    return ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
            "-drive", f"if=pflash,unit=1,format=raw,file={store}"]


def medium_words(guest):
    """The drive that the firmware starts from, and the controller that some need first."""
    if guest.disc:
        device, drive = "ide-cd", ["media=cdrom,readonly=on", f"file={guest.disc}"]
    else:
        device, drive = guest.disk_device, [guest.disk_options, f"file={guest.disk}"]
    controller = ["-device", CONTROLLERS[device]] if device in CONTROLLERS else []
    return ["-drive", ",".join(filter(None, ["if=none,id=disk,format=raw", *drive])), *controller,
            "-device", f"{device},drive=disk,bootindex=0"]


def boot_words(guest):
    if guest.kernel:
        return ["-kernel", guest.kernel, "-append", guest.append]
    return [*(uefi_words(guest) if firmware_of(guest) == UEFI else []), *medium_words(guest)]


def memory_words(guest):
    machine, words = guest.machine, []
    if guest.secure_boot:
        machine += ",smm=on"
    if guest.lazy_memory:
        machine += ",memory-backend=ram"
        words = ["-object", f"memory-backend-ram,id=ram,size={guest.memory},reserve=off"]
    return [*words, "-machine", machine, "-m", guest.memory + guest.memory_options]


def coverage_words(guest):
    """With MERIDIAN_COVERAGE, a folder that tools/coverage.py prepared, what the kernel executes is counted."""
    folder = os.environ.get("MERIDIAN_COVERAGE")
    if not folder:
        return []
    width = "i386" if guest.kernel or guest.disc else "x86_64"
    return ["-plugin", pathlib.Path(folder, f"{width}.plugin").read_text(encoding="ascii").strip()]


def command(guest):
    """The QEMU command line of a guest."""
    emulator = guest.emulator or (QEMU_I386 if firmware_of(guest) == BIOS else QEMU)
    words = [emulator, *memory_words(guest), "-cpu", guest.cpu, "-smp", guest.cpus]
    words += ["-accel", "tcg", "-icount", "shift=0,sleep=off"] if guest.icount else ["-accel", "tcg"]
    words += [*boot_words(guest), "-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=0x04",
              "-nic", "none", "-display", guest.display, "-serial", guest.serial]
    if not guest.reboots:
        words += ["-no-reboot"]
    if guest.debug_console:
        words += ["-debugcon", f"file:{guest.debug_console}",
                  "-global", f"isa-debugcon.iobase={DEBUG_CONSOLE_PORT:#x}"]
    if not guest.graphics:
        words += ["-vga", "none"]
    if "mon:" not in guest.serial:
        words += ["-monitor", "none"]
    if guest.secure_boot:
        words += SECURE_WORDS
    if guest.tpm:
        words += ["-chardev", f"socket,id=tpm,path={guest.tpm}", "-tpmdev", "emulator,id=tpm,chardev=tpm",
                  "-device", "tpm-crb,tpmdev=tpm"]
    if guest.qmp:
        words += ["-qmp", f"unix:{guest.qmp},server=on,wait=off"]
    return [*words, *coverage_words(guest), *guest.extra]


def has_display():
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def prepare(options, folder, cmdline):
    """The guest that the options describe; what it boots from is in `folder`."""
    if options.kernel and not options.grub:
        return Guest(kernel=options.kernel, append=cmdline or "", memory=options.memory, cpus=options.cpus,
                     extra=options.extra)
    if options.grub:
        disc = os.path.join(folder, "disc.iso")
        meridian_iso.write_kernel_disc(disc, options.kernel, cmdline or "")
        return Guest(disc=disc, memory=options.memory, cpus=options.cpus, extra=options.extra)
    stage(options.esp, os.path.join(folder, "esp"), cmdline)
    disk = os.path.join(folder, "disk.img")
    meridian_disk.write_disk(os.path.join(folder, "esp"), disk)
    return Guest(disk=disk, folder=folder, memory=options.memory, cpus=options.cpus, extra=options.extra)


def run(options):
    """Interactive: the serial port, and with it the prompt, is this terminal. The status is that of a
    command: 0 when the machine ended well, or was left by keys."""
    with tempfile.TemporaryDirectory(prefix="meridian-") as folder:
        guest = prepare(options, folder, options.cmdline)
        guest.serial = "mon:stdio"
        if options.gdb:
            pathlib.Path(options.gdb).unlink(missing_ok=True)
            guest.extra = ["-gdb", f"unix:{options.gdb},server=on,wait=off", *guest.extra]
            print("A debugger can join from another terminal: make gdb, or make gdb-i386.")
        if has_display() and guest.disk:
            guest.display = "gtk"
            print("The window shows the machine's screen; the prompt is there and in this terminal.")
        elif guest.disk:
            guest.graphics = False  # a screen that nobody sees: the dashboard is printed instead
        print("Leave with Ctrl-a x (or type: exit).", flush=True)
        code = subprocess.run(command(guest), check=False).returncode
    if code == EXIT_FAILURE:
        print("Meridian ended by saying that something failed.", file=sys.stderr)
    return 0 if code == EXIT_SUCCESS else code


def entry_of(elf):
    """(address, name of the program counter) of the first instruction of a kernel of either width."""
    with open(elf, "rb") as file:
        header = file.read(64)
    if header[4] == ELF_CLASS_32:
        return struct.unpack_from("<I", header, 24)[0], "eip"
    return struct.unpack_from("<Q", header, 24)[0], "rip"


def gdb_start(symbols):
    """What gdb does first: symbols, sources, the commands of tools/gdb."""
    return ["set confirm off", "set pagination off", f"directory {GDB_COMMANDS.parents[2]}", f"file {symbols}",
            f"source {GDB_COMMANDS}"]


def attach(options):
    """gdb joins a machine that runs; `meridian slide` moves the symbols to where the kernel is."""
    if not pathlib.Path(options.gdb or "").is_socket():
        sys.exit("no machine waits for a debugger; start one with: make run GDB=yes")
    words = ["gdb", "-q", "-nx"]
    for line in [*gdb_start(options.symbols), f"target remote {options.gdb}", "meridian slide"]:
        words += ["-ex", line]
    return subprocess.run(words, check=False).returncode


def debug(options):
    """QEMU waits for gdb, which stops at the kernel's first instruction. nokaslr keeps the kernel at
    its link address, so that the symbols fit; the breakpoint is one of hardware, since the code
    is not in memory yet when it is set."""
    folder = pathlib.Path(options.folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    guest = prepare(options, str(folder), f"{options.cmdline or ''} nokaslr".strip())
    gdb_socket, serial_socket = folder / "gdb.sock", folder / "serial.sock"
    serial_log = folder / "serial.log"
    guest.serial = "chardev:serial"
    guest.display = "gtk" if has_display() and guest.disk else "none"
    guest.extra = ["-chardev", f"socket,id=serial,path={serial_socket},server=on,wait=off,"
                   f"logfile={serial_log}", "-gdb", f"unix:{gdb_socket},server=on,wait=off", "-S",
                   *guest.extra]
    entry, counter = entry_of(options.symbols)
    script = [*gdb_start(options.symbols), f"target remote {gdb_socket}", f"hbreak *{entry:#x}", "continue"]
    print(f"serial port: log in {serial_log}; prompt: socat -,raw,echo=0 UNIX:{serial_socket}",
          flush=True)
    with subprocess.Popen(command(guest), stdin=subprocess.DEVNULL, start_new_session=True) as qemu:
        try:
            while not gdb_socket.exists() and qemu.poll() is None:
                time.sleep(0.02)
            words = ["gdb", "-q", "-nx", *(["-batch"] if options.batch else [])]
            for line in script + (options.batch and [f"info registers {counter}", "meridian slide", "meridian map", "kill"] or []):
                words += ["-ex", line]
            return subprocess.run(words, check=False).returncode
        finally:
            qemu.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("run", "debug", "attach"))
    parser.add_argument("--esp")
    parser.add_argument("--kernel", help="a Multiboot kernel, which QEMU itself loads")
    parser.add_argument("--grub", action="store_true", help="GRUB loads the kernel, from a disc")
    parser.add_argument("--symbols")
    parser.add_argument("--gdb", help="a socket at which a debugger can join")
    parser.add_argument("--cmdline")
    parser.add_argument("--memory", default="512M")
    parser.add_argument("--cpus", default="1", help="processors of the machine")
    parser.add_argument("--folder", default="build/debug", help="where debug keeps its files")
    parser.add_argument("--batch", action="store_true")
    parser.add_argument("extra", nargs="*")
    options = parser.parse_args()
    if options.action != "attach" and not options.esp and not options.kernel:
        parser.error("what is to be started? --esp FOLDER or --kernel ELF")
    return {"run": run, "debug": debug, "attach": attach}[options.action](options)


if __name__ == "__main__":
    sys.exit(main())
