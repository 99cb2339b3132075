# SPDX-License-Identifier: BSD-2-Clause
"""meridian.py - gdb's commands for the Meridian kernel: source tools/gdb/meridian.py

`make debug`, `make debug-i386` and `make gdb` load it. docs/gdb.md tells what there is; `help meridian`
tells it in gdb. Whatever the state of the machine, a command answers or says in words why it cannot.

    meridian_machine   registers, physical memory, page tables, where the image lies
    meridian_kernel    the kernel's own structures, by symbols and DWARF types
    meridian_commands  what is printed
    meridian_printers  how gdb shows addresses, frame numbers and states
"""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
if FOLDER not in sys.path:
    sys.path.insert(0, FOLDER)

import meridian_commands  # noqa: E402
import meridian_printers  # noqa: E402

meridian_commands.register()
meridian_printers.register()
