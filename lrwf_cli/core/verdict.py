"""How a run ends that has nothing left to do: completed, failed, stuck, or deeper than it may be."""

from lrwf_cli.core.asking import is_asking
from lrwf_cli.core.events import RunCompleted, RunFailed
from lrwf_cli.core.looking_after import is_awaited
from lrwf_cli.core.model import FanIn, Workflow
from lrwf_cli.core.run import Failure, Run

__all__ = ["verdict"]


def verdict(workflow: Workflow, run: Run) -> tuple[RunCompleted | RunFailed, ...]:
    """Return the end of `run`, if there is nothing left to do in it that could be done now."""
    if run.started:
        return ()
    if run.in_flight:
        return _too_deep(workflow, run)
    if run.error is not None:
        return (RunFailed(run.error),)
    if run.waiting or is_asking(run) or is_awaited(run):
        return ()
    silent = next((group for group in workflow.edges if isinstance(group, FanIn) and _is_stuck(run, group)), None)
    return (RunCompleted(),) if silent is None else (RunFailed(_stuck(run, silent)),)


def _too_deep(workflow: Workflow, run: Run) -> tuple[RunFailed, ...]:
    ready = [executor for executor in run.executors if executor in run.ready and not run.is_held_up(executor)]
    if any(each.delivery.superstep <= run.max_iterations for executor in ready for each in run.ready[executor]):
        return ()  # only a free place is missing
    loops = ((executor, _loop(workflow, executor)) for executor in ready)
    executor, loop = next((found for found in loops if found[1]), (ready[0], []))
    what = f"the loop `{' -> '.join(loop)}`" if loop else f"the way to `{executor}`"
    error = Failure(
        "IterationLimit",
        f"{what} is deeper than max_iterations allows: {run.max_iterations}",
        executor,
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


def _is_stuck(run: Run, fan_in: FanIn) -> bool:
    """Whether messages are left over in `fan_in`. One that needs only some sources has had enough once it fired."""
    return fan_in.id in run.queues and (fan_in.need is None or fan_in.target not in run.tallies)


def _stuck(run: Run, fan_in: FanIn) -> Failure:
    waiting = run.queues[fan_in.id]
    held = sum(len(queue) for queue in waiting.values())
    silent = ", ".join(f"`{source}`" for source in fan_in.sources if source not in waiting)
    return Failure(
        "RunStuck",
        f"`{fan_in.target}` still waits for a message of {silent}; {held} of its other sources' are left over",
        fan_in.target,
        hint="let every source send equally often, or say `need: any`",
    )
