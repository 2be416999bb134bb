"""Executors that only play what a scenario says: instead of commands, of Python that is named in it, of polls' checks.

An `Actor` stands before a run's invoker; whatever the scenario does not name goes on to that and happens for real.
"""

import asyncio
import builtins
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from msgspec import UNSET

from lrwf_cli import errors
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects, Send
from lrwf_cli.core.model import Json
from lrwf_cli.executors.api import Executor, sends
from lrwf_cli.executors.base import Call, Desk, Invoker, Result
from lrwf_cli.executors.commands.outcome import described
from lrwf_cli.executors.context.polls import STAND_IN
from lrwf_cli.executors.failures import failed
from lrwf_cli.executors.models import is_model, make_value
from lrwf_cli.testing.scenario import Play, play_of

__all__ = ["Actor", "Script", "error_of"]


class Script:
    """What is played in one simulation, and how far that is: it outlives the processes that are simulated.

    `plays` are by executor; so are `checks`, which give what its polls find, by the number of the check.
    """

    def __init__(self, plays: Mapping[str, Sequence[Play]], checks: Mapping[str, Callable[[int], Any]]) -> None:
        self._plays = plays
        self.checks = checks
        self._turns: Counter[str] = Counter()

    def next_play(self, executor: str) -> Play | None:
        """Return what an executor plays now that it is called; `None`: it is none of those who play."""
        plays = self._plays.get(executor)
        if plays is None:
            return None
        self._turns[executor] += 1
        return play_of(plays, self._turns[executor])


class Actor:
    """Implements `Invoker` for one simulated process: plays what `script` says, and leaves the rest to `inner`."""

    def __init__(self, inner: Invoker, script: Script, executors: Mapping[str, Executor], codec: Codec) -> None:
        self._inner = inner
        self._script = script
        self._executors = executors
        self._codec = codec

    async def invoke(self, call: Call, desk: Desk) -> Result:
        """As `Invoker` says. What is played takes its time on the clock, and can be cancelled meanwhile."""
        executor = call.delivery.executor
        play = self._script.next_play(executor)
        if play is None:
            STAND_IN.set(self._script.checks.get(executor))
            return await self._inner.invoke(call, desk)
        await asyncio.sleep(play.after.total_seconds())
        if play.fails:
            return failed(error_of(executor, play), executor, call.attempt)
        return Effects((Send(self._encoded(executor, {} if play.output is UNSET else play.output)),))

    def _encoded(self, executor: str, output: Json) -> Json:
        """Return what is sent: of the class that the executor declares, if it is made of fields as `output` is."""
        declared = sends(self._executors[executor]) or ()
        models = [form.cls for form in declared if is_model(form.cls)]
        if isinstance(output, dict) and models:
            return self._codec.encode(make_value(models[0], output, f"the output of `{executor}`"))
        return self._codec.encode(output)


def error_of(executor: str, play: Play) -> Exception:
    """Return what is raised: of a class of Python or of lrwf where the name is one's, else of a class of that name."""
    if play.error is None:
        return described(executor, play.exit, "", "")
    name, _, message = (part.strip() for part in play.error.partition(":"))
    found = getattr(builtins, name, None) or getattr(errors, name, None)
    if isinstance(found, type) and issubclass(found, Exception):
        with suppress(TypeError, IndexError):  # some are made of more than a text
            return found(message)
    return cast("Exception", type(name, (Exception,), {})(message))
