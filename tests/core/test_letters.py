"""Letters: each is acted upon once, in its own epoch, and never stands in anybody's way."""

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.events import MailTaken, RunPaused
from lrwf_cli.core.model import UNKNOWN, Direct
from tests.core.simulation import ORIGIN, Simulation, effects, flow


def letter(id_: str, command: c.Pause | c.Resume | c.Cancel | None = None, *, epoch: int = 0) -> c.TakeMail:
    """Return a letter."""
    return c.TakeMail(id_, epoch, "steer", command)


def begun() -> Simulation:
    """Return a run with one handler at work."""
    simulation = Simulation(flow("a", Direct("a", "b")))
    simulation.publish(c.Start("sim", 5, ORIGIN))
    simulation.take()
    return simulation


def test_a_letter_is_acted_upon_in_the_frame_that_takes_it() -> None:
    """I7: that it was taken and what it led to are one commit, and the fold remembers it."""
    simulation = begun()
    events = simulation.decide(letter("one", c.Pause(reason="lunch")))
    assert events == (MailTaken("one", "steer"), RunPaused(reason="lunch"))
    simulation.mail.append(letter("one", c.Pause()))
    simulation.turn()
    assert simulation.now_run.mail == {"one": simulation.now_run.seq}


def test_the_same_letter_twice_is_taken_once() -> None:
    """I7: a letter that a crash left standing after it was taken changes nothing the second time."""
    simulation = begun()
    simulation.mail = [letter("one", c.Pause()), letter("two", c.Resume())]
    simulation.turn()
    assert simulation.now_run.status == "running"
    assert simulation.decide(letter("one", c.Pause())) == ()
    assert simulation.go_on().now_run.status == "completed"


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_letter_of_another_epoch_is_discarded(epoch: int) -> None:
    """I7: what was asked of a run before it was rewound is not asked of what it is now."""
    simulation = begun()
    simulation.publish(c.Rewind(simulation.past(1)))
    assert simulation.decide(letter("old", c.Cancel(), epoch=epoch)) == ()
    assert simulation.decide(letter("new", c.Cancel(), epoch=1)) != ()


def test_a_rewind_forgets_letters_of_its_past() -> None:
    """I7: in a new epoch no letter has been taken yet, and in a fork neither."""
    simulation = begun()
    simulation.mail.append(letter("one", c.Pause()))
    simulation.turn()
    past = simulation.past(len(simulation.disk))
    fork = Simulation(simulation.workflow)
    fork.publish(c.Fork("fork", past))
    assert fork.now_run.mail == {}
    simulation.publish(c.Rewind(past))
    assert (simulation.now_run.mail, simulation.now_run.status) == ({}, "running")


def test_a_letter_that_came_too_late_is_taken_all_the_same() -> None:
    """A pause for a run that has ended has nobody to be told; it is taken, and nothing follows from it."""
    simulation = Simulation(flow("a")).start()
    assert simulation.decide(letter("late", c.Pause())) == (MailTaken("late", "steer"),)
    assert simulation.decide(letter("late", c.Cancel())) == (MailTaken("late", "steer"),)
    simulation.mail.append(letter("late", c.Cancel()))
    simulation.commit(*simulation.mail)
    assert (simulation.now_run.status, list(simulation.now_run.mail)) == ("completed", ["late"])


def test_a_letter_of_an_unknown_kind_is_taken() -> None:
    """What a newer version wrote is journaled and does nothing."""
    assert begun().decide(letter("what")) == (MailTaken("what", "steer"),)


def test_letters_need_no_workflow() -> None:
    """A run whose flow cannot be loaded can be paused and cancelled by mail."""
    simulation = begun()
    simulation.workflow = UNKNOWN
    assert len(simulation.decide(letter("one", c.Cancel()))) == 2


def test_two_letters_in_one_frame_are_taken_in_turn() -> None:
    """I7: each is decided against the run as the one before left it."""
    simulation = begun()
    simulation.handlers["a"] = lambda _: effects()
    simulation.mail = [letter("one", c.Pause()), letter("two", c.Pause()), letter("three", c.Cancel())]
    simulation.turn()
    assert simulation.now_run.status == "cancelled"
    assert set(simulation.now_run.mail) == {"one", "two", "three"}
    assert len({*simulation.now_run.mail.values()}) == 1
