# SPDX-License-Identifier: BSD-2-Clause
"""secure_boot.py - signed loaders for machines under Secure Boot.

The keys are Debian's: the package ovmf has a variable store in which a "snakeoil" certificate is
PK, KEK and db, and its private key beside it, for everybody to see. Firmware with that store starts
what sign() made, and nothing else.

    with machine(secure_boot=True, files={LOADER_FILE: sign(LOADER)}) as run: ...
"""

import pathlib
import subprocess
import tempfile

from harness import ROOT

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


def sign(program):
    """The bytes of a UEFI program, signed with the key that is in db. `program` is a path, or its bytes."""
    with tempfile.TemporaryDirectory(prefix="meridian-") as folder:
        key, source, signed = (pathlib.Path(folder) / name for name in ("key", "source", "signed"))
        source.write_bytes(program if isinstance(program, bytes) else pathlib.Path(program).read_bytes())
        unlock_key(key)
        run("sbsign", "--key", key, "--cert", CERTIFICATE, "--output", signed, source)
        return signed.read_bytes()
