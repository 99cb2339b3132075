# SPDX-License-Identifier: BSD-2-Clause
"""The memory manager as a library: what `make install` leaves is enough to build on, headers and archives keep to
the contract of include/arch/embed.h, and `make uninstall` takes all of it away.

Everything here is compiled outside of the tree from an installation below a DESTDIR, found through pkg-config."""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(__file__).parent / "library"
PREFIX = "usr/local"
STRICT = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror".split()
# What a freestanding program has to provide, and what a process has to; the rest is the C library's.
REQUIRED = {"meridian-mm-x86_64": {"meridian_log", "meridian_panic"}, "meridian-mm": {"meridian_map", "meridian_unmap"}}
FROM_LIBC = set("""abort fwrite fprintf memcpy memmove memset pthread_key_create pthread_once pthread_setspecific
    sched_yield stderr strcmp strlen strncmp __executable_start""".split())


def run(*words, **fields):
    return subprocess.run([str(word) for word in words], text=True, capture_output=True, check=False, **fields)


def must(*words, **fields):
    done = run(*words, **fields)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(goal, destdir):
    must("make", "-s", goal, f"DESTDIR={destdir}", cwd=ROOT)


class Installation:
    """An installation below a DESTDIR, as those who build on it see it."""

    def __init__(self, folder):
        self.folder, self.prefix = folder / "root", folder / "root" / PREFIX
        make("install", self.folder)
        self.environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(self.folder),
                            "PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")}

    def flags(self, package, what):
        return must("pkg-config", what, package, env=self.environment).split()

    def headers(self):
        place = self.prefix / "include"
        return sorted(str(path.relative_to(place)) for path in place.rglob("*.h") if path.parent.name != "x86_64")

    def compile(self, package, source, program):
        must("gcc", "-std=gnu2x", *STRICT, "-D_GNU_SOURCE", *self.flags(package, "--cflags"), source,
             *self.flags(package, "--libs"), "-o", program)
        return program


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installation(tmp_path_factory.mktemp("installed"))


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- what is there ---------------------------------------------------------------------------


def test_installation_is_complete(installed):
    """Archives, headers, files for pkg-config, the licence and the docs are where packagers expect them."""
    names = files(installed.prefix)
    for name in ["lib/libmeridian-mm.a", "lib/libmeridian-mm-x86_64.a", "lib/pkgconfig/meridian-mm.pc",
                 "lib/pkgconfig/meridian-mm-x86_64.pc", "include/meridian/boot/handoff.h",
                 "include/meridian/arch/embed.h", "include/meridian/mm/pmm.h", "share/doc/meridian/LICENSE",
                 "share/doc/meridian/library.md", "share/doc/meridian/porting.md", "share/doc/meridian/boot-protocol.md"]:
        assert name in names
    assert all(name.startswith(("lib/", "include/meridian/", "share/doc/meridian/")) for name in names)
    for package in REQUIRED:
        text = (installed.prefix / f"lib/pkgconfig/{package}.pc").read_text(encoding="ascii")
        assert str(ROOT) not in text and str(installed.folder) not in text
        header = (installed.prefix / "include/meridian/boot/handoff.h").read_text(encoding="utf-8")
        version = [re.search(rf"define HANDOFF_{word} +(\d+)", header).group(1) for word in ("MAJOR", "MINOR")]
        assert must("pkg-config", "--modversion", package, env=installed.environment) == ".".join([*version, "0\n"])


def test_uninstall_leaves_nothing(tmp_path):
    """After install and uninstall no file is left, no folder of the project's own, and what others put there stays."""
    other = tmp_path / PREFIX / "include/other.h"
    other.parent.mkdir(parents=True)
    other.touch()
    make("install", tmp_path)
    assert len(files(tmp_path)) > 20
    make("uninstall", tmp_path)
    assert files(tmp_path) == [f"{PREFIX}/include/other.h"]
    assert list(tmp_path.rglob("meridian*")) == []
    make("uninstall", tmp_path)


# --- headers ---------------------------------------------------------------------------------


def compile_header(installed, header, compiler):
    """What is wrong with a header that is included alone, after nothing; "" when it compiles."""
    language = "c++" if "++" in compiler[0] else "c"
    done = run(*compiler, *STRICT, "-fsyntax-only", f"-I{installed.prefix}/include",
               f"-I{installed.prefix}/include/meridian/x86_64", "-x", language, "-",
               input=f"#include <{header}>\n#include <{header}>\nextern int nothing;\n")
    return f"{header}: {' '.join(compiler)}: {done.stderr}" if done.returncode else ""


def test_each_header_compiles_alone(installed):
    """Each installed header compiles by itself with strict warnings: in C with both compilers, and those of boot/ in C
    from C11 on and in C++ from C++11 on, for 32 and for 64 bits."""
    jobs = [(header, [compiler, "-std=gnu2x"]) for header in installed.headers() for compiler in ("gcc", "clang")]
    jobs += [(header, [compiler, f"-std={standard}", width])
             for header in installed.headers() if "/boot/" in header for width in ("-m32", "-m64")
             for compiler, standards in (("gcc", ["c11"]), ("clang", ["c11"]), ("g++", ["c++11", "c++20"]),
                                         ("clang++", ["c++11", "c++20"]))
             for standard in standards]
    assert len(jobs) > 60
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [said for said in pool.map(lambda job: compile_header(installed, *job), jobs) if said]
    assert wrong == []


def test_layout_is_the_same_in_c_and_cxx(installed, tmp_path):
    """The handoff's structures have the same size and offsets in C and in C++, for 32 and for 64 bits."""
    said = {}
    for compiler, width in [(name, bits) for name in ("gcc", "g++") for bits in ("-m32", "-m64")]:
        program = tmp_path / f"layout{compiler}{width}"
        language = "c++" if "++" in compiler else "c"
        must(compiler, width, f"-I{installed.prefix}/include", "-x", language, DATA / "layout.c", "-S", "-o", program)
        said[compiler, width] = re.findall(r"\.(?:long|value|zero)\s+(\d+)", program.read_text(encoding="ascii"))
    assert len(said["gcc", "-m64"]) >= 8
    assert len({tuple(numbers) for numbers in said.values()}) == 1


# --- archives --------------------------------------------------------------------------------


def symbols(archive, kinds):
    return {line.split()[-1] for line in must("nm", "-g", archive).splitlines()
            if len(line.split()) > 1 and line.split()[-2] in kinds}


@pytest.mark.parametrize("package", REQUIRED)
def test_archive_has_the_symbols_of_its_list(installed, package):
    """Outside of its weak pieces an archive defines the listed symbols and no other, each declared in an installed header."""
    archive = installed.prefix / f"lib/lib{package}.a"
    variant = "x86_64" if package.endswith("x86_64") else "hosted"
    listed = set((ROOT / f"library/symbols-{variant}.txt").read_text(encoding="ascii").split())
    assert symbols(archive, "TDBRC") == listed
    text = "".join((installed.prefix / "include" / header).read_text(encoding="utf-8")
                   for header in installed.headers())
    declared = set(re.findall(r"\b(\w+)\b", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)))
    assert listed - declared == set()


@pytest.mark.parametrize("package", REQUIRED)
def test_archive_asks_for_what_the_contract_says(installed, package):
    """What an archive neither has nor gets from the C library is what the contract says an embedder provides."""
    archive = installed.prefix / f"lib/lib{package}.a"
    wanted = symbols(archive, "U") - symbols(archive, "TDBRCWV") - {"_GLOBAL_OFFSET_TABLE_"}
    if package == "meridian-mm":
        wanted -= FROM_LIBC
    assert wanted == REQUIRED[package]


# --- programs --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def embed(installed, tmp_path_factory):
    """examples/embed, copied out of the tree and built there by its own Makefile."""
    folder = tmp_path_factory.mktemp("examples") / "embed"
    shutil.copytree(ROOT / "examples/embed", folder)
    must("make", "-s", "-C", folder, env=installed.environment)
    return folder / "embed"


def table(said):
    """{row: its numbers} of what embed prints."""
    return {line[:8].strip(): [int(word) for word in re.findall(r"\d+", line[8:])] for line in said.splitlines()}


def test_embed_manages_memory(embed):
    """The heap of a process holds what its threads hold, uses the host's memory for that and gives it back, refuses wrong
    frees, ends with NULL when memory does, and its books are in order."""
    done = run(embed, "32", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = table(done.stdout)
    objects, live, used_kib, host_kib = rows["loaded"]
    assert objects > 100 and live > objects * 100
    assert live / 1024 < used_kib <= 32 * 1024 and live / 1024 < host_kib <= 33 * 1024
    assert rows["started"][0] == rows["freed"][0] == rows["the end"][0] == 0
    assert rows["freed"][3] < host_kib / 2
    assert rows["misuse"] == [4]
    told = done.stderr.splitlines()
    assert len(told) == 4 and all(line.startswith("meridian: heap: free of 0x") for line in told)
    assert sum("; allocated near 0x" in line for line in told) == 3
    assert 32 * 16 * 0.9 < rows["full"][0] < 32 * 16
    assert "all as i" in rows


def test_embed_without_enough_memory_goes_on(embed):
    """In 8 MiB many requests of eight threads end with NULL, and nothing else goes wrong."""
    rows = table(must(embed, "8", "8"))
    assert rows["loaded"][2] <= 8 * 1024
    assert "all as i" in rows


@pytest.mark.parametrize("words, said", [
    (["much"], "'much' is no size in MiB: a number from 8 to 65536"),
    (["7"], "'7' is no size in MiB: a number from 8 to 65536"),
    (["-8"], "'-8' is no size in MiB: a number from 8 to 65536"),
    (["8x"], "'8x' is no size in MiB: a number from 8 to 65536"),
    (["64", "65"], "'65' is no count of threads: a number from 1 to 64"),
    (["64", "1", "more"], "'more' is too much"),
])
def test_embed_answers_bad_arguments(embed, words, said):
    """A wrong argument is named, with what would be right, and nothing is started."""
    done = run(embed, *words)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"embed: {said}\n") and "usage: embed [MIB [THREADS]]" in done.stderr


def test_contract_of_a_process(installed, tmp_path):
    """A mapping that the embedder refuses makes NULL and leaks no frame; threads that end give back what they kept; a
    broken invariant ends in the embedder's panic, or in the default's."""
    program = installed.compile("meridian-mm", DATA / "contract.c", tmp_path / "contract")
    assert must(program, "refuse") == "refused: NULL, no frame lost\nand again: an object\n"
    assert must(program, "threads") == "300 threads, one after the other: no frame lost\n"
    broken = run(program, "panic")
    assert broken.returncode == -6
    assert re.match(r"meridian: panic: .*frame", broken.stderr)
    own = installed.compile("meridian-mm", DATA / "own_panic.c", tmp_path / "own")
    done = run(own)
    assert done.returncode == 3 and done.stdout.startswith("own panic: ")


def blocks(page):
    """The indented blocks of a page of docs/, unindented."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", page, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() + "\n" for block in found]


def test_least_program_of_the_page(installed, tmp_path):
    """The program of docs/library.md compiles with the page's own command, and does what it says."""
    page = blocks((ROOT / "docs/library.md").read_text(encoding="utf-8"))
    source = next(block for block in page if block.startswith("/* least.c"))
    command = next(block for block in page if block.startswith("gcc "))
    (tmp_path / "least.c").write_text(source, encoding="utf-8")
    must("sh", "-ec", command, cwd=tmp_path, env=installed.environment)
    said = must(tmp_path / "least")
    assert re.fullmatch(r"frame at 0x[0-9a-f]+000, its memory at RAM \+ the same\n", said)


def test_page_of_the_contract_names_every_function():
    """docs/porting.md tells of each function of include/arch/embed.h, and of no other by that name."""
    header = (ROOT / "include/arch/embed.h").read_text(encoding="utf-8")
    page = (ROOT / "docs/porting.md").read_text(encoding="utf-8")
    declared = set(re.findall(r"\b(meridian_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)))
    assert len(declared) == 9
    assert set(re.findall(r"\b(meridian_\w+)\(", page)) == declared


def test_kernel_that_provides_nothing_does_not_link(installed, tmp_path):
    """A kernel without a panic and a log of its own is told so by the linker, by name."""
    shutil.copytree(ROOT / "examples/hello-kernel", tmp_path / "hello")
    source = tmp_path / "hello/hello.c"
    source.write_text(re.sub(r"\bmeridian_(log|panic)\(", r"hello_\1(", source.read_text(encoding="utf-8")),
                      encoding="utf-8")
    done = run("make", "-s", "-C", tmp_path / "hello", env=installed.environment)
    assert done.returncode != 0
    assert "undefined reference to `meridian_panic'" in done.stderr
    assert "undefined reference to `meridian_log'" in done.stderr
