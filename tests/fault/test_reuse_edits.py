"""Some sequences of reuse_edits.py, and that it notices when reuse goes wrong: each guard is taken away, and it must complain."""

import shutil

import pytest
from fault.reuse_edits import has_real_environment, run_sequence

from penstock.selftest.simulation import make_home
from penstock.service.reuse import earlier
from penstock.service.reuse.contents import Contents
from penstock.service.reuse.earlier import Verifier
from penstock.service.reuse.interpreting import Interpreting
from penstock.store import identities


@pytest.fixture(scope="module")
def home():
    folder = make_home()
    yield folder
    shutil.rmtree(folder)


def complaints(home, seeds):
    """As they are found."""
    return (problem for seed in seeds for problem in run_sequence(seed, home)[0])


def is_caught(home, seeds):
    """Whether it complains of one of these sequences. The first complaint is enough."""
    return next(complaints(home, seeds), None) is not None


def test_whatever_is_edited_reuse_gives_what_running_would_and_the_plan_comes_true(home):
    assert list(complaints(home, range(15))) == []


def test_believing_that_what_was_read_undeclared_is_as_it_was_is_caught(home, monkeypatch):
    monkeypatch.setattr(Verifier, "_is_other", lambda *_: None)
    assert is_caught(home, range(12))


def test_believing_that_outputs_are_as_they_were_published_is_caught(home, monkeypatch):
    monkeypatch.setattr(earlier, "what_is_other", lambda *_: None)
    assert is_caught(home, range(12))


def test_knowing_inputs_by_their_names_alone_is_caught(home, monkeypatch):
    monkeypatch.setattr(Contents, "_of_port", lambda self, connection, root, port, *_: port.name)
    assert is_caught(home, range(12))


def test_standing_on_a_step_that_changed_its_input_in_place_is_caught(home, monkeypatch):
    monkeypatch.setattr(identities, "spoil", lambda *_: None)
    assert is_caught(home, range(40))


def test_taking_every_environment_for_the_same_is_caught(home, monkeypatch):
    monkeypatch.setattr(Interpreting, "identify", lambda *_: "the same")
    assert is_caught(home, [seed for seed in range(300) if has_real_environment(seed)][:8])
