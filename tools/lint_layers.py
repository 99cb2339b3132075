# SPDX-License-Identifier: BSD-2-Clause
"""lint_layers.py - who may include whom, proved from what the compiler really includes (gcc -MM).

The table has one row a folder: whatever lies there may reach, directly or through other headers,
only the places named beside it (and its own folder). The row with the longest prefix counts. Headers
are checked like sources, each by itself. The inline side of include/arch, which the include path
chooses, counts as part of include/arch.
"""

import re

# Every contract: what all of include/ is open to.
CONTRACTS = ["include/"]
# The parts of kernel/mm that are pure: they touch no machine, and the loader shares them.
PURE_MM = ["include/mm/memmap", "include/mm/pt.h", "include/mm/layout.h", "kernel/mm/memmap"]
# The address space that the loader makes is drawn once, by the kernel that lives in it.
KERNEL_LAYOUT = ["efi/include/arch_layout.h", "kernel/arch/x86_64/include/arch_layout.h"]
# Instructions and registers have one definition, the kernel's.
X86_REGISTERS = ["kernel/arch/x86/cpuid.h", "kernel/arch/x86/registers.h"]
# The one door through which machine code enters the memory manager.
FAULT_DOOR = ["include/mm/vm_fault.h"]
BASE = ["include/config.h", "include/lib/"]

LAYERS = {
    "include/config.h": [],
    "include/lib/": BASE,
    # A lock is where lib meets the machine: it turns interrupts off.
    "include/lib/lock.h": BASE + ["include/arch/"],
    "include/boot/": BASE + ["include/boot/"],
    "include/arch/": BASE + ["include/arch/"],
    "include/mm/": BASE + ["include/boot/", "include/mm/", "include/arch/"],
    "include/view/": BASE + ["include/boot/", "include/mm/", "include/arch/", "include/view/"],
    "include/": CONTRACTS,
    "kernel/lib/": BASE,
    "kernel/mm/": CONTRACTS,
    "kernel/boot/": CONTRACTS,
    "kernel/diag/": CONTRACTS + ["kernel/lib/"],
    "kernel/dev/": CONTRACTS,
    "kernel/smp/": CONTRACTS,
    "kernel/user/": CONTRACTS,
    "kernel/view/": BASE + ["include/boot/", "include/mm/", "include/arch/", "include/view/"],
    "kernel/monitor/": CONTRACTS,
    "kernel/main.c": CONTRACTS,
    # A program knows of the kernel what is agreed on, and shares its text functions.
    "user/": BASE + ["include/user/abi.h", "user/"],
    "kernel/arch/": CONTRACTS + ["kernel/arch/x86/"],
    # What stands between kernel/mm and a program that embeds it; and such programs, which see what is installed.
    "library/": CONTRACTS,
    "examples/": ["build/include/meridian/"],
    "tests/tools/library/": ["build/include/meridian/"],
    "efi/": BASE + ["include/boot/"] + PURE_MM + X86_REGISTERS,
    "tests/": ["include/", "kernel/", "efi/", "tests/"],
    "tools/": ["include/", "kernel/mm/", "efi/", "tests/host/"],
}

# Where the include path puts the inline side of include/arch.
ARCH_INLINE = re.compile(r"^(kernel/arch/[^/]+/include/|efi/include/|tests/host/include/arch_|library/[^/]+/include/)")
ARCH_CODE = "kernel/arch/"


def row_of(path):
    """The longest prefix of the table that covers a path, or None."""
    return max((prefix for prefix in LAYERS if path.startswith(prefix)), key=len, default=None)


def own_folder(path):
    return path.rsplit("/", 1)[0] + "/"


def may_include(source, header):
    """Whether the table lets `source` reach `header`."""
    if header == source or own_folder(header) == own_folder(source):
        return True
    if header in KERNEL_LAYOUT and source.startswith("efi/"):
        return True
    if ARCH_INLINE.match(source):
        return bool(ARCH_INLINE.match(header)) or header.startswith((*BASE, "include/arch/"))
    row = row_of(source)
    allowed = LAYERS[row]
    if ARCH_INLINE.match(header):
        return any(place in ("include/", "include/arch/") for place in allowed)
    if row == ARCH_CODE and header.startswith("include/mm/"):
        return header.startswith(tuple(FAULT_DOOR))
    return header.startswith(tuple(allowed))


def breaches(source, headers):
    """Messages for each header that a source reaches and must not."""
    if row_of(source) is None:
        return [f"{source}: lies in no layer: give its folder a row in tools/lint_layers.py"]
    return [f"{source}: reaches {header}, which {row_of(source)} may not: include a contract "
            f"of include/ instead, or move the code" for header in headers
            if not may_include(source, header)]
