#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""prove.py - proves the contracts of the sources, and holds them against the list of what is proven.

    prove.py [--update] [--jobs N] [--list FILE] [--build FOLDER] [FILE...]

A contract is an ACSL comment in front of a function, or of its prototype in a header. Every function
of FILE (else of all files of the list) that has one is given to Frama-C WP, which makes goals of it:
that the function does what its contract says, that its callees' conditions hold, that loops keep
their invariants and end, and that nothing in it is undefined (no access out of bounds, no overflow
of signed numbers, no shift too far). Z3 and CVC4 then prove the goals, within a number of steps and
not of seconds, so that a loaded machine proves the same.

The list, tests/proof/proven.txt, says for every function how many goals it has. A function of the list
that is not proven wholly, or whose goals became fewer, is a failure; so is a lemma of lemmas.h that
lemmas.smt2 does not prove. What is proven and not listed is told; --update writes the list anew.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
LIST = HERE / "proven.txt"
INCLUDES = ("include", "tests/host/include", "kernel", "efi", "efi/include", ".")
STEPS = 600000
SECONDS = 120  # behind the steps, for a prover that does not count them; long, since machines are busy at times
LEMMA_STEPS = 2000000000

# Headers that only make sense with what their includer defines, and those includers.
TEMPLATES = {"kernel/mm/pt_x86_entry.h": ["kernel/mm/pt_x86_64.c"],
             "kernel/mm/pt_walk.h": ["kernel/mm/pt_x86_64.c"]}

# Contracts that are assumed: the function takes a variable number of arguments.
ASSUMED = {"refuse"}

# The one-line helpers of lib/types.h, taken as they stand instead of by contract.
INLINED = ("pa", "va", "pfn", "pa_value", "va_value", "pfn_value", "va_of", "va_ptr", "pa_add", "va_add",
           "pfn_add", "pa_equal", "va_equal")

CONTRACT = re.compile(r"^/\*@(?:(?!\*/).)*\b(?:ensures|assigns)\b(?:(?!\*/).)*\*/\n"
                      r"[\w\[][^;{}/]*?\b(?P<name>\w+)\([^;{}]*\)\s*(?P<end>[;{])", re.MULTILINE | re.DOTALL)
ATTRIBUTE = re.compile(r"\[\[.*?\]\]\s*", re.DOTALL)
DEFINITION = re.compile(r"^(?:[\w\[\]][^;{}#]*?)\b(\w+)\([^;{}]*\)\n\{", re.MULTILINE)
# What Frama-C says of prototypes without a contract, of which it then assumes one.
WITHOUT_CONTRACT = re.compile(r"(?:Neither code nor specification|No code nor explicit assigns clause)"
                              r" for function\s+(\w+)")


class Proof:
    """What came of the functions of one file: goals and goals not proven, by function."""

    def __init__(self, path):
        self.path = path
        self.goals = {}
        self.missed = {}
        self.error = ""


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def contracted(text, end):
    """Names of the functions of a text that have a contract at their definition, or prototype."""
    text = ATTRIBUTE.sub("", text)
    return [match["name"] for match in CONTRACT.finditer(text) if match["end"] in end]


def headers():
    return [path for folder in ("include", "kernel", "efi") for path in sorted((ROOT / folder).rglob("*.h"))]


def candidates(path, from_headers):
    """The functions of a file that have a contract, in their order."""
    text = read(path)
    named = set(contracted(text, "{;")) | from_headers
    return [name for name in DEFINITION.findall(text) if name in named - ASSUMED]


def called(text, functions):
    """Names that the bodies of functions call."""
    found = set()
    for name in functions:
        body = re.search(rf"^[^\n;{{}}#]*\b{name}\([^;{{}}]*\)\n\{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL)
        found |= set(re.findall(r"\b(\w+)\(", body[1]))
    return found


def units(path, build):
    """What is compiled to prove a file: itself, or for a header something that includes it."""
    if not path.endswith(".h"):
        return [path]
    if path in TEMPLATES:
        return TEMPLATES[path]
    unit = build / "units" / (path.replace("/", "_")[:-2] + ".c")
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(f'#include "{path}"\n', encoding="ascii")
    return [str(unit)]


def frama_c(unit, functions, build, report, steps):
    includes = " ".join(f"-I{ROOT / folder}" for folder in INCLUDES)
    return ["frama-c", "-machdep", "gcc_x86_64", "-c11", "-cpp-frama-c-compliant",
            "-cpp-command", str(HERE / "preprocess.py"), f"-cpp-extra-args={includes} -include {HERE / 'builtins.h'}",
            "-inline-calls", ",".join(INLINED),
            "-wp", "-wp-rte", "-wp-fct", ",".join(functions), "-wp-prover", "z3,cvc4",
            "-wp-steps", str(steps), "-wp-timeout", str(SECONDS), "-wp-par", "1",
            "-wp-cache", "update", "-wp-cache-dir", str(build / "cache"),
            "-wp-report-json", str(report), unit]


def run(words, **options):
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace", check=False, **options)
    return done.returncode, done.stdout


def prove_unit(proof, unit, functions, build, steps):
    """Adds what came of the functions in one unit to a proof. Frama-C takes its folder from PWD."""
    report = build / "reports" / (hashlib.sha256((proof.path + unit).encode()).hexdigest()[:16] + ".json")
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    status, said = run(frama_c(unit, functions, build, report, steps),
                       env=dict(os.environ, PWD=str(ROOT), WHY3CONFIG=str(build / "why3.conf")))
    if status != 0 or not report.exists():
        proof.error = said
        return
    assumed = called(read(proof.path), functions) & set(WITHOUT_CONTRACT.findall(said))
    if assumed:
        proof.error = f"these are called and have no contract: {', '.join(sorted(assumed))}"
        return
    sections = json.loads(report.read_text(encoding="utf-8")).get("wp:functions", {})
    for function in functions:
        goals = sections.get(function, {})
        total = goals.get("wp:section", {}).get("wp:main", {}).get("total", 0)
        proof.goals[function] = proof.goals.get(function, 0) + total
        missed = [name for name, goal in goals.items() if name != "wp:section"
                  and goal["wp:main"].get("valid", 0) != goal["wp:main"]["total"]]
        if missed or total == 0:
            proof.missed.setdefault(function, []).extend(missed or ["no goal at all"])


def prove_file(path, from_headers, build, steps=STEPS):
    proof = Proof(path)
    functions = candidates(path, from_headers)
    for unit in units(path, build) if functions else []:
        prove_unit(proof, unit, functions, build, steps)
    return proof


def lemmas():
    return re.findall(r"\b(?:lemma|axiom) (\w+)\b\s*:", (HERE / "lemmas.h").read_text(encoding="utf-8"))


def lemmas_missed(build):
    """Lemmas and axioms of lemmas.h that lemmas.smt2 does not prove."""
    proofs = HERE / "lemmas.smt2"
    answers = build / f"lemmas-{hashlib.sha256(proofs.read_bytes()).hexdigest()[:16]}"
    if not answers.exists():
        _, said = run(["z3", f"rlimit={LEMMA_STEPS}", str(proofs)])
        answers.write_text(said, encoding="utf-8")
    words = answers.read_text(encoding="utf-8").split()
    proven = {name for name, answer in zip(words[::2], words[1::2]) if answer == "unsat"}
    return [name for name in lemmas() if name not in proven]


def prepare(build):
    """Tells why3 which provers there are; it wants a file of its own for that."""
    build.mkdir(parents=True, exist_ok=True)
    configuration = build / "why3.conf"
    if not configuration.exists():
        status, said = run(["why3", "config", "detect"], env=dict(os.environ, WHY3CONFIG=str(configuration)))
        if status != 0:
            sys.exit(f"prove.py: why3 finds no provers:\n{said}")


def read_list(path):
    """{file: {function: goals}}"""
    listed = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if line and not line.startswith("#"):
            file, function, goals = line.split()
            listed.setdefault(file, {})[function] = int(goals)
    return listed


def write_list(path, proven):
    head = ["# SPDX-License-Identifier: BSD-2-Clause", "#",
            "# What is proven: file, function, goals. Written by `make proof UPDATE=1`.", ""]
    rows = [f"{file} {function} {goals}" for file, functions in sorted(proven.items())
            for function, goals in functions.items()]
    path.write_text("\n".join(head + rows) + "\n", encoding="ascii")


def judge(proof, listed):
    """(proven functions, complaints, news) of one file, held against the list."""
    proven = {name: goals for name, goals in proof.goals.items() if name not in proof.missed}
    complaints, news = [], []
    if proof.error:
        return {}, [f"{proof.path}: Frama-C refuses it:\n{proof.error}"], news
    for name, goals in proof.missed.items():
        (complaints if name in listed else news).append(
            f"{proof.path}: {name}: not proven: {', '.join(goals)}")
    for name, goals in listed.items():
        if name not in proof.goals:
            complaints.append(f"{proof.path}: {name}: listed as proven, but there is no such contract")
        elif name in proven and proven[name] < goals:
            complaints.append(f"{proof.path}: {name}: {proven[name]} goals, listed with {goals}: "
                              "its contract says less than it did")
    news += [f"{proof.path}: {name}: proven, {goals} goals, not in the list"
             for name, goals in proven.items() if name not in listed]
    return proven, complaints, news


def files_with_contracts(from_headers):
    found = []
    for folder in ("include", "kernel", "efi"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            name = str(path.relative_to(ROOT))
            if candidates(name, from_headers):
                found.append(name)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the list anew")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", type=pathlib.Path, default=LIST)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/proof")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    build = options.build.resolve()
    prepare(build)
    from_headers = {name for path in headers() for name in contracted(path.read_text(encoding="utf-8"), ";")}
    listed = read_list(options.list)
    files = options.files or sorted(set(files_with_contracts(from_headers)) | set(listed))
    missed = lemmas_missed(build)
    complaints = [f"lemmas.h: {name}: lemmas.smt2 does not prove it" for name in missed]
    print(f"{'FAILED' if missed else 'ok':7} {len(lemmas())} lemmas about bits", flush=True)
    result = {file: functions for file, functions in listed.items() if file not in files}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for proof in pool.map(lambda path: prove_file(path, from_headers, build), files):
            proven, wrong, news = judge(proof, listed.get(proof.path, {}))
            complaints += wrong
            result[proof.path] = proven
            print(f"{'FAILED' if wrong else 'ok':7} {proof.path}: {len(proven)} functions, "
                  f"{sum(proven.values())} goals", flush=True)
            for line in wrong + news:
                print(f"        {line}", flush=True)
    if options.update:
        write_list(options.list, {file: functions for file, functions in result.items() if functions})
    print(f"proof: {sum(len(functions) for functions in result.values())} functions proven, "
          f"{sum(sum(functions.values()) for functions in result.values())} goals; "
          f"{len(complaints)} failed")
    return 1 if complaints and not options.update else 0


if __name__ == "__main__":
    sys.exit(main())
