"""How a run ends that has nothing left to do: completed, failed, stuck, or deeper than it may be."""

from lrwf_cli.core.events import Event, RunCompleted, RunFailed
from lrwf_cli.core.model import FanIn, Workflow
from lrwf_cli.core.run import Failure, Run

__all__ = ["verdict"]


def verdict(workflow: Workflow, run: Run) -> tuple[Event, ...]:
    """Return the end of `run`, if there is nothing left to do in it that could be done now."""
    if run.started:
        return ()
    if run.ready:
        return _too_deep(workflow, run)
    if run.error is not None:
        return (RunFailed(run.error),)
    if run.waiting:
        return ()
    if run.queues:
        return (RunFailed(_stuck(workflow, run)),)
    return (RunCompleted(),)


def _too_deep(workflow: Workflow, run: Run) -> tuple[Event, ...]:
    ready = [invocation.delivery for queue in run.ready.values() for invocation in queue]
    if any(delivery.superstep <= run.max_iterations for delivery in ready):
        return ()  # only a free place is missing
    deep = ready[0]
    loop = " -> ".join(_loop(workflow, deep.executor)) or deep.executor
    error = Failure(
        "IterationLimit",
        f"the loop `{loop}` is deeper than max_iterations allows: {run.max_iterations}",
        deep.executor,
        hint=f"if it is meant to go on: lrwf retry {run.id} --max-iterations {2 * run.max_iterations}",
    )
    return (RunFailed(run.error or error),)


def _loop(workflow: Workflow, executor: str) -> list[str]:
    """Return a shortest way from `executor` back to itself; empty if there is none."""
    ways = [[executor]]
    seen: set[str] = set()
    for way in ways:
        for target in workflow.reachable_from(way[-1]):
            if target == executor:
                return [*way, executor]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return []


def _stuck(workflow: Workflow, run: Run) -> Failure:
    group = next(iter(run.queues))
    fan_in = next(g for g in workflow.edges if isinstance(g, FanIn) and g.id == group)
    waiting = run.queues[group]
    held = sum(len(queue) for queue in waiting.values())
    silent = ", ".join(f"`{source}`" for source in fan_in.sources if source not in waiting)
    return Failure(
        "RunStuck",
        f"`{fan_in.target}` still waits for a message of {silent}; {held} of its other sources' are left over",
        fan_in.target,
        hint="let every source send equally often, or say `need: any`",
    )
