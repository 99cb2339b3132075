# SPDX-License-Identifier: BSD-2-Clause
"""Under a firmware that lies the kernel boots to passing self-tests, or the loader says why it cannot.

The shim (tests/firmware) stands between the firmware and the loader that ships. It also watches the loader:
what it does not give back, and the rules that it breaks, are "violations", and none may ever be seen. Here quirks
that don't disturb each other share a machine; `make hostile` gives each its own."""

import pytest

import hostile
from harness import EXIT_SUCCESS, LISTEN

GROUPS = hostile.together()
LEVELS_REFUSED = "page tables of 5 levels need memory below 4 GiB"
SAMPLE = 2
BOOT_SECONDS, CAMPAIGN_SECONDS = 240, 600
# What bad_loader.c does, in its order.
CRIMES = ("calls at another task priority", "calls with interrupts off", "memory that is not a loader's data",
          "gives back what it does not hold", "leaves without a map from just before",
          "calls another service after a failed ExitBootServices", "tries to leave again after other calls",
          "tries to leave again after other calls", "leaves with the watchdog running",
          "calls a service after ExitBootServices", "returns after ExitBootServices")
PAINT = 0xA5
LINE_RESERVED = 3               # of the four bytes of a pixel of the masks, which has its two unused bits
UNUSED_BITS = 0xC0


@pytest.mark.parametrize("names", GROUPS, ids=[f"row-{row}" for row in range(1, len(GROUPS) + 1)])
def test_quirks(boot, names):
    """The kernel boots, its self-tests pass, its frames add up, and the loader broke no rule."""
    quirk = GROUPS[names]
    run = boot(cmdline=quirk.cmdline, files=hostile.files([quirk.line], hostile.CONFIGS), serial=LISTEN,
               seconds=BOOT_SECONDS, **quirk.machine)
    wrong = hostile.problem(run, quirk)
    assert wrong is None, run.fail(f"{names}: {wrong}")


def test_refusals(machine):
    """Where nothing can boot the loader says why, gives everything back, and the firmware goes on."""
    with machine(files=hostile.refusal_files(), serial=LISTEN, seconds=BOOT_SECONDS) as run:
        hostile.wait_for_done(run)
    wrong = hostile.refusals_problem(run)
    assert wrong is None, run.fail(wrong)


def test_levels_from_above_4_gib(machine):
    """A loader above 4 GiB that is asked for five levels of page tables says that it cannot, and why."""
    with machine(files=hostile.files(["image-high alloc-high quiet"]), cmdline="pt=5level", cpu="max,+la57",
                 memory="6G", serial=LISTEN, seconds=BOOT_SECONDS) as run:
        hostile.wait_for_done(run)
    said, returned = (form.search(run.text()) for form in (hostile.SAID, hostile.RETURNED))
    wrong = hostile.refusal_problem(LEVELS_REFUSED, said, returned)
    assert wrong is None, wrong


def test_rules_are_enforced(machine):
    """Each rule that a loader can break is found broken by a program that breaks them all, and all that it keeps
    is counted."""
    with machine(files=hostile.files(["bad-loader exit-fails=1 come-back"]), serial=LISTEN, seconds=BOOT_SECONDS) as run:
        hostile.wait_for_done(run)
    found = hostile.VIOLATION.findall(run.text())
    assert len(found) == len(CRIMES)
    for crime, words in zip(CRIMES, found):
        assert crime in words
    returned = hostile.RETURNED.search(run.text())
    assert [int(returned.group(group)) for group in (3, 4, 5, 6)] == [3, 0, 1, 1]


def test_each_call_fails(machine):
    """Whichever call of a start fails, once or for ever, the loader goes on or says why not; nothing is lost."""
    with machine(files=hostile.campaign_files(SAMPLE), serial=LISTEN, cpu="max,-la57", seconds=CAMPAIGN_SECONDS) as run:
        hostile.wait_for_done(run)
    wrong = hostile.campaign_problem(run)
    assert wrong is None, run.fail(wrong)
    for row in hostile.CAMPAIGN.findall(run.text()):
        print(hostile.CAMPAIGN_ROW.format(*row))


def rows_of(run, base, lines, stride):
    """The framebuffer's lines, as they are in memory now."""
    path = run.folder / "framebuffer"
    run.qmp("pmemsave", val=base, size=lines * stride, filename=str(path))
    pixels = path.read_bytes()
    return [pixels[start:start + stride] for start in range(0, lines * stride, stride)]


def test_pixels_behind_the_line(machine):
    """Where lines are longer than wide the kernel draws on all that is seen, on nothing behind it, and only with the
    bits of the masks; the screen's memory, which the map called free, is nobody else's."""
    line = "gop-stride gop-masks gop-in-ram"
    with machine(files=hostile.files([line]), cmdline="json", memory="256M", seconds=BOOT_SECONDS) as run:
        _, found = run.expect(r"framebuffer at 0x([0-9a-f]+), (\d+) lines of (\d+) bytes, (\d+) of them seen")
        run.prompt()
        base, lines, stride, seen = int(found.group(1), 16), *map(int, found.groups()[1:])
        rows = rows_of(run, base, lines, stride)
        while any(row[at] & UNUSED_BITS for row in rows for at in range(LINE_RESERVED, seen, 4)):
            assert run.seconds_left() > 0, "pixels are not drawn, or with bits that are no colour's"
            run.wait(1)
            rows = rows_of(run, base, lines, stride)
    assert {row[seen:] for row in rows} == {bytes([PAINT]) * (stride - seen)}
    assert len({row[:seen] for row in rows}) > 1, run.fail("nothing was drawn")


def test_the_kernel_that_comes_back(machine):
    """A kernel that comes back finds nothing wrong with what it was entered with, and can do so again."""
    lines = ["conf=kernel come-back quiet"] * 2
    with machine(files=hostile.files(lines, hostile.CONFIGS), serial=LISTEN, cpu="max,-la57") as run:
        hostile.wait_for_done(run)
    assert run.text().count("HOSTILE: the kernel came back with 0 ") == len(lines), run.fail("it did not")
    assert run.code != EXIT_SUCCESS
