# SPDX-License-Identifier: BSD-2-Clause
"""What docs/monitor.md and docs/events.schema.json say is what there is."""

import json
import pathlib
import re
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/monitor.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "docs/events.schema.json").read_text(encoding="utf-8"))
EVENTS = SCHEMA["properties"]["event"]["enum"]


def sources():
    return [path.read_text(encoding="utf-8") for path in (ROOT / "kernel").rglob("*.c")]


def commands():
    table = (ROOT / "kernel/monitor/commands.c").read_text(encoding="utf-8")
    return re.findall(r'^    \{ "([a-z]+)", "', table, re.MULTILINE)


def test_every_command_has_a_section():
    """Each command of the table has a section, and no other section claims to be one."""
    sections = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    assert sorted(name for title in sections for name in title.split(" and ")) == sorted(commands())


def test_every_event_is_described():
    """The events that the kernel's sources name, the schema's and the page's are the same."""
    named = {name for text in sources()
             for name in re.findall(r'json_begin\([^;]*?"([a-z_]+)"\)', text)}
    named |= {name for text in sources()  # one of two names, chosen in the call
              for pair in re.findall(r'json_begin\([^;]*\? "([a-z_]+)" : "([a-z_]+)"\)', text)
              for name in pair}
    rows = re.findall(r"^\| `([a-z_]+)` \| [A-Z]", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(EVENTS)
    assert named == set(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_members_are_listed(name):
    """The row of an event lists exactly the members of the schema, optional ones in brackets."""
    row = re.search(rf"^\| `{name}` \| .* \| (.*) \|$", PAGE, re.MULTILINE).group(1)
    part = SCHEMA["$defs"][name]
    members = [member if member in part["required"] else f"[{member}]"
               for member in part["properties"] if member not in ("meridian", "event")]
    assert row == (", ".join(members) or "none")


def test_schema_is_one():
    """The schema is valid itself, and refuses an event that lacks something or has too much."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    good = {"meridian": 1, "event": "exit", "code": 16}
    assert validator.is_valid(good)
    for bad in ({**good, "meridian": 2}, {**good, "event": "leave"}, {**good, "code": "16"},
                {**good, "more": 1}, {"meridian": 1, "event": "exit"}):
        assert not validator.is_valid(bad), bad


def test_hosted_events_are_the_same():
    """build/host/meridian-map --json --changes prints events of the same schema."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    maps = sorted((ROOT / "tests/data/maps/efi").glob("*.map"))[:4]
    for path in maps:
        done = subprocess.run([ROOT / "build/host/meridian-map", "--json", "--changes", path],
                              stdout=subprocess.PIPE, encoding="utf-8", check=True, timeout=30)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert events
        for event in events:
            problems = [problem.message for problem in validator.iter_errors(event)]
            assert not problems, f"{path.name}: {event}: {problems}"
