"""Runs put together again in one process: what they share, and what is each one's own."""

import asyncio
from typing import Any

import pytest

from lrwf_cli.errors import CodeMissing
from lrwf_cli.local.assemble import Assembler
from lrwf_cli.local.drive import engine

COUNTING = """
    from lrwf_cli import Executor, WorkflowContext, handler

    class Counter(Executor):
        def __init__(self, step: int) -> None:
            self.step = step
            self.seen = 0

        @handler
        async def count(self, asked: dict, ctx: WorkflowContext) -> int:
            self.seen += self.step
            return self.seen
"""
FLOW = """
    name: counting
    input: {step: {type: integer, required: true}}
    executors:
      count: {uses: "tasks:Counter", with: {step: "${{ input.step }}"}}
"""


def test_runs_of_one_definition_share_the_graph(desk: Any) -> None:
    """A tick reads a flow once, however many runs of it are due."""
    desk.write(flow_yaml=FLOW.replace('"${{ input.step }}"', "1"), tasks_py=COUNTING)
    assemble = Assembler(desk.store)
    graphs = []
    for run_id in ("two", "five"):
        desk.leave("step=2", run_id=run_id)
        held = desk.store.hold(run_id)
        graphs.append(assemble(held, desk.store.definition(run_id)).workflow)
        held.release()
    assert graphs[0] is graphs[1]


def test_executors_are_made_for_each_run(desk: Any) -> None:
    """What hangs on a run's input is its own, and so is what its executors remember."""
    desk.write(flow_yaml=FLOW, tasks_py=COUNTING)
    desk.leave("step=2", run_id="two")
    desk.leave("step=5", run_id="five")
    done = asyncio.run(engine(desk.store, jobs=1).tick(["two", "five"]))
    assert [desk.outputs(each.run) for each in done] == [[2], [5]]


def test_another_definition_is_put_together_from_its_own(desk: Any) -> None:
    """Conformance 50: runs that began with different flows never share one."""
    desk.write(flow_yaml=FLOW, tasks_py=COUNTING)
    desk.leave("step=2", run_id="old")
    desk.write(flow_yaml=FLOW.replace("count:", "tally:"))
    desk.leave("step=2", run_id="new")
    assemble = Assembler(desk.store)
    names = []
    for run_id in ("old", "new"):
        held = desk.store.hold(run_id)
        names.append(assemble(held, desk.store.definition(run_id)).workflow.start)
        held.release()
    assert names == ["count", "tally"]


def test_what_cannot_be_put_together_is_tried_again(desk: Any) -> None:
    """Only what was found is remembered: when the code is back, the next look takes it."""
    desk.write(flow_yaml=FLOW, tasks_py=COUNTING)
    desk.leave("step=2", run_id="mine")
    assemble = Assembler(desk.store)
    held = desk.store.hold("mine")
    definition = desk.store.definition("mine")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk.store, "code", _missing)
        with pytest.raises(CodeMissing):
            assemble(held, definition)
    assert assemble(held, definition).workflow.start == "count"
    held.release()


def _missing(_: str) -> dict[str, bytes]:
    raise CodeMissing("gone")
