# SPDX-License-Identifier: BSD-2-Clause
"""What the pages point at is there: links, anchors, pictures, files and folders, and nothing is left that no page points at."""

import fnmatch
import functools
import re

import pytest

import markdown
from markdown import ROOT, page, tracked

PAGES = markdown.pages()
EXTENSIONS = "asm awk c conf css elf h html img iso js json ld md mk png py sh svg txt"
FILE_NAME = re.compile(rf"^[\w./*-]*[\w*-]\.(?:{EXTENSIONS.replace(' ', '|')})$")
FOLDER_NAME = re.compile(r"^(?:[a-z][\w-]*/)+$")
# Files that are on somebody's stick or disk, or that a reader makes, and not in the tree.
ELSEWHERE = {"boot.log", "compile_commands.json", "core.img", "db.cer", "esp.img", "grub.cfg", "hello.c", "hello.elf", "kernel.elf", "loader.conf", "map.txt",
             "memmap.json", "memmap.txt", "meridian.conf", "refind.conf", "session.log"}
# Folders that make install fills below PREFIX; headers lie in meridian/ there.
INSTALLED = {"include/meridian/", "lib/meridian/", "share/doc/meridian/"}
# Sites that pages name; none of them is asked.
SITES = {"https://frama-c.com", "https://github.com/copy/v86"}


def all_links():
    return [(name, *link) for name in PAGES for link in page(name).links()]


def place_of(name, target):
    """The path in the tree that a link on a page leads to."""
    return (ROOT / name).parent.joinpath(target).resolve().relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name, line, is_image, target", all_links())
def test_link(name, line, is_image, target):
    """A link leads to a file or folder of the tree, and to a heading that is there; a picture is one."""
    if "://" in target:
        assert target in SITES, f"{name}:{line}: {target} is not in the table of sites"
        return
    path, _, anchor = target.partition("#")
    place = place_of(name, path) if path else name
    is_folder = any(other.startswith(place + "/") for other in tracked())
    assert place in tracked() or is_folder, f"{name}:{line}: there is no {place}"
    assert not anchor or anchor in page(place).anchors(), f"{name}:{line}: {place} has no heading for #{anchor}"
    assert not is_image or place.endswith((".png", ".svg")), f"{name}:{line}: {place} is no picture"


def test_every_page_is_reached():
    """From README.md links lead to every page of docs/, and every picture there is shown or linked by one."""
    reached, waiting, pictures = set(), ["README.md"], set()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for _, _, target in page(name).links():
            place = None if "://" in target or target.startswith("#") else place_of(name, target.partition("#")[0])
            if place and place.endswith(".md") and place in tracked():
                waiting.append(place)
            elif place:
                pictures.add(place)
    assert {name for name in PAGES if name.startswith("docs/")} <= reached
    there = {name for name in tracked() if name.startswith("docs/") and name.endswith((".png", ".svg"))}
    assert there - pictures == set()


# --- names of files -------------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def makers():
    """Text of the makefiles and tools, for products that are made on demand only."""
    names = [name for name in tracked() if name == "Makefile" or name.endswith(".mk") or name.startswith("tools/")]
    return "\n".join((ROOT / name).read_text(encoding="utf-8", errors="replace") for name in sorted(names))


def is_product(path):
    """Whether it is there after a build, or in a folder that a makefile or a tool names."""
    folder = path.rstrip("/").rpartition("/")[0]
    return any(ROOT.glob(path)) or path in makers() or (folder != "build" and folder in makers())


def is_there(path):
    path = path.replace("NAME", "*").removeprefix("meridian/")
    if path.startswith("build/"):
        return is_product(path)
    if "/" not in path and (ROOT / "build" / path).exists():
        return True
    if path.endswith("/"):
        return path in INSTALLED or any(name.startswith(path) or f"/{path}" in name for name in tracked())
    return any(fnmatch.fnmatch(name, path) or fnmatch.fnmatch(name, f"*/{path}") for name in tracked())


def named_paths():
    """(page, line, path) of each word in backquotes that has the form of a file's or folder's name; {a,b} stands for two."""
    for name in PAGES:
        for span in page(name).spans():
            for word in re.split(r"[ ,;:]+", span.text.strip("`")) if "{" not in span.text else [span.text]:
                choices = re.findall(r"\{([^}]*)\}", word)
                for choice in choices[0].split(",") if choices else [None]:
                    path = word if choice is None else re.sub(r"\{[^}]*\}", choice.strip(), word, count=1)
                    if FILE_NAME.match(path) or FOLDER_NAME.match(path):
                        yield name, span.line, path


def test_paths():
    """Every file and folder that a page names is in the tree, or is a product of the build, or is known to be elsewhere."""
    found = list(named_paths())
    missing = [f"{name}:{line}: {path}" for name, line, path in found
               if path.rsplit("/", 1)[-1] not in ELSEWHERE and not is_there(path)]
    assert len(found) > 150 and not missing, "\n".join(missing)


def test_nothing_is_excused_in_vain():
    """The files that are elsewhere are named somewhere."""
    named = {path.rsplit("/", 1)[-1] for _, _, path in named_paths()}
    named |= {word.rsplit("/", 1)[-1] for name in PAGES for block in page(name).blocks for word in re.split(r"[\s\\:\"']+", block.text)}
    named |= {re.split(r"[\\/]", word)[-1] for name in PAGES for span in page(name).spans() for word in span.text.split()}
    assert ELSEWHERE <= named, ELSEWHERE - named


def test_the_reader_of_pages():
    """Slugs of headings, blocks and spans are found as they are meant."""
    text = "# A `b` and [c](d.md)!\n\ntext `make run` [x](y.md#z)\nand ``two`` `lines\nlater`\n\n    indented\n\n- item\n\n    text\n\n```sh\nfenced\n```\n## A b and c\n"
    sample = markdown.Page.__new__(markdown.Page)
    sample.name, sample.blocks, sample.prose = "sample.md", [], []
    sample.cut(text.splitlines())
    assert sample.anchors() == ["a-b-and-c", "a-b-and-c-1"]
    assert [(block.line, block.text, block.language) for block in sample.blocks] == [(7, "indented", ""), (14, "fenced", "sh")]
    assert [(span.line, span.text) for span in sample.spans()] == [(1, "b"), (3, "make run"), (4, "two"), (4, "lines later")]
    assert sample.links() == [(1, False, "d.md"), (3, False, "y.md#z")]
