"""The players of the ping-pong with lrwf: for the flow file, and for the workflow that is built in Python."""

from lrwf_cli import Executor, WorkflowContext, handler

from .rally import touch

__all__ = ["Player"]


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
