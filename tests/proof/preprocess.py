#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""preprocess.py - gcc's preprocessor for Frama-C, without what Frama-C's parser does not know.

    preprocess.py [OPTION OF GCC...] -o RESULT SOURCE

Comments are kept, for contracts are comments; what is taken away is taken out of the result, so
that the sources are compiled and proven as they stand:

    [[nodiscard]], [[gnu::always_inline]] ...   say nothing about what a function computes
"""

import pathlib
import re
import subprocess
import sys

ATTRIBUTE = re.compile(r"\[\[[\w:, ()]*\]\]")


def main(arguments):
    status = subprocess.run(["gcc", "-E", "-C", *arguments], check=False).returncode
    if status == 0:
        result = pathlib.Path(arguments[arguments.index("-o") + 1])
        result.write_text(ATTRIBUTE.sub("", result.read_text(encoding="utf-8")), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
