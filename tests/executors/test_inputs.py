"""A run's input as the start executor takes it."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from pydantic import BaseModel, Field

from lrwf_cli.core.codec import Codec
from lrwf_cli.errors import InputError
from lrwf_cli.executors.api import Executor, executor
from lrwf_cli.executors.inputs import convert_input, read_texts
from lrwf_cli.executors.values import teach


class Mode(Enum):
    FAST = "fast"


class Part(BaseModel):
    size: int = Field(gt=0)
    tags: list[str] = []


@dataclass
class Source:
    path: Path
    part: Part | None = None


@dataclass
class Job:
    name: str
    sources: list[Source] = field(default_factory=list)
    mode: Mode = Mode.FAST
    ratio: float = 1.0
    every: timedelta | None = None
    extra: dict[str, int] = field(default_factory=dict)
    total: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.total = len(self.sources)


class Struct(msgspec.Struct, rename="camel"):
    job_name: str
    job: Job | None = None


@dataclass
class Ambiguous:
    either: Job | Source


@dataclass
class Unmakeable:
    client: BaseException


def codec() -> Codec:
    made = teach(Codec())
    for cls in (Job, Source, Part, Struct, Mode):
        made.register(cls)
    return made


def start(annotation: Any) -> Executor:
    def begin(message: Any) -> None: ...

    begin.__annotations__["message"] = annotation
    return executor(begin)


def convert(annotation: Any, value: Any) -> Any:
    return convert_input(start(annotation), value, codec())


def test_an_object_becomes_what_the_start_handler_takes() -> None:
    """Design 7: a dataclass, a pydantic model or a msgspec struct is made of plain data, with all that is in it."""
    data = {
        "name": "n",
        "sources": [{"path": "/x", "part": {"size": 1}}],
        "mode": "fast",
        "ratio": 2,
        "extra": {"a": 1},
    }
    job = convert(Job, data)
    assert job == Job("n", [Source(Path("/x"), Part(size=1))], Mode.FAST, 2.0, None, {"a": 1})
    assert job.total == 1
    part = Part(size=1)
    assert convert(Job, {"name": "n", "sources": [{"path": Path("/x"), "part": part}]}).sources[0].part is part
    assert convert(Part, {"size": 2}) == Part(size=2)
    assert convert(Struct, {"jobName": "x", "job": {"name": "y"}}) == Struct("x", Job("y"))
    assert convert(Struct | Job, {"name": "y"}) == Job("y")
    assert convert(Job | Any, {"name": "y"}) == Job("y")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (dict, {"a": 1}),
        (dict | Job, {"a": 1}),
        (Any, {"a": 1}),
        (int, 3),
        (Job, Job("x")),
        (list[int], [1]),
        (Literal["go"], "go"),
        (Job | None, None),
    ],
)
def test_a_value_of_a_handled_type_is_taken_as_it_is(annotation: Any, value: Any) -> None:
    """Conformance 1: what the start handler takes needs no conversion."""
    assert convert(annotation, value) is value


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, "3", "the input is a `str`, but `begin` handles `int`"),
        (Job, [1], "the input is a `list`, but `begin` handles `Job`"),
        (Job, {}, "input: object missing required field `name`"),
        (Job, {"name": 1}, "input.name: expected `str`, got `int`"),
        (Job, {"name": "n", "sources": [{"path": 3}]}, "input.sources[0].path: expected `Path`, got `int`"),
        (Job, {"name": "n", "mode": "slow"}, "input.mode: invalid enum value 'slow'"),
        (Job, {"name": "n", "nmae": 1}, "input.nmae: `Job` has no such field"),
        (Job, {"name": "n", "sources": [{"path": "/", "pth": 1}]}, "input.sources[0].pth: `Source` has no such field"),
        (Struct, {"jobName": "x", "job": {"name": "y", "z": 1}}, "input.job.z: `Job` has no such field"),
        (Struct, {"job_name": "x"}, "input.job_name: `Struct` has no such field"),
        (Part, {"size": 0, "tags": [1]}, "input.size: input should be greater than 0 (and 1 more)"),
        (Part, {"size": 1, "tags": ["a", 1]}, "input.tags[1]: input should be a valid string"),
        (Job, {"name": "n", "sources": [{"path": "/", "part": {"size": -1}}]}, "size: input should be greater than 0"),
        (
            Job,
            {"name": "n", "sources": [{"path": "/", "part": {"size": 1, "x": 1, "tags": 1}}]},
            "input.sources[0].part",
        ),
        (Struct | Part, {"x": 1}, "input.x: `Struct` has no such field"),
        (Ambiguous, {"either": {}}, "a `Ambiguous` cannot be made from plain data"),
        (Unmakeable, {"client": 1}, "input.client: expected `BaseException`, got `int`"),
    ],
)
def test_what_does_not_fit_names_the_field_or_the_types(annotation: Any, value: Any, message: str) -> None:
    """Conformance 1: an input that the start executor cannot handle is an error before anything is written."""
    with pytest.raises(InputError) as caught:
        convert(annotation, value)
    assert message in caught.value.message
    assert caught.value.hint


def test_what_cannot_be_kept_is_no_input() -> None:
    """An input is kept with the run: what has no kept form is refused at the door."""

    @dataclass
    class Hidden:
        n: int

    with pytest.raises(InputError, match=r"input: a value of type .*Hidden"):
        convert(Hidden, {"n": 1})


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        ({"name": "7", "ratio": "2.5"}, {"name": "7", "ratio": 2.5}),
        ({"extra": '{"a": 1}', "sources": '[{"path": "x"}]'}, {"extra": {"a": 1}, "sources": [{"path": "x"}]}),
        ({"every": "PT1H", "mode": "fast", "other": "1"}, {"every": "PT1H", "mode": "fast", "other": "1"}),
        ({"ratio": "much", "extra": "{"}, {"ratio": "much", "extra": "{"}),
    ],
)
def test_texts_become_the_fields_of_the_class_that_the_start_handler_takes(
    texts: dict[str, str], read: dict[str, Any]
) -> None:
    """Design 9: without `input:` the start handler's type is the declaration; what does not fit stays text."""
    assert read_texts(start(Job), texts) == read
    assert read_texts(start(dict), texts) == texts
