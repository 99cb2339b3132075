#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""run_unit.py - runs cmocka programs and adds up their tests.

    run_unit.py [--verbose] [--results FILE] PROGRAM...

Each program is one line: which, how many tests passed, how long it took. The output of a program is
shown when it fails, is killed by its watchdog or when --verbose asks for it. A program that ends
without having told its own total (a crash, a sanitizer's report) counts as one failed test more.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time

WATCHDOG_SECONDS = 300
RAN = re.compile(r"\[=+\] .*?(\d+) test\(s\) run\.")
PASSED = re.compile(r"\[  PASSED  \] (\d+) test\(s\)\.")

# One report for one defect, and every leak is an error.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


def run_program(path):
    """(passed, failed, seconds, output) of one program."""
    started = time.monotonic()
    try:
        done = subprocess.run([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=WATCHDOG_SECONDS, env={**os.environ, **SANITIZERS})
        output, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode(errors="replace")
        output += f"\nkilled: no end after {WATCHDOG_SECONDS} s\n"
        code = None
    total = sum(int(count) for count in RAN.findall(output))
    passed = sum(int(count) for count in PASSED.findall(output))
    failed = total - passed
    if failed == 0 and (code != 0 or total == 0):
        failed = 1
        output += f"\nended with status {code} after {total} tests\n"
    return passed, failed, time.monotonic() - started, output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--results", help="file that gets PASSED FAILED")
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()

    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, result in zip(options.programs, pool.map(run_program, options.programs)):
            program_passed, program_failed, seconds, output = result
            passed += program_passed
            failed += program_failed
            if program_failed or options.verbose:
                print(output)
            word = "FAILED" if program_failed else "ok"
            print(f"{word:7} {os.path.relpath(path):36} {program_passed:4} passed"
                  f" {program_failed:3} failed {seconds:7.1f} s", flush=True)
    print(f"unit: {passed} passed, {failed} failed")
    if options.results:
        with open(options.results, "w", encoding="ascii") as results:
            results.write(f"{passed} {failed}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
