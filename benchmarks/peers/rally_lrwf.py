"""The ping-pong with lrwf: `python -m benchmarks.peers.rally_lrwf SCENARIO N FOLDER`, or `Player` from a flow file.

Every superstep is synced before the next one begins; there is no setting that would leave that out.
"""

import asyncio
import json
import sys
from time import perf_counter

from lrwf_cli import Executor, FileCheckpointStorage, WorkflowBuilder, WorkflowContext, handler

from .rally import touch


class Player(Executor):
    """Hits the ball back until nothing is left."""

    def __init__(self, id: str, scenario: str) -> None:  # noqa: A002 - the name that flow files know it by
        super().__init__(id)
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


async def main(scenario: str, strokes: int, folder: str) -> None:
    """Play `strokes` supersteps and print how long it took."""
    ping, pong = Player("ping", scenario), Player("pong", scenario)
    builder = WorkflowBuilder(name="rally", max_iterations=strokes, start_executor=ping)
    builder.add_edge(ping, pong).add_edge(pong, ping).with_checkpointing(FileCheckpointStorage(folder))
    workflow = builder.build()
    began = perf_counter()
    result = await workflow.run({"left": strokes})
    seconds = perf_counter() - began
    print(json.dumps({"seconds": seconds, "outputs": result.get_outputs()}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
