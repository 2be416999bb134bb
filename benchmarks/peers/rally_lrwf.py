"""The ping-pong with lrwf's Python API: `python -m benchmarks.peers.rally_lrwf SCENARIO N FOLDER`.

Every superstep is synced before the next one begins; there is no setting that would leave that out.
"""

import asyncio
import json
import sys
from time import perf_counter

from benchmarks.peers.players import Player
from lrwf_cli import FileCheckpointStorage, WorkflowBuilder


async def rally(scenario: str, strokes: int, folder: str) -> list[int]:
    """Play `strokes` supersteps, with checkpoints in `folder`, and return the outputs."""
    ping, pong = Player("ping", scenario), Player("pong", scenario)
    builder = WorkflowBuilder(name="rally", max_iterations=strokes, start_executor=ping)
    builder.add_edge(ping, pong).add_edge(pong, ping).with_checkpointing(FileCheckpointStorage(folder))
    result = await builder.build().run({"left": strokes})
    return list(result.get_outputs())


async def main(scenario: str, strokes: int, folder: str) -> None:
    """Play `strokes` supersteps and print how long it took, after one that loads what is loaded on first use."""
    await rally(scenario, 1, folder)
    began = perf_counter()
    outputs = await rally(scenario, strokes, folder)
    print(json.dumps({"seconds": perf_counter() - began, "outputs": outputs}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
