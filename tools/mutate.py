#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""mutate.py - plants single mistakes in kernel/mm and counts which of them the unit tests find.

    mutate.py [--sample N] [--seed S] [--files PATTERN] [--jobs J] [--report FILE] [--only FILE:LINE]

1. Which test runs which line is asked first: the tests are built with coverage and run one by one
   (build/mutate/lines.json keeps the answer as long as no source changes).
2. A sample of all mutations (mutation_points.py) is drawn; equal seeds draw equal samples.
3. Each is planted in a copy of the tree and built. What does not compile, or compiles to the same library, is no
   mutant. The tests that run its line are run, the quickest first, without sanitizers; who survives meets
   them again under the address and undefined-behaviour sanitizers.

A test that fails, crashes or takes ten times as long as usual has found the mutant. Survivors are shown with their
line; so are those that no test reaches. Ends with 0 however many survive: the figure is to be read, not to be met.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import pathlib
import queue
import random
import shutil
import subprocess
import sys
import time

import mutation_points

YARD = pathlib.Path("build/mutate").resolve()
ROOMS = ("Makefile", "mk", "include", "kernel", "efi", "tests", "tools", "user", "esp")
BATCH = 4           # programs built at once before they run
# How often the usual time a test may take, and seconds that it may in any case: sanitizers cost time.
SLOWEST = {"mutant": (10, 10), "gcc": (40, 60)}
BUILD_SECONDS = 300
QUIET = {**os.environ, "INSTALL": "no", "MAKEFLAGS": "",
         "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "UBSAN_OPTIONS": "halt_on_error=1"}

Verdict = collections.namedtuple("Verdict", "mutation outcome by")  # killed, survived, unreached, same, broken


def say(text):
    print(text, flush=True)


def run(command, folder, seconds):
    """The status of a command, or None when it was killed after so many seconds."""
    try:
        return subprocess.run(command, cwd=folder, timeout=seconds, env=QUIET, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    except subprocess.TimeoutExpired:
        return None


class Tree:
    """A copy of the sources that can be built, and in which one mutation at a time is planted."""

    def __init__(self, folder):
        self.folder = folder
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        for room in ROOMS:
            if os.path.isdir(room):
                shutil.copytree(room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
            elif os.path.exists(room):
                shutil.copy2(room, folder / room)
        self.library = {}

    def make(self, variant, names, seconds=BUILD_SECONDS):
        return run(["make", "-s", *(program(variant, name) for name in names)], self.folder, seconds) == 0

    def library_hash(self, variant):
        return hashlib.sha256((self.folder / f"build/hosted/{variant}/libmm.a").read_bytes()).digest()

    def prepare(self, variant, names):
        if not self.make(variant, names, 3600):
            sys.exit(f"mutate: the tests do not build as they are: make -C {self.folder} {program(variant, names[0])}")
        self.library[variant] = self.library_hash(variant)

    def test_fails(self, variant, name, usual):
        factor, least = SLOWEST[variant]
        return run([self.folder / program(variant, name)], self.folder, max(least, factor * usual)) != 0


def program(variant, name):
    return f"build/unit/{variant}/{name}"


# --- which test runs which line -------------------------------------------------------------------


def sources_hash():
    state = hashlib.sha256(pathlib.Path(__file__).read_bytes())
    for room in ("kernel", "include", "efi", "tests/unit", "tests/host", "mk"):
        for path in sorted(pathlib.Path(room).rglob("*")):
            if path.is_file():
                state.update(f"{path}\n".encode() + path.read_bytes())
    return state.hexdigest()


def covered_lines(folder, counts, pattern):
    """{file: [[lines that have code], [those that ran]]} from the counters below a folder."""
    found = collections.defaultdict(lambda: (set(), set()))
    for start in range(0, len(counts), 50):
        told = subprocess.run(["gcov", "--json-format", "--stdout", *counts[start:start + 50]], cwd=folder,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        for line in told.splitlines():
            for source in json.loads(line)["files"]:
                name = os.path.normpath(source["file"])
                if fnmatch.fnmatch(name, pattern):
                    found[name][0].update(each["line_number"] for each in source["lines"])
                    found[name][1].update(each["line_number"] for each in source["lines"] if each["count"] > 0)
    return {name: [sorted(code), sorted(ran)] for name, (code, ran) in found.items()}


def ask_lines(names):
    """{test: {"seconds": s, "lines": covered_lines()}}, for tests that pass."""
    tree = Tree(YARD / "lines")
    say(f"building {len(names)} tests with coverage")
    tree.prepare("lines", names)
    answer = {}
    for name in names:
        for old in tree.folder.rglob("*.gcda"):
            old.unlink()
        started = time.monotonic()
        if run([tree.folder / program("lines", name)], tree.folder, 1200) != 0:
            sys.exit(f"mutate: {program('lines', name)} fails without any mutation")
        seconds = time.monotonic() - started
        counts = [str(path.relative_to(tree.folder)) for path in tree.folder.rglob("*.gcda")]
        answer[name] = {"seconds": seconds, "lines": covered_lines(tree.folder, counts, "kernel/mm/*")}
        say(f"  {name}: {sum(len(ran) for _, ran in answer[name]['lines'].values())} lines, {seconds:.1f} s")
    return answer


def known_lines(names):
    kept, state = YARD / "lines.json", sources_hash()
    if kept.exists():
        known = json.loads(kept.read_text())
        if known["state"] == state:
            return known["tests"]
    tests = ask_lines(names)
    kept.write_text(json.dumps({"state": state, "tests": tests}))
    return tests


def runs(lines, line):
    """Did the line run? One without code of its own, such as a call that is always inlined, runs with the one before."""
    code, ran = lines
    before = [each for each in code if each <= line]
    return bool(before) and before[-1] in ran


def tests_of(mutation, tests):
    """The tests that run a mutation's line, the quickest first."""
    found = [name for name, about in tests.items() if runs(about["lines"].get(mutation.file, ((), ())), mutation.line)]
    return sorted(found, key=lambda name: tests[name]["seconds"])


# --- one mutation ---------------------------------------------------------------------------------


def first_to_fail(tree, variant, names, tests):
    """The test that finds what is planted, None for nobody, or "" for a mutation that is no mutant."""
    for start in range(0, len(names), BATCH):
        batch = names[start:start + BATCH]
        if not tree.make(variant, batch):
            return ""
        if start == 0 and tree.library_hash(variant) == tree.library[variant]:
            return ""
        for name in batch:
            if tree.test_fails(variant, name, tests[name]["seconds"]):
                return name
    return None


def judge(tree, mutation, tests):
    names = tests_of(mutation, tests)
    if not names:
        return Verdict(mutation, "unreached", None)
    place = tree.folder / mutation.file
    original = place.read_text()
    try:
        place.write_text(mutation_points.apply(original, mutation))
        for variant in ("mutant", "gcc"):
            found = first_to_fail(tree, variant, names, tests)
            if found == "":
                return Verdict(mutation, "none", None)
            if found:
                return Verdict(mutation, "killed", found if variant == "mutant" else f"{found} (sanitizers)")
        return Verdict(mutation, "survived", None)
    finally:
        place.write_text(original)


# --- the campaign ---------------------------------------------------------------------------------


def all_mutations(pattern):
    found = []
    for path in sorted(pathlib.Path("kernel/mm").glob("*.[ch]")):
        if fnmatch.fnmatch(path.name, pattern):
            found.extend(mutation_points.mutations(str(path), path.read_text()))
    return found


def chosen(options):
    found = all_mutations(options.files)
    if options.only:
        found = [one for one in found if f"{one.file}:{one.line}" == options.only]
    random.Random(options.seed).shuffle(found)
    return found


def shown(verdict):
    one = verdict.mutation
    return f"{verdict.outcome:9} {one.file}:{one.line} {one.rule}: {one.before!r} -> {one.after!r}"


def campaign(options, tests):
    """Verdicts of real mutants, until there are as many as wanted."""
    yards = queue.SimpleQueue()
    for job in range(options.jobs):
        tree = Tree(YARD / f"tree{job}")
        say(f"building tree {job}")
        for variant in ("mutant", "gcc"):
            tree.prepare(variant, sorted(tests))
        yards.put(tree)

    def work(mutation):
        tree = yards.get()
        try:
            return judge(tree, mutation, tests)
        finally:
            yards.put(tree)

    verdicts, waiting = [], chosen(options)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        while waiting and len(verdicts) < options.sample:
            take = min(options.jobs * 4, options.sample - len(verdicts))
            batch, waiting = waiting[:take], waiting[take:]
            for verdict in pool.map(work, batch):
                if verdict.outcome != "none":
                    verdicts.append(verdict)
                    say(f"{len(verdicts):5} {shown(verdict)}{' by ' + verdict.by if verdict.by else ''}")
    return verdicts


def summary(verdicts, seed):
    count = collections.Counter(verdict.outcome for verdict in verdicts)
    lines = [shown(verdict) for verdict in verdicts if verdict.outcome != "killed"]
    share = 100 * count["killed"] / max(1, len(verdicts))
    lines.append(f"mutants: {len(verdicts)} of kernel/mm (seed {seed}), {count['killed']} killed ({share:.1f} %), "
                 f"{count['survived']} survived, {count['unreached']} on lines that no unit test reaches")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", default="*", help="which files of kernel/mm, a pattern")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", help="FILE:LINE, every mutation of a line")
    parser.add_argument("--report", default=str(YARD / "report.txt"))
    parser.add_argument("tests", nargs="+", help="names of unit tests")
    options = parser.parse_args()

    YARD.mkdir(parents=True, exist_ok=True)
    verdicts = campaign(options, known_lines(options.tests))
    text = summary(verdicts, options.seed)
    pathlib.Path(options.report).write_text(text + "\n")
    say("\n" + text)


if __name__ == "__main__":
    main()
