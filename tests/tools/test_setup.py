# SPDX-License-Identifier: BSD-2-Clause
"""The set-up names what is missing, installs it once, and is silent when everything is there.

Each test runs tools/setup.sh with a PATH of its own: a folder of links to the machine's programs
without the ones that are to be missing, and an apt-get that writes down how it was called."""

import concurrent.futures
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASICS = ["bash", "env", "id", "head", "gcc", "ld", "objcopy", "nasm", "lz4", "mtools", "mcopy", "sgdisk",
          "clang", "clang-format", "gdb", "qemu-system-x86_64", "grub-mkimage", "xorriso", "bochs", "xvfb-run",
          "xauth", "groff", "g++", "pkg-config", "chromium", "chromedriver", "node", "npm", "sbsign",
          "openssl", "swtpm", "touch", "chmod", "flock", "mkdir", "rmdir", "sleep"]

APT_GET = """#!/bin/bash
echo "$@" >> {log}
mkdir {folder}/busy || exit 100
trap 'rmdir {folder}/busy' EXIT
sleep 0.2
case "$*" in
--simulate*) [ -e {folder}/updated ] ;;
update) touch {folder}/updated ;;
install*) touch {folder}/nasm; chmod +x {folder}/nasm ;;
esac
"""


def find(name):
    """A program of this machine; not ccache in the place of a compiler, which would look for it in PATH."""
    places = (os.environ["PATH"] + ":/usr/sbin").split(":")
    found = (shutil.which(name, path=place) for place in places)
    return next((path for path in found if path and pathlib.Path(path).resolve().name != "ccache"), None)


class Computer:
    """A machine with exactly the programs of its folder."""

    def __init__(self, folder, missing):
        self.folder, self.log = folder, folder / "apt.log"
        for name in BASICS:
            # setup.sh also looks into /usr/sbin, which cannot be hidden: sgdisk is always there.
            if name not in missing and find(name):
                (folder / name).symlink_to(find(name))
        (folder / "apt-get").write_text(APT_GET.format(log=self.log, folder=folder))
        (folder / "apt-get").chmod(0o755)
        self.log.touch()

    def setup(self, *words, **environment):
        return subprocess.run([ROOT / "tools/setup.sh", *words], text=True, check=False,
                              capture_output=True, env={"PATH": str(self.folder), **environment})


@pytest.fixture
def computer(tmp_path):
    return lambda *missing: Computer(tmp_path, missing)


def test_complete_machine_is_silent(computer):
    """Nothing is said and no package manager is called when everything is there."""
    complete = computer()
    done = complete.setup("build")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert complete.log.read_text() == ""


def test_missing_tool_is_named_and_not_installed_with_install_no(computer):
    """INSTALL=no names the tool and the command, installs nothing, and fails."""
    poor = computer("nasm")
    done = poor.setup("build", INSTALL="no")
    assert done.returncode == 1
    assert "make build needs nasm" in done.stderr
    assert "apt-get install -y --no-install-recommends nasm" in done.stderr
    assert poor.log.read_text() == ""


def test_missing_tool_is_installed(computer):
    """A missing tool is installed after the lists were updated once, as they were of no use."""
    poor = computer("nasm")
    done = poor.setup("build")
    assert done.returncode == 0, done.stderr
    calls = poor.log.read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["--simulate", "update", "install"]
    assert calls[-1] == "install -y --no-install-recommends nasm"
    poor.log.write_text("")
    assert poor.setup("build").returncode == 0
    assert poor.log.read_text() == ""


def test_goals_at_once_take_turns(computer):
    """Several goals that miss the same tool at the same moment, as with make -j, install it once: the
    package manager, which here refuses a second call while one runs, is never called by two."""
    poor = computer("nasm")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        done = list(pool.map(poor.setup, ["build", "run", "build", "run"]))
    assert [(one.returncode, one.stderr) for one in done if one.returncode] == []
    assert sum(call.startswith("install") for call in poor.log.read_text().splitlines()) == 1


def test_lists_are_not_updated_when_they_are_good(computer):
    """The lists of packages are left alone when they know the package."""
    poor = computer("nasm")
    (poor.folder / "updated").touch()
    assert poor.setup("build").returncode == 0
    assert "update" not in poor.log.read_text().splitlines()


def test_needs_grow_with_the_goal(computer):
    """Running needs less than testing: a machine without clang and gdb can run."""
    runner = computer("clang", "clang-format", "gdb", "grub-mkimage", "bochs")
    assert runner.setup("run", INSTALL="no").returncode == 0
    debug = runner.setup("debug", INSTALL="no")
    assert "make debug needs gdb" in debug.stderr and "clang" not in debug.stderr
    test = runner.setup("test", INSTALL="no")
    assert "needs clang (" in test.stderr and "needs clang-format (" in test.stderr
    assert "gdb" not in test.stderr
    image = runner.setup("image", INSTALL="no")
    assert "make image needs grub (package grub-common)" in image.stderr and "bochs" not in image.stderr
    bios = runner.setup("bios", INSTALL="no")
    assert "make bios needs grub (package grub-common)" in bios.stderr and "bochs" not in bios.stderr
    assert "needs bochs (" in test.stderr and "needs grub (" in test.stderr


def test_foreign_packages_need_their_architecture(computer):
    """Where a package is of another architecture, apt is told of that one first, and only then."""
    poor = computer("gcc")
    said = poor.setup("unit-32", INSTALL="no").stderr
    assert "make unit-32 needs 32-bit cmocka (package libcmocka0:i386)" in said
    told, update, install = (line.strip() for line in said.splitlines()[-3:])
    assert told.endswith("dpkg --add-architecture i386") and update.endswith("apt-get update")
    assert "libcmocka0:i386" in install and "gcc-multilib" in install
    assert "dpkg" not in poor.setup("build", INSTALL="no").stderr


def test_doctor_lists_versions_and_what_is_missing(computer):
    """The doctor names each tool, with a version when it is there and a package when it is not."""
    poor = computer("nasm")
    said = poor.setup("--doctor").stdout
    rows = {line.split("  ")[0]: line for line in said.splitlines()}
    assert "OK" in rows["gcc"] and any(digit in rows["gcc"] for digit in "0123456789")
    assert "missing" in rows["nasm"] and "package nasm" in rows["nasm"]
    # The tools of make web, bench-heap and proof may be missing here as well: make test does without them.
    install = said.splitlines()[-1]
    assert install.startswith("To install: apt-get install -y --no-install-recommends ")
    assert "nasm" in install.split() and "gcc" not in install.split()


def test_unknown_goal_is_refused(computer):
    """A goal that the table does not have is an error, not a silent success."""
    done = computer().setup("nonsense")
    assert done.returncode == 1 and "usage" in done.stderr


def test_packages_that_ask_get_their_answers_first(computer):
    """rEFInd asks whether it may take over the machine's start, and takes silence for a yes: Debian is given the
    answer before the package is installed."""
    poor = computer()
    for name in ("setup.sh", "debconf.answers", "ovmf.list"):
        shutil.copy(ROOT / "tools" / name, poor.folder)
    script = poor.folder / "setup.sh"
    script.write_text(script.read_text().replace("/usr/share/refind/", "/nowhere/"))
    said = subprocess.run([script, "test"], env={"PATH": str(poor.folder), "INSTALL": "no"}, text=True,
                          capture_output=True, check=False).stderr
    answers, install = (line.strip() for line in said.splitlines()[-2:])
    assert answers.endswith(f"debconf-set-selections {poor.folder}/debconf.answers")
    assert "install" in install and "refind" in install.split()
    (poor.folder / "debconf-set-selections").write_text(f'#!/bin/bash\necho "answers $*" >> {poor.log}\n')
    (poor.folder / "debconf-set-selections").chmod(0o755)
    subprocess.run([script, "test"], env={"PATH": str(poor.folder)}, capture_output=True, check=True)
    done = [call.split()[0] for call in poor.log.read_text().splitlines()]
    assert done.count("answers") == 1 and done.index("answers") < done.index("install")
    assert "refind/install_to_esp boolean false" in (ROOT / "tools/debconf.answers").read_text()
