"""The handlers of an executor: which messages they take, what they send and yield, and which of them takes a message.

How they are read from the author's functions is in `signatures`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from lrwf_cli.core.dispatch import Form, best
from lrwf_cli.core.model import RetryPolicy

__all__ = ["Handler", "Handlers", "Problem"]

Problem = tuple[str, str | None]
"""What is wrong, with `path:line` before it, and what to do."""


class Handler(msgspec.Struct, frozen=True):
    """One handler. `sends` and `yields`: `None` is unchecked, `()` is nothing.

    `attribute` is its name on the executor. Without a context, `sends` is what its return annotation says. `retry` is
    what its `@retry` says. A `@response_handler` takes what was asked and `hears` what was answered: `response` is how
    that is annotated.
    """

    name: str
    attribute: str
    where: str
    takes: tuple[Form, ...]
    wants_context: bool
    is_async: bool
    sends: tuple[Form, ...] | None = None
    yields: tuple[Form, ...] | None = None
    retry: RetryPolicy | None = None
    hears: tuple[Form, ...] = ()
    response: Any = None


class Handlers:
    """The handlers of one executor, in the order of their definition, and what is wrong with them.

    `responders` are its response handlers.
    """

    def __init__(
        self, handlers: Sequence[Handler], problems: Sequence[Problem], responders: Sequence[Handler] = ()
    ) -> None:
        self.all = tuple(handlers)
        self.responders = tuple(responders)
        self.problems = (*problems, *_duplicates(handlers), *_duplicates(responders))
        self._forms = tuple((form, handler) for handler in handlers for form in handler.takes)
        self._cache: dict[type, Handler | None] = {}
        self._literal_classes = {form.cls for form, _ in self._forms if form.only}

    @property
    def takes(self) -> tuple[Form, ...]:
        """What the executor handles."""
        return tuple(form for form, _ in self._forms)

    def find(self, cls: type, value: Callable[[], Any]) -> Handler | None:
        """Return the handler of a message of `cls`; `value` is called only where a `Literal` must know it."""
        if cls in self._cache:
            return self._cache[cls]
        place = best(self.takes, cls, value)
        found = None if place is None else self._forms[place][1]
        if cls not in self._literal_classes:
            self._cache[cls] = found
        return found

    def responders_for(self, asked: Any) -> tuple[Handler, ...]:
        """Return the response handlers that take what was asked best: several, if they hear different responses."""
        forms = [(form, responder) for responder in self.responders for form in responder.takes]
        place = best(tuple(form for form, _ in forms), type(asked), lambda: asked)
        if place is None:
            return ()
        return tuple(responder for form, responder in forms if form.key == forms[place][0].key)

    def find_responder(self, asked: Any, response: Any) -> Handler | None:
        """Return the response handler for what was asked and what was answered, by their types."""
        forms = [(form, responder) for responder in self.responders_for(asked) for form in responder.hears]
        place = best(tuple(form for form, _ in forms), type(response), lambda: response)
        return None if place is None else forms[place][1]

    @property
    def sends(self) -> tuple[Form, ...] | None:
        """What the executor may send; `None` if a handler does not say."""
        said = [handler.sends for handler in (*self.all, *self.responders)]
        if any(forms is None for forms in said):
            return None
        return tuple(dict.fromkeys(form for forms in said if forms is not None for form in forms))


def _duplicates(handlers: Sequence[Handler]) -> Iterator[Problem]:
    seen: dict[object, Handler] = {}
    for handler in handlers:
        for form in handler.takes:
            for heard in handler.hears or (None,):
                first = seen.setdefault((form.key, heard and heard.key), handler)
                if first is not handler:
                    what = f"`{form.name}` and `{heard.name}`" if heard else f"`{form.name}`"
                    yield (
                        f"{handler.where}: handler `{handler.name}` takes {what}, and so does `{first.name}`",
                        f"remove one of them: the other is at {first.where}",
                    )
