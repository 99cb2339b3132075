# SPDX-License-Identifier: BSD-2-Clause
"""meridian-map reads the same map out of every text that people have, and refuses what is no map.

The texts are written here from the real maps: Linux boot logs of every age, with everything that
stands around the lines, and the UEFI Shell's memmap as seen on screen, in a file and on a serial
line."""

import pytest

import memory_maps as maps

E820 = sorted((maps.MAPS / "e820").glob("*.map"))[::12]
EFI = sorted((maps.MAPS / "efi").glob("*.map"))

STAMP = "[    0.000000] "
JOURNAL = "May 04 12:22:28 host kernel: "


def name(path):
    return f"{path.parent.name}/{path.stem}"


def surrounded(lines, prefix):
    """A log with other lines around, among them some that look much the same."""
    before = ["Linux version 6.1.0 (gcc) #1 SMP", "Command line: BOOT_IMAGE=/vmlinuz mem=4G",
              "e820: BIOS-provided physical RAM map:"]
    after = ["NX (Execute Disable) protection: active", "efi: EFI v2.70 by American Megatrends",
             "efi: memattr: Unexpected EFI Memory Attributes table",
             "efi: Remove mem52: MMIO range=[0xe0000000-0xefffffff] (256MB) from e820 map",
             "e820: update [mem 0x00000000-0x00000fff] usable ==> reserved",
             "user-defined physical RAM map:", "user: [mem 0x0000000000100000-0x0000000000ffffff] "
             "usable", "", "DMI: LENOVO 20AL/20AL"]
    return "".join(f"{prefix}{line}\n" for line in before + lines + after)


# --- Linux, E820 ----------------------------------------------------------------------------

LINUX_WORDS = {"acpi_data": "ACPI data", "acpi_nvs": "ACPI NVS", "soft_reserved": "soft reserved",
               "persistent7": "persistent (type 7)", "persistent12": "persistent (type 12)",
               "type20": "type 20", "type9": "type 9"}
NEWEST_WORDS = LINUX_WORDS | {"usable": "System RAM", "reserved": "device reserved"}


def current(entries, words, size=""):
    return [f"BIOS-e820: [mem 0x{start:016x}-0x{end - 1:016x}] {size}{words.get(word, word)}"
            for start, end, word in entries]


def with_gaps(entries):
    lines, previous = [], 0
    for line, (start, end, _) in zip(current(entries, NEWEST_WORDS), entries):
        if start > previous:
            lines.append(f"BIOS-e820: [gap 0x{previous:016x}-0x{start - 1:016x}]")
        lines.append(line)
        previous = end
    return lines


def old(entries):
    """Up to Linux 3.4: the end is the first byte behind, and only known types have brackets."""
    return [f" BIOS-e820: {start:016x} - {end:016x} " +
            (LINUX_WORDS[word] if word.startswith("type") else f"({LINUX_WORDS.get(word, word)})")
            for start, end, word in entries]


E820_LOGS = {
    "plain-dmesg": lambda entries: surrounded(current(entries, LINUX_WORDS), ""),
    "stamped": lambda entries: surrounded(current(entries, LINUX_WORDS), STAMP),
    "journal": lambda entries: surrounded(current(entries, LINUX_WORDS), JOURNAL),
    "quoted-mail": lambda entries: surrounded(current(entries, LINUX_WORDS), "> > " + STAMP),
    "dos-lines": lambda entries:
        surrounded(current(entries, LINUX_WORDS), STAMP).replace("\n", "\r\n"),
    "sizes": lambda entries: surrounded(current(entries, LINUX_WORDS, "  1.9 GB "), STAMP),
    "newest": lambda entries: surrounded(with_gaps(entries), STAMP),
    "old": lambda entries: surrounded(old(entries), STAMP),
    "oldest": lambda entries: surrounded(old(entries), ""),
}


@pytest.mark.parametrize("form", E820_LOGS)
@pytest.mark.parametrize("path", E820, ids=name)
def test_linux_e820(path, form):
    """A boot log with BIOS-e820 lines gives the table of the plain map."""
    text = E820_LOGS[form](maps.read_e820(path))
    assert maps.run("-", text=text) == maps.run(path)


# --- Linux, UEFI ----------------------------------------------------------------------------

LONG_NAMES = ["Reserved", "Loader Code", "Loader Data", "Boot Code", "Boot Data", "Runtime Code",
              "Runtime Data", "Conventional Memory", "Unusable Memory", "ACPI Reclaim Memory",
              "ACPI Memory NVS", "Memory Mapped I/O", "MMIO Port Space", "PAL Code",
              "Persistent Memory", "Unaccepted"]
SHORT_NAMES = ["Reserved", "Loader Code", "Loader Data", "Boot Code", "Boot Data", "Runtime Code",
               "Runtime Data", "Conventional", "Unusable", "ACPI Reclaim", "ACPI Mem NVS", "MMIO",
               "MMIO Port", "PAL Code", "Persistent", "Unaccepted"]
# (name, width, bit) of a column, in the order of Linux 4.6 and of Linux 6.x.
FEW_COLUMNS = [("RUN", 3, 63), ("XP", 2, 14), ("RP", 2, 13), ("WP", 2, 12), ("UCE", 3, 4),
               ("WB", 2, 3), ("WT", 2, 2), ("WC", 2, 1), ("UC", 2, 0)]
MANY_COLUMNS = [("RUN", 3, 63), ("HP", 2, 20), ("CC", 2, 19), ("SP", 2, 18), ("RO", 2, 17),
                ("MR", 2, 16), ("NV", 2, 15), ("XP", 2, 14), ("RP", 2, 13), ("WP", 2, 12),
                ("UCE", 3, 4), ("WB", 2, 3), ("WT", 2, 2), ("WC", 2, 1), ("UC", 2, 0)]


def bracket(kind, attribute, names, columns):
    known = sum(1 << bit for _, _, bit in columns)
    word = names[kind] if kind < len(names) else f"type={kind}"
    if attribute & ~known:
        return f"[{word:<{len(names[7])}}|attr=0x{attribute:016x}]"
    flags = "|".join(f"{flag if attribute >> bit & 1 else '':>{width}}"
                     for flag, width, bit in columns)
    return f"[{word:<{len(names[7])}}|{flags}]"


def efi_numbers(prefix, descriptors):
    return [f"{prefix}: mem{place:02d}: type={kind}, attr=0x{attribute:x}, range="
            f"[0x{start:016x}-0x{start + pages * maps.PAGE:016x}) ({pages >> 8}MB)"
            for place, (kind, start, pages, attribute) in enumerate(descriptors)]


def efi_columns(descriptors, names, columns, inclusive):
    lines = []
    for place, (kind, start, pages, attribute) in enumerate(descriptors):
        end = start + pages * maps.PAGE - (1 if inclusive else 0)
        lines.append(f"efi: mem{place:02d}: {bracket(kind, attribute, names, columns)} range="
                     f"[0x{start:016x}-0x{end % (1 << 64):016x}{']' if inclusive else ')'} "
                     f"({pages >> 8}MB)")
    return lines


EFI_LOGS = {
    "2.6": lambda rows: surrounded(efi_numbers("EFI", rows), ""),
    "3.10": lambda rows: surrounded(efi_numbers("efi", rows), STAMP),
    "4.1": lambda rows: surrounded(efi_columns(rows, LONG_NAMES, FEW_COLUMNS, False), STAMP),
    "4.19": lambda rows: surrounded(efi_columns(rows, LONG_NAMES, MANY_COLUMNS, True), STAMP),
    "6.1": lambda rows: surrounded(efi_columns(rows, SHORT_NAMES, MANY_COLUMNS, True), JOURNAL),
}


@pytest.mark.parametrize("form", EFI_LOGS)
@pytest.mark.parametrize("path", EFI, ids=name)
def test_linux_efi(path, form):
    """A boot log with efi=debug gives the table of the plain map, owners and UEFI types too."""
    text = EFI_LOGS[form](maps.read_efi(path))
    assert maps.run("--rows", "-", text=text) == maps.run("--rows", path)


def test_every_type_and_attribute_of_linux():
    """All types by both sets of names, and every attribute that has a column."""
    for names in (LONG_NAMES, SHORT_NAMES):
        rows = [(kind, 0x100000 * (place + 1), 0x10, 1 << bit | 8)
                for place, (kind, (_, _, bit)) in
                enumerate([*zip(range(16), MANY_COLUMNS), (1000, MANY_COLUMNS[0])])]
        text = surrounded(efi_columns(rows, names, MANY_COLUMNS, True), STAMP)
        assert maps.run("--rows", "-", text=text) == \
            maps.run("--rows", "-", text=maps.efi_text(rows))


def test_uefi_goes_before_e820():
    """A log with both is read as UEFI's own map, unless the other is asked for."""
    rows = [(4, 0x100000, 0x100, 0xf)]
    text = surrounded(current([(0x100000, 0x300000, "usable")], LINUX_WORDS) +
                      efi_columns(rows, SHORT_NAMES, MANY_COLUMNS, True), STAMP)
    assert maps.table_of(maps.run("-", text=text)) == [(0x100000, 0x200000, "usable")]
    assert maps.table_of(maps.run("--from", "linux-e820", "-", text=text)) == \
        [(0x100000, 0x300000, "usable")]


@pytest.mark.parametrize("log", ["linux-e820", "linux-efi", "shell"])
def test_the_first_of_several_boots_counts(log):
    """Where another map begins in the same text, a note says so, and the first one is used."""
    writers = {
        "linux-e820": lambda end:
            surrounded(current([(0x100000, end, "usable")], LINUX_WORDS), STAMP),
        "linux-efi": lambda end: surrounded(
            efi_numbers("efi", [(7, 0x100000, (end - 0x100000) >> 12, 0xf)]), STAMP),
        "shell": lambda end: shell([(7, 0x100000, (end - 0x100000) >> 12, 0xf)]),
    }
    text = writers[log](0x200000) + writers[log](0x300000)
    assert maps.table_of(maps.run("-", text=text)) == [(0x100000, 0x200000, "usable")]


# --- the UEFI Shell -------------------------------------------------------------------------

SHELL_NAMES = ["Reserved", "LoaderCode", "LoaderData", "BS_Code", "BS_Data", "RT_Code", "RT_Data",
               "Available", "Unusable", "ACPI_Recl", "ACPI_NVS", "MMIO", "MMIO_Port", "PalCode",
               "Persistent", "Unaccepted"]
SFO_NAMES = ["Reserved", "LoaderCode", "LoaderData", "BootServiceCode", "BootServiceData",
             "RuntimeCode", "RuntimeData", "Available", "UnusableMemory", "ACPIReclaimMemory",
             "ACPIMemoryNVS", "MemoryMappedIO", "MemoryMappedIOPortSpace", "PalCode", "Persistent",
             "Unaccepted"]


def shell(descriptors, names=None):
    lines = ["Shell> memmap",
             "Type       Start            End              # Pages          Attributes"]
    names = names or SHELL_NAMES
    for kind, start, pages, attribute in descriptors:
        word = names[kind] if kind < len(names) else f"{kind:08X}"
        last = (start + pages * maps.PAGE - 1) % (1 << 64)
        lines.append(f"{word:<10} {start:016X}-{last:016X} {pages:016X} {attribute:016X}")
    lines += [" ", "  Reserved  :         12,288 Pages (50,331,648 Bytes)",
              "  LoaderCode:            207 Pages (847,872 Bytes)",
              "Total Memory: 16,345 MB (17,139,294,208 Bytes)", "Shell> "]
    return "".join(f"{line}\n" for line in lines)


def shell_sfo(descriptors):
    lines = ['ShellCommand,"memmap"']
    for kind, start, pages, attribute in descriptors:
        last = (start + pages * maps.PAGE - 1) % (1 << 64)
        lines.append(f'MemoryMap,"{SFO_NAMES[kind]}","{start:X}","{last:X}","{pages:X}",'
                     f'"{attribute:X}"')
    lines.append('MemoryMapSummary,"17139294208","50331648","0","0"')
    return "".join(f"{line}\n" for line in lines)


def on_a_terminal(text):
    """As captured from a serial line: the cursor is placed, colours are set, lines end in CR LF."""
    return "".join(f"\033[0m\033[37m\033[40m{line}\033[1;1H\r\n" for line in text.splitlines())


SHELL_TEXTS = {
    "screen": shell,
    "lower-case": lambda rows: shell(rows, [word.lower() for word in SHELL_NAMES]),
    "terminal": lambda rows: on_a_terminal(shell(rows)),
    "sfo": shell_sfo,
}


@pytest.mark.parametrize("form", SHELL_TEXTS)
@pytest.mark.parametrize("path", EFI, ids=name)
def test_shell(path, form):
    """What memmap printed gives the table of the plain map, owners and UEFI types too."""
    text = SHELL_TEXTS[form](maps.read_efi(path))
    assert maps.run("--rows", "-", text=text) == maps.run("--rows", path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_shell_files(tmp_path, encoding):
    """`memmap > file` makes UTF-16 with a byte-order mark, which is read like ASCII."""
    path = tmp_path / "map.txt"
    text = "\ufeff" + shell(maps.read_efi(EFI[0]))
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert maps.run("--rows", path) == maps.run("--rows", EFI[0])


def test_every_type_of_the_shell():
    """All names, and the numbers of OEM and OS types."""
    rows = [(kind, 0x100000 * (place + 1), 0x10, 0xf)
            for place, kind in enumerate([*range(16), 0x70000001, 0x80000000, 0xffffffff])]
    plain = maps.run("--rows", "-", text=maps.efi_text(rows))
    assert maps.run("--rows", "-", text=shell(rows)) == plain
    assert maps.run("--rows", "-", text=shell_sfo(rows[:16])) == \
        maps.run("--rows", "-", text=maps.efi_text(rows[:16]))


# --- the loader's report --------------------------------------------------------------------

def test_report():
    """The loader's memmap.json is found by itself, and by name."""
    path = maps.ROOT / "tests/data/logs/memmap.json"
    rows = maps.run("--rows", path)
    assert rows == maps.run("--rows", "--from", "report", path) and len(rows.splitlines()) > 10


# --- its own output -------------------------------------------------------------------------

@pytest.mark.parametrize("path", E820 + EFI, ids=name)
def test_own_output_is_a_map(path):
    """What the program prints it reads again, and has nothing to change in it."""
    output = maps.run("--changes", "--totals", path)
    assert maps.run("--changes", "-", text=output) == \
        "".join(line + "\n" for line in output.splitlines() if not line.startswith("#"))
