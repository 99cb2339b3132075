# SPDX-License-Identifier: BSD-2-Clause
"""examples/hello-kernel, as its reader would try it: copied out of the tree, built from an installation and nothing
else, started by BOOTX64.EFI in QEMU with its own `make run`."""

import os
import re
import shutil
import subprocess

from harness import ROOT, clean, meridian_qemu

SECONDS = 120


def said_by_hello(folder):
    """What `make run` prints, in a folder of its own, after `make install` with a PREFIX of its own."""
    prefix = folder / "prefix"
    subprocess.run(["make", "-s", "install", f"PREFIX={prefix}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(ROOT / "examples/hello-kernel", folder / "hello")
    done = subprocess.run(["make", "-s", "-C", folder / "hello", "run", f"OVMF={meridian_qemu.firmware()[0]}"],
                          env={**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    said = clean(done.stdout.decode("utf-8", "replace"))
    assert done.returncode == 0, said
    return said


def test_hello_kernel_takes_the_memory_over(tmp_path):
    """The kernel finds all the machine's memory, uses frames and heap, sees a second free refused, finds its
    books in order, and ends the machine with success."""
    said = said_by_hello(tmp_path)
    assert re.search(r"^hello: started by Meridian.*, command line 'a line for hello'$", said, re.MULTILINE)
    found = re.search(r"hello: (\d+) MiB of memory, (\d+) KiB in use, 2 MiB at 0x([0-9a-f]+)$", said, re.MULTILINE)
    assert 440 < int(found[1]) <= 512
    assert 2048 < int(found[2]) < 65536
    assert int(found[3], 16) % (2 << 20) == 0
    assert "hello: 1 object in the heap: a string of the heap\n" in said
    assert re.search(r"^\[3\] heap: free of 0x[0-9a-f]+ refused: already free; .* allocated near 0xffffffff", said, re.MULTILINE)
    assert "hello: it is freed: yes; once more: refused\n" in said
