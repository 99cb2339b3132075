# SPDX-License-Identifier: BSD-2-Clause
"""The runner of unit tests counts what cmocka says, and never takes a crash for a success."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOOD = "[==========] Running 3 test(s).\n[==========] 3 test(s) run.\n[  PASSED  ] 3 test(s).\n"
BAD = GOOD.replace("PASSED  ] 3", "PASSED  ] 2") + "[  FAILED  ] 1 test(s), listed below:\n"

CASES = {
    "good": (f"cat <<'E'\n{GOOD}E\n", 0, "3 passed, 0 failed"),
    "one fails": (f"cat <<'E'\n{BAD}E\nexit 1", 1, "2 passed, 1 failed"),
    "crash before the end": ("kill -SEGV $$", 1, "0 passed, 1 failed"),
    "leak after the end": (f"cat <<'E'\n{GOOD}E\nexit 23", 1, "3 passed, 1 failed"),
    "no test at all": ("true", 1, "0 passed, 1 failed"),
}


@pytest.mark.parametrize("name", CASES)
def test_totals(tmp_path, name):
    """The totals and the status are those of the program's output and of how it ended."""
    script, status, totals = CASES[name]
    program = tmp_path / "program"
    program.write_text("#!/bin/bash\n" + script)
    program.chmod(0o755)
    results = tmp_path / "results"
    done = subprocess.run([sys.executable, ROOT / "tools/run_unit.py", "--results", results, program],
                          text=True, capture_output=True, check=False)
    assert done.returncode == status
    assert done.stdout.splitlines()[-1] == f"unit: {totals}"
    passed, failed = results.read_text().split()
    assert totals == f"{passed} passed, {failed} failed"
