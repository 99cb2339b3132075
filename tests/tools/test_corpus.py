# SPDX-License-Identifier: BSD-2-Clause
"""tools/corpus.py: a report, a Linux boot log or the Shell's memmap becomes an entry of tests/data/maps, or is refused."""

import json
import shutil

import pytest

import corpus
import memory_maps as maps

REPORT = maps.ROOT / "tests/data/logs/memmap.json"
HEAD = ["machine", "firmware", "printed-by", "source", "tags", "kind"]
DMESG = """[    0.000000] Linux version 6.1.0-18-amd64 (gcc-12)
[    0.000000] BIOS-provided physical RAM map:
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] type 20
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007ffdffff] usable
[    0.000000] BIOS-e820: [mem 0x000000007ffe0000-0x000000007fffffff] ACPI NVS
[    0.000000] DMI: ACME Caf\u00e9 Box/Board, BIOS 1.2 03/04/2020
"""
EFI_DEBUG = """[    0.000000] Linux version 5.10.0
[    0.000000] efi: EFI v2.70 by American Megatrends
[    0.000000] efi: mem00: [Conventional Memory|   |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000100000-0x00000000001fffff] (1MB)
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable
[    0.000000] DMI: ACME Box/Board, BIOS 1.2 03/04/2020
"""
SHELL = "Shell> memmap\r\nAvailable  0000000000100000-00000000001FFFFF 0000000000000100 000000000000000F\r\n"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """run(text or bytes, options...): (status, what it said, the folder of maps, which holds one of each kind)."""
    folder = tmp_path / "maps"
    for kind in ("e820", "efi"):
        (folder / kind).mkdir(parents=True)
        shutil.copy(maps.MAPS / kind / "001.map", folder / kind / "041.map")
    monkeypatch.setattr(corpus, "MAPS", folder)
    monkeypatch.setattr(corpus, "ROOT", tmp_path)

    def call(content, *options):
        path = tmp_path / "input"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setattr("sys.argv", ["corpus.py", str(path), *options])
        status = corpus.main()
        said = capsys.readouterr()
        return status, said.out + said.err, folder

    return call


def added(folder, kind):
    """The entry that was added, its head in the order of all heads."""
    path = folder / kind / "042.map"
    assert path.exists()
    assert list(maps.header(path)) == HEAD
    return path


def expect_same_table(path, original):
    """The entry gives the table that the original gives, reasons and rows too."""
    for options in (["--rows"], ["--changes"], ["--totals", "--keep-low"]):
        assert maps.run(*options, path) == maps.run(*options, original)


def test_report(run):
    """A report becomes the descriptors that the firmware gave, with the machine's name."""
    status, said, folder = run(REPORT.read_bytes())
    assert status == 0 and "042.map" in said
    path, report = added(folder, "efi"), json.loads(REPORT.read_text())
    assert maps.read_efi(path) == [(d["type"], int(d["base"], 16), int(d["pages"], 16), int(d["attribute"], 16))
                                   for d in report["descriptors"]]
    assert maps.header(path)["machine"].startswith("QEMU Standard PC (Q35 + ICH9, 2009)")
    assert maps.header(path)["firmware"] == report["firmware"]["name"]
    expect_same_table(path, REPORT)


def test_linux(run, tmp_path):
    """A boot log becomes the E820 entries, types that nobody names included; the head is ASCII."""
    status, _, folder = run(DMESG)
    path = added(folder, "e820")
    assert status == 0
    assert maps.read_e820(path) == [(0, 0x9fc00, "usable"), (0x9fc00, 0xa0000, "type20"),
                                    (0x100000, 0x7ffe0000, "usable"), (0x7ffe0000, 0x80000000, "acpi_nvs")]
    assert maps.header(path)["machine"] == "ACME Caf? Box/Board, BIOS 1.2 03/04/2020"
    assert maps.header(path)["printed-by"].startswith("Linux 6.1.0-18-amd64 (Linux prints it after sanitising")
    expect_same_table(path, tmp_path / "input")


def test_linux_with_efi_debug(run):
    """Of a log that has both, the firmware's own descriptors count."""
    _, _, folder = run(EFI_DEBUG)
    path = added(folder, "efi")
    assert maps.read_efi(path) == [(7, 0x100000, 0x100, 0xf)]
    assert maps.header(path)["firmware"] == "EFI v2.70 by American Megatrends"
    assert maps.header(path)["printed-by"] == "Linux 5.10.0 efi=debug"


@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
def test_shell(run, encoding):
    """What memmap printed, also redirected to a file, which is UTF-16; the machine is named by hand."""
    _, _, folder = run(SHELL.encode(encoding), "--machine", "ACME Box", "--firmware", "ACME 1.0", "--source", "a friend")
    path = added(folder, "efi")
    assert maps.read_efi(path) == [(7, 0x100000, 0x100, 0xf)]
    head = maps.header(path)
    assert (head["machine"], head["firmware"], head["source"]) == ("ACME Box", "ACME 1.0", "a friend")
    assert head["printed-by"] == "memmap in the UEFI Shell"


def test_print_writes_nothing(run):
    """--print shows what would be written, and leaves the folder alone."""
    _, said, folder = run(DMESG, "--print")
    assert said.startswith("# machine: ACME") and "type20" in said
    assert len(list(folder.rglob("*.map"))) == 2


def test_entries_that_are_there_are_refused(run):
    """The same map is not added twice, and the message names the one that is there."""
    assert run(DMESG)[0] == 0
    status, said, folder = run(DMESG.replace("ACME", "ECMA"))
    assert status == 2 and "e820/042.map" in said
    assert len(list(folder.rglob("*.map"))) == 3


@pytest.mark.parametrize("content, message", [
    (REPORT.read_text()[:3000], "cut off"),
    ("Meridian: the memory of this machine\n\nmachine    QEMU\n", "memmap.json beside it"),
    ("", "no memory map"),
    ("hello, world\n", "not a memory map"),
    (b"\x00\x01\x02\xff" * 50, "not a memory map"),
    (SHELL, "--machine"),
    (DMESG.replace("] usable", "] RAM?"), "[mem 0xSTART-0xEND] type"),
    (DMESG.replace("-0x000000000009fbff]", ""), "[mem 0xSTART-0xEND] type"),
    (SHELL.replace("001FFFFF", "001FFFFE"), "do not agree"),
], ids=["cut-off", "for-people", "empty", "text", "binary", "no-machine", "type", "range", "shell"])
def test_bad_input(run, content, message):
    """What is no map, or not a whole one, is refused with a reason, and nothing is written."""
    status, said, folder = run(content)
    assert status == 2 and message in said, said
    assert len(list(folder.rglob("*.map"))) == 2


def test_no_such_file(run, tmp_path, monkeypatch, capsys):
    """A file that is not there is named."""
    monkeypatch.setattr("sys.argv", ["corpus.py", str(tmp_path / "nothing")])
    assert corpus.main() == 2
    assert "nothing: No such file" in capsys.readouterr().err


def test_every_entry_has_a_head():
    """All maps of the corpus have the head that the tool writes, and the kind of their folder."""
    for path in sorted(maps.MAPS.rglob("*.map")):
        head = maps.header(path)
        assert list(head) == HEAD and head["machine"], path
        assert head["kind"] == path.parent.name, path


def test_the_corpus_survives_the_tool():
    """meridian-map --plain gives each map of the corpus back, byte for byte."""
    for path in sorted(maps.MAPS.rglob("*.map")):
        assert maps.run("--plain", path) == corpus.lines_of(path), path
