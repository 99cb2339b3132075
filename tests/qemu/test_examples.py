# SPDX-License-Identifier: BSD-2-Clause
"""examples/hello-kernel, built from an installation and nothing else, is started by BOOTX64.EFI and manages memory."""

import os
import re
import shutil
import subprocess

from harness import EXIT_SUCCESS, ROOT


def build(folder):
    """hello.elf, in a folder of its own, from what `make install` leaves."""
    prefix = folder / "prefix"
    subprocess.run(["make", "-s", "install", f"PREFIX={prefix}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(ROOT / "examples/hello-kernel", folder / "hello")
    subprocess.run(["make", "-s", "-C", folder / "hello"], check=True,
                   env={**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig"), "CFLAGS": "-Werror"})
    return (folder / "hello/hello.elf").read_bytes()


def test_hello_kernel_takes_the_memory_over(boot, tmp_path):
    """The kernel finds all the machine's memory, uses frames and heap, sees a second free refused, finds its
    books in order, and ends the machine with success."""
    files = {"hello.elf": build(tmp_path),
             "meridian/meridian.conf": b"kernel: /hello.elf\ncmdline: a line for hello\n"}
    run = boot(files=files)
    assert run.code == EXIT_SUCCESS, run.text()
    said = run.text()
    assert re.search(r"^hello: started by Meridian.*, command line 'a line for hello'$", said, re.MULTILINE)
    found = re.search(r"hello: (\d+) MiB of memory, (\d+) KiB in use, 2 MiB at 0x([0-9a-f]+)$", said, re.MULTILINE)
    assert 440 < int(found[1]) <= 512
    assert 2048 < int(found[2]) < 65536
    assert int(found[3], 16) % (2 << 20) == 0
    assert "hello: 1 object in the heap: a string of the heap\n" in said
    assert "hello: it is freed: yes; once more: refused\n" in said
    assert re.search(r"^\[3\] heap: free of 0x[0-9a-f]+ refused: already free", said, re.MULTILINE)
