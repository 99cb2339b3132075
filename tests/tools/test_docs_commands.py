# SPDX-License-Identifier: BSD-2-Clause
"""Every command that a page tells the reader to type is right: run here, run by another test, or left to people for a reason.

docs_commands.py has the table. Commands are lines of blocks, and words in backquotes, whose first word is a
program or a path into the tree. Commands of the monitor and of gdb must be such."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

import docs_commands
import markdown
from markdown import ROOT, page

PATH = re.compile(r"^(?:build|tools|tests|examples)/[\w./-]+$")
EXPLANATION = re.compile(r"(?:\s+#\s|\s{3,}).*$")
PROMPT = "meridian> "
GDB_PROMPT = "(gdb) "
SECONDS = 60
QUICK_MAKE_VARIABLES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CONFIG", "ARGS", "SMP", "GDB", "KERNEL")


def is_command(text):
    words = text.split()
    return bool(words) and (words[0] in docs_commands.PROGRAMS or
                            (PATH.match(words[0]) is not None and not (ROOT / words[0]).is_dir()))


def joined(lines):
    """Lines with those that they go on in after a backslash."""
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def commands_of(name):
    """(line, command) of each on the page."""
    for block in page(name).blocks:
        for line in joined(block.text.splitlines()):
            text = EXPLANATION.sub("", line.removeprefix("$ ")).strip()
            if line.startswith("$ ") or is_command(text):
                yield block.line, " ".join(text.split())
    for span in page(name).spans():
        words = span.text.split()
        if is_command(span.text) and (len(words) > 1 or words[0] == "make"):
            yield span.line, span.text


ALL = [(name, line, text) for name in markdown.pages() for line, text in commands_of(name)]
TEXTS = sorted({text for _, _, text in ALL})


def row_of(text):
    return next((row for row in docs_commands.ROWS if re.fullmatch(row[0], text)), None)


def quiet_environment():
    """Without what the make that runs the tests tells its children."""
    return {key: value for key, value in os.environ.items() if key not in QUICK_MAKE_VARIABLES}


def make_says(*words):
    """What make would do."""
    return subprocess.run(["make", "-n", *words], cwd=ROOT, env=quiet_environment(), text=True, timeout=SECONDS, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


# --- every command has its check ------------------------------------------------------------

@pytest.mark.parametrize("name, line, text", ALL)
def test_command_has_a_check(name, line, text):
    """The table says how the command is known to be right."""
    assert row_of(text), f"{name}:{line}: no row of tests/tools/docs_commands.py fits: {text}"


def test_no_row_is_idle():
    """Each row is the first that fits some command."""
    used = {row_of(text)[0] for text in TEXTS if row_of(text)}
    idle = [pattern for pattern, check in docs_commands.ROWS if pattern not in used and pattern not in WAITING]
    assert len(TEXTS) > 60 and not idle


# Rows for commands that pages need not name.
WAITING = {r"make INSTALL=no"}


def test_blocks_without_commands_have_none():
    """A block whose first line could be typed into a shell is read as commands, or is known to be something else."""
    for name in markdown.pages():
        for block in page(name).blocks:
            word = block.text.split()[0]
            known = word in docs_commands.NOT_COMMANDS or is_command(block.text.removeprefix("$ ").split("\n")[0])
            assert known or block.language or not shutil.which(word), block


@pytest.mark.parametrize("test", sorted({check.what for _, check in docs_commands.ROWS if check.kind == "by"}))
def test_the_test_is_there(test):
    """A test that the table names exists, in a folder that make test runs."""
    path, function = test.split("::")
    assert path.startswith(("tests/qemu/", "tests/tools/"))
    assert re.search(rf"^def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("text", sorted({check.what or text for text in TEXTS
                                         for _, check in [row_of(text) or (None, docs_commands.by_hand(""))] if check.kind == "run"}))
def test_command_runs(text):
    """What is quick is run, and ends well."""
    done = subprocess.run(["bash", "-c", text], cwd=ROOT, env=quiet_environment(), text=True, timeout=SECONDS, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


# --- make -----------------------------------------------------------------------------------

def make_words():
    """The targets of all make commands, and the variables that they set."""
    targets, variables = set(), set()
    for text in TEXTS:
        if text.split()[0] != "make":
            continue
        for word in shlex.split(text.split(">")[0].replace("…", "x"))[1:]:
            key, is_variable, _ = word.partition("=")
            (variables if is_variable else targets).add(key)
    return {target.replace("unit-NAME", "unit-pmm") for target in targets}, variables


def test_targets_are_there():
    """make knows every target that a page names, and can say what it would do."""
    targets, _ = make_words()
    with_keys = {"sign"}
    done = make_says(*sorted(targets - with_keys))
    assert len(targets) > 30 and done.returncode == 0, done.stdout[-2000:]


def test_variables_are_read():
    """Every variable that a page sets for make is read by a makefile."""
    text = "".join(path.read_text(encoding="utf-8") for path in [ROOT / "Makefile", *(ROOT / "mk").glob("*.mk")])
    _, variables = make_words()
    assert variables and not {name for name in variables if not re.search(rf"\$\((or \$\()?{name}\)|\$\(if \$\({name}\)", text)
                              and f"export {name}" not in text}


def test_every_target_is_told():
    """Each target of make help stands on some page."""
    said = subprocess.run(["make", "-s", "help"], cwd=ROOT, env=quiet_environment(), text=True, check=True, capture_output=True).stdout
    listed = set(re.findall(r"^  ([a-z][\w.%-]*) ", said, re.MULTILINE))
    told = {word for name in markdown.pages() for span in page(name).spans() for word in span.text.split()}
    told |= {word for text in TEXTS for word in text.split()}
    assert len(listed) > 30 and not {name for name in listed if name not in told and name != "unit-%"}


def test_words_of_run():
    """make run and its like pass a command line and processors on to the one tool that starts QEMU."""
    said = make_says("run", "run-i386", "run-bios", "ARGS=json run=\"map\"", "SMP=4").stdout
    assert said.count("--cpus 4 --cmdline 'json run=\"map\"'") == 3, said


def test_suites_are_all_of_them():
    """make test runs every suite, and all folders of pytest but the browser's are among them."""
    said = make_says("test").stdout
    assert "tools/run_tests.py --commands build/commands.tsv --unit" in said
    runner = (ROOT / "tools/run_tests.py").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")} - {"web"}
    suites = set(re.findall(r'^        "([a-z]+)":', runner, re.MULTILINE))
    assert folders <= suites and {"lint", "unit"} <= suites


# --- other prompts --------------------------------------------------------------------------

def monitor_commands():
    table = (ROOT / "kernel/monitor/commands.c").read_text(encoding="utf-8")
    return set(re.findall(r'^    \{ "([a-z]+)", "', table, re.MULTILINE))


def typed_at_the_monitor():
    """(page, line, command) of each behind the prompt, in run="...", or in the configuration of a page."""
    for name in markdown.pages():
        for code in [*page(name).blocks, *page(name).spans()]:
            behind_prompt = [line.removeprefix(PROMPT) for line in code.text.splitlines() if line.startswith(PROMPT)]
            for line in behind_prompt + re.findall(r'run="([^"…]*)"', code.text):
                for command in line.split(";"):
                    if command.strip():
                        yield name, code.line, command.strip()


def test_monitor_commands():
    """Every command that is typed at the prompt, or given in run=, is one of the monitor's."""
    known, typed = monitor_commands(), list(typed_at_the_monitor())
    assert len(known) > 20 and len(typed) > 60
    assert not [(name, line, text) for name, line, text in typed if text.split()[0] not in known | {"command"}]


def test_gdb_commands():
    """Every command behind gdb's prompt is one of ours, or one of the few of gdb that the pages need."""
    lines = [line.removeprefix(GDB_PROMPT) for name in markdown.pages() for block in page(name).blocks
             for line in block.text.splitlines() if line.startswith(GDB_PROMPT)]
    ours = (ROOT / "tools/gdb/meridian_commands.py").read_text(encoding="utf-8")
    for line in lines:
        words = line.split()
        assert words[0] in ("symbol-file", "source") or f"meridian {words[1]}" in ours, line
    assert lines


# --- commands that need a place of their own ------------------------------------------------

def test_keys_can_be_made(tmp_path):
    """The commands of docs/secure-boot.md, in their order, make a key, and a certificate in both forms."""
    commands = [text for name, _, text in ALL if name == "docs/secure-boot.md" and text.startswith("openssl")]
    for text in commands:
        subprocess.run(["bash", "-c", text], cwd=tmp_path, check=True, capture_output=True, timeout=SECONDS)
    assert len(commands) == 2 and {path.name for path in tmp_path.iterdir()} == {"db.key", "db.pem", "db.cer"}
