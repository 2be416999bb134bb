"""A step of a chain with lrwf: the flow file names it, once for each executor."""

from lrwf_cli import executor

__all__ = ["step"]


@executor
def step(total: dict[str, int]) -> dict[str, int]:
    """Add one to what the step before came to."""
    return {"total": total["total"] + 1}
