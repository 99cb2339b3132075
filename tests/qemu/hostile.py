# SPDX-License-Identifier: BSD-2-Clause
"""hostile.py - firmware that lies: what it does, and what has to become of a start under it.

build/firmware/hostile.efi (tests/firmware) stands where the firmware looks for a loader, and starts Meridian's
once for each line of a list. BOOTS and REFUSED are the quirks, by the name that docs/firmware.md calls them; words
of a line are explained in tests/firmware/words.c. CAMPAIGNS let every call of a start fail.
"""

import dataclasses
import hashlib
import re
import time

from harness import EXIT_SUCCESS, ROOT

LOADER = "EFI/BOOT/LOADER.EFI"
SHIM = "EFI/BOOT/BOOTX64.EFI"
RETURNING = "hostile/returning.elf"
PROOF = 'json run="selftest; frames; exit" exit'
VIOLATION = re.compile(r"HOSTILE: violation: (.*)")
LEFT = re.compile(r"HOSTILE: left at try (\d+), (\d+) violations")
RETURNED = re.compile(r"HOSTILE: the loader returned ([A-Za-z ]+) after (\d+) allocations, lost (\d+) pages (\d+) pools "
                      r"(\d+) files (\d+) events, (\d+) violations, (\d+) bytes of stack")
SAID = re.compile(r"HOSTILE: said (.*)")
CAMPAIGN = re.compile(r"HOSTILE: campaign: (\d+) sites, (\d+) starts, (\d+) booted, (\d+) refused, (\d+) left, "
                      r"(\d+) bad, (\d+) pages lost")
CAMPAIGN_ROW = "{} sites, {} starts: {} booted, {} refused, {} left, {} bad, {} pages lost"
POLL_SECONDS = 0.2
LOST_PAGES_MAX = 4              # of the firmware's own pools: none were seen lost


def digest(path):
    return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()


def files(scenarios, configs=None):
    """What the stick carries: the shim, the loader, the scenarios, and configurations by name."""
    carried = {
        LOADER: (ROOT / "build/BOOTX64.EFI").read_bytes(),
        SHIM: (ROOT / "build/firmware/hostile.efi").read_bytes(),
        RETURNING: (ROOT / "build/firmware/returning.elf").read_bytes(),
        "hostile.txt": "".join(line + "\n" for line in scenarios).encode(),
    }
    for name, lines in (configs or {}).items():
        carried[f"hostile/{name}"] = "".join(line + "\n" for line in lines).encode()
    return carried


@dataclasses.dataclass
class Quirk:
    """A line of the list, a machine for it, and what else has to be true of the one that has booted."""
    line: str
    machine: dict = dataclasses.field(default_factory=dict)
    cmdline: str = PROOF
    check: object = None


# --- what has to be true ---------------------------------------------------------------------------

def has_region(kind):
    """The kernel's table has memory of that type."""
    def check(run):
        return None if any(kind in region["type"] for region in run.events("region")) else f"no memory is {kind}"
    return check


def left_at_try(tries):
    """The boot services ended at that try."""
    def check(run):
        found = LEFT.search(run.text())
        return None if int(found.group(1)) == tries else f"left at try {found.group(1)}"
    return check


def says(words):
    """The kernel's log has the words."""
    def check(run):
        return None if words in run.text() else f"the log does not say '{words}'"
    return check


def levels(count):
    def check(run):
        found = run.event("boot")["table_levels"]
        return None if found == count else f"{found} levels of page tables"
    return check


def screen_is_not_the_ghost(run):
    """The framebuffer in the kernel's table is another than the one that the shim showed first."""
    ghost = int(re.search(r"HOSTILE: framebuffer at 0x([0-9a-f]+)", run.text()).group(1), 16)
    bases = [int(region["base"], 16) for region in run.events("region") if region["tag"] == "framebuffer"]
    return None if bases and ghost not in bases else f"framebuffers are at {bases}, the ghost's is at {ghost}"


SIX_GIB = {"memory": "6G"}
FOUR_LEVELS = {"cpu": "max,-la57"}

# Quirks under which the kernel boots and its self-tests pass.
BOOTS = {
    "print-changes-key": Quirk("", check=left_at_try(1)),
    "exit-refused-once": Quirk("exit-fails=1", check=left_at_try(2)),
    "exit-refused-seven-times": Quirk("exit-fails=7", check=left_at_try(8)),
    "key-changes": Quirk("key-changes=3", check=left_at_try(3)),
    "timer": Quirk("timer"),
    "map-grows": Quirk("map-grow=3 exit-fails=2"),
    "map-jumps-within-the-room": Quirk("map-jump=16 exit-fails=1"),
    "map-stride-40": Quirk("map-stride=40"),
    "map-stride-44": Quirk("map-stride=44"),
    "map-stride-57": Quirk("map-stride=57"),
    "map-stride-256": Quirk("map-stride=256"),
    "map-shuffled": Quirk("map-shuffle", SIX_GIB),
    "map-nested": Quirk("map-nested"),
    "map-thousands": Quirk("map-extra=4000"),
    "map-pieces": Quirk("map-pieces=3000 map-shuffle"),
    "map-unknown-types": Quirk("map-oem"),
    "map-wraps": Quirk("map-wrap"),
    "map-beyond-the-processor": Quirk("map-beyond", check=says("beyond")),
    "map-all-at-once": Quirk("map-nested map-wrap map-oem map-beyond map-extra=500 map-shuffle map-stride=56"),
    "map-page-0-free": Quirk("map-page-zero"),
    "map-special-purpose": Quirk("map-sp", check=has_region("soft")),
    "map-unaccepted": Quirk("map-unaccepted", check=has_region("unaccepted")),
    "map-persistent": Quirk("map-persistent", check=has_region("persistent")),
    "map-uncached": Quirk("map-uncached"),
    "map-no-runtime": Quirk("map-no-runtime"),
    "map-runtime-device": Quirk("map-runtime-io"),
    "map-all-attributes": Quirk("map-all-attributes"),
    "map-acpi-usable": Quirk("map-acpi-usable", {"cpus": "2"}),
    "map-acpi-hidden": Quirk("map-acpi-hidden", {"cpus": "2"}),
    "alloc-page-0": Quirk("page-zero=4"),
    "alloc-low": Quirk("alloc-low"),
    "alloc-high": Quirk("alloc-high", SIX_GIB),
    "alloc-not-executable": Quirk("alloc-no-execute"),
    "image-high": Quirk("image-high alloc-high", SIX_GIB | {"cpu": "max,+la57"}, check=levels(4)),
    "no-screen": Quirk("gop-none"),
    "screen-blt-only": Quirk("gop-blt"),
    "screen-ghost": Quirk("gop-ghost", check=screen_is_not_the_ghost),
    "screen-without-mode": Quirk("gop-null"),
    "screen-far": Quirk("gop-far"),
    "screen-beyond-the-processor": Quirk("gop-beyond"),
    "screen-stride": Quirk("gop-stride"),
    "screen-masks": Quirk("gop-masks"),
    "screen-565": Quirk("gop-565"),
    "screen-in-ram": Quirk("gop-in-ram"),
    "screen-short": Quirk("gop-short"),
    "read-short": Quirk("read-short=7"),
    "read-large-fails": Quirk("read-limit=1048576"),
    "file-size-0": Quirk("file-size-0"),
    "file-info-error": Quirk("file-info-error"),
    "no-volume": Quirk("no-volume"),
    "no-volumes": Quirk("no-volumes options"),
    "read-high-fails": Quirk("read-high-fails", SIX_GIB),
    "watchdog-stays": Quirk("watchdog-stays"),
    "priority-raised": Quirk("tpl-callback"),
    "no-console": Quirk("no-console"),
    "no-output": Quirk("no-output"),
    "no-input": Quirk("no-input"),
    "no-random": Quirk("no-rng"),
    "random-fails": Quirk("rng-fails"),
    "no-acpi": Quirk("no-acpi"),
    "no-smbios": Quirk("no-smbios"),
    "no-tables": Quirk("no-tables"),
    "no-variables": Quirk("no-variables"),
}

# Quirks under which nothing can boot, with the words that the loader has to say.
REFUSED = {
    "exit-refused-for-ever": ("exit-fails=1000", "did not end its boot services"),
    "map-jumps-too-far": ("map-jump=3000 exit-fails=1", "did not give its last memory map: no space"),
    "map-error": ("map-error", "does not give its memory map"),
    "map-descriptors-short": ("map-short", "its memory descriptors have 32 bytes instead of 40 or more"),
    "map-torn": ("map-torn", "memory map makes no sense"),
    "map-empty": ("map-empty", "has no usable memory"),
    "map-no-ram": ("map-no-ram", "has no usable memory"),
    "map-no-attributes": ("map-no-attributes", "has no usable memory"),
    "alloc-page-0-always": ("page-zero=1000000", "memory"),
    "alloc-fails": ("alloc-fails=1", "memory"),
    "read-fails": ("conf=plain read-fails=1", "reading failed after 0 bytes: device error"),
    "read-all-fail": ("conf=plain read-limit=1", "reading failed after 0 bytes: device error"),
}

CONFIGS = {
    "plain": ["timeout: 0"],
    "kernel": ["kernel: \\hostile\\returning.elf"],
}


# --- running ---------------------------------------------------------------------------------------

def squeeze(text):
    return re.sub(r"\s+", "", text)


def problem(run, quirk):
    """What is wrong with a machine that booted under a quirk and has ended, or None."""
    broken = VIOLATION.findall(run.text())
    if broken:
        return f"violation: {broken[0]}"
    if run.code != EXIT_SUCCESS:
        return f"exit code {run.code}"
    totals, frames = run.event("selftests"), run.events("frames")[-1]
    if totals["failed"] or not totals["passed"]:
        return f"{totals['failed']} self-tests failed"
    if frames["free"] + frames["used"] + frames["reserved"] != frames["total"]:
        return "frames do not add up"
    return quirk.check(run) if quirk.check else None


def refusal_problem(words, said, returned):
    """What is wrong with a start that had to be refused; the matches of SAID and RETURNED."""
    if returned.group(1) != "Load Error":
        return f"returned {returned.group(1)}"
    lost = [int(returned.group(group)) for group in (3, 4, 5, 6)]
    if any(lost) or int(returned.group(7)):
        return f"pages, pools, files, events lost: {lost}; {returned.group(7)} violations"
    text = squeeze(said.group(1))
    if squeeze("Meridian cannot boot") not in text or "why" not in text or "next" not in text:
        return f"no whole message: {said.group(1)}"
    return None if squeeze(words) in text else f"said {said.group(1)}"


def refusal_files():
    return files([f"{line} quiet" for line, _ in REFUSED.values()], CONFIGS)


def refusals_problem(run):
    """What is wrong with a machine that has been through all of REFUSED, or None."""
    text = run.text()
    broken = VIOLATION.findall(text)
    said, returned = (list(form.finditer(text)) for form in (SAID, RETURNED))
    if broken:
        return f"violation: {broken[0]}"
    if not len(said) == len(returned) == len(REFUSED):
        return f"{len(returned)} starts were refused instead of {len(REFUSED)}"
    for name, *ends in zip(REFUSED, said, returned):
        wrong = refusal_problem(REFUSED[name][1], *ends)
        if wrong:
            return f"{name}: {wrong}"
    return None


def wait_for_done(run):
    """Until the shim has been through its list; it has stayed in the firmware."""
    while "HOSTILE: done" not in run.text():
        if run.seconds_left() <= 0 or run.process.poll() is not None:
            run.fail("the list of scenarios did not come to its end")
        time.sleep(POLL_SECONDS)


# --- several at once -------------------------------------------------------------------------------

# Quirks of different columns do not disturb each other, so that one machine can have one of each. (But nothing can be
# read above 4 GiB where all memory is: these two come in different rows.)
COLUMNS = (("print-", "exit-", "key-", "timer", "map-grows", "map-jumps"), ("map-",), ("alloc-", "image-"),
           ("screen-", "no-screen"), ("read-", "file-", "no-volume"), ("no-console", "no-output", "no-input"),
           ("no-random", "random-", "watchdog-", "priority-"), ("no-tables", "no-acpi", "no-smbios", "no-variables"))


SCREENS = 3                     # who has none of these needs no screen


def column_of(name):
    return next(number for number, starts in enumerate(COLUMNS) if name.startswith(starts))


def together():
    """{names: Quirk}: all of BOOTS, as few machines as there are quirks in the longest column."""
    columns = [[name for name in BOOTS if column_of(name) == number] for number in range(len(COLUMNS))]
    rows = max(map(len, columns))
    groups = {}
    for row in range(rows):
        names = [column[row] for column in columns if row < len(column)]
        quirks = [BOOTS[name] for name in names]
        machine = {"graphics": any(column_of(name) == SCREENS for name in names)}
        machine |= {key: value for quirk in quirks for key, value in quirk.machine.items()}
        checks = [quirk.check for quirk in quirks if quirk.check]
        groups["+".join(names)] = Quirk(" ".join(quirk.line for quirk in quirks), machine,
                                        check=lambda run, checks=checks: next(filter(None, (check(run) for check in checks)),
                                                                              None))
    return groups


# --- every call fails ------------------------------------------------------------------------------

# Name of a campaign -> (its line, its configuration). Under exit-fails the kernel is the loader's own, up to the
# last step; in the others it is one that comes back.
CAMPAIGNS = {
    "embedded": ("conf=embedded exit-fails=1000", ["timeout: 0"]),
    "file": ("conf=file come-back", ["kernel: \\hostile\\returning.elf"]),
    "whole": ("conf=whole come-back keys=.3_q4_2a~1",
              ["kernel: \\hostile\\returning.elf", "sha256: {digest}", "module: \\hostile\\whole one",
               "module: \\EFI\\BOOT\\LOADER.EFI two", "report: yes", "screen: largest", "timeout: 3"]),
    "dump": ("conf=dump exit-fails=1000", ["dump: yes"]),
}


def campaign_files(sample=0):
    """All campaigns for one machine; beyond the first `sample` calls of a site not every one, 0: every one."""
    words = digest("build/firmware/returning.elf")
    lines = [f"{line} quiet each-call sample={sample}" for line, _ in CAMPAIGNS.values()]
    return files(lines, {name: [key.replace("{digest}", words) for key in config]
                         for name, (_, config) in CAMPAIGNS.items()})


def campaign_problem(run):
    """What is wrong with a machine that has been through all campaigns, or None."""
    text = run.text()
    broken, found = VIOLATION.findall(text), CAMPAIGN.findall(text)
    if broken:
        return f"{len(broken)} violations, the first: {broken[0]}"
    if len(found) != len(CAMPAIGNS):
        return f"{len(found)} campaigns came to their end instead of {len(CAMPAIGNS)}"
    for sites, starts, booted, refused, left, bad, lost in (map(int, row) for row in found):
        if bad or booted + refused + left != starts:
            return f"{bad} of {starts} starts ended badly"
        if lost > LOST_PAGES_MAX:
            return f"{lost} pages were lost in {starts} starts"
    return None
