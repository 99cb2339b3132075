# SPDX-License-Identifier: BSD-2-Clause
"""test_mutate.py - tools/mutate.py plants what it says, and tells who finds it.

The campaign is tried on a project of one function and one test, which builds in a moment.
"""

import argparse
import textwrap

import mutate
import mutation_points
import pytest

SOURCE = textwrap.dedent("""\
    /* 1 < 2 */
    #define LIMIT 8
    int least(int a, int b)
    {
        const char *text = "a < b && 1";
        int spare = 0;
        spare_t unused;

        spare++;
        if (a < b)
            return a;
        return b + 0 * (text == 0);
    }
    """)

PROJECT = {
    "kernel/mm/tiny.c": textwrap.dedent("""\
        int least(int a, int b);
        int unused(int a);
        int least(int a, int b)
        {
            return a < b ? a : b;
        }

        int unused(int a)
        {
            return a + 1;
        }
        """),
    "tests/tiny.c": "int least(int a, int b);\n"
                    "int main(void) { return !(least(1, 2) == 1 && least(2, 1) == 1 && least(-3, 4) == -3); }\n",
    "Makefile": textwrap.dedent("""\
        define variant
        build/hosted/$(1)/libmm.a: kernel/mm/tiny.c
        \t@mkdir -p $$(@D)
        \t@gcc $(2) -c $$< -o build/hosted/$(1)/tiny.o && rm -f $$@ && ar rcsD $$@ build/hosted/$(1)/tiny.o
        build/unit/$(1)/tiny: tests/tiny.c build/hosted/$(1)/libmm.a
        \t@mkdir -p $$(@D)
        \t@gcc $(2) $$^ -o $$@
        endef
        $(eval $(call variant,mutant,-O1))
        $(eval $(call variant,gcc,-O1))
        $(eval $(call variant,lines,--coverage))
        """),
}


def planted(rule):
    return [(one.line, one.before, one.after) for one in mutation_points.mutations("f.c", SOURCE) if one.rule == rule]


def test_relations_conditions_and_constants_are_found():
    assert planted("relation") == [(10, "<", "<="), (12, "==", "!=")]
    assert planted("condition") == [(10, "a < b", "!(a < b)")]
    assert planted("constant") == [(6, "0", "1"), (12, "0", "1"), (12, "0", "1")]


def test_a_statement_is_left_out_whole_and_declarations_stay():
    assert planted("statement") == [(9, "spare++;", ";")]


def test_comments_strings_and_directives_are_left_alone():
    quoted = range(SOURCE.index('"'), SOURCE.rindex('"'))
    for one in mutation_points.mutations("f.c", SOURCE):
        assert one.line > 3 and one.start not in quoted


def test_hints_to_the_processor_are_left_alone():
    """A prefetch changes nothing that a program can see; what stands around it is planted as ever."""
    text = SOURCE.replace("    spare++;\n", "    spare++;\n    __builtin_prefetch(&table[a + 1], 1);\n")
    found = mutation_points.mutations("f.c", text)
    assert 10 not in [one.line for one in found]
    assert [(one.rule, one.before) for one in found] == \
        [(one.rule, one.before) for one in mutation_points.mutations("f.c", SOURCE)]
    assert mutation_points.mutations("f.c", text.replace("__builtin_prefetch", "prefetch")) != found


def test_what_is_applied_differs_in_that_place_only():
    for one in mutation_points.mutations("f.c", SOURCE):
        changed = mutation_points.apply(SOURCE, one)
        assert changed != SOURCE
        assert changed[:one.start] == SOURCE[:one.start]
        assert changed.endswith(SOURCE[one.end:])


@pytest.mark.parametrize("number, after", [("0", "1"), ("63u", "64u"), ("0xfffUL", "0x1000UL"), ("9", "10")])
def test_a_number_grows_by_one_and_keeps_its_type(number, after):
    assert mutation_points.increment(number) == after


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mutate, "YARD", tmp_path / "build/mutate")
    mutate.YARD.mkdir(parents=True)
    return tmp_path


def options(**changed):
    return argparse.Namespace(**{"sample": 100, "seed": 1, "files": "*", "jobs": 2, "only": None, **changed})


def test_a_campaign_tells_killed_survived_and_unreached(project):
    tests = mutate.known_lines(["tiny"])
    assert tests["tiny"]["lines"] == {"kernel/mm/tiny.c": [[3, 5, 8, 10], [3, 5]]}
    verdicts = {(one.mutation.line, one.mutation.after): one.outcome for one in mutate.campaign(options(), tests)}
    # <= gives the same least number: no test could find it, and nothing may count it as found.
    assert verdicts[5, "<="] == "survived"
    assert verdicts[10, "-"] == "unreached"
    assert (project / "kernel/mm/tiny.c").read_text() == PROJECT["kernel/mm/tiny.c"]


def test_a_mutant_that_a_test_finds_is_killed_by_name(project):
    (project / "kernel/mm/tiny.c").write_text(PROJECT["kernel/mm/tiny.c"].replace("a < b ? a : b", "a > b ? b : a"))
    verdicts = mutate.campaign(options(only="kernel/mm/tiny.c:5"), mutate.known_lines(["tiny"]))
    assert [one.by for one in verdicts if one.outcome == "killed"] == []
    (project / "kernel/mm/tiny.c").write_text(PROJECT["kernel/mm/tiny.c"].replace("? a : b", "? a + 0 : b"))
    verdicts = mutate.campaign(options(only="kernel/mm/tiny.c:5"), mutate.known_lines(["tiny"]))
    assert ("killed", "tiny") in [(one.outcome, one.by) for one in verdicts]


def test_tests_that_fail_already_are_refused(project):
    (project / "tests/tiny.c").write_text("int main(void) { return 1; }\n")
    with pytest.raises(SystemExit, match="fails without any mutation"):
        mutate.known_lines(["tiny"])


@pytest.mark.parametrize("line, ran", [(2, False), (3, True), (4, True), (5, False), (6, False), (8, True)])
def test_a_line_without_code_runs_with_the_one_before(line, ran):
    assert mutate.runs([[3, 5, 7], [3, 7]], line) == ran


def test_the_summary_counts_and_names_survivors():
    one = mutation_points.Mutation("kernel/mm/a.c", 7, 0, 1, "relation", "<", "<=")
    text = mutate.summary([mutate.Verdict(one, "killed", "heap"), mutate.Verdict(one, "survived", None)], 3)
    assert "survived  kernel/mm/a.c:7 relation: '<' -> '<='" in text
    assert "mutants: 2 of kernel/mm (seed 3), 1 killed (50.0 %), 1 survived, 0 on lines" in text
