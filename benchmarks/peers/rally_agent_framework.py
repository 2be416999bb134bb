"""The ping-pong with Microsoft's Agent Framework: `python -m benchmarks.peers.rally_agent_framework SCENARIO N FOLDER`.

`FileCheckpointStorage` as its documentation shows it: a checkpoint after each superstep, one file each. It syncs
nothing, and has no setting that would.
"""

import asyncio
import json
import sys
from time import perf_counter

from agent_framework import Executor, FileCheckpointStorage, WorkflowBuilder, WorkflowContext, handler

from benchmarks.peers.rally import touch


class Player(Executor):
    """Hits the ball back until nothing is left."""

    def __init__(self, id: str, scenario: str) -> None:  # noqa: A002 - the framework's own name
        super().__init__(id=id)
        self.scenario = scenario

    @handler
    async def play(self, ball: dict[str, int], ctx: WorkflowContext[dict[str, int], int]) -> None:
        """Touch the state and send the ball back."""
        left = ball["left"]
        touch(self.scenario, left, ctx.get_state, ctx.set_state)
        if left > 1:
            await ctx.send_message({"left": left - 1})
        else:
            await ctx.yield_output(left)


async def rally(scenario: str, strokes: int, folder: str) -> list[int]:
    """Play `strokes` supersteps, with checkpoints in `folder`, and return the outputs."""
    ping, pong = Player("ping", scenario), Player("pong", scenario)
    storage = FileCheckpointStorage(folder)
    builder = WorkflowBuilder(start_executor=ping, max_iterations=strokes + 1, checkpoint_storage=storage)
    result = await builder.add_edge(ping, pong).add_edge(pong, ping).build().run({"left": strokes})
    return list(result.get_outputs())


async def main(scenario: str, strokes: int, folder: str) -> None:
    """Play `strokes` supersteps and print how long it took, after one that loads what is loaded on first use."""
    await rally(scenario, 1, folder)
    began = perf_counter()
    outputs = await rally(scenario, strokes, folder)
    print(json.dumps({"seconds": perf_counter() - began, "outputs": outputs}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
