"""How the log of a handler's kept awaits grows and folds. Pure; what a place is says `suspended`."""

from lrwf_cli.core.suspended import Kept

__all__ = ["keep"]


def keep(log: dict[str, list[Kept]], entry: Kept) -> None:
    """Add `entry` to `log`, the kept awaits by lane; drop what it makes superfluous.

    The entries of a lane come in the order in which they returned, so that what was kept inside an await is the end of
    its lane's list when that await is kept itself. Only an entry that `folds` looks at other lanes: its cost is what it
    drops, and the number of lanes.
    """
    lane = log.setdefault(entry.lane, [])
    if entry.folds:
        inside = f"{entry.path}." if entry.path else ""
        while lane and lane[-1].path.startswith(inside):
            lane.pop()
        for name in [name for name in log if _is_inside(name, entry)]:
            del log[name]
    lane.append(entry)


def _is_inside(lane: str, entry: Kept) -> bool:
    """Whether `lane` was made inside the await that `entry` keeps: while it went on, or in a helper that it awaited."""
    if not entry.path:
        return lane.startswith(f"{entry.lane}/")
    return lane.startswith((f"{entry.lane}/{entry.path}~", f"{entry.lane}/{entry.path}."))
