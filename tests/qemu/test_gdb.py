# SPDX-License-Identifier: BSD-2-Clause
"""gdb's commands on running kernels: slid and not, 5, 4, 3 and 2 levels of page tables.

Each machine boots once, tells about itself in the monitor, and is then stopped and looked at by gdb in batch mode:
what gdb reads from memory has to be what the kernel said."""

import collections
import os
import re
import shutil
import subprocess

import pytest

from harness import I386, ROOT, Machine

SECONDS = 400
COMMANDS = ROOT / "tools/gdb/meridian.py"
MARK = "@@@"
ACCESSED_DIRTY = 0x60
PAGE = 4096

MACHINES = {
    "slid": dict(cmdline="json heap=sites", memory="1G"),
    "unslid": dict(cmdline="json nokaslr", cpu="max,la57=off", memory="512M"),
    "i386-pae": dict(cmdline="json", memory="512M", **I386),
    "i386": dict(cmdline="json", cpu="486", memory="64M", **I386),
}
# What the monitor is asked before the machine is stopped.
ASKED = ("kmalloc 100 3", "kmalloc 20000", "kmalloc 20000", "map", "pt", "heap")


def gdb(symbols, socket, *commands):
    """{command: what gdb printed, its errors among it}; each command is one of gdb."""
    words = ["gdb", "-q", "-nx", "-batch", "-ex", "set width 0", "-ex", f"symbol-file {symbols}", "-ex", f"source {COMMANDS}",
             "-ex", f"target remote {socket}"]
    for command in commands:
        words += ["-ex", f"echo {MARK}\\n", "-ex", command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False, cwd=ROOT)
    parts = re.sub(r"\[Inferior 1 .*detached\]\n$", "", done.stdout).split(MARK + "\n")[1:]
    assert len(parts) == len(commands), done.stdout
    return dict(zip(commands, parts))


class Session:
    """A machine that has booted and waits at its prompt, with what it said."""

    def __init__(self, machine, name):
        self.machine, self.name = machine, name
        self.symbols = ROOT / f"build/kernel-{'i386' if 'i386' in name else 'x86_64'}.debug.elf"
        machine.prompt()
        self.text = {line: machine.command(line) for line in ASKED}
        self.boot = machine.event("boot")

    def events(self, name):
        return self.machine.events(name)

    def ask(self, line, name):
        """The last event of that name that a command told."""
        self.machine.command(line)
        return self.events(name)[-1]

    def gdb(self, *commands):
        return gdb(self.symbols, f"{self.machine.sockets}/gdb", *commands)


# All tests of a machine on one worker, so that it boots once.
@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(f"gdb-{name}")) for name in MACHINES])
def session(request):
    folder = ROOT / f"build/qemu/test_gdb-{request.param}-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    machine = Machine(folder, seconds=SECONDS, **MACHINES[request.param])
    machine.guest.extra = ["-gdb", f"unix:{machine.sockets}/gdb,server=on,wait=off"]
    with machine:
        yield Session(machine, request.param)


def rows(text):
    """The lines of a table of addresses, cut into words."""
    return [line.split() for line in text.splitlines() if line.startswith("  0x")]


def test_slide_is_found(session):
    """The image is found where the kernel says it is; a slid one moves the symbols, and they fit."""
    said = session.gdb("meridian slide", "print/x pmm_state.general_frames != 0", "info symbol pmm_init")
    if session.name.startswith("i386"):
        assert "where it was linked" in said["meridian slide"]
    else:
        assert f"is at {session.boot['kernel']}" in said["meridian slide"]
        assert (session.name == "slid") == ("from where it was linked" in said["meridian slide"])
        assert (session.name == "unslid") == (session.boot["kernel"] == "0xffffffff80000000")
    assert "= 0x1" in said["print/x pmm_state.general_frames != 0"]
    assert "pmm_init in section" in said["info symbol pmm_init"]


def test_map(session):
    """meridian map has the rows of map."""
    shown = rows(session.gdb("meridian map")["meridian map"])
    told = rows(session.text["map"])
    assert len(shown) == len(told) > 5
    for mine, theirs in zip(shown, told):
        assert [int(word, 16) for word in mine[:2]] == [int(word, 16) for word in theirs[:2]]
        assert mine[2:] == theirs[2:]


def test_page_tables(session):
    """meridian pt has the lines of pt, from the tables themselves, and the same root; with an address, one of them."""
    middle = rows(session.text["pt"])[1]
    said = session.gdb("meridian pt", f"meridian pt {middle[0]}")
    shown, told = rows(said["meridian pt"]), rows(session.text["pt"])
    assert [[int(row[0], 16), int(row[1], 16), *row[2:]] for row in shown] == [
        [int(row[0], 16), int(row[1], 16), *row[2:]] for row in told]
    summary = said["meridian pt"].splitlines()[-1]
    assert summary.endswith(f"the root lies at {session.events('tables')[-1]['root']}.")
    levels = {"slid": "5 levels", "unslid": "4 levels", "i386-pae": "3 levels", "i386": "2 levels"}
    assert levels[session.name] in summary
    assert rows(said[f"meridian pt {middle[0]}"]) == [shown[1]]


def walked(text):
    return [(int(words[0]), int(words[1], 16), int(words[2]), int(words[3], 16) & ~ACCESSED_DIRTY)
            for words in (line.split() for line in text.splitlines()) if len(words) > 4 and words[0].isdigit()]


def test_walks(session):
    """meridian walk goes through the entries that walk goes through, to a page of each size, and to where nothing is."""
    mapped = {row[-1]: row[0] for row in rows(session.text["pt"])}
    addresses = [*mapped.values(), "0xdead000"]
    told = {address: session.ask(f"walk {address}", "walk") for address in addresses}
    said = session.gdb(*(f"meridian walk {address}" for address in addresses))
    for address, event in told.items():
        text = said[f"meridian walk {address}"]
        assert walked(text) == [(step["level"], int(step["table"], 16), step["index"], int(step["entry"], 16) & ~ACCESSED_DIRTY)
                                for step in event["steps"]]
        assert ("Nothing is mapped there" in text) == (not event["mapped"]), text


def test_frames(session):
    """meridian frame says of frames of every kind what frame says."""
    regions = [event for event in session.events("region") if int(event["base"], 16) < 1 << 32]
    addresses = sorted({int(region["base"], 16) for region in regions} | {int(region["base"], 16) + 64 * PAGE for region in regions})
    objects = [int(event["address"], 16) for event in session.events("kmalloc")]
    half = 0xC0000000 if session.name.startswith("i386") else 1 << 63
    wanted = [f"{address:#x}" for address in addresses if address < half] + [f"{address:#x}" for address in objects]
    told = {address: session.ask(f"frame {address}", "frame") for address in wanted}
    said = session.gdb(*(f"meridian frame {address}" for address in wanted))
    kinds = collections.Counter()
    for address, event in told.items():
        text = said[f"meridian frame {address}"]
        assert f"frame {event['number']} at {event['address']}\n" in text
        assert f"  references   {event['references']}\n" in text, (address, event, text)
        assert re.search(rf"  tag          {event['tag']}\n", text, re.IGNORECASE), (address, event, text)
        assert ("not managed" in text) == (not event["managed"]), (event, text)
        kinds[event["tag"]] += 1
    assert len(kinds) >= 4, kinds


def test_heap(session):
    """meridian heap recounts what heap counts: slabs, room and live objects of each class, and large objects."""
    text = session.gdb("meridian heap")["meridian heap"]
    told = {(event["object_bytes"], event["slabs"], event["objects"], event["live"])
            for event in session.events("heap_class") if event["slabs"]}
    shown = {tuple(int(word) for word in line.split()) for line in text.splitlines() if re.fullmatch(r"[\d ]+", line)}
    assert shown == told
    assert f"{session.events('heap')[-1]['large_objects']} large objects" in text


def test_explain_objects(session):
    """meridian explain follows an object's address to its page, frame, region and object, as explain does."""
    small, *_, large = session.events("kmalloc")
    inside = int(small["address"], 16) + 33
    told = {address: session.ask(f"explain {address}", "explain") for address in (f"{inside:#x}", large["address"])}
    said = session.gdb(*(f"meridian explain {address}" for address in told))
    for address, event in told.items():
        text = said[f"meridian explain {address}"]
        assert f"physical {event['physical']}." in text
        (frame,), (region,), (item,) = event["frame"], event["region"], event["object"]
        assert f"Frame {frame['number']}:" in text and f"in use: {frame['tag']}, 1 reference" in text
        assert f"  region     {region['base']} to " in text
        assert f"at {item['address']}" in text and "live, tag monitor" in text, (item, text)
        assert ("allocated by command_kmalloc+" in text) == (session.name == "slid"), text
    assert "Window: heap." in text


def test_explain_the_kernel(session):
    """meridian explain names variables, the stack and memory that is nobody's."""
    said = session.gdb("meridian explain &heap_window", "meridian explain $sp", "meridian explain 0x0")
    assert "heap_window+0x0" in said["meridian explain &heap_window"] and "held by: kernel" in said["meridian explain &heap_window"]
    assert "Window: kernel stacks. Area 'boot'" in said["meridian explain $sp"] and "in use: stack" in said["meridian explain $sp"]
    assert "page zero" in said["meridian explain 0x0"]


def test_printers(session):
    """Addresses, frame numbers and states are shown as what they are."""
    root = session.events("tables")[-1]["root"]
    said = session.gdb("meridian slide", "print kernel_table.root", "print (pfn_t){256}", "print (enum status)0", "print (enum status)9999",
                       "print (vaddr_t){(unsigned long)&pmm_state}")
    assert f"= {root} (physical)" in said["print kernel_table.root"]
    assert "= STATUS_OK (ok)" in said["print (enum status)0"] and "9999 (no status)" in said["print (enum status)9999"]


WRONG = {
    "meridian": "List of meridian subcommands",
    "meridian nothing": "there is no 'meridian nothing'",
    "meridian map now": "'now' is one argument too many",
    "meridian frame": "ADDRESS is missing",
    "meridian walk nonsense": "'nonsense' is no address: No symbol \"nonsense\"",
    "meridian explain": "ADDRESS is missing",
    "meridian pt 0xdead000": "nothing is mapped at 0xdead000",
    "meridian explain 0xfffffffff000": "The table knows nothing there",
}
WRONG_64 = {
    "meridian walk 0x8000000000000000": "is no address that x86-64, 4 levels can translate",
    "meridian frame 0xffff8fffffffe000": "nothing is mapped at 0xffff8fffffffe000",
    "meridian explain 0xffffe3fffffff000": "Nothing is mapped there",
}


def test_wrong_commands(session):
    """What is wrong is said in words, and addresses of nothing get an answer; no traceback is ever shown."""
    wrong = {**WRONG, **(WRONG_64 if session.name == "unslid" else {})}
    said = session.gdb(*wrong)
    for command, answer in wrong.items():
        assert answer in said[command] and "Traceback" not in said[command], (command, said[command])


def test_machine_still_runs(session):
    """After all of that the kernel goes on, and answers."""
    assert "free" in session.machine.command("frames")


def test_without_a_machine(tmp_path):
    """Without a machine, and with symbols of another kernel, commands say so."""
    words = ["gdb", "-q", "-nx", "-batch", "-ex", f"source {COMMANDS}", "-ex", "meridian map"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
    assert "no machine is connected" in done.stdout


@pytest.mark.parametrize("symbols, answer", (
    ("x86_64", "the processor is not in 64-bit mode"), ("i386", "is a kernel of the other width")))
def test_before_the_kernel(folder, symbols, answer):
    """At the first instruction of the firmware there is no kernel, and commands say so."""
    machine = Machine(folder, seconds=SECONDS)
    machine.guest.extra = ["-S", "-gdb", f"unix:{machine.sockets}/gdb,server=on,wait=off"]
    with machine:
        text = gdb(ROOT / f"build/kernel-{symbols}.debug.elf", f"{machine.sockets}/gdb", "meridian map")["meridian map"]
    assert answer in text and "Traceback" not in text


def test_another_kernel(session, tmp_path):
    """Symbols of another build are refused: they would tell nonsense."""
    other = tmp_path / "other.elf"
    data = bytearray(session.symbols.read_bytes())
    ask = "python print(meridian_commands.machine.Image(gdb.objfiles()[0].filename).code.hex())"
    start = data.index(bytes.fromhex(session.gdb(ask)[ask].strip()))
    data[start] ^= 0xFF
    other.write_bytes(data)
    said = gdb(other, f"{session.machine.sockets}/gdb", "meridian map")
    assert "other.elf" in said["meridian map"] and "another build" in said["meridian map"]
