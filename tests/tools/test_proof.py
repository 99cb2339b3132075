# SPDX-License-Identifier: BSD-2-Clause
"""make proof notices what does not hold: in contracts, in code, in lemmas and against its list.

Frama-C is large, so that make test does not install it: tests that need it are skipped where it is not. What
the driver makes of files, lists and reports is tested everywhere."""

import pathlib
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/proof"))

import preprocess  # noqa: E402
import prove  # noqa: E402

SPDX = "/* SPDX-License-Identifier: BSD-2-Clause */\n"
HALVE = SPDX + """#include "lib/bits.h"

/*@ requires \\valid(half);
  @ assigns *half;
  @ ensures *half == value / 2; */
void halve(unsigned value, unsigned *half);

void halve(unsigned value, unsigned *half)
{
    *half = value / 2;
}

/*@ requires index < 4 && \\valid_read(table + (0 .. 3));
  @ assigns \\nothing;
  @ ensures \\result == table[index]; */
static unsigned pick(const unsigned *table, unsigned index)
{
    return table[index];
}
"""
WRONG = {
    "a contract that is not so": ("*half == value / 2", "*half == value / 3", "halve"),
    "code that does something else": ("*half = value / 2;", "*half = value / 4;", "halve"),
    "a write that no assigns allows": ("assigns *half", "assigns \\\\nothing", "halve"),
    "an access out of bounds": ("index < 4", "index < 5", "pick"),
    "a contradiction as the result": ("\\\\result == table[index]", "\\\\false", "pick"),
}
SLAB_BITS, MAP_CHECK = "kernel/mm/slab_bits.h", "kernel/mm/memmap_check.c"
# Mistakes in sources that ship: the file, the function that must no longer be proven, what is written there, what instead.
MISTAKES = {
    "all free objects of a word taken as one": (SLAB_BITS, "free_bits_take", "*word &= *word - 1", "*word = 0"),
    "a free object given again turns to taken": (SLAB_BITS, "free_bits_with", "word | (uint64_t)1", "word ^ (uint64_t)1"),
    "a row that begins inside the one before it": (MAP_CHECK, "row_may_follow", ">= region_end(previous)", ">= previous->base"),
}
needs_frama_c = pytest.mark.skipif(not all(map(shutil.which, ("frama-c", "why3", "z3", "cvc4"))),
                                   reason="make proof installs Frama-C; make test does not")


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proof")
    prove.prepare(folder)
    return folder


def proof_of(text, folder, build):
    path = folder / "code.c"
    path.write_text(text)
    return prove.prove_file(str(path), {"halve"}, build, steps=100000)


@needs_frama_c
def test_what_holds_is_proven(tmp_path, build):
    """A function that does what its contract says is proven, with all goals."""
    proof = proof_of(HALVE, tmp_path, build)
    assert proof.error == "" and proof.missed == {}
    assert set(proof.goals) == {"halve", "pick"} and min(proof.goals.values()) >= 3


@needs_frama_c
@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_hold_is_found(name, tmp_path, build):
    """Of two functions, the one that was broken is not proven, and the other is."""
    old, new, function = (word.replace("\\\\", "\\") for word in WRONG[name])
    assert old in HALVE
    proof = proof_of(HALVE.replace(old, new), tmp_path, build)
    assert proof.error == "" and set(proof.missed) == {function}


@needs_frama_c
@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_in_a_source_is_found(name, tmp_path, build, monkeypatch):
    """A mistake planted in a function that ships is one that its contract does not allow."""
    path, function, old, new = MISTAKES[name]
    for folder in ("include", "kernel", "efi", "tests/host/include"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    text = (ROOT / path).read_text()
    assert text.count(old) == 1
    (tmp_path / path).write_text(text.replace(old, new))
    monkeypatch.setattr(prove, "ROOT", tmp_path)
    proof = prove.Proof(path)
    for unit in prove.units(path, tmp_path / "build"):
        prove.prove_unit(proof, unit, [function], build, prove.STEPS)
    assert proof.error == "" and set(proof.missed) == {function}


@needs_frama_c
def test_callee_without_contract_is_refused(tmp_path, build):
    """Frama-C assumes what a prototype without a contract does; the driver takes no such proof."""
    text = HALVE.replace("void halve(unsigned value, unsigned *half)\n{",
                         "void other(void);\n\nvoid halve(unsigned value, unsigned *half)\n{\n    other();")
    assert "other" in proof_of(text, tmp_path, build).error


def test_contracts_are_found():
    """A contract counts at a definition and at a prototype, and not where it only looks like one."""
    assert prove.contracted(HALVE, ";") == ["halve"]
    assert prove.contracted(HALVE, "{") == ["pick"]
    assert prove.contracted("/*@ predicate p(int x) = x > 0; */\n\nint f(int x)\n{\n}\n", "{;") == []
    assert prove.contracted("/*@ assigns \\nothing; */\n[[gnu::format(printf, 1, 2)]] void f(int x, ...);\n", ";") == ["f"]


def judged(goals, missed, listed, error=""):
    proof = prove.Proof("a.c")
    proof.goals, proof.missed, proof.error = goals, missed, error
    return prove.judge(proof, listed)


def test_list_is_held_against_the_proof():
    """A listed function that is not proven, that says less than it did or that is gone is a failure; a new one is news."""
    assert judged({"f": 3}, {}, {"f": 3}) == ({"f": 3}, [], [])
    assert len(judged({"f": 3}, {"f": ["f_ensures"]}, {"f": 3})[1]) == 1
    assert len(judged({"f": 2}, {}, {"f": 3})[1]) == 1
    assert len(judged({}, {}, {"f": 3})[1]) == 1
    assert len(judged({"f": 3}, {}, {"f": 3}, error="syntax error")[1]) == 1
    proven, wrong, news = judged({"f": 3, "g": 2, "h": 1}, {"h": ["h_ensures"]}, {"f": 3})
    assert (proven, wrong) == ({"f": 3, "g": 2}, []) and len(news) == 2


def test_list_names_contracts_that_exist():
    """Each function of the list is in its file, with a contract; there are 60 at least."""
    listed = prove.read_list(prove.LIST)
    named = {name for path in prove.headers() for name in prove.contracted(path.read_text(), ";")}
    for path, functions in listed.items():
        assert set(functions) <= set(prove.candidates(path, named)), path
    assert sum(map(len, listed.values())) >= 60


def test_lemmas_have_proofs():
    """Each lemma and axiom that proofs may use has a formula of its name in lemmas.smt2."""
    formulas = (prove.HERE / "lemmas.smt2").read_text()
    assert all(f'(echo "{name}")' in formulas for name in prove.lemmas())


def test_preprocessor_takes_attributes_away(tmp_path):
    """Frama-C's parser gets neither [[attributes]] nor a text without its comments."""
    source, result = tmp_path / "a.c", tmp_path / "a.i"
    source.write_text("/*@ assigns \\nothing; */ [[nodiscard, gnu::cold]] int f(int a[2]);\n")
    assert preprocess.main(["-o", str(result), str(source)]) == 0
    assert "/*@ assigns \\nothing; */  int f(int a[2]);" in result.read_text()
