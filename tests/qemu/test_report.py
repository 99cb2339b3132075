# SPDX-License-Identifier: BSD-2-Clause
"""The loader's report: two files on the stick, true to the firmware's map; or a message, and no file
that looks whole. Whatever becomes of it, the boot goes on.

The files are read back from the image with mtools, after the machine has ended."""

import json
import re
import subprocess

import hostile
import jsonschema
import meridian_disk
from harness import EXIT_SUCCESS, ROOT

SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text(encoding="utf-8"))
EVENTS = json.loads((ROOT / "docs/events.schema.json").read_text(encoding="utf-8"))
KEPT = ""                       # of QEMU's options for a disk: it keeps what is written
BOOTS = 'run="map -u; exit" json exit'
SAVED = r"Meridian saved its report"
TEXT, JSON = "meridian/memmap.txt", "meridian/memmap.json"
COLUMNS = 80
ROOM_BYTES = 20000              # on a full volume: for the text, and not for the JSON


def volume(run):
    return f"{run.guest.disk}@@{meridian_disk.START * meridian_disk.SECTOR}"


def on_stick(run, path):
    """The bytes of a file of the image, or None."""
    done = subprocess.run(["mtype", "-i", volume(run), f"::{path}"], check=False, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def validate(report):
    """Against the schema, whose objects are those of the events' schema."""
    resolver = jsonschema.RefResolver("", SCHEMA, store={"events.schema.json": EVENTS})
    jsonschema.Draft202012Validator(SCHEMA, resolver=resolver).validate(report)


def covered(descriptors):
    """The pages that the descriptors call conventional memory."""
    return sum(int(d["pages"], 16) for d in descriptors if d["name"] == "ConventionalMemory")


def test_report_is_true_and_the_boot_goes_on(machine):
    """`report: yes` writes both files and boots; they hold the map that the kernel gets from the same
    firmware, but for what was allocated in between."""
    config = f"report: yes\ncmdline: {BOOTS}\n".encode()
    with machine(files={"meridian/meridian.conf": config, TEXT: b"an old one", JSON: b"too"},
                 disk_options=KEPT) as run:
        run.expect(SAVED)
        assert run.finish() == EXIT_SUCCESS
        text, raw = on_stick(run, TEXT).decode("ascii"), on_stick(run, JSON)
    report = json.loads(raw)
    validate(report)
    check_text(text, report)
    assert report["machine"]["vendor"] == "QEMU" and "Q35" in report["machine"]["product"]
    assert report["machine"]["cpu"] == run.event("boot")["cpu"]
    assert report["firmware"]["name"] == run.event("boot")["firmware"]
    seen = run.events("descriptor")
    fixed = ("RuntimeServicesData", "RuntimeServicesCode", "ACPIReclaimMemory", "ACPIMemoryNVS", "MemoryMappedIO")
    mine, kernels = ([{k: d[k] for k in ("base", "pages", "name", "attribute")} for d in some
                      if d["name"] in fixed] for some in (report["descriptors"], seen))
    assert mine == kernels and len(mine) > 4
    assert abs(covered(report["descriptors"]) - covered(seen)) < 0.05 * covered(seen)
    check_table(raw, report)


def check_table(raw, report):
    """meridian-map reads the report, and makes the same table of its descriptors as the loader did, but
    for what the loader alone knows: the framebuffer, the firmware's tables, the processor's limit."""
    done = subprocess.run([ROOT / "build/host/meridian-map", "--json", "-"], input=raw, check=True,
                          capture_output=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    rows = {row["base"]: row["type"] for row in rows if row["event"] == "region"}
    same = [row for row in report["regions"] if rows.get(row["base"]) == row["type"]]
    assert len(same) >= len(report["regions"]) - 2


def check_text(text, report):
    """The text is whole, fits a screen, and has a line for each thing of the JSON."""
    lines = text.splitlines()
    assert lines[-1] == "End of the report."
    assert max(len(line) for line in lines) <= COLUMNS, max(lines, key=len)
    things = report["descriptors"] + report["regions"] + report["changes"]
    assert sum(bool(re.match(r"[0-9a-f]{12,16}-[0-9a-f]{12,16} ", line)) for line in lines) == len(things)
    for row in report["regions"]:
        assert f"{int(row['base'], 16):012x}-" in text


def test_dump_only_reports(machine):
    """`dump: yes` writes the report, says so, and gives the firmware back without booting."""
    with machine(files={"meridian/meridian.conf": b"dump: yes\n"}, disk_options=KEPT) as run:
        run.expect(SAVED)
        run.expect("Press a key")
        run.type(" ")
        run.expect(r"Boot Manager|BdsDxe|Shell>|Select Language")
        validate(json.loads(on_stick(run, JSON)))


def test_read_only_volume(machine):
    """A stick that cannot be written to gives a message, and boots."""
    config = f"report: yes\ncmdline: {BOOTS}\n".encode()
    with machine(files={"meridian/meridian.conf": config}, disk_options="readonly=on") as run:
        run.expect(r"Meridian cannot save its report")
        text, _ = run.expect(r"next[^\r\n]*")
        assert "write-protected" in text
        assert run.finish() == EXIT_SUCCESS


def fill(image, leave_bytes):
    """Fills the volume but for some bytes."""
    place = f"{image}@@{meridian_disk.START * meridian_disk.SECTOR}"
    said = subprocess.run(["mdir", "-i", place, "::"], check=True, capture_output=True, text=True).stdout
    free = int(re.search(r"([\d ]+) bytes free", said).group(1).replace(" ", ""))
    subprocess.run(["mcopy", "-i", place, "-", "::filler"], input=bytes(free - leave_bytes), check=True)


def test_full_volume(machine):
    """A stick without room gives a message and boots, and no part of a report stays on it."""
    config = f"report: yes\ncmdline: {BOOTS}\n".encode()
    run = machine(files={"meridian/meridian.conf": config}, disk_options=KEPT)
    fill(run.guest.disk, ROOM_BYTES)
    with run:
        run.expect(r"Meridian cannot save its report")
        text, _ = run.expect(r"next[^\r\n]*")
        assert "volume full" in text
        assert run.finish() == EXIT_SUCCESS
        assert on_stick(run, JSON) is None
        text = on_stick(run, TEXT)
        assert text.endswith(b"End of the report.\n")


def test_missing_volume(machine):
    """A loader that came from no volume (a network, say) gives a message, and boots."""
    files = {**hostile.files(["no-volume"]),
             "meridian/meridian.conf": f"report: yes\ncmdline: {BOOTS}\n".encode()}
    with machine(files=files) as run:
        run.expect(r"Meridian cannot save its report")
        text, _ = run.expect(r"next[^\r\n]*")
        assert "no volume" in re.sub(r"\s+", " ", text)
        assert run.finish() == EXIT_SUCCESS
