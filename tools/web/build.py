#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""build.py - makes the folder that a web server holds: build.py KERNEL NPM TARGET

The page of tools/web/src, the kernel, and from the packages in NPM (node_modules) the emulator and the terminal
with their licences. Nothing is fetched: npm has done so, and checked it against package-lock.json.
"""

import gzip
import pathlib
import shutil
import sys

SOURCES = pathlib.Path(__file__).with_name("src")
PACKAGES = {
    "v86/build/libv86.js": "libv86.js", "v86/build/v86.wasm": "v86.wasm", "v86/LICENSE": "LICENSE.v86",
    "@xterm/xterm/lib/xterm.js": "xterm.js", "@xterm/xterm/css/xterm.css": "xterm.css", "@xterm/xterm/LICENSE": "LICENSE.xterm",
}
EMULATOR = ("libv86.js", "v86.wasm")
MOST_BYTES = 1 << 20            # compressed, beside the emulator


def compressed(path):
    return len(gzip.compress(path.read_bytes(), 9))


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    kernel, packages, target = map(pathlib.Path, sys.argv[1:])
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(SOURCES, target)
    for source, name in PACKAGES.items():
        # References to source maps would make browsers ask for files that are not there.
        data = (packages / source).read_bytes()
        (target / name).write_bytes(b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"//# sourceMappingURL="))
                                    if name.endswith(".js") else data)
    shutil.copyfile(kernel, target / kernel.name)
    size = sum(compressed(path) for path in target.iterdir() if path.name not in EMULATOR)
    if size > MOST_BYTES:
        sys.exit(f"{target} takes {size} bytes compressed beside the emulator: more than {MOST_BYTES}")
    emulator = sum(compressed(target / name) for name in EMULATOR)
    print(f"{target}: {size // 1024} KiB compressed, and {emulator // 1024} KiB of the emulator")


if __name__ == "__main__":
    main()
