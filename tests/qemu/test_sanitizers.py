# SPDX-License-Identifier: BSD-2-Clause
"""Sanitised kernels pass the self-tests like every other, and find what they are built to find.

MERIDIAN_SANITIZED names the images, which then make every mistake there is (`make test-sanitizers`); else
those of x86-64 make one of a kind."""

import os
import re
import subprocess

import pytest

from harness import EXIT_FAILURE, I386, ROOT

EVERYTHING = "MERIDIAN_SANITIZED" in os.environ
IMAGES = os.environ.get("MERIDIAN_SANITIZED", "x86_64-ubsan x86_64-kasan").split()
ONE_OF_A_KIND = ("shift", "heap-overflow", "heap-freed", "variable", "free-frame")
SECONDS = 240

# Per sanitizer, mistakes and what the report says of each: a function, and a pattern for the sentence.
HEAP = r"the (freed )?object of 64 bytes at 0x[0-9a-f]+, tag monitor; allocated at allocate_object\+0x"
FOUND = {
    "ubsan": {
        "shift": ("shift_too_far", r"kernel/monitor/cmd_fault_checked\.c:\d+:\d+: undefined behaviour: 1 cannot be "
                                   r"shifted by 32 bits: its type 'unsigned int' has 32$"),
        "overflow": ("overflow_integer", r"undefined behaviour: 2147483647 \+ 1 does not fit the type 'int'$"),
        "bounds": ("index_beyond_array", r"undefined behaviour: index 8 is beyond the array "
                                         r"'(volatile )?unsigned int(?: volatile)? ?\[4\]'$"),
    },
    "kasan": {
        "heap-overflow": ("write_behind_object", r"wrote 1 byte at 0x[0-9a-f]+: 1 byte behind " + HEAP),
        "heap-underflow": ("write_before_object", r"wrote 1 byte at 0x[0-9a-f]+: 1 byte before " + HEAP),
        "heap-freed": ("read_freed_object", r"read 1 byte at 0x[0-9a-f]+: byte 2 of " + HEAP
                                            + r".*, freed at free_object\+0x"),
        "variable": ("write_behind_variable", r"wrote 1 byte at 0x[0-9a-f]+: behind a variable$"),
        "free-frame": ("write_to_free_frame", r"wrote 1 byte at 0x[0-9a-f]+: in a frame that is free$"),
    },
}
# In every kernel, sanitised or not.
EVERYWHERE = {"smash": ("smash_own_stack", r"^A function wrote beyond one of its arrays")}


def fields_of(image, cmdline):
    """A machine that starts that kernel."""
    kernel = ROOT / f"build/kernel-{image}.elf"
    if image.startswith("i386"):
        return {**I386, "kernel": str(kernel), "cmdline": cmdline, "seconds": SECONDS}
    config = f"kernel: /boot/kernel.elf\ncmdline: {cmdline}\n".encode()
    return {"files": {"boot/kernel.elf": kernel.read_bytes(), "meridian/meridian.conf": config}, "seconds": SECONDS}


def mistakes(image):
    """{name: what is found} of a kernel; the usual run has one of a kind."""
    found = {**FOUND[image.split("-")[1]], **EVERYWHERE}
    return found if EVERYTHING else {name: what for name, what in found.items() if name in ONE_OF_A_KIND}


def check_report(run, image, name):
    function, sentence = mistakes(image)[name]
    panic = run.event("panic")
    assert re.search(sentence, panic["sentence"]), panic["sentence"]
    assert function in [entry.get("function") for entry in panic["trace"]]
    assert not run.events("fault") and run.code == EXIT_FAILURE


@pytest.mark.parametrize("image", IMAGES)
def test_self_tests_pass(boot, image):
    """All self-tests, a program and the load of two processors find nothing; the first mistake then is found."""
    name = next(iter(mistakes(image)))
    run = boot(cpus="2", **fields_of(image, f'json run="selftest; run tour; stress 2 1; fault {name}; exit"'))
    assert run.event("selftests")["failed"] == 0 and run.event("selftests")["passed"] >= 16
    assert "kasan" not in image or "KASAN: every access to memory is checked" in run.text()
    check_report(run, image, name)


@pytest.mark.parametrize("image, name",
                         [(image, name) for image in IMAGES for name in list(mistakes(image))[1:]])
def test_mistake_is_found(boot, image, name):
    """Each mistake ends in a report that names its kind, its place and what was there."""
    check_report(boot(**fields_of(image, f'json run="fault {name}; exit"')), image, name)


def guard_of(run):
    """The value that guards return addresses, which QEMU reads from where the kernel has slid to."""
    kernel = str(ROOT / "build/kernel-x86_64.debug.elf")
    names = subprocess.run(["nm", kernel], capture_output=True, text=True, check=True).stdout
    symbols = {line.split()[2]: int(line.split()[0], 16) for line in names.splitlines() if len(line.split()) == 3}
    image = int(re.search(r"Kernel image at (0x[0-9a-f]+)", run.text()).group(1), 16)
    address = image + symbols["__stack_chk_guard"] - symbols["kernel_start"]
    return int(re.search(r": (0x[0-9a-f]+)", run.hmp(f"x /1gx {address:#x}")).group(1), 16)


def test_stack_guard_differs_by_boot(machine):
    """What guards return addresses is another value at each boot; its lowest byte ends strings."""
    values = set()
    for _ in range(2):
        with machine() as run:
            run.prompt()
            values.add(guard_of(run))
    assert len(values) == 2 and all(value % 256 == 0 and value >> 32 != 0 for value in values)


def test_smashed_stack_is_found(boot):
    """The kernel that ships ends when a function has overwritten its own return address."""
    run = boot(cmdline='json run="fault smash; exit"', **I386)
    panic = run.event("panic")
    function, sentence = EVERYWHERE["smash"]
    assert re.search(sentence, panic["sentence"]) and function in [entry.get("function") for entry in panic["trace"]]
    assert run.code == EXIT_FAILURE
