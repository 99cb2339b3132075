# SPDX-License-Identifier: BSD-2-Clause
"""markdown.py - the project's pages as the tests see them: blocks of code, words in backquotes, links, headings.

Only what these pages use of Markdown is known: fences of three backquotes, blocks indented by four
blanks, backquotes within a line, [text](target) and ![text](target), headings with '#', tables."""

import dataclasses
import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = "```"
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
HEADING = re.compile(r"^(#{1,6}) (.*)$", re.MULTILINE)
LIST_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.) ")


@dataclasses.dataclass(frozen=True)
class Code:
    """Code on a page: the lines of a block, or the words of a span."""

    page: str       # relative to the tree
    line: int       # its first, from 1
    text: str
    language: str   # of a fence; "" where it says none, or it is no fence
    is_block: bool

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


@functools.lru_cache(maxsize=None)
def tracked():
    """Every file of the tree that git knows, or would after `git add`."""
    words = ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return frozenset(name for name in names if (ROOT / name).exists())


def pages():
    """All Markdown files, relative to the tree."""
    return sorted(name for name in tracked() if name.endswith(".md"))


class Page:
    """One Markdown file, cut into prose and code."""

    def __init__(self, name):
        self.name = name
        self.blocks = []
        self.prose = []         # lines, empty where a block is, so that numbers of lines stay
        self.cut(ROOT.joinpath(name).read_text(encoding="utf-8").splitlines())

    def cut(self, lines):
        at = 0
        while at < len(lines):
            end = self.end_of_block(lines, at)
            if end == at:
                self.prose.append(lines[at])
                at += 1
            else:
                self.take_block(lines, at, end)
                self.prose += [""] * (end - at)
                at = end

    @staticmethod
    def end_of_block(lines, at):
        """The line after the block that begins at this line; `at` itself where none does."""
        if lines[at].startswith(FENCE):
            return lines.index(FENCE, at + 1) + 1
        before = next((line for line in reversed(lines[:at]) if line.strip()), "")
        in_list = LIST_ITEM.match(before) or before.startswith("  ")
        if not lines[at].startswith("    ") or in_list or (at > 0 and lines[at - 1].strip()):
            return at
        end = at
        while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
            end += 1
        return end

    def take_block(self, lines, at, end):
        if lines[at].startswith(FENCE):
            text, language, first = lines[at + 1:end - 1], lines[at][len(FENCE):].strip(), at + 2
        else:
            text, language, first = [line[4:] for line in lines[at:end]], "", at + 1
        self.blocks.append(Code(self.name, first, "\n".join(text).rstrip(), language, True))

    def spans(self):
        """Words in backquotes; a span may go over the end of a line."""
        text = "\n".join(self.prose)
        return [Code(self.name, text.count("\n", 0, match.start()) + 1, " ".join(match.group(2).split()), "", False)
                for match in SPAN.finditer(text)]

    def links(self):
        """(line, is an image, target) of each link; none is looked for within backquotes."""
        text = SPAN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), "\n".join(self.prose))
        return [(text.count("\n", 0, match.start()) + 1, match.group(1) == "!", match.group(3)) for match in LINK.finditer(text)]

    def anchors(self):
        """What '#…' may name, as GitHub and most others make it from headings."""
        found = []
        for _, title in HEADING.findall("\n".join(self.prose)):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").strip().lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
        return found


@functools.lru_cache(maxsize=None)
def page(name):
    return Page(name)
