# SPDX-License-Identifier: BSD-2-Clause
"""What meridian-map refuses, and how it says so: file and line, what was expected, status 2."""

import subprocess

import pytest

import memory_maps as maps


def refuse(*options, text=None):
    """What the program says on standard error when it refuses; nothing goes to standard output."""
    result = subprocess.run([maps.PROGRAM, *options], input=text, capture_output=True, text=True,
                            timeout=60, check=False)
    assert result.returncode == 2 and result.stdout == ""
    return result.stderr


PLAIN = "100000 1fffff usable\n"
BIOS = "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n"
DESCRIPTOR = "efi: mem00: type=7, attr=0xf, range=[0x100000-0x200000) (1MB)\n"
SHELL = "Available  0000000000100000-00000000001FFFFF 0000000000000100 000000000000000F\n"
SFO = 'MemoryMap,"Available","100000","1FFFFF","100","F"\n'


@pytest.mark.parametrize("text, line, message", [
    # Plain maps.
    (PLAIN + "100000 1fffff\n", 2, "not a memory map"),
    (PLAIN + "100000 1fffff ram\n", 2, "START END TYPE"),
    (PLAIN + "100000 1fffff type99999999999\n", 2, "START END TYPE"),
    (PLAIN + "100000 1fffg usable\n", 2, "START END TYPE"),
    (PLAIN + "-1 1fff usable\n", 2, "START END TYPE"),
    (PLAIN + "10000000000000000 1fff usable\n", 2, "START END TYPE"),
    (PLAIN + "7 100000 100 f\n", 2, "in one map"),
    ("7 100000 100 f\n" + PLAIN, 2, "in one map"),
    ("7 100000 100 f\n0x7 100000 100 f\n", 2, "TYPE START PAGES ATTRIBUTE"),
    ("7 100000 100 f\n4294967296 100000 100 f\n", 2, "TYPE START PAGES ATTRIBUTE"),
    ("7 100000 100 f\n7 100000 1 f0000000000000000\n", 2, "TYPE START PAGES ATTRIBUTE"),
    (PLAIN + "7 100000 100 f 5\n", 2, "not a memory map"),
    ("hello, world\n", 1, "not a memory map"),
    # Linux.
    (BIOS + BIOS.replace("usable", "RAM"), 2, "[mem 0xSTART-0xEND] type"),
    (BIOS + BIOS[:60] + "\n", 2, "[mem 0xSTART-0xEND] type"),
    (BIOS + BIOS.replace("usable", ""), 2, "[mem 0xSTART-0xEND] type"),
    (BIOS + BIOS.replace("0x00000000001f", "1x00000000001f"), 2, "[mem 0xSTART-0xEND] type"),
    ("BIOS-e820: 0000000000000000 - 000000000009fc00 (usable\n", 1, "START - END (type)"),
    ("BIOS-e820: 0000000000000000\n", 1, "START - END (type)"),
    (DESCRIPTOR + "efi: mem01: type=7, attr=0xf\n", 2, "range="),
    (DESCRIPTOR + "efi: mem01: [Nonsense|WB] range=[0x1000-0x1fff] (0MB)\n", 2, "range="),
    (DESCRIPTOR + "efi: mem01: [Reserved|XY] range=[0x1000-0x1fff] (0MB)\n", 2, "range="),
    (DESCRIPTOR + "efi: mem01: [Reserved|WB range=[0x1000-0x1fff (0MB)\n", 2, "range="),
    (DESCRIPTOR + "efi: mem01: [Reserved|WB] range=[0x1000-0x1ffe] (0MB)\n", 2, "whole number"),
    # The Shell.
    (SHELL + SHELL.replace("100000-", "101000-"), 2, "do not agree"),
    (SHELL + SHELL.replace("Available", "Occupied"), 2, "Type Start-End Pages Attributes"),
    (SHELL + SHELL[:50] + "\n", 2, "Type Start-End Pages Attributes"),
    (SFO + SFO.replace('"F"', '"G"'), 2, "MemoryMap,"),
    (SFO + SFO.replace(',"F"', ""), 2, "MemoryMap,"),
    (SFO + SFO.replace('"100"', '"101"'), 2, "do not agree"),
])
def test_bad_lines(tmp_path, text, line, message):
    """A line that cannot be read is shown with its file and number, and what was expected."""
    path = tmp_path / "some.map"
    path.write_text(text, encoding="ascii")
    said = refuse(path)
    assert said.startswith(f"{path}:{line}: ") and message in said
    assert text.splitlines()[line - 1] in said
    assert refuse("-", text=text).startswith(f"<stdin>:{line}: ")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only comments\n", b"\xff\xfe", b"   \n"])
def test_nothing_to_read(tmp_path, content):
    """A file without any entry is refused, and the formats are named."""
    path = tmp_path / "empty.map"
    path.write_bytes(content)
    said = refuse(path)
    assert said.startswith(f"{path}:") and "no memory map" in said and "linux-efi" in said


def test_another_format_was_asked_for():
    """With --from the map must be in that format, not in another."""
    assert "no memory map" in refuse("--from", "shell", "-", text=PLAIN)
    assert "not a memory map" in refuse("--from", "plain", "-", text=BIOS)


def test_binary_files(tmp_path):
    """Bytes of any kind are refused like any nonsense."""
    generator = maps.generator_for("binary")
    for size in (1, 100, 5000):
        path = tmp_path / "binary"
        path.write_bytes(generator.randbytes(size).replace(b"#", b"x") + b"x")
        result = subprocess.run([maps.PROGRAM, path], capture_output=True, timeout=60, check=False)
        assert result.returncode == 2 and result.stdout == b""
        assert result.stderr.startswith(str(path).encode())


def test_files_that_cannot_be_read(tmp_path):
    """A file that is not there and a folder are named with the system's reason."""
    assert "No such file" in refuse(tmp_path / "nowhere")
    assert "Is a directory" in refuse(tmp_path)


@pytest.mark.parametrize("options, message", [
    ([], "no FILE"), (["a", "b"], "one FILE"), (["--frobnicate", "a"], "--frobnicate"),
    (["--bits"], "--bits"), (["--bits", "31", "a"], "32 to 52"), (["--bits", "53", "a"], "32 to 52"),
    (["--bits", "x", "a"], "32 to 52"), (["--bits", "40x", "a"], "32 to 52"),
    (["--bits", "-40", "a"], "32 to 52"), (["--from", "grub", "a"], "linux-efi"),
])
def test_wrong_options(options, message):
    """A wrong option is named, with a pointer to --help."""
    said = refuse(*options)
    assert message in said and "--help" in said


def test_a_command_line_that_makes_no_sense():
    """What memmap= cannot do is refused with the kernel's own words, and nothing is printed."""
    assert "needs a size" in refuse("--cmdline", "memmap=lots", "-", text=PLAIN)


def test_help():
    """--help goes to standard output, names every option, and succeeds."""
    text = maps.run("--help")
    for option in ("--changes", "--rows", "--totals", "--json", "--cmdline", "--bits",
                   "--keep-low", "--from", "--help"):
        assert option in text


def test_a_full_disk():
    """When standard output cannot be written the program says so, and fails."""
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([maps.PROGRAM, "-"], input=PLAIN, stdout=full, text=True,
                                stderr=subprocess.PIPE, timeout=60, check=False)
    assert result.returncode == 2 and "standard output" in result.stderr
