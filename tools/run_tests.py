#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""run_tests.py - runs every suite, adds up what passed, and says so in one last line.

    run_tests.py --commands build/commands.tsv --unit "PROGRAM..." [SUITE...]

Suites: lint, unit (cmocka programs), tools (pytest of the host programs and of the build), qemu
(pytest of machines that boot). All run even when an earlier one fails. Each leaves its totals in
build/results/; a suite that dies without doing so counts as one failure.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree

RESULTS = pathlib.Path("build/results")
# Each test has its own deadline; these catch a harness that hangs.
SUITE_SECONDS = {"lint": 600, "unit": 900, "tools": 1200, "qemu": 2400}


def pytest_command(folder, workers):
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(workers), "--dist", "loadgroup",
            f"--junit-xml={RESULTS / folder.name}.xml", "--durations=5", str(folder)]


def commands(options):
    workers = min(os.cpu_count() or 1, 4)
    tests = pathlib.Path("tests")
    return {
        "lint": [sys.executable, "tools/lint.py", "--commands", options.commands,
                 "--results", str(RESULTS / "lint")],
        "unit": [sys.executable, "tools/run_unit.py", "--results", str(RESULTS / "unit"),
                 *options.unit.split()],
        "tools": pytest_command(tests / "tools", workers),
        "qemu": pytest_command(tests / "qemu", workers),
    }


def totals(suite, status):
    """(passed, failed) of a suite, from what it left."""
    plain, junit = RESULTS / suite, RESULTS / f"{suite}.xml"
    if plain.exists():
        passed, failed = (int(word) for word in plain.read_text(encoding="ascii").split())
    elif junit.exists():
        report = xml.etree.ElementTree.parse(junit).getroot().find("testsuite")
        count = {name: int(report.get(name)) for name in ("tests", "failures", "errors", "skipped")}
        failed = count["failures"] + count["errors"]
        passed = count["tests"] - failed - count["skipped"]
    else:
        return 0, 1
    return passed, failed or int(status != 0)


def run_suite(suite, words):
    """(passed, failed) of one suite; its output goes where ours goes."""
    print(f"--- {suite} ---", flush=True)
    started = time.monotonic()
    with subprocess.Popen(words) as process:
        try:
            status = process.wait(SUITE_SECONDS[suite])
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
            print(f"{suite}: killed after {SUITE_SECONDS[suite]} s", flush=True)
    passed, failed = totals(suite, status)
    print(f"--- {suite}: {passed} passed, {failed} failed, {time.monotonic() - started:.0f} s ---",
          flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", required=True)
    parser.add_argument("--unit", default="")
    parser.add_argument("suites", nargs="*")
    options = parser.parse_args()
    known = commands(options)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in RESULTS.iterdir():
        old.unlink()
    counts = [run_suite(suite, known[suite]) for suite in options.suites or known]
    passed, failed = (sum(column) for column in zip(*counts))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
