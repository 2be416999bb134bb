"""What may stand in a flow file, as types; each key with the sentence that editors show for it.

The parts of an executor are in `kinds`. How a file becomes these values is in `read`; what they mean together is in
`check`. Keys that are known but not built yet are in `reserved`.
"""

from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lrwf_cli.core.model import Json
from lrwf_cli.flow.kinds import Ask, Command, Declared, Env, InputType, Part, Poll, Retry, Secret, Wait

__all__ = ["Case", "Declared", "Defaults", "Edge", "Executor", "FlowFile", "InputType", "Notify", "Retry"]

OnCrash = Literal["retry", "ask", "fail"]

_TIMEOUT = "How long one stretch of work may take, from start or wake to suspension or end. Default: no limit."
_DEADLINE = "How long all of it may take, retries and suspensions too. Default: no limit."
_IDLE_TIMEOUT = "How long it may go without a sign of progress. Default: no limit."
_GRACE = "How long what is past a limit, or cancelled, may take to end before it is killed. Default: 5s."
_ON_ERROR = "The executor that handles a failure for good: it gets `{error, message}`. Default: the run fails."
_ON_CRASH = "What to do when nobody knows how an attempt ended: `retry` it, `ask` a person, or `fail`. Default: retry."
_MAX_CRASHES = "After how many crashes of the process at work on a message to give it up. Default: 3."
_ENV = (
    "Environment of commands: names to values, in which `${{ }}` may be used, or a list of names to pass on from "
    "whoever drives the run."
)
_SECRETS = "Environment of commands that is never stored or shown: `{TOKEN: {env: X}}` or `{TOKEN: {file: P}}`."
_AFTER = "An executor that gets one call after {}; it never changes the verdict."


class Defaults(Part, frozen=True):
    """What holds for every executor that does not say otherwise."""

    retry: Annotated[Retry | UnsetType, Meta(description="When failed attempts come again.")] = UNSET
    timeout: Annotated[timedelta | UnsetType, Meta(description=_TIMEOUT)] = UNSET
    deadline: Annotated[timedelta | UnsetType, Meta(description=_DEADLINE)] = UNSET
    idle_timeout: Annotated[timedelta | UnsetType, Meta(description=_IDLE_TIMEOUT)] = UNSET
    grace: Annotated[timedelta | UnsetType, Meta(description=_GRACE)] = UNSET
    on_error: Annotated[str | UnsetType, Meta(description=_ON_ERROR)] = UNSET
    on_crash: Annotated[OnCrash | UnsetType, Meta(description=_ON_CRASH)] = UNSET
    max_crashes: Annotated[Annotated[int, Meta(ge=1)] | UnsetType, Meta(description=_MAX_CRASHES)] = UNSET
    env: Annotated[Env | UnsetType, Meta(description=_ENV)] = UNSET


class Executor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"with_": "with"}):
    """A node of the graph: what handles messages. One of `uses`, `run`, `poll`, `wait` and `ask` says how."""

    uses: Annotated[
        str | UnsetType,
        Meta(
            description="`module:name`: a class or a function, in a module beside this file or an installed one.",
            examples=["training:TrainingExecutor"],
        ),
    ] = UNSET
    run: Annotated[
        Command | UnsetType,
        Meta(
            description="A command: text for a shell, or a list. The message is on its stdin as JSON; its result is "
            "what it writes to $LRWF_OUTPUT, else to stdout.",
            examples=["python evaluate.py --min 0.9", ["./ship.sh", "--now"]],
        ),
    ] = UNSET
    poll: Annotated[Poll | UnsetType, Meta(description="Ask again and again until something is so.")] = UNSET
    wait: Annotated[Wait | UnsetType, Meta(description="Let time pass; the message is passed on.")] = UNSET
    ask: Annotated[Ask | UnsetType, Meta(description="Ask a person or a program outside.")] = UNSET
    with_: Annotated[
        dict[str, Json],
        Meta(description="Keyword arguments to make it with (`uses`). `${{ }}` may use `input` and `run`."),
    ] = {}
    env: Annotated[Env | UnsetType, Meta(description=_ENV)] = UNSET
    secrets: Annotated[dict[str, Secret] | UnsetType, Meta(description=_SECRETS)] = UNSET
    retry: Annotated[Retry | UnsetType, Meta(description="When failed attempts come again. Default: never.")] = UNSET
    timeout: Annotated[timedelta | UnsetType, Meta(description=_TIMEOUT)] = UNSET
    deadline: Annotated[timedelta | UnsetType, Meta(description=_DEADLINE)] = UNSET
    idle_timeout: Annotated[timedelta | UnsetType, Meta(description=_IDLE_TIMEOUT)] = UNSET
    grace: Annotated[timedelta | UnsetType, Meta(description=_GRACE)] = UNSET
    on_error: Annotated[str | UnsetType, Meta(description=_ON_ERROR)] = UNSET
    on_crash: Annotated[OnCrash | UnsetType, Meta(description=_ON_CRASH)] = UNSET
    max_crashes: Annotated[Annotated[int, Meta(ge=1)] | UnsetType, Meta(description=_MAX_CRASHES)] = UNSET
    max_parallel: Annotated[
        Annotated[int, Meta(ge=1)] | UnsetType,
        Meta(description="How many messages it handles at once. Default: 1."),
    ] = UNSET
    ordered: Annotated[
        bool | UnsetType,
        Meta(
            description="Whether what waits or comes again keeps its place, so that nothing overtakes it. "
            "Default: false."
        ),
    ] = UNSET
    isolation: Annotated[
        Literal["process", "none"] | UnsetType,
        Meta(
            description="`process`: a handler of `uses` runs in a process of its own, which can be killed. `none`: "
            "never. Default: plain `def` handlers with a limit of time do."
        ),
    ] = UNSET


class Case(Part, frozen=True):
    """A case of a switch: `when` and `to`, or `default` alone."""

    when: Annotated[str | UnsetType, Meta(description="An expression; the first case that is true is taken.")] = UNSET
    to: Annotated[str | UnsetType, Meta(description="The executor that then gets the message.")] = UNSET
    default: Annotated[
        str | UnsetType, Meta(description="The executor that gets the message when no case is true. Comes last.")
    ] = UNSET


class Edge(Part, frozen=True, rename={"from_": "from"}):
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


class Notify(Part, frozen=True):
    """Who is told what. The news are on the command's stdin as JSON."""

    request: Annotated[Command | UnsetType, Meta(description="Somebody is asked something.")] = UNSET
    completed: Annotated[Command | UnsetType, Meta(description="A run completed.")] = UNSET
    failed: Annotated[Command | UnsetType, Meta(description="A run failed.")] = UNSET
    timed_out: Annotated[Command | UnsetType, Meta(description="A run's time was up.")] = UNSET
    cancelled: Annotated[Command | UnsetType, Meta(description="A run was cancelled.")] = UNSET
    blocked: Annotated[Command | UnsetType, Meta(description="A run cannot go on without a person.")] = UNSET


class FlowFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    timeout: Annotated[
        timedelta | UnsetType, Meta(description="How long a whole run may take, wall clock. Default: no limit.")
    ] = UNSET
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
    on_failure: Annotated[str | UnsetType, Meta(description=_AFTER.format("a run that failed"))] = UNSET
    on_timeout: Annotated[str | UnsetType, Meta(description=_AFTER.format("a run whose time was up"))] = UNSET
    on_cancel: Annotated[str | UnsetType, Meta(description=_AFTER.format("a run that was cancelled"))] = UNSET
    on_exit: Annotated[str | UnsetType, Meta(description=_AFTER.format("every run, however it ended"))] = UNSET
    notify: Annotated[
        Notify | UnsetType,
        Meta(description="Commands that are told what happens, event by event; at least once, and beside the run."),
    ] = UNSET
    env: Annotated[Env | UnsetType, Meta(description=_ENV)] = UNSET
    secrets: Annotated[dict[str, Secret] | UnsetType, Meta(description=_SECRETS)] = UNSET
    allowed_users: Annotated[
        list[str] | UnsetType, Meta(description="Who may answer what is asked, by name. Default: anyone.")
    ] = UNSET
    pin: Annotated[
        list[str] | UnsetType,
        Meta(
            description="Patterns of files to keep as they are when a run begins, besides the modules beside it.",
            examples=[["prompts/**"]],
        ),
    ] = UNSET
