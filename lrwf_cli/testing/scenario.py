"""What the world does in a simulation: who answers what, how commands fare, what polls find. Values only.

How a scenario is read from a file or a mapping is in `scenario_file`; who acts it out is in `acting` and `replying`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import UNSET, UnsetType

from lrwf_cli.core.model import Json

__all__ = ["Play", "Reply", "Scenario", "play_of", "reply_to", "status_of"]


class Reply(msgspec.Struct, frozen=True):
    """An answer to a request, `after` it was opened. `value` is the choice or the value, `data` an object beside it.

    `by` is the name of who answers; `None`: somebody who may. `place` is where it is written, for messages.
    """

    value: Json = None
    data: Json = None
    comment: str | None = None
    by: str | None = None
    after: timedelta = timedelta()
    place: str = ""


class Play(msgspec.Struct, frozen=True):
    """What a command (or an executor) does when it is called, and how long that takes.

    It ends with `exit`, or raises `error` (`Name` or `Name: message`), else gives `output` (nothing said: `{}`). With
    `times` it fails so often, and succeeds from then on. Without, it does so whenever it is its turn.
    """

    exit: int = 0
    error: str | None = None
    output: Json | UnsetType = UNSET
    after: timedelta = timedelta()
    times: int | None = None

    @property
    def fails(self) -> bool:
        """Whether it ends badly."""
        return self.exit != 0 or self.error is not None

    @property
    def success(self) -> "Play":
        """The same, but that it ends well."""
        return Play(output=self.output, after=self.after)


class Scenario(msgspec.Struct, frozen=True):
    """What happens outside of a run, by executor. An empty one: nobody answers, every command succeeds with `{}`.

    `start_at` is when the run begins; naive: in the flow's zone; `None`: Monday, 5 January 2026, at nine.
    `answers`: one reply for every request of an executor, or one for each in turn (`None`: nobody answers that one).
    `commands` and `executors` (those of Python): what is played, one after the other; the last one stays. `polls`:
    what a poll's checks find, in turn, each time it is begun; the last one stays.
    """

    start_at: datetime | None = None
    answers: Mapping[str, Reply | Sequence[Reply | None]] = {}
    commands: Mapping[str, Sequence[Play]] = {}
    polls: Mapping[str, Sequence[Json]] = {}
    executors: Mapping[str, Sequence[Play]] = {}


def reply_to(scenario: Scenario, executor: str, number: int) -> Reply | None:
    """Return what is said to the request number `number` (from 1) of an executor; `None`: nothing."""
    replies = scenario.answers.get(executor)
    if replies is None or isinstance(replies, Reply):
        return replies
    return replies[number - 1] if number <= len(replies) else None


def play_of(plays: Sequence[Play], number: int) -> Play:
    """Return what is played the `number`-th time, from 1."""
    for position, play in enumerate(plays):
        is_last = position == len(plays) - 1
        span = play.times if play.times is not None else 1
        if number <= span or (is_last and play.times is None):
            return play
        if is_last:
            return play.success
        number -= span
    return Play()


def status_of(statuses: Sequence[Json], number: int) -> Json:
    """Return what the `number`-th check of a poll finds, from 1."""
    return statuses[min(number, len(statuses)) - 1]
