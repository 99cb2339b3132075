#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""lint.py - everything about the sources that a machine can check.

    lint.py --commands build/commands.tsv [--results FILE] [CHECK...]

Checks, each a function below whose first line says what it proves:
    format warnings headers layers conditions functions files words scripts
The table of commands (source, tab, compiler command) comes from the Makefile, so that lint sees
what the build sees. A complaint says where, what, and how to mend it.
"""

import argparse
import ast
import concurrent.futures
import os
import pathlib
import re
import statistics
import subprocess
import sys

import lint_layers

ROOT = pathlib.Path(__file__).resolve().parents[1]
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_MEDIAN = 15
FILE_LINES_MAX = 800
CODE = {".c", ".h", ".asm", ".py", ".sh", ".mk", ".awk", ".ld"}
FOLDERS = ("efi", "examples", "include", "kernel", "library", "mk", "tests", "tools", "user", ".ci")

# What a header says that only makes sense with what its includer defines.
TEMPLATE = "This is a template: "

# Options of the images that clang does not have.
GCC_ONLY = re.compile(r" -(maccumulate-outgoing-args|fno-stack-check)(?= |$)")
CLANG_EXTRA = "-Wno-unused-command-line-argument"


class Tree:
    """The files of the tree and how each C file is compiled."""

    def __init__(self, commands):
        self.files = sorted(path.relative_to(ROOT) for folder in FOLDERS
                            for path in (ROOT / folder).rglob("*")
                            if path.suffix in CODE and path.is_file())
        self.files.append(pathlib.Path("Makefile"))
        self.commands = dict(line.split("\t", 1) for line in
                             pathlib.Path(commands).read_text(encoding="utf-8").splitlines())
        self.texts = {str(path): (ROOT / path).read_text(encoding="utf-8") for path in self.files}

    def of(self, *suffixes):
        return [str(path) for path in self.files if path.suffix in suffixes]

    def command(self, path):
        """The compiler command of a source; a header's is that of the source of its name, else of
        the one that lies nearest."""
        for source in (path, path[:-2] + ".c"):
            if source in self.commands:
                return self.commands[source]
        folder = path.rpartition("/")[0]
        while folder and not any(source.startswith(folder + "/") for source in self.commands):
            folder = folder.rpartition("/")[0]
        folder = folder or "kernel"
        return next(command for source, command in self.commands.items()
                    if source.startswith(folder + "/"))


def run(command):
    """(status, output) of a shell-free command line."""
    done = subprocess.run(command.split(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace").strip()


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [complaint for result in pool.map(function, items) for complaint in result]


def check_format(tree):
    """clang-format has nothing to change."""
    def one(path):
        status, _, said = run(f"clang-format --dry-run -Werror {path}")
        line = re.search(r":(\d+):\d+: error", said)
        where = f"{path}:{line.group(1)}" if line else path
        return [f"{where}: not as clang-format lays it out: run clang-format -i {path}"] if status \
            else []
    return in_parallel(one, tree.of(".c", ".h"))


def check_warnings(tree):
    """gcc and clang have no warning about any source, with the flags of its image."""
    def one(path):
        command = tree.command(path)
        words = command.split(" ", 1)
        clang = f"clang {GCC_ONLY.sub('', ' ' + words[1]).strip()} {CLANG_EXTRA}"
        return [said for compiler in (command, clang)
                for status, _, said in [run(f"{compiler} -fsyntax-only {path}")] if status]
    return in_parallel(one, tree.of(".c"))


def check_headers(tree):
    """Each header compiles by itself, but for inline sides of include/arch and templates."""
    def one(path):
        status, _, said = run(f"{tree.command(path)} -fsyntax-only -x c {path}")
        said = "\n".join(line for line in said.splitlines() if "pragma once in main" not in line)
        return [f"{path}: does not compile by itself:\n{said}"] if status else []
    return in_parallel(one, [path for path in tree.of(".h")
                             if not lint_layers.ARCH_INLINE.match(path)
                             and TEMPLATE not in tree.texts[path]])


def check_layers(tree):
    """Nobody includes what tools/lint_layers.py does not let them."""
    def one(path):
        status, rule, said = run(f"{tree.command(path)} -MM -x c {path}")
        if status:
            return [said]
        words = rule.replace("\\\n", " ").split()[1:]
        headers = sorted({os.path.normpath(word) for word in words} - {path})
        return lint_layers.breaches(path, [header for header in headers
                                           if not os.path.isabs(header)])
    return in_parallel(one, tree.of(".c", ".h"))


def check_conditions(tree):
    """kernel/mm and include/mm have no #if on an architecture, and no inline assembly."""
    complaints = []
    condition = re.compile(r"^\s*#\s*(el)?if.*(__x86_64|__i386|__amd64|_ARCH|ARCH_|__LP64|_M_X64)")
    assembly = re.compile(r"\b(__asm__|asm)\b\s*(volatile|__volatile__|goto)?\s*\(")
    for path in tree.of(".c", ".h"):
        if not path.startswith(("kernel/mm/", "include/mm/")):
            continue
        for number, line in enumerate(tree.texts[path].splitlines(), 1):
            if condition.search(line):
                complaints.append(f"{path}:{number}: #if on an architecture: put the difference "
                                  "behind include/arch or into a pt_format")
            if assembly.search(line):
                complaints.append(f"{path}:{number}: inline assembly: put it behind include/arch")
    return complaints


def c_functions(text):
    """(line, name, length) of each function: clang-format puts its braces into column 0."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line != "{":
            continue
        start = number
        while start > 0 and lines[start - 1] and not lines[start - 1].startswith(("#", "}", "/*",
                                                                                 " *")) \
                and not lines[start - 1].endswith((";", "*/")):
            start -= 1
        end = next(n for n in range(number, len(lines)) if lines[n].startswith("}"))
        name = re.search(r"(\w+)\(", " ".join(lines[start:number]))
        yield start + 1, name.group(1) if name else "?", end - start + 1


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            yield node.lineno, node.name, node.end_lineno - node.lineno + 1


def check_functions(tree):
    """No function is over 70 lines; the median of the C functions is under 15."""
    complaints, lengths = [], []
    for path in tree.of(".c", ".h", ".py"):
        python = path.endswith(".py")
        for line, name, length in (python_functions if python else c_functions)(tree.texts[path]):
            if not python:
                lengths.append(length)
            if length > FUNCTION_LINES_MAX:
                complaints.append(f"{path}:{line}: {name} has {length} lines, more than "
                                  f"{FUNCTION_LINES_MAX}: split it")
    if lengths:
        median = statistics.median(lengths)
        print(f"        {len(lengths)} functions, median {median:g} lines, longest {max(lengths)}")
        if median >= FUNCTION_LINES_MEDIAN:
            complaints.append(f"the median function has {median:g} lines; it has to be under "
                              f"{FUNCTION_LINES_MEDIAN}")
    return complaints


def check_files(tree):
    """No file is over 800 lines; each opens with its licence."""
    complaints = []
    for path, text in tree.texts.items():
        lines = text.splitlines()
        if len(lines) > FILE_LINES_MAX:
            complaints.append(f"{path}: {len(lines)} lines, more than {FILE_LINES_MAX}: split it")
        if not any("SPDX-License-Identifier: BSD-2-Clause" in line for line in lines[:3]):
            complaints.append(f"{path}:1: no SPDX line: begin the file with "
                              "'SPDX-License-Identifier: BSD-2-Clause' in a comment")
    return complaints


def check_words(tree):
    """Nothing is left for later, no line has trailing blanks, no code is commented out."""
    complaints = []
    later = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
    dead = re.compile(r"^\s*(//|/\*)\s*[\w>.\-\[\]* ]+(\([^)]*\)|=[^=].*);\s*(\*/)?$")
    for path, text in tree.texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if later.search(line):
                complaints.append(f"{path}:{number}: '{later.search(line).group()}': do it, or "
                                  "open an issue")
            if line != line.rstrip():
                complaints.append(f"{path}:{number}: blanks at the end of the line: remove them")
            if path.endswith((".c", ".h")) and dead.match(line):
                complaints.append(f"{path}:{number}: commented-out code: remove it")
    return complaints


def check_scripts(tree):
    """Python has no name that nobody defines or uses (pyflakes), shell scripts parse (bash -n)."""
    status, out, err = run(f"/usr/bin/python3 -m pyflakes {' '.join(tree.of('.py'))}")
    complaints = (out + err).splitlines() if status else []
    for path in tree.of(".sh") + [".ci/run"]:
        status, _, said = run(f"bash -n {path}")
        complaints += [said] if status else []
    return complaints


CHECKS = {name[len("check_"):]: function for name, function in list(globals().items())
          if name.startswith("check_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", required=True)
    parser.add_argument("--results", help="file that gets PASSED FAILED")
    parser.add_argument("checks", nargs="*", default=list(CHECKS))
    options = parser.parse_args()
    tree = Tree(options.commands)
    failed = 0
    for name in options.checks:
        complaints = CHECKS[name](tree)
        failed += bool(complaints)
        print(f"{'FAILED' if complaints else 'ok':7} lint {name}: {CHECKS[name].__doc__}",
              flush=True)
        for complaint in complaints:
            print(f"        {complaint}")
    passed = len(options.checks) - failed
    print(f"lint: {passed} passed, {failed} failed")
    if options.results:
        pathlib.Path(options.results).write_text(f"{passed} {failed}\n", encoding="ascii")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
