"""Which code was compiled by us: what tells an `async def` of a flow from a foreign one. By identity, never by name."""

import inspect
from types import CodeType, CoroutineType, FrameType
from typing import Any, TypeGuard

__all__ = ["ASYNC", "is_compiled", "is_compiled_coroutine", "is_inline", "register"]

ASYNC = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE | inspect.CO_ASYNC_GENERATOR
"""Flags of code whose frames can be suspended in the middle of an `await`."""

_compiled: dict[int, CodeType] = {}
"""By identity, as code compares by its contents. They live as long as the process, as modules do."""

_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
"""Frames of their own before Python 3.12."""


def register(code: CodeType) -> None:
    """Note that `code`, and all that is defined in it, was compiled by us."""
    if code.co_flags & ASYNC:
        _compiled[id(code)] = code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            register(constant)


def is_compiled(code: CodeType) -> bool:
    """Whether `code` is that of an `async def` which we have compiled."""
    return id(code) in _compiled


def is_compiled_coroutine(thing: Any) -> "TypeGuard[CoroutineType[Any, Any, Any]]":
    """Whether `thing` is what calling a compiled `async def` returns."""
    return type(thing) is CoroutineType and id(thing.cr_code) in _compiled


def is_inline(frame: FrameType) -> bool:
    """Whether a frame is a part of the compiled function that drives it: a comprehension, an async generator."""
    code = frame.f_code
    if id(code) not in _compiled:
        return False
    return bool(code.co_flags & inspect.CO_ASYNC_GENERATOR) or code.co_name in _COMPREHENSIONS
