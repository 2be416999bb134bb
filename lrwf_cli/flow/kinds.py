"""The parts of an executor in a flow file, as types; each key with the sentence that editors show for it.

What a whole flow file is made of is in `schema`; which keys go together is in `nodes`.
"""

from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lrwf_cli.core.model import Json

__all__ = ["Ask", "Command", "Declared", "Env", "InputType", "Part", "Poll", "Retry", "Secret", "Wait"]

InputType = Literal["string", "integer", "number", "boolean", "array", "object", "path"]

Command = str | list[str]
"""A text is for `/bin/sh -c`, a list is a program and its arguments."""

Env = dict[str, str | int | float | bool] | list[str]
"""Names to values, or names that are passed on from the environment of whoever drives the run."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of all parts: a key that is left out is `UNSET` or has its default."""


class Declared(Part, frozen=True):
    """One key of the run's input. Without `default` and not `required`, it may be left out."""

    type: Annotated[InputType, Meta(description="What the value is. A `path` is text, made absolute.")] = "string"
    required: Annotated[bool, Meta(description="Whether a run without it is refused.")] = False
    default: Annotated[
        Json, Meta(description="The value when none is given. A relative path is meant as seen from the flow file.")
    ] = UNSET
    enum: Annotated[list[Json] | UnsetType, Meta(description="The only values that are allowed.")] = UNSET
    description: Annotated[str | UnsetType, Meta(description="What it is for.")] = UNSET


class Retry(Part, frozen=True):
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
    exit_codes: Annotated[
        list[Annotated[int, Meta(ge=-64, le=255)]] | UnsetType,
        Meta(description="Exit codes of a command to retry, and no others. A signal's is negative. Default: all."),
    ] = UNSET


class Secret(Part, frozen=True):
    """Where a secret is found when it is needed: `env` or `file`. It is never stored."""

    env: Annotated[str | UnsetType, Meta(description="A variable in the environment of whoever drives the run.")] = (
        UNSET
    )
    file: Annotated[
        str | UnsetType, Meta(description="A file that holds it; a relative path is meant as seen from the flow file.")
    ] = UNSET


class Poll(Part, frozen=True):
    """Ask again and again until something is so; between two checks no process runs."""

    until: Annotated[
        str,
        Meta(
            description="An expression that says when it is so: with `result`, of a command also `exit_code` and "
            "`stdout`; and `message`, `input`, `state`, `run`.",
            examples=["exit_code == 0", "result.status == 'done'"],
        ),
    ]
    run: Annotated[Command | UnsetType, Meta(description="The command that is asked. Exit code 69 means: not yet.")] = (
        UNSET
    )
    check: Annotated[
        str | UnsetType,
        Meta(
            description="`module:function` that is asked: it gets the message and, if it takes two, the context.",
            examples=["service:status"],
        ),
    ] = UNSET
    initial: Annotated[timedelta | UnsetType, Meta(description="The pause after the first check. Default: 10s.")] = (
        UNSET
    )
    max: Annotated[timedelta | UnsetType, Meta(description="The longest pause. Default: 5m.")] = UNSET
    multiplier: Annotated[
        Annotated[float, Meta(ge=1)] | UnsetType,
        Meta(description="By how much each pause is longer than the one before. Default: 2."),
    ] = UNSET
    jitter: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | UnsetType,
        Meta(description="How much of a pause is left to chance, from 0 to 1. Default: 0.1."),
    ] = UNSET
    max_duration: Annotated[
        timedelta | UnsetType,
        Meta(description="After this long it is asked a last time, then PollTimeoutError. Default: no limit."),
    ] = UNSET
    tolerate: Annotated[
        list[str] | UnsetType,
        Meta(
            description="Names of the exceptions after which to go on, up to 5 in a row. "
            "Default: ConnectionError and TimeoutError."
        ),
    ] = UNSET


class Wait(Part, frozen=True, rename={"for_": "for"}):
    """Let time pass, `for` so long or `until` then; the message is passed on. No process waits."""

    for_: Annotated[
        str | UnsetType,
        Meta(
            description="How long: a duration, or `${{ }}` that gives one.",
            examples=["90s", "24h", "${{ message.days }}d"],
        ),
    ] = UNSET
    until: Annotated[
        str | UnsetType,
        Meta(
            description="Until when: a date and a time, or `${{ }}` that gives one. In the past: now.",
            examples=["2026-12-01T09:00", "2026-12-01T09:00:00Z", "${{ message.at }}"],
        ),
    ] = UNSET
    timezone: Annotated[
        str | UnsetType,
        Meta(description="The zone of `until` if it has none. Default: the flow's.", examples=["Europe/Paris"]),
    ] = UNSET


class Ask(Part, frozen=True):
    """Ask a person or a program outside. Sends `{choice, data, comment, by, at, expired}`."""

    prompt: Annotated[
        str, Meta(description="What is asked. `${{ }}` sees the message.", examples=["Ship ${{ message.model }}?"])
    ]
    choices: Annotated[list[str] | UnsetType, Meta(description="The answers to choose among.")] = UNSET
    schema: Annotated[
        dict[str, Declared] | UnsetType,
        Meta(description="What belongs to an answer besides, key by key as in `input`; it becomes `message.data`."),
    ] = UNSET
    expires: Annotated[timedelta | UnsetType, Meta(description="How long it may be answered. Default: for ever.")] = (
        UNSET
    )
    on_expiry: Annotated[
        Json,
        Meta(
            description="The answer when nobody answers in time: a choice, or `{value: ...}`. Default: RequestExpired.",
            extra_json_schema={"type": ["string", "object"]},
        ),
    ] = UNSET
    allowed_users: Annotated[
        list[str] | UnsetType, Meta(description="Who may answer, by name. Default: the flow's, else anyone.")
    ] = UNSET
