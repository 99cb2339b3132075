# SPDX-License-Identifier: BSD-2-Clause
"""make sign makes a loader that verifies against the certificate, and says what it needs."""

import hashlib
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/qemu"))

import pe  # noqa: E402
from secure_boot import CERTIFICATE, unlock_key  # noqa: E402


def make_sign(*words):
    return subprocess.run(["make", "-s", "sign", *words], cwd=ROOT, text=True, check=False, capture_output=True)


def sign(signed, key, *words):
    """Signs to a file of the test's own: tests run side by side in one tree."""
    done = make_sign(f"SIGNED_EFI={signed}", f"KEY={key}", f"CERT={CERTIFICATE}", *words)
    assert done.returncode == 0, done.stderr


def verifies(path):
    return subprocess.run(["sbverify", "--cert", CERTIFICATE, path], check=False, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("sign") / "key"
    unlock_key(path)
    return path


def test_signed_loader_verifies(key, tmp_path):
    """What make sign makes verifies against the certificate of its key; the loader itself does not."""
    signed = tmp_path / "signed.efi"
    sign(signed, key)
    assert verifies(signed) and not verifies(ROOT / "build/BOOTX64.EFI")


def test_missing_words_are_named():
    """Without a key and a certificate nothing is signed, and what is needed is said."""
    done = make_sign()
    assert done.returncode != 0 and "make sign needs KEY=FILE and CERT=FILE" in done.stderr


def test_pinned_loader_holds_the_configurations_hash(key, tmp_path):
    """With CONF=FILE the hash of that file is in the signed loader, and the loader is valid: its checksum, too."""
    conf = tmp_path / "meridian.conf"
    conf.write_text("cmdline: json\n")
    signed = tmp_path / "signed.efi"
    sign(signed, key, f"CONF={conf}")
    assert verifies(signed)
    assert hashlib.sha256(conf.read_bytes()).digest() in signed.read_bytes()
    pe.check_image(pe.Image(signed))


def test_pin_needs_a_loader_and_a_configuration(tmp_path):
    """A file that is no loader, and a configuration that is not there, are named."""
    done = make_sign(f"SIGNED_EFI={tmp_path}/signed.efi", "KEY=Makefile", "CERT=Makefile", f"CONF={tmp_path}/nowhere")
    assert done.returncode != 0 and "nowhere" in done.stderr
    other = tmp_path / "other.efi"
    other.write_bytes((ROOT / "build/BOOTX64.EFI").read_bytes().replace(pe.PIN_MARK, b"x" * len(pe.PIN_MARK)))
    with pytest.raises(pe.Refused, match="no single place"):
        pe.pin(other, ROOT / "Makefile")
