"""Questions: what people are asked to fill in, how long it may take, and what the handler gets."""

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import msgspec
import pydantic
import pytest

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.suspended import Answer, Ask
from lrwf_cli.errors import NotEncodable, ReplayDiverged, RequestExpired, ResponseRefused, UsageError
from lrwf_cli.executors.context.answers import form_of
from lrwf_cli.flow.answers import fitted
from tests.executors.keeping import START, Stay


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Terms:
    amount: float
    colour: Colour = Colour.RED
    note: str | None = None
    tags: list[str] = field(default_factory=list)
    urgent: bool = False


class Form(msgspec.Struct):
    name: str
    since: date
    count: int = 3


class Model(pydantic.BaseModel):
    amount: int = pydantic.Field(gt=0, description="In euros.")
    file: Path = Path("x")


class Typed(TypedDict):
    a: int
    b: NotRequired[str]


class Opaque: ...


def asking(prompt: str = "Ship it?", **how: Any) -> Stay:
    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        return await ctx.ask(prompt, **how)

    return Stay(handle)


def asked(stay: Stay) -> Ask:
    assert asyncio.run(stay.enter()) == (False, None)
    (request,) = stay.requests.values()
    return request.ask


def answered(stay: Stay, text: str | None = None, data: Any = None) -> Any:
    """Answer as `lrwf respond` does, and return what the handler gets."""
    given = fitted(asked(stay), text, data)
    stay.answer(given.value, data=given.data)
    ended, value = asyncio.run(stay.enter())
    assert ended
    return value


ANSWERS: list[tuple[Any, Any, str | None, Any, Any]] = [
    # the type, its form, and an answer: a text, or data; what the handler gets
    (None, None, "yes", None, "yes"),
    (None, None, None, {"a": 1}, {"a": 1}),
    (Any, None, "yes", None, "yes"),
    (str, {"type": "string"}, "yes", None, "yes"),
    (int, {"type": "integer"}, "17", None, 17),
    (float, {"type": "number"}, "1", None, 1.0),
    (bool, {"type": "boolean"}, "true", None, True),
    (int | None, {"type": "integer"}, "17", None, 17),
    (list[int], {"type": "array"}, "[1, 2]", None, [1, 2]),
    (tuple[int, ...], {"type": "array"}, "[1, 2]", None, (1, 2)),
    (dict[str, int], {"type": "object"}, None, {"a": 1}, {"a": 1}),
    (Decimal, {"type": "string"}, "1.50", None, Decimal("1.50")),
    (date, {"type": "string"}, "2026-12-01", None, date(2026, 12, 1)),
    (timedelta, {"type": "string"}, "PT1H", None, timedelta(hours=1)),
    (Literal[1, 2], {"type": "integer", "enum": [1, 2]}, "2", None, 2),
    (Level, {"type": "integer", "enum": [1, 2]}, "2", None, Level.HIGH),
    (int | str, None, "17", None, "17"),
    (
        Terms,
        {
            "amount": {"type": "number", "required": True},
            "colour": {"type": "string", "enum": ["red", "blue"]},
            "note": {"type": "string"},
            "tags": {"type": "array"},
            "urgent": {"type": "boolean", "default": False},
        },
        None,
        {"amount": 2, "colour": "blue"},
        Terms(2.0, Colour.BLUE),
    ),
    (
        Form,
        {
            "name": {"type": "string", "required": True},
            "since": {"type": "string", "required": True},
            "count": {"type": "integer", "default": 3},
        },
        '{"name": "a", "since": "2026-12-01"}',
        None,
        Form("a", date(2026, 12, 1)),
    ),
    (
        Model,
        {"amount": {"type": "integer", "required": True, "description": "In euros."}, "file": {"type": "path"}},
        None,
        {"amount": 5},
        Model(amount=5),
    ),
    (Typed, {"a": {"type": "integer", "required": True}, "b": {"type": "string"}}, None, {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("kind", "schema", "text", "data", "value"), ANSWERS, ids=lambda each: str(each)[:40])
def test_an_answer_is_what_was_asked_for(kind: Any, schema: Any, text: str | None, data: Any, value: Any) -> None:
    """Conformance 36 and 37: people see the form in the grammar of `input:`, the handler gets a value of the type."""
    stay = asking(response_type=kind)
    got = answered(stay, text, data)
    assert (got, type(got)) == (value, type(value))
    assert stay.requests["a.1"].ask.schema == schema
    assert stay.requests["a.1"].ask.choices == ()


@pytest.mark.parametrize(
    ("how", "choices", "text", "value"),
    [
        ({"choices": ["ship", "stop"]}, ("ship", "stop"), "ship", "ship"),
        ({"choices": ("1", "2"), "response_type": int}, ("1", "2"), "2", 2),
        ({"choices": ["red"], "response_type": Colour}, ("red",), "red", Colour.RED),
        ({"response_type": Colour}, ("red", "blue"), "blue", Colour.BLUE),
        ({"response_type": Literal["a", "b"]}, ("a", "b"), "b", "b"),
    ],
)
def test_an_answer_is_one_of_the_choices(how: Any, choices: Any, text: str, value: Any) -> None:
    """Conformance 37: with choices it is one of them, as the type that was asked for; another is refused."""
    stay = asking(**how)
    assert answered(stay, text) == value
    assert stay.requests["a.1"].ask.choices == choices
    with pytest.raises(ResponseRefused):
        fitted(asked(asking(**how)), "other", None)


@pytest.mark.parametrize(
    ("kind", "value", "data", "said"),
    [
        (int, "many", None, "the answer is no `int`: the answer: expected `int`, got `str`"),
        (Terms, None, {"amount": "x"}, "the answer.amount: expected `float`, got `str`"),
        (Terms, None, {"amount": 1, "colour": "green"}, "the answer.colour: invalid enum value 'green'"),
        (Terms, None, {"amount": 1, "color": "red"}, "the answer.color: `Terms` has no such field"),
        (Model, None, {"amount": -1}, "the answer.amount: input should be greater than 0"),
    ],
)
def test_what_no_form_can_tell_is_told_where_the_answer_is_used(kind: Any, value: Any, data: Any, said: str) -> None:
    """Conformance 37: a value that the type refuses is an error that says where, and can be caught."""
    stay = asking(response_type=kind)
    asked(stay)
    stay.answer(value, data=data)
    with pytest.raises(ResponseRefused) as caught:
        asyncio.run(stay.enter())
    assert said in caught.value.message
    assert caught.value.hint


def test_an_answer_stands() -> None:
    """Conformance 41: nothing suspends any more, and the handler that comes by again gets it again."""
    stay = asking(choices=["ship", "stop"])
    assert answered(stay, "ship") == "ship"
    assert asyncio.run(stay.enter()) == (True, "ship")
    assert stay.kept == {"1": ("ship", None)}


def test_a_question_waits_for_ever_or_until_it_expires() -> None:
    """Conformance 36: an open request shows its prompt and when it expires."""
    ask = asked(asking())
    assert (ask.prompt, ask.expires_at, ask.has_default) == ("Ship it?", None, False)
    stay = asking(timeout=timedelta(days=2), allowed_users=["ana"])
    ask = asked(stay)
    assert (ask.expires_at, ask.allowed_users) == (START + timedelta(days=2), ("ana",))
    (wait,) = stay.waits.values()
    assert (wait.kind, wait.due_at, wait.since) == ("request", START + timedelta(days=2), START)
    stay.clock.jump(timedelta(days=1))
    asyncio.run(stay.enter())
    assert stay.requests["a.1"].ask == ask
    assert list(stay.waits.values()) == [wait]


@pytest.mark.parametrize("default", ["stop", None, Terms(1.0), {"a": [1]}, datetime.fromisoformat("2026-12-01")])
def test_an_expiry_with_a_default_goes_on_with_it(default: Any) -> None:
    """Conformance 40: with the default as it was given, whatever its type."""
    stay = asking(response_type=Terms, timeout=60, default=default)
    stay.codec.register(Terms)
    stay.codec.register(Colour)
    assert asyncio.run(stay.end()) == default


def test_an_expiry_without_a_default_can_be_caught() -> None:
    """Conformance 40: it raises in the handler, where it can be caught."""
    with pytest.raises(RequestExpired, match=r"nobody answered `a\.1` in time: Ship it\?"):
        asyncio.run(asking(timeout=60).end())

    async def handle(message: Any, ctx: WorkflowContext) -> str:
        try:
            return str(await ctx.ask("Ship it?", timeout=60))
        except RequestExpired:
            return "nobody cares"

    assert asyncio.run(Stay(handle).end()) == "nobody cares"


def test_a_later_attempt_does_not_ask_again() -> None:
    """Conformance 41: what somebody has answered stays answered; other words are another question."""
    stay = asking()
    answered(stay, "yes")
    stay.kept, stay.waits = {}, {}
    assert asyncio.run(stay.enter()) == (True, "yes")
    other = asking("Ship the next one?")
    other.requests = dict(stay.requests)
    assert asyncio.run(other.enter()) == (False, None)
    assert [request.ask.prompt for request in other.requests.values()] == ["Ship it?", "Ship the next one?"]


def test_other_words_at_a_wake_are_no_answer() -> None:
    """Design 6: a handler that asks something else when it comes by again has diverged; no answer is taken for it."""
    words = iter(["Ship 1?", "Ship 2?"])

    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        return await ctx.ask(next(words))

    stay = Stay(handle)
    asked(stay)
    stay.answer("yes")
    with pytest.raises(ReplayDiverged, match=r"it asked 'Ship 1\?' when it suspended, and now 'Ship 2\?'"):
        asyncio.run(stay.enter())


def test_several_questions_are_open_one_after_the_other() -> None:
    """Conformance 36: each has its place, its prompt, its answer."""

    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        return [await ctx.ask(f"{name}?", response_type=int) for name in ("a", "b")]

    stay = Stay(handle)
    asyncio.run(stay.enter())
    stay.answer(1)
    asyncio.run(stay.enter())
    stay.answer(2)
    assert asyncio.run(stay.enter()) == (True, [1, 2])
    assert [(request.ask.path, request.ask.prompt) for request in stay.requests.values()] == [("1", "a?"), ("2", "b?")]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"prompt": ""}, "a request without a prompt"),
        ({"prompt": 7}, "a request without a prompt: 7"),
        ({"choices": "ship"}, "`choices` of a request are none: 'ship'"),
        ({"choices": []}, "`choices` of a request are none: []"),
        ({"choices": ["a", "a"]}, "`choices` of a request are none"),
        ({"choices": ["a", 1]}, "`choices` of a request are none"),
        ({"choices": ["a"], "response_type": Terms}, "a `Terms` cannot be chosen among `choices`"),
        ({"choices": ["a"], "response_type": list[str]}, "a `list[str]` cannot be chosen among `choices`"),
        ({"timeout": -1}, "`timeout` of a request is negative: -1"),
        ({"timeout": timedelta(days=36500)}, "`timeout` of a request is longer than ten years"),
        ({"response_type": Opaque}, "nobody can answer with a `Opaque`"),
        ({"response_type": Callable[[], None]}, "nobody can answer with a `"),
        ({"allowed_users": "ana"}, "`allowed_users` of a request are none: 'ana'"),
        ({"allowed_users": [1]}, "`allowed_users` of a request are none: [1]"),
    ],
)
def test_an_absurd_question_is_refused_at_the_call(how: dict[str, Any], said: str) -> None:
    """What cannot be asked is told to the author, before anybody is asked."""
    stay = asking(**how)
    with pytest.raises(UsageError) as caught:
        asyncio.run(stay.enter())
    assert said in caught.value.message
    assert caught.value.hint
    assert stay.requests == {}


def test_a_default_must_be_kept() -> None:
    """Conformance 47: a default that cannot be kept is refused when it is given."""
    with pytest.raises(NotEncodable, match="default: a value of type `Opaque`"):
        asyncio.run(asking(timeout=1, default=Opaque()).enter())


def test_what_was_answered_may_come_from_a_file() -> None:
    """Design 5: a large answer is kept beside the journal; the handler gets it all the same."""
    stay = asking(response_type=list[int])
    stay.call["resolve"] = lambda value: [1, 2, 3] if value == {"$blob": "x"} else value
    asked(stay)
    stay.answer(Answer(START, {"$blob": "x"}))
    assert asyncio.run(stay.enter()) == (True, [1, 2, 3])


def test_a_field_that_is_called_type_is_a_field() -> None:
    """Conformance 37: `{"type": {...}}` is a mapping of names, `{"type": "..."}` one declaration."""

    @dataclass
    class Kinded:
        type: str

    form = form_of(Kinded)
    assert form.schema == {"type": {"type": "string", "required": True}}
    given = fitted(Ask("", "1", "?", schema=form.schema), "car", None)
    assert form.value(given.value, given.data) == Kinded("car")


def test_the_type_of_an_answer_has_a_name() -> None:
    """Conformance 36: whoever lists requests sees what is expected, in every process the same."""
    codec = Codec()
    codec.register(Terms, "shop:Terms")

    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        return await ctx.ask("?", response_type=message)

    names = []
    for kind in (Terms, int, list[int], None, Decimal):
        stay = Stay(handle, message=kind, codec=codec)
        names.append(asked(stay).response_type)
    assert names == ["shop:Terms", "int", "list[int]", None, "Decimal"]
