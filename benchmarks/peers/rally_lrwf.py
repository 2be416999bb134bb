"""The ping-pong with lrwf's Python API: `python -m benchmarks.peers.rally_lrwf SCENARIO N FOLDER`.

Every superstep is synced before the next one begins; there is no setting that would leave that out.
"""

import asyncio
import json
import sys
from time import perf_counter

from benchmarks.peers.players import Player
from lrwf_cli import FileCheckpointStorage, WorkflowBuilder


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
