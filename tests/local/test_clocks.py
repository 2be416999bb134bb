"""Clocks that are set while runs wait, and while they are driven: by hours, back and forth, at any frame."""

import asyncio
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrwf_cli.core.run import Run
from lrwf_cli.engine.given import Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.local.assemble import Assembler
from lrwf_cli.store.base import Frame
from tests.local.living import START, Living

FLOW = """
    name: clocks
    timeout: 90d
    executors:
      begin: {uses: parts:begin}
      nap: {wait: {for: 30m}}
      knock: {uses: parts:knock, retry: {max_attempts: 4, initial: 20m, max: 20m, jitter: 0}}
      look: {uses: parts:look}
      approve:
        ask: {prompt: "Ship it?", choices: [ship, stop], expires: 3h, on_expiry: stop}
      end: {uses: parts:end}
    edges:
      - {from: begin, to: [nap, knock, look, approve]}
      - {from: [nap, knock, look, approve], to: end}
    """
PARTS = """
    from pathlib import Path

    from lrwf_cli import ExponentialBackoff, WorkflowContext, executor

    def note(what):
        with Path("%s", "notes").open("a") as notes:
            notes.write(f"{what}\\n")

    @executor
    def begin(asked: dict) -> dict:
        return asked

    @executor
    def knock(asked: dict, ctx: WorkflowContext) -> str:
        note(f"knock {ctx.attempt}")
        if ctx.attempt < 4:
            raise ConnectionError("nobody is at home")
        return "home"

    @executor
    async def look(asked: dict, ctx: WorkflowContext) -> str:
        found = []

        def check():
            found.append(1)
            note("look")
            return Path("%s", "notes").read_text().count("look")

        count = await ctx.poll_until_complete(
            check=check, is_complete=lambda seen: seen >= 3, backoff=ExponentialBackoff(initial=900, max=900, jitter=0)
        )
        return f"seen {count} times"

    @executor
    def end(all: list) -> list:
        note("end")
        return [all[1], all[2], all[3]["choice"], all[3]["expired"]]
    """
JUMPS = st.lists(
    st.sampled_from([-120, -60, -1, 0, 1, 19, 21, 60, 120]).map(lambda m: timedelta(minutes=m)), max_size=12
)


class Jumping(Living):
    """A run whose clock is set at each frame while there are `jumps`; the run's own time has no say in that."""

    def __init__(self, folder: Path, jumps: list[timedelta]) -> None:
        super().__init__(folder, FLOW, parts=PARTS.replace("%s", str(folder)))
        self.jumps = jumps

    def cron(self) -> None:
        """Do what a tick does: drive what is due, and nothing else."""
        for due in self.store.due(self.clock.now()):
            asyncio.run(self._engine().advance(due.run_id))

    def notes(self) -> Counter[str]:
        return Counter((self.folder / "notes").read_text().splitlines())

    def _engine(self) -> Engine:
        return Engine(
            self.store,
            self.clock,
            Assembler(self.store, self.clock),
            process=Process("this boot"),
            jobs=4,
            observe=self._set_the_clock,
        )

    def _set_the_clock(self, frame: Frame, run: Run) -> None:
        if self.jumps:
            self.clock.jump(self.jumps.pop())


@pytest.mark.slow
@settings(max_examples=4)
@given(while_driven=JUMPS, between=JUMPS)
def test_clocks_that_jump_delay_and_hasten_and_never_repeat_or_lose(
    while_driven: list[timedelta], between: list[timedelta]
) -> None:
    """Conformance 33: poll, retry, timer and expiry happen once each, whatever the clock does, and the run ends."""
    with tempfile.TemporaryDirectory() as folder:
        living = Jumping(Path(folder), while_driven)
        run = living.begin()
        for jump in between:
            living.clock.jump(jump)
            living.cron()
        run = living.end(living.store.load("r"))
        assert run.status == "completed"
        assert living.outputs(run) == [["home", "seen 3 times", "stop", True]]
        assert living.notes() == {"knock 1": 1, "knock 2": 1, "knock 3": 1, "knock 4": 1, "look": 3, "end": 1}


def test_after_a_night_in_which_the_machine_slept_all_of_it_is_done_at_once(tmp_path: Path) -> None:
    """Conformance 33: the first tick does whatever was due, in one pass; what follows from it later is not hastened."""
    living = Jumping(tmp_path, [])
    living.begin()
    living.clock.jump(timedelta(hours=9))
    living.cron()
    assert living.notes() == {"knock 1": 1, "knock 2": 1, "look": 2}
    run = living.store.load("r")
    assert run.requests["approve"].answer is not None
    assert [due.at - START for due in living.store.due(START + timedelta(days=9))] == [timedelta(hours=9, minutes=15)]


def test_a_clock_that_is_set_back_delays_by_as_much(tmp_path: Path) -> None:
    """Conformance 33: the instants stand; nothing happens before the clock shows them, and nothing twice."""
    living = Jumping(tmp_path, [])
    living.begin()
    living.clock.jump(timedelta(minutes=16))
    living.cron()
    before = living.notes()
    living.clock.jump(timedelta(hours=-1))
    for _ in range(3):
        living.clock.jump(timedelta(minutes=15))
        living.cron()
        assert living.notes() == before
    living.clock.jump(timedelta(minutes=20))
    living.cron()
    assert living.notes()["knock 2"] == before["knock 2"] + 1
