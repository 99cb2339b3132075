# SPDX-License-Identifier: BSD-2-Clause
"""Each check of lint finds what it is there for, and accepts what is right."""

import pathlib

import pytest

import lint
import lint_layers

SPDX = "/* SPDX-License-Identifier: BSD-2-Clause */\n"


class Sources(lint.Tree):
    """A tree made of texts by path, instead of the files of the project."""

    def __init__(self, texts):  # noqa: super is not called: nothing is read
        self.texts = texts
        self.files = [pathlib.Path(path) for path in texts]


def function(lines):
    return "static void f(void)\n{\n" + "    g();\n" * (lines - 3) + "}\n\n"


FOUND = {
    "an #if on an architecture": ("conditions", "kernel/mm/a.c", "#ifdef __x86_64__\n#endif\n"),
    "an #elif on an architecture": ("conditions", "include/mm/a.h", "#elif defined(__i386__)\n"),
    "inline assembly": ("conditions", "kernel/mm/a.c", "    __asm__ volatile(\"nop\");\n"),
    "a long function": ("functions", "kernel/a.c", function(71) + 2 * function(4)),
    "a high median": ("functions", "kernel/a.c", function(15)),
    "a long file": ("files", "kernel/a.c", SPDX + "\n" * 800),
    "a file without licence": ("files", "kernel/a.c", "\n"),
    "something left for later": ("words", "kernel/a.c", "/* TO" "DO: more */\n"),
    "trailing blanks": ("words", "kernel/a.c", "int a; \n"),
    "commented-out code": ("words", "kernel/a.c", "    // count = 0;\n"),
    "a script that does not parse": ("scripts", "tools/a.py", "def f(:\n"),
}
ACCEPTED = {
    "a condition elsewhere": ("conditions", "kernel/arch/x86/a.c", "#ifdef __x86_64__\n#endif\n"),
    "a function at the limit": ("functions", "tests/a.py",
                                "def f():\n" + "    g()\n" * 69),
    "short functions": ("functions", "kernel/a.c", function(14)),
    "prose in a comment": ("words", "kernel/a.c", "/* calls f(x); then waits for it */\n"),
    "a file at the limit": ("files", "kernel/a.c", SPDX + "\n" * 799),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name):
    """What is wrong is found, with its place."""
    check, path, text = FOUND[name]
    complaints = lint.CHECKS[check](Sources({path: text}))
    assert len(complaints) == 1
    assert path in complaints[0] or "median" in complaints[0]


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name):
    """What is right is let through."""
    check, path, text = ACCEPTED[name]
    assert lint.CHECKS[check](Sources({path: text})) == []


@pytest.mark.parametrize("source, header, allowed", [
    ("kernel/mm/pmm.c", "include/mm/pmm.h", True),
    ("kernel/mm/pmm.c", "kernel/mm/pmm_private.h", True),
    ("kernel/mm/pmm.c", "kernel/arch/x86_64/include/arch_mmu.h", True),
    ("kernel/mm/pmm.c", "tests/host/include/arch_mmu.h", True),
    ("kernel/mm/pmm.c", "kernel/arch/x86_64/traps.h", False),
    ("kernel/mm/pmm.c", "kernel/diag/symbols.h", False),
    ("include/lib/bits.h", "include/lib/types.h", True),
    ("include/lib/bits.h", "include/mm/pmm.h", False),
    ("include/arch/mmu.h", "include/mm/pmm.h", False),
    ("efi/main.c", "include/mm/memmap.h", True),
    ("efi/main.c", "include/mm/pmm.h", False),
    ("efi/main.c", "include/boot/handoff.h", True),
    ("kernel/arch/x86_64/traps.c", "include/mm/vm_fault.h", True),
    ("kernel/arch/x86_64/traps.c", "include/mm/heap.h", False),
    ("kernel/arch/x86_64/entry.c", "kernel/arch/x86/cpu.h", True),
    ("kernel/main.c", "include/mm/heap.h", True),
    ("elsewhere/main.c", "include/mm/heap.h", False),
])
def test_layers(source, header, allowed):
    """The table of layers lets through exactly what the design does."""
    assert (lint_layers.breaches(source, [header]) == []) is allowed
