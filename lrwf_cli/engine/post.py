"""What has come for a run from outside: letters, answers to its requests, and expiries, as commands."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from lrwf_cli.core.asking import expired, expiring
from lrwf_cli.core.commands import Respond, TakeMail
from lrwf_cli.core.run import Run
from lrwf_cli.engine.letters import command_in
from lrwf_cli.store.base import Held, Letter

__all__ = ["expiries", "opened"]

PATIENCE = timedelta(minutes=1)
"""How long a letter waits for the answer that it announces: whoever answers leaves it first."""


def opened(held: Held, letters: list[Letter], now: datetime) -> Iterator[tuple[Letter, TakeMail]]:
    """Yield the letters that can be taken, each with the command for that."""
    for letter in letters:
        command = command_in(letter) if letter.kind != "answered" else _answer_in(held, letter)
        if letter.kind != "answered" or command is not None or now - letter.at > PATIENCE:
            yield letter, TakeMail(letter.id, letter.epoch, letter.kind, command)


def _answer_in(held: Held, letter: Letter) -> Respond | None:
    request = letter.data.get("request") if isinstance(letter.data, dict) else None
    answer = held.answered(request) if isinstance(request, str) else None
    return Respond(str(request), answer) if answer is not None else None


def expiries(held: Held, run: Run, now: datetime) -> list[Respond]:
    """Return the answers to requests whose time is up: somebody may have been faster, and then that counts."""
    return [Respond(each.id, held.answer(each.id, expired(each, now))) for each in expiring(run, now)]
