"""What handlers in this process find in `os.environ`: the driver's environment, and what their flow gives them."""

import asyncio
import os
import threading
from os import environ

import pytest

from lrwf_cli.executors.environs import overlaid
from lrwf_cli.executors.threads import in_thread


def test_what_is_given_is_seen_beside_the_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way one looks; nothing of it is there before and afterwards."""
    monkeypatch.setenv("HERE", "driver")
    with overlaid({"HERE": "flow", "THERE": "flow"}):
        assert (environ["HERE"], os.getenv("THERE"), "THERE" in environ) == ("flow", "flow", True)
        assert dict(environ)["HERE"] == environ.copy()["HERE"] == "flow"
        assert len(environ) == len(list(environ)) == len(set(environ))
        assert "PATH" in environ
    assert (environ["HERE"], "THERE" in environ) == ("driver", False)
    assert os.getenv("THERE") is None


def test_two_handlers_at_once_see_what_each_was_given() -> None:
    """Runs share a process; tasks and threads that a handler starts see what it sees."""
    meet = threading.Barrier(2, timeout=30)

    async def handle(value: str) -> tuple[str, str]:
        def look() -> str:
            meet.wait()
            return environ["WHO"]

        with overlaid({"WHO": value}):
            return await in_thread(look), await asyncio.create_task(asyncio.to_thread(os.getenv, "WHO", ""))

    async def both() -> tuple[tuple[str, str], ...]:
        return await asyncio.gather(handle("one"), handle("other"))

    assert tuple(asyncio.run(both())) == (("one", "one"), ("other", "other"))


def test_what_a_handler_writes_over_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was given is changed for this handler; any other for the process, as ever."""
    monkeypatch.delenv("NEW", raising=False)
    with overlaid({"GIVEN": "1"}):
        environ["GIVEN"] = "2"
        environ["NEW"] = "3"
        assert (environ["GIVEN"], environ["NEW"]) == ("2", "3")
        del environ["GIVEN"]
        assert "GIVEN" not in environ
        with pytest.raises(KeyError):
            del environ["GIVEN"]
    assert (os.getenv("GIVEN"), environ.pop("NEW")) == (None, "3")
