"""A lane: a line of execution in one handler, as compiled code and the loop see it.

An await of a compiled function takes the next place of its activation. How it is done, or read, is in `doing`; here it
is settled whether it has a place at all, what it is called, and what there is kept of it.
"""

import asyncio
import gc
from inspect import CO_VARARGS, CO_VARKEYWORDS, CORO_CREATED, getcoroutinestate
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType
from typing import Any
from weakref import WeakSet

from lrwf_cli.core.codec import Codec
from lrwf_cli.executors.kept.activations import Activation, Await
from lrwf_cli.executors.kept.codes import is_compiled, is_compiled_coroutine
from lrwf_cli.executors.kept.digests import digest_of, name_of
from lrwf_cli.executors.kept.doing import Doing
from lrwf_cli.executors.kept.frames import inline_between, is_ours, is_reached
from lrwf_cli.executors.kept.outcomes import close_unstarted
from lrwf_cli.executors.kept.quiet import is_of_the_process
from lrwf_cli.executors.kept.reach import Reach
from lrwf_cli.executors.kept.refusals import Blemish, spot_of
from lrwf_cli.executors.kept.stretch import Stretch

__all__ = ["Lane"]

_IN_ASYNCIO = ("asyncio.", "contextlib:")
_FOREIGN_ITERATOR = (
    "what it iterates over with `async for` {where} is no generator of the flow's own, and would begin anew",
    "gather it into a list first, in an `async def` of its own, or use `ctx.track`",
)


class Lane(Doing):
    """One lane. Its first activation is that of its coroutine; one without a frame if that is not the flow's own."""

    def __init__(self, stretch: Stretch, id: str, coroutine: Any) -> None:  # noqa: A002 - what a lane has
        super().__init__(stretch, id)
        self.name = name_of_coroutine(coroutine)
        if id:  # the handler itself is no await: nothing is kept of what it was called with
            self.digest = _digest_of_given(stretch.codec, coroutine)
        self.code: CodeType | None = getattr(coroutine, "cr_code", None)
        self.is_ours = type(coroutine) is CoroutineType and is_ours(coroutine)
        self.is_foreign = not self.is_ours and not is_compiled_coroutine(coroutine)
        self.top = Activation()
        if not self.is_foreign and not self.is_ours:
            self.top = Activation(coroutine)
        if self.is_foreign:
            self.top.now = Await("", self.name, "", "foreign")
        self._unwound: dict[int, FrameType] = {}

    def keep(
        self, frame: FrameType, site: tuple[int, int], function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return what is to be awaited for `await function(*args, **kwargs)` in `frame`."""
        top = self.top
        if frame is top.frame:
            if top.inline:
                top.inline = ()
        elif not self._has_part(frame):
            return function(*args, **kwargs)
        itself = getattr(function, "__self__", None)
        if itself is not None and self._knows_itself(function, itself, args, site):
            return function(*args, **kwargs)
        if self.stretch.is_over:
            return self._too_late(frame, function, args, kwargs)
        begun = Await(top.next(), name_of(function), "", "foreign", site)
        if begun.what.startswith(_IN_ASYNCIO):
            self._look_closer(begun, function, args, kwargs)
        if begun.kind == "foreign":
            begun.digest = digest_of(self.stretch.codec, args, kwargs)
        kept = self.find(begun) if self.log else None
        if begun.kind == "foreign" and (kept is None or kept.changes is not None):
            begun.reach = Reach.of_call(self.stretch.before, function, args, kwargs)
        if kept is None:
            return self.do(begun, function, args, kwargs)
        close_unstarted((*args, *kwargs.values()))
        return self.read(kept, begun)

    def keep_value(self, frame: FrameType, site: tuple[int, int], awaited: Any) -> Any:
        """Return what is to be awaited for `await awaited` in `frame`."""
        if not self._has_place(frame):
            return awaited
        if _keeps_itself(awaited):
            self.top.site = site
            return awaited
        if self.stretch.is_over:
            return self._too_late(frame, _itself, (awaited,), {})
        is_anew = is_of_the_process(awaited) or _is_lane(awaited)
        what, digest = f"await in {spot_of(frame).function}", ""
        if type(awaited) is CoroutineType and awaited.cr_frame is not None:
            what = name_of_coroutine(awaited)
            digest = "" if is_anew else digest_of(self.stretch.codec, tuple(awaited.cr_frame.f_locals.values()))
        begun = Await(self.top.next(), what, digest, "anew" if is_anew else "foreign", site)
        if is_compiled_coroutine(awaited) and getcoroutinestate(awaited) == CORO_CREATED:
            begun.reach = Reach.of_coroutine(self.stretch.before, awaited)
        kept = self.find(begun) if self.log else None
        if kept is None:
            return self.do(begun, _itself, (awaited,), {})
        close_unstarted((awaited,))
        return self.read(kept, begun)

    def iterate(self, frame: FrameType, site: tuple[int, int], iterated: Any) -> Any:
        """Return what `async for` iterates over. What a generator of the flow awaits is kept as the function's own."""
        if self._has_place(frame) and not self.stretch.is_over and not _keeps_itself(iterated):
            self._note_iterated(iterated, site)
        return iterated

    def is_unwinding(self, frame: FrameType) -> bool:
        """Whether what passes `frame` is the end of the stretch, and neither the author's exception nor an end."""
        return id(frame) in self._unwound

    def check_left(self, frame: FrameType) -> None:
        """Go on unwinding although a context manager has swallowed what passes."""
        if self.is_unwinding(frame):
            raise asyncio.CancelledError

    def freeze(self) -> None:
        """As `Line` says. What was called and not awaited yet will never be."""
        self.is_frozen = True
        activation: Activation | None = self.top
        while activation is not None:
            agens = list(activation.agens or ())
            parked = [agen for agen in agens if agen.ag_frame is not None and not agen.ag_running]
            self.stretch.abandoned.extend((self, agen) for agen in parked)
            for frame in (activation.frame, *activation.inline, *(agen.ag_frame for agen in agens)):
                if frame is not None:
                    self._unwound[id(frame)] = frame
            for inner in (activation.coroutine, *parked):
                close_unstarted(gc.get_referents(inner) if inner is not None else ())
            activation = activation.outer

    def child_id(self, frame: FrameType) -> str | None:
        """Return the id of the lane of a task that `frame` makes; `None` if it is a task of somebody else."""
        top = self.top
        if top.frame is None or self.stretch.is_over or not is_reached(frame, top.frame, by_task=True):
            return None
        if top.now is not None and top.now.kind in ("own", "step"):
            return None
        return f"{self.id}/{top.next_lane()}"

    def child(self, name: str, coroutine: Any) -> "Lane":
        """Return the lane of a task that this one makes."""
        made = Lane(self.stretch, name, coroutine)
        made.made_at = self.spot()
        top = self.top
        (top.now or top).add_spawned(made)
        self.stretch.many = True
        return made

    def note_beside(self, task: "asyncio.Task[Any]") -> None:
        """Note a task that something foreign has made which this lane awaits: it is a part of that."""
        if self.top.now is not None:
            self.stretch.beside[task] = (self, self.top.now)

    def _has_place(self, frame: FrameType) -> bool:
        """Whether what `frame` awaits has a place: the function under way awaits it, or a part of that."""
        if frame is self.top.frame:
            self.top.inline = ()
            return True
        return self._has_part(frame)

    def _has_part(self, frame: FrameType) -> bool:
        """Whether `frame` is a part of the function under way: its comprehension, or a generator that it drives."""
        top = self.top
        if top.frame is None or top.now is not None:
            return False
        inline = inline_between(frame, top.frame)
        if inline is None:
            return False
        top.inline = inline
        return True

    def _knows_itself(self, function: Any, itself: Any, args: tuple[Any, ...], site: tuple[int, int]) -> bool:
        """Whether what is called has no place here: a method of `ctx`, or the next step of a generator."""
        if itself is self.stretch.itself:
            self.top.site = site
            return True
        iterated = args[0] if function is anext and args else itself
        if function is anext or type(iterated) is AsyncGeneratorType:
            self._note_iterated(iterated, site)
            return True
        return False

    @staticmethod
    def _look_closer(begun: Await, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note of what asyncio, and its kind, offers whether it belongs to the process, and whom it waits for."""
        if is_of_the_process(function):
            begun.kind = "anew"
        begun.is_timed = function is asyncio.wait_for and bool(args) and is_of_the_process(args[0])
        begun.joins = function is asyncio.gather and all(map(_is_lane, args))
        if begun.kind == "anew" or function is asyncio.shield:
            begun.called, begun.args = function, (*args[:1], kwargs.get("timeout"))

    def _note_iterated(self, iterated: Any, site: tuple[int, int]) -> None:
        top = self.top
        if type(iterated) is AsyncGeneratorType and is_compiled(iterated.ag_code):
            if top.agens is None:
                top.agens = WeakSet()
            top.agens.add(iterated)
            return
        self.stretch.is_smooth = False
        if top.blemish is None and top.code is not None:
            top.blemish = Blemish(spot_of(top.code, site), *_FOREIGN_ITERATOR)

    def _too_late(self, frame: FrameType, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Begin nothing in what is unwound; what the handler has left behind when it ended just awaits."""
        if not self.is_unwinding(frame):
            return function(*args, **kwargs)
        close_unstarted((*args, *kwargs.values()))
        raise asyncio.CancelledError


def name_of_coroutine(coroutine: Any) -> str:
    """Return `module:qualname` of what a coroutine runs, as its author knows it."""
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None:
        return type(coroutine).__qualname__
    return name_of(_Named(frame.f_globals.get("__name__", ""), coroutine.cr_code.co_qualname))


def _digest_of_given(codec: Codec, coroutine: Any) -> str:
    """Return a digest of the arguments of a coroutine that has not begun, without what is around its function."""
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None:
        return ""
    code, known = frame.f_code, frame.f_locals
    stars = sum(bool(code.co_flags & each) for each in (CO_VARARGS, CO_VARKEYWORDS))
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + stars]
    return digest_of(codec, tuple(known[name] for name in names if name in known))


class _Named:
    def __init__(self, module: str, qualname: str) -> None:
        self.__module__ = module
        self.__qualname__ = qualname


def _itself(awaited: Any) -> Any:
    return awaited


def _is_lane(awaited: Any) -> bool:
    return isinstance(awaited, asyncio.Task) and hasattr(awaited.get_coro(), "lane")


def _keeps_itself(awaited: Any) -> bool:
    """Whether what is awaited comes from `ctx`."""
    if type(awaited) is CoroutineType:
        return is_ours(awaited)
    return type(awaited).__module__.startswith("lrwf_cli.executors.")
