"""What may stand in a flow file, as types; each key with the sentence that editors show for it.

How a file becomes these values is in `read`; what they mean together is in `check`. Keys that are known
but not built yet are in `reserved`.
"""

from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lrwf_cli.core.model import Json

__all__ = ["Case", "Declared", "Defaults", "Edge", "Executor", "FlowFile", "InputType", "Retry"]

InputType = Literal["string", "integer", "number", "boolean", "array", "object", "path"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of all parts: a key that is left out is `UNSET` or has its default."""


class Declared(_Part, frozen=True):
    """One key of the run's input. Without `default` and not `required`, it may be left out."""

    type: Annotated[InputType, Meta(description="What the value is. A `path` is text, made absolute.")] = "string"
    required: Annotated[bool, Meta(description="Whether a run without it is refused.")] = False
    default: Annotated[
        Json, Meta(description="The value when none is given. A relative path is meant as seen from the flow file.")
    ] = UNSET
    enum: Annotated[list[Json] | UnsetType, Meta(description="The only values that are allowed.")] = UNSET
    description: Annotated[str | UnsetType, Meta(description="What it is for.")] = UNSET


class Retry(_Part, frozen=True):
    """When a failed attempt comes again. A key that is left out is taken from `defaults`, else from lrwf."""

    max_attempts: Annotated[
        Annotated[int, Meta(ge=1)] | UnsetType,
        Meta(description="Attempts in all, the first one included. Default: 3."),
    ] = UNSET
    initial: Annotated[timedelta | UnsetType, Meta(description="The first delay. Default: 1s.")] = UNSET
    max: Annotated[timedelta | UnsetType, Meta(description="The longest delay. Default: 5m.")] = UNSET
    multiplier: Annotated[
        Annotated[float, Meta(ge=1)] | UnsetType,
        Meta(description="By how much each delay is longer than the one before. Default: 2."),
    ] = UNSET
    jitter: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | UnsetType,
        Meta(description="How much of a delay is left to chance, from 0 to 1. Default: 0.1."),
    ] = UNSET
    retry_on: Annotated[
        list[str] | UnsetType,
        Meta(description="Names of the exceptions to retry. Default: all but TypeError, NameError and AttributeError."),
    ] = UNSET
    give_up_on: Annotated[list[str] | UnsetType, Meta(description="Names of exceptions never to retry.")] = UNSET


class Defaults(_Part, frozen=True):
    """What holds for every executor that does not say otherwise."""

    retry: Annotated[Retry | UnsetType, Meta(description="When failed attempts come again.")] = UNSET


class Executor(_Part, frozen=True, rename={"with_": "with"}):
    """A node of the graph: what handles messages."""

    uses: Annotated[
        str,
        Meta(
            description="`module:name`: a class or a function, in a module beside this file or an installed one.",
            examples=["training:TrainingExecutor"],
        ),
    ]
    with_: Annotated[
        dict[str, Json],
        Meta(description="Keyword arguments to make it with. `${{ }}` may use `input` and `run`."),
    ] = {}
    retry: Annotated[Retry | UnsetType, Meta(description="When failed attempts come again. Default: never.")] = UNSET


class Case(_Part, frozen=True):
    """A case of a switch: `when` and `to`, or `default` alone."""

    when: Annotated[str | UnsetType, Meta(description="An expression; the first case that is true is taken.")] = UNSET
    to: Annotated[str | UnsetType, Meta(description="The executor that then gets the message.")] = UNSET
    default: Annotated[
        str | UnsetType, Meta(description="The executor that gets the message when no case is true. Comes last.")
    ] = UNSET


class Edge(_Part, frozen=True, rename={"from_": "from"}):
    """Where messages go: to one executor, to several (fan-out), or from several as a list (fan-in)."""

    from_: Annotated[str | list[str], Meta(description="Whose messages; a list joins one message of each.")]
    to: Annotated[str | list[str] | UnsetType, Meta(description="Who gets them; each of a list gets every one.")] = (
        UNSET
    )
    when: Annotated[
        str | UnsetType,
        Meta(description="An expression: only messages for which it is true.", examples=["message.score > 0.9"]),
    ] = UNSET
    switch: Annotated[list[Case] | UnsetType, Meta(description="Cases, of which exactly one is taken.")] = UNSET
    select: Annotated[
        str | UnsetType, Meta(description="An expression that gives a list: which of the executors in `to` get it.")
    ] = UNSET
    need: Annotated[
        Annotated[int, Meta(ge=1)] | Literal["any"] | UnsetType,
        Meta(description="How many of the executors in `from` make a round: a number, or `any`. Default: all."),
    ] = UNSET


class FlowFile(_Part, frozen=True):
    """A workflow: executors, the edges between them, and limits."""

    name: Annotated[
        str,
        Meta(
            description="What runs are named after: small letters, digits, '-' and '_'.",
            extra_json_schema={"pattern": "^[a-z0-9][a-z0-9_-]{0,58}$"},
        ),
    ]
    executors: Annotated[dict[str, Executor], Meta(description="The nodes of the graph, by id.")]
    description: Annotated[str | UnsetType, Meta(description="What the workflow does, for people.")] = UNSET
    max_iterations: Annotated[
        int,
        Meta(
            description="How deep a chain of cause and effect may get: what ends a loop. Default: 100.",
            extra_json_schema={"minimum": 1},
        ),
    ] = 100
    timezone: Annotated[
        str | UnsetType,
        Meta(description="The zone of times without one. Default: the machine's.", examples=["Europe/Paris"]),
    ] = UNSET
    input: Annotated[
        dict[str, Declared] | UnsetType, Meta(description="What a run is given; anything else is refused.")
    ] = UNSET
    defaults: Annotated[Defaults, Meta(description="What holds for all executors.")] = Defaults()
    start: Annotated[
        str | UnsetType, Meta(description="The first executor. Default: the only one that no edge leads to.")
    ] = UNSET
    edges: Annotated[list[Edge], Meta(description="Where messages go.")] = []
    when_failed: Annotated[
        Literal["drain", "stop"],
        Meta(description="What a failure does to the rest: `drain` lets it end, `stop` cancels it. Default: drain."),
    ] = "drain"
