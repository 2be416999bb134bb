"""A workflow that was built in Python: the graph, the executors, and how to run it from a program.

How it is put together and checked is in `builder`; what running means is in `lrwf_cli.local`.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from importlib import import_module
from inspect import isawaitable
from typing import Any, Protocol, get_args

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Condition, ExecutorSpec, Json, Scope, Selection, Workflow
from lrwf_cli.core.registry import plain_name
from lrwf_cli.executors.api import Executor, accepts, handlers_of, handles, home_of, limits_of, retries

__all__ = ["BuiltWorkflow", "RunResult", "condition_of", "selection_of", "spec_of"]


class RunResult(Protocol):
    """What a run in a program ends with."""

    @property
    def status(self) -> str:
        """The run's status: `completed`, `failed`, `waiting` and so on."""

    @property
    def events(self) -> Sequence[Any]:
        """What happened, in order."""

    def get_outputs(self) -> list[Any]:
        """Return the outputs, decoded, in their order."""


class BuiltWorkflow:
    """A workflow ready to run: `lrwf run module:workflow`, or the methods below.

    `core` is the graph; its conditions decode with `codec`, which whoever runs it may teach more types. `storage`
    is what `with_checkpointing` was given, `None` for none.
    """

    def __init__(self, core: Workflow, executors: Mapping[str, Executor], codec: Codec, storage: Any) -> None:
        self.core = core
        self.executors = executors
        self.codec = codec
        self.storage = storage
        self.register_types()

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.core.name

    @property
    def start(self) -> Executor:
        """The executor that gets the run's input."""
        return self.executors[self.core.start]

    def register_types(self) -> None:
        """Let the codec keep the types of the executors' modules, and those that handlers name. Idempotent.

        To be called again when the codec has been taught another kind of class.
        """
        for executor in self.executors.values():
            if home := sys.modules.get(home_of(executor)):
                self.codec.register_module_types(home, plain_name(home))
        for executor in self.executors.values():
            for cls in _named_types(executor):
                if self.codec.class_entry(cls) is None and self.codec.adapter_of(cls) is not None:
                    self.codec.register(cls)

    async def run(self, message: Any = None, *, run_id: str | None = None) -> RunResult:
        """Run the workflow with `message` as its input until it is finished or waiting.

        Durable as far as its storage is; without one, in memory. Raises InputError, and RunConflict if `run_id` is
        taken.
        """
        result: RunResult = await _local().run_built(self, message, run_id=run_id)
        return result

    def run_stream(self, message: Any = None, *, run_id: str | None = None) -> AsyncIterator[Any]:
        """Run as `run` does; yield what happens once it is durable."""
        events: AsyncIterator[Any] = _local().stream_built(self, message, run_id=run_id)
        return events

    def run_stream_from_checkpoint(self, checkpoint_id: str, storage: Any = None) -> AsyncIterator[Any]:
        """Go on from a checkpoint of `storage` (default: this workflow's); yield what happens as `run_stream`."""
        events: AsyncIterator[Any] = _local().stream_from_checkpoint(self, checkpoint_id, storage)
        return events


def _local() -> Any:
    """Return what runs a built workflow here: by name, because it lies above this layer."""
    return import_module("lrwf_cli.local.built")


def _named_types(executor: Executor) -> Iterator[type]:
    """Yield the classes that an executor's handlers name, and those in the fields of such classes."""
    seen: set[type] = set()
    handlers = handlers_of(executor)
    rest: list[Any] = [responder.response for responder in handlers.responders]
    for each in (*handlers.all, *handlers.responders):
        rest += [form.cls for forms in (each.takes, each.sends, each.yields) for form in forms or ()]
    while rest:
        annotation = rest.pop()
        if isinstance(annotation, type) and annotation not in seen:
            seen.add(annotation)
            yield annotation
            rest += vars(annotation).get("__annotations__", {}).values()
        rest += get_args(annotation)


def spec_of(name: str, executor: Executor, codec: Codec) -> ExecutorSpec:
    """Return an executor as the core knows it: what it handles, its limits, its retries."""
    limits = limits_of(executor)
    return ExecutorSpec(
        name,
        accepts(executor, codec),
        handles(executor),
        timeout=limits.timeout,
        deadline=limits.deadline,
        idle_timeout=limits.idle_timeout,
        retry_for=retries(executor, codec),
    )


def condition_of(condition: Callable[[Any], Any], codec: Codec) -> Condition:
    """Return an author's condition as the core's: it gets a decoded copy of the message."""

    def holds(message: Json, scope: Scope) -> bool:
        return bool(_plain(condition(codec.decode(scope.resolve(message)))))

    return holds


def selection_of(select: Callable[[Any, list[str]], Any], codec: Codec) -> Selection:
    """Return an author's selection as the core's."""

    def selected(message: Json, scope: Scope, targets: tuple[str, ...]) -> list[str]:
        return list(_plain(select(codec.decode(scope.resolve(message)), list(targets))))

    return selected


def _plain(result: Any) -> Any:
    if isawaitable(result):
        raise TypeError("it is async: a condition must be a plain function that needs nothing but its message")
    return result
