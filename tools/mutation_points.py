# SPDX-License-Identifier: BSD-2-Clause
"""mutation_points.py - the places of a C source where a small mistake can be planted, and the mistakes.

A source is cut into tokens; comments, strings and preprocessor lines have none. Each rule looks at a token and its
neighbours and gives the text that takes its place. Nothing is parsed: what does not compile is not a mutant, and
what compiles to the same code is none either (mutate.py finds both out).

One call has no mistakes: __builtin_prefetch(), with all its arguments. By its definition it changes nothing that a
program can see, nor may fault (GCC manual, 6.59), so that no test of results could tell. Everything else is
planted, also where it only costs time: constants of a hash, early exits, hints.
"""

import collections
import re

# A mistake: in FILE, the text of [start, end) becomes `after`. `line` counts from 1.
Mutation = collections.namedtuple("Mutation", "file line start end rule before after")

TOKEN = re.compile(r"""
      (?P<skip> /\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | ^[ \t]*\#(?:\\\n|[^\n])* )
    | (?P<number> \b(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b )
    | (?P<name> [A-Za-z_]\w* )
    | (?P<op> <<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^~!<>=?:;,.(){}\[\]] )
    """, re.VERBOSE | re.DOTALL | re.MULTILINE)

SWAPS = {
    "relation": {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="},
    "logic": {"&&": "||", "||": "&&"},
    "arithmetic": {"+": "-", "-": "+", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "+=": "-=", "-=": "+=", "|=": "&=",
                   "&=": "|=", "++": "--", "--": "++", "*": "+", "/": "*", "%": "/"},
}
# After one of these an operator has a left operand.
KEYWORDS = {"return", "case", "sizeof", "typeof", "else", "do", "in"}
DECLARES = re.compile(r"\s*(?:static|const|struct|enum|union|unsigned|signed|int|long|bool|char|void|size_t|uintptr_t|"
                      r"u?int\d+_t|[pv]addr_t|pfn_t|extern|inline|typedef|goto|return|break|continue|case|default|"
                      r"static_assert|_Static_assert)\b|\s*\w+\s+\w+\s*;")
HINT = "__builtin_prefetch"
STATEMENT = re.compile(r"^(?P<indent>[ \t]+)(?P<text>[A-Za-z_*(][^;{}\n]*;)[ \t]*(?:/\*[^\n]*\*/)?$", re.MULTILINE)


def tokens(text):
    """(kind, start, end) of each token, in order; what is skipped is left out."""
    found = []
    for match in TOKEN.finditer(text):
        if match.lastgroup != "skip":
            found.append((match.lastgroup, match.start(), match.end()))
    return found


def has_left_operand(text, stream, index):
    """Is the operator at `index` a binary one, as far as the token before it tells?"""
    if index == 0:
        return False
    kind, start, end = stream[index - 1]
    word = text[start:end]
    return kind == "number" or (kind == "name" and word not in KEYWORDS) or word in (")", "]")


def increment(number):
    digits = number.rstrip("uUlL")
    suffix = number[len(digits):]
    value = int(digits, 0) + 1
    return (hex(value) if digits.lower().startswith("0x") else str(value)) + suffix


def of_operator(text, stream, index):
    _, start, end = stream[index]
    word = text[start:end]
    for rule, swaps in SWAPS.items():
        if word not in swaps:
            continue
        if word in ("+", "-", "*", "&") and not has_left_operand(text, stream, index):
            continue
        yield rule, start, end, swaps[word]
    if word == "!":
        yield "negation", start, end, ""


def of_name(text, stream, index):
    _, start, end = stream[index]
    word = text[start:end]
    if word in ("true", "false"):
        yield "constant", start, end, "false" if word == "true" else "true"
    if word in ("if", "while") and index + 1 < len(stream) and text[stream[index + 1][1]] == "(":
        close = closing(text, stream, index + 1)
        if close is not None:
            inner = stream[index + 1][2]
            yield "condition", inner, stream[close][1], f"!({text[inner:stream[close][1]]})"


def closing(text, stream, index):
    """Where the parenthesis at `index` closes."""
    depth = 0
    for place in range(index, len(stream)):
        word = text[stream[place][1]:stream[place][2]]
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0:
            return place
    return None


def of_statements(text, stream):
    """Whole lines with one statement, which may be left out."""
    starts = {start for _, start, _ in stream}
    for match in STATEMENT.finditer(text):
        if match.start("text") in starts and not DECLARES.match(match["text"]) and in_function(text, match.start()):
            yield "statement", match.start("text"), match.end("text"), ";"


def hints(text, stream):
    """(start, end) of each call that is a hint to the processor, and nothing else."""
    found = []
    for index, (_, start, end) in enumerate(stream):
        if text[start:end] == HINT and closing(text, stream, index + 1) is not None:
            found.append((start, stream[closing(text, stream, index + 1)][2]))
    return found


def in_function(text, place):
    """Does a function's body hold the place? Bodies open and close in the first column in this tree."""
    opened = text.rfind("\n{", 0, place)
    return opened > text.rfind("\n}", 0, place)


def mutations(file, text):
    """Every mutation of a source, in the order of its text."""
    stream = tokens(text)
    found = list(of_statements(text, stream))
    for index, (kind, start, end) in enumerate(stream):
        if not in_function(text, start):
            continue
        if kind == "number":
            found.append(("constant", start, end, increment(text[start:end])))
        elif kind == "op":
            found.extend(of_operator(text, stream, index))
        else:
            found.extend(of_name(text, stream, index))
    skipped = hints(text, stream)
    found = [one for one in found if not any(start <= one[1] < end for start, end in skipped)]
    found.sort(key=lambda item: (item[1], item[2], item[0]))
    return [Mutation(file, text.count("\n", 0, start) + 1, start, end, rule, text[start:end], after)
            for rule, start, end, after in found]


def apply(text, mutation):
    return text[:mutation.start] + mutation.after + text[mutation.end:]
