"""The executor that trains: it submits a job and asks how it stands, for as long as that takes.

No process waits meanwhile. Each await is kept as it returns: killed after `submit` has returned, the handler goes on
behind it. Killed before, it cannot know whether the job was submitted, so it asks for the same one once more: the
idempotency key is that of the message, whatever attempt this is.
"""

from datetime import timedelta
from typing import Any

from jobs import JobFailed, JobService

from lrwf_cli import ExponentialBackoff, LongRunningExecutor, WorkflowContext, executor, handler


class TrainingExecutor(LongRunningExecutor):
    """Has a model trained by a job server, and sends where it is."""

    def __init__(self, server: str, first_pause: float, longest_pause: float) -> None:
        super().__init__()
        self.service = JobService(server)
        self.backoff = ExponentialBackoff(initial=first_pause, max=longest_pause)

    @handler
    async def train(self, asked: dict[str, Any], ctx: WorkflowContext[dict[str, str]]) -> None:
        """Submit, wait until it is over, and tell where the model is."""
        job = await self.service.submit(
            dataset=asked["dataset"], epochs=asked["epochs"], seconds=asked["seconds"], key=ctx.idempotency_key
        )
        status = await ctx.poll_until_complete(
            check=lambda: self.service.status(job),
            is_complete=lambda status: status.is_over,
            max_duration=timedelta(hours=6),
            backoff=self.backoff,
        )
        if status.state == "failed":
            raise JobFailed(f"job {job.id}: {status.error}")
        ctx.set_state("model", job.model_url)
        await ctx.send_message({"job": job.id, "model": job.model_url})


@executor
def leave_it(answer: dict[str, Any]) -> dict[str, Any]:
    """Ship nothing, and say who has decided so."""
    return {"shipped": None, "by": "nobody in time" if answer["expired"] else answer["by"]}
