"""What a handler leaves behind when it suspends: what it has kept, what it waits for, what it asks. Values only.

A *place* is a lane and a path in it. The lane `""` is the handler itself; a task that it makes has a lane of its
own, named after the place where it was made. A path is the ordinals of the awaits that lead there, outermost first:
`3` is the third await of the lane's function, `3.1` the first await inside the helper that the third one awaits.
"""

from datetime import datetime
from typing import Literal

import msgspec

from lrwf_cli.core.background import Begin
from lrwf_cli.core.model import Json
from lrwf_cli.core.person import Person

__all__ = ["CRASH", "START", "Answer", "Ask", "Kept", "Request", "Suspension", "Wait", "WaitKind"]

CRASH = "crash"
"""The path of the question what to do after a crash: no await has it."""

START = "0"
"""The path of the beginning of a lane, kept for its turn: what others had done by then is so again on the way back."""

WaitKind = Literal["timer", "poll", "request", "background", "child"]


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """An await that has returned or raised: it is read, and not run, when the handler comes by again.

    `what` names what was awaited; together with `digest`, which is of its arguments (empty if they have no JSON
    form), it tells whether the handler has come by the same place. `error` is an encoded exception; else `value` is
    what it returned. The path `""` is the end of a lane. `folds`: something was kept inside it, or in lanes made inside
    it, which is not needed any more. `lasts`: a `ctx.step`, which is kept for later attempts too; `start` is then the
    one in which it came by. `turn` counts what returned in all lanes from the second one on: a handler that comes by
    again finds it in the same order. `anew`: only its turn is kept, and it is run again (a lock, a queue, a `wait`).
    `acts` are the effects that it has had inside: they happen again when it is read, as those of the handler itself do.
    `changes` says what it has changed of what it was given, for whoever reads it to make so again, and which part of
    that it returned, if it returned that.
    """

    lane: str
    path: str
    what: str
    digest: str = ""
    value: Json = None
    error: Json = None
    folds: bool = False
    lasts: bool = False
    turn: int = 0
    anew: bool = False
    start: int = 0
    acts: Json = None
    changes: Json = None


class Wait(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one lane of a suspended handler waits for, under the place of the await that waits.

    `due_at`: when to wake it (for a request: its expiry); `None`: not by time. `request` is the id of the request that
    it waits for, and `hears` those of this invocation's requests whose answer wakes it before its time; `task` is the
    background work that it waits for, which was asked for at `begun_at`. All three are set by the core. `since` is when
    this await began to wait, `count` how many checks there were, `detail` a word for people (the last status of a
    poll). `data` is whatever the await wants to find again when it is woken.
    """

    kind: WaitKind
    lane: str
    path: str
    what: str
    since: datetime
    due_at: datetime | None = None
    request: str | None = None
    task: str | None = None
    begun_at: tuple[str, str] | None = None
    hears: tuple[str, ...] = ()
    count: int = 0
    detail: str | None = None
    data: Json = None


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question to a person or a program outside, under the place of what asks it.

    `choices`: the answer is one of these texts. `schema`: the form of the answer, in the grammar of a flow's `input:`
    (a mapping of names), or one declaration `{"type": ...}` for a bare value. `response_type`: the tag of the type that
    the answer is decoded to, `None` for plain JSON. `default` is the answer on expiry if `has_default`; else expiry
    raises RequestExpired. `calls`: nobody waits, the answer becomes a delivery for a `@response_handler`; `data` is
    what was asked, encoded. `allowed_users`: names that may answer; empty means anyone.
    """

    lane: str
    path: str
    prompt: str
    choices: tuple[str, ...] = ()
    schema: Json = None
    response_type: str | None = None
    expires_at: datetime | None = None
    has_default: bool = False
    default: Json = None
    calls: bool = False
    data: Json = None
    allowed_users: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was answered, by whom and when. `value` is the choice or the value, `data` an object beside it.

    `expired`: nobody answered in time, and this stands for the answer; its `value` is the default, if there is one.
    """

    at: datetime
    value: Json = None
    data: Json = None
    comment: str | None = None
    by: Person | None = None
    expired: bool = False


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question that was asked. Open until there is an `answer`; the first one stands.

    `id` is the executor's id, then `approve.2`, `approve.3`: a person types it. `delivery` is the invocation that
    asked, `superstep` and `path` its place: that is where an answer that `calls` comes from.
    """

    id: str
    executor: str
    delivery: str
    ask: Ask
    opened_at: datetime
    superstep: int = 1
    path: tuple[int, ...] = ()
    answer: Answer | None = None
    withdrawn: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it may still be answered."""
        return self.answer is None and not self.withdrawn


class Suspension(msgspec.Struct, frozen=True):
    """What an invocation comes back with when it cannot go on by itself.

    `kept` is what it has kept since it was entered, in the order in which it returned, lane by lane; `waits` is what
    each of its lanes waits for now (all of them: earlier ones are forgotten); `asks` are the questions that are new
    or still open. `begins` is the background work that it has asked for so far, `tells` the places of what is to end.
    """

    kept: tuple[Kept, ...]
    waits: tuple[Wait, ...]
    asks: tuple[Ask, ...] = ()
    begins: tuple[Begin, ...] = ()
    tells: tuple[tuple[str, str], ...] = ()
