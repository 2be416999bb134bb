"""Why a handler cannot go on, or cannot suspend: the sentences, each with file, line and remedy."""

import linecache
from types import CodeType, FrameType
from typing import Any, NamedTuple

from lrwf_cli.core.suspended import START, Kept
from lrwf_cli.errors import LrwfError, NotKeepable, ReplayDiverged, SuspensionRefused

__all__ = [
    "Blemish",
    "Spot",
    "changed_arguments",
    "diverged",
    "in_foreign",
    "never_came_by",
    "not_compiled",
    "not_decodable",
    "not_in_a_lane",
    "not_keepable",
    "refused",
    "spot_of",
    "survived",
    "under_timeout",
    "unkept",
]

_RESTART = "give the handler back the awaits that it had, or begin it anew: `lrwf resume --restart-handler`"


class Spot(NamedTuple):
    """A line of the author's code, and the function that it is in."""

    filename: str
    line: int
    column: int
    function: str

    def __str__(self) -> str:
        place = f"{self.filename}:{self.line}"
        return f"{place}:{self.column}" if self.column else place


def spot_of(thing: FrameType | CodeType | Any, site: tuple[int, int] | None = None) -> Spot:
    """Return the place of an await in a function; of a function that is running, the line that it is on."""
    code = thing if isinstance(thing, CodeType) else thing.f_code
    line = thing.f_lineno if isinstance(thing, FrameType) else code.co_firstlineno
    line, column = site or (line or code.co_firstlineno, 0)
    return Spot(code.co_filename, line, column, _plain(code.co_qualname))


class Blemish(NamedTuple):
    """What happened to a handler on its way, so that it could not be brought back to where it is.

    `is_moot_at_end`: not if its lane has ended of it, as whoever has ended it comes by again.
    """

    spot: Spot
    reason: str
    hint: str
    is_value: bool = False
    is_moot_at_end: bool = False


def refused(blemish: Blemish, what: str, spot: Spot | None) -> LrwfError:
    """Return why a handler cannot suspend at `spot`: on its way back it would not get there as it did."""
    who = f"`{spot.function}` cannot suspend at `{what}`" if spot else f"`{what}` cannot suspend"
    message = f"{spot or blemish.spot}: {who}: {_on_line(blemish, spot)}"
    return (NotKeepable if blemish.is_value else SuspensionRefused)(message, hint=blemish.hint)


def _on_line(blemish: Blemish, spot: Spot | None) -> str:
    line = f"on line {blemish.spot.line}"
    if spot is None or spot.filename != blemish.spot.filename:
        line = f"at {blemish.spot}"
    return blemish.reason.replace("{where}", line)


def not_keepable(spot: Spot, what: str, problem: LrwfError, error: BaseException | None) -> Blemish:
    """Return that what was awaited at `spot`, or the `error` that it raised, is lost with the process."""
    verb = "returned" if error is None else "raised"
    return Blemish(
        spot,
        f"what `{what}` {verb} {{where}} cannot be kept ({problem.message})",
        "await it in `ctx.step(...)` or in an `async def` that returns plain data; make clients in `async with`",
        is_value=True,
    )


def changed_arguments(spot: Spot, what: str, problem: LrwfError) -> Blemish:
    """Return that what was awaited has changed a list, or the like, of its caller's to what cannot be made so again."""
    return Blemish(
        spot,
        f"`{what}` {{where}} has changed what it was given, which cannot be kept ({problem.message})",
        "have it return what is new, or call it in an `async def` of the flow's own modules that does",
        is_value=True,
    )


def unkept(blemish: Blemish) -> LrwfError:
    """Return that an outcome is lost with the process, where each must be kept as it returns."""
    return NotKeepable(f"{blemish.spot}: {blemish.reason.replace(' {where}', '')}", hint=blemish.hint)


def survived(spot: Spot, what: str, *, is_in_process: bool) -> Blemish:
    """Return that an await was cancelled, and its function went on: nobody can do that again at the same moment."""
    return Blemish(
        spot,
        f"`{what}` {{where}} was cancelled and survived, as in `asyncio.timeout`",
        "put `asyncio.wait_for` around the one call that may take too long, or use `timeout=`",
        is_moot_at_end=is_in_process,
    )


def in_foreign(what: str, spot: Spot, foreign: str, *, is_entered_anew: bool = False) -> LrwfError:
    """Return that a coroutine of somebody else stands between the handler and where it would suspend."""
    hint = "await it in the handler, or in an `async def` of the flow's own modules"
    if foreign.endswith((":wait_for", ":timeout")):
        hint = "use `timeout=` or `max_duration=` of what is awaited, or of the executor"
    why = "which belongs to the process and is entered anew" if is_entered_anew else "which is not compiled by lrwf"
    message = f"{spot}: `{spot.function}` cannot suspend at `{what}` inside `{_plain(foreign)}`, {why}"
    return SuspensionRefused(message, hint=hint)


def not_in_a_lane(what: str) -> LrwfError:
    """Return that a task which is none of the handler's own asks for a wait."""
    return SuspensionRefused(
        f"`{what}` is awaited in a task or a thread that is none of the handler's own",
        hint="await it in the handler, or in a task that the handler makes itself",
    )


def not_compiled(what: str, code: CodeType | None, name: str) -> LrwfError:
    """Return that the handler's own awaits are not known, so that it could not be brought back to where it is."""
    where = f"{spot_of(code)}: " if code is not None else ""
    return SuspensionRefused(
        f"{where}`{name}` cannot suspend at `{what}`: it is not compiled by lrwf",
        hint="put it in a module beside the flow file, as a plain `async def` without a wrapper of somebody else",
    )


def under_timeout(what: str, spot: Spot | None) -> LrwfError:
    """Return that an `asyncio.timeout` would begin anew at each wake."""
    place = f"{spot}: `{spot.function}`" if spot else "a handler"
    return SuspensionRefused(
        f"{place} cannot suspend at `{what}` inside `asyncio.timeout`, which would begin anew at each wake",
        hint="use `timeout=` or `max_duration=` of what is awaited, or of the executor",
    )


def diverged(spot: Spot, kept: Kept, what: str) -> LrwfError:
    """Return that a handler came by another await than was kept at the same place."""
    if kept.what == what:
        message = f"{spot}: on its way back `{spot.function}` awaited `{what}` with other arguments than were kept"
    else:
        message = f"{spot}: on its way back `{spot.function}` awaited `{what}` where `{kept.what}` was kept"
    return ReplayDiverged(f"{message}, at {_place(kept)}{_quoted(spot)}", hint=_RESTART)


def never_came_by(kept: Kept | None, function: str, error: BaseException | None = None) -> LrwfError:
    """Return that what was kept was not awaited again, because of an `error` perhaps; `None`: nobody knows what."""
    if kept is None:
        return ReplayDiverged(f"on its way back `{function}` waits for itself", hint=_RESTART)
    because = f": it raised {type(error).__name__}: {error}" if error is not None else ""
    return ReplayDiverged(
        f"on its way back `{function}` did not await `{kept.what}`, which was kept at {_place(kept)}{because}",
        hint=_RESTART,
    )


def not_decodable(spot: Spot | None, what: str, problem: LrwfError) -> LrwfError:
    """Return that what was kept cannot be read any more."""
    place = f"{spot}: " if spot else ""
    return NotKeepable(f"{place}what `{what}` left cannot be read: {problem.message}", hint=problem.hint or _RESTART)


def _place(kept: Kept) -> str:
    path = {"": "its end", START: "its start"}.get(kept.path, f"await {kept.path}")
    return f"{path} of lane {kept.lane}" if kept.lane else path


def _quoted(spot: Spot) -> str:
    line = linecache.getline(spot.filename, spot.line).strip()
    return f": {line}" if line else ""


def _plain(qualname: str) -> str:
    """Return a name as people say it, without the functions that it is defined in."""
    return qualname.rpartition("<locals>.")[2]
