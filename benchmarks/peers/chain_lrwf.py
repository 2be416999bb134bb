"""A step of a chain with lrwf: the flow file names it, once for each executor."""

__all__ = ["step"]


def step(total: dict[str, int]) -> dict[str, int]:
    """Add one to what the step before came to."""
    return {"total": total["total"] + 1}
