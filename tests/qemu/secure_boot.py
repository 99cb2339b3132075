# SPDX-License-Identifier: BSD-2-Clause
"""secure_boot.py - signed loaders for machines under Secure Boot.

The keys are Debian's: the package ovmf has a variable store in which a "snakeoil" certificate is
PK, KEK and db, and its private key beside it, for everybody to see. Firmware with that store starts
what sign() made, and nothing else.

    with machine(secure_boot=True, files={LOADER_FILE: sign(LOADER)}) as run: ...

A loader that is signed together with a configuration takes only that one: sign(LOADER, configuration).
"""

import pathlib
import subprocess
import tempfile

from harness import ROOT

import pe
import meridian_disk

LOADER = ROOT / "build/BOOTX64.EFI"
LOADER_FILE = "EFI/BOOT/BOOTX64.EFI"  # where firmware looks for it
CERTIFICATE = pathlib.Path("/usr/share/ovmf/PkKek-1-snakeoil.pem")
LOCKED_KEY = pathlib.Path("/usr/share/ovmf/PkKek-1-snakeoil.key")
PASSWORD = "snakeoil"


def run(*words):
    """Runs a program that says nothing unless it fails; what it said is in the test's failure then."""
    done = subprocess.run([str(word) for word in words], text=True, check=False, capture_output=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"


def unlock_key(target):
    """The private key without its password: sbsign can ask nobody for it."""
    run("openssl", "rsa", "-in", LOCKED_KEY, "-passin", f"pass:{PASSWORD}", "-out", target)


def sign(program, configuration=None):
    """The bytes of a UEFI program, signed with the key that is in db. `program` is a path, or its bytes; a
    loader is pinned to `configuration` (bytes) before."""
    with tempfile.TemporaryDirectory(prefix="meridian-") as folder:
        key, source, signed, pinned = (pathlib.Path(folder) / name for name in ("key", "source", "signed", "conf"))
        source.write_bytes(program if isinstance(program, bytes) else pathlib.Path(program).read_bytes())
        unlock_key(key)
        if configuration is not None:
            pinned.write_bytes(configuration)
            pe.pin(source, pinned)
        run("sbsign", "--key", key, "--cert", CERTIFICATE, "--output", signed, source)
        return signed.read_bytes()


def sticks(folder, *contents):
    """QEMU's words for more sticks, that firmware tries in this order after the machine's first disk. Each
    content is {path: bytes}. What a machine writes to them is forgotten."""
    words = []
    for index, files in enumerate(contents, start=1):
        tree, image = folder / f"stick{index}", folder / f"stick{index}.img"
        for name, content in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(content)
        meridian_disk.write_disk(tree, image)
        words += ["-drive", f"if=none,id=stick{index},format=raw,snapshot=on,file={image}",
                  "-device", f"virtio-blk-pci,drive=stick{index},bootindex={index}"]
    return words
