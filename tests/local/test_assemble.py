"""Runs put together again in one process: what they share, and what is each one's own."""

from typing import Any

import pytest

from lrwf_cli.errors import CodeMissing
from lrwf_cli.local.assemble import Assembler

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


def test_runs_of_one_definition_share_the_graph_and_nothing_that_is_their_own(desk: Any) -> None:
    """A tick reads a flow once, however many runs of it are due; executors are made for each run, from its input."""
    desk.write(flow_yaml=FLOW, tasks_py=COUNTING)
    desk.leave("step=2", run_id="two")
    desk.leave("step=5", run_id="five")
    assemble = Assembler(desk.store)
    graphs, steps = [], []
    for run_id in ("two", "five"):
        held = desk.store.hold(run_id)
        assembly = assemble(held, desk.store.definition(run_id))
        graphs.append(assembly.workflow.executors["count"].accepts)
        held.release()
        steps.append(desk.outputs(desk.advance(run_id)))
    assert steps == [[2], [5]]
    assert graphs[0] is graphs[1]


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
