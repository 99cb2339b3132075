# SPDX-License-Identifier: BSD-2-Clause
"""test_soak.py - tools/soak.py believes no load that failed, was silent, or left memory otherwise than it was."""

import soak
import pytest


def load(script, state=soak.HASH, **environment):
    return soak.Load(f"sh -c '{script}'", environment, state, 10)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "LOGS", tmp_path)
    monkeypatch.setattr(soak, "WATCHDOG_SECONDS", 2)
    return lambda one, seed=7: soak.run_load("load", one, seed)


def test_a_load_that_leaves_memory_as_it_was_passes(run):
    assert run(load("echo state hash 1a before, 1a after")) == ("", "state hash 1a before, 1a after\n")


def test_the_seed_reaches_command_and_environment(run):
    assert run(load("echo state hash {seed} before, $SEED after", SEED="{seed}"), 41)[0] == ""


@pytest.mark.parametrize("script, fault", [
    ("echo state hash 1a before, 1b after", "memory is not as it was: 1a before, 1b after"),
    ("echo state hash 1a before, 1a after; exit 3", "it ended with status 3"),
    ("echo passed", "it did not tell the state of memory"),
    ("sleep 9", "no end after 2 s"),
])
def test_others_are_faults(run, script, fault):
    assert run(load(script))[0] == fault


@pytest.mark.parametrize("after, fault", [("90", ""), ("91", ""), ("89", "memory is not as it was: 90 before, 89 after")])
def test_a_kernel_may_have_more_frames_at_hand_but_not_fewer(run, after, fault):
    assert run(load(f"echo 90 at hand before, {after} after", soak.AT_HAND))[0] == fault


def test_the_first_fault_ends_it_with_the_seed_and_the_last_words(run, monkeypatch, capsys):
    monkeypatch.setitem(soak.LOADS, "frames", load("echo lost a frame; exit 1"))
    with pytest.raises(SystemExit) as end:
        soak.run_round(["frames"], 5, soak.collections.Counter())
    assert end.value.code == 1
    told = capsys.readouterr().out
    assert "soak: frames: it ended with status 1 (seed 5)" in told and "lost a frame" in told
