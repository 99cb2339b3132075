# SPDX-License-Identifier: BSD-2-Clause
"""conftest.py - lets the tests import the project's tools."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
