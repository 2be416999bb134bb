"""Types of other libraries, once `teach` has told the codec about them."""

import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr

from lrwf_cli.core.codec import Codec
from lrwf_cli.errors import NotEncodable
from lrwf_cli.executors.values import teach


class Line(BaseModel):
    name: str
    count: int = 1


class Invoice(BaseModel):
    model_config = ConfigDict(extra="allow")
    lines: list[Line]
    at: Path
    _seen: int = PrivateAttr(default=0)


class Struct(msgspec.Struct, frozen=True):
    id: UUID
    size: int = 1
    maybe: int | msgspec.UnsetType = msgspec.UNSET


class Grows(msgspec.Struct):
    n: int

    def __post_init__(self) -> None:
        self.n += 1


@dataclass
class Holder:
    model: Line
    struct: Struct


def codec() -> Codec:
    made = teach(Codec())
    made.register_module_types(sys.modules[__name__], "tasks")
    return made


def round_trip(value: Any) -> Any:
    return codec().decode(msgspec.json.decode(msgspec.json.encode(codec().encode(value))))


@pytest.mark.parametrize(
    "value",
    [
        UUID(int=7),
        Path("/a/b"),
        Path(),
        Path("/\udcff"),
        PurePosixPath("x"),
        PureWindowsPath("C:\\x"),
        Line(name="a"),
        Line(name="a", count=2),
        Struct(UUID(int=1)),
        Struct(UUID(int=1), 2, 3),
        Grows(1),
        Holder(Line(name="a"), Struct(UUID(int=1))),
    ],
    ids=repr,
)
def test_values_of_other_libraries_round_trip(value: Any) -> None:
    """Conformance 47: paths, UUIDs, pydantic models and msgspec structs come back as they were."""
    restored = round_trip(value)
    assert type(restored) is type(value)
    assert restored == value


def test_a_model_keeps_all_of_itself() -> None:
    """Which fields were set, extra ones and private ones come back too."""
    invoice = Invoice.model_validate({"lines": [Line(name="a")], "at": Path("/x"), "more": {1}})
    invoice._seen = 3
    restored = round_trip(invoice)
    assert restored == invoice
    assert restored._seen == 3
    assert restored.lines[0].model_fields_set == {"name"}


def test_new_fields_of_a_model_get_their_defaults() -> None:
    """Conformance 49: a model that has got fields since still reads what was kept before."""
    assert codec().decode({"$type": "tasks:Line", "value": {"name": "a"}}).count == 1


def test_what_is_in_a_model_may_be_unkeepable() -> None:
    """A refusal inside a model names the field."""
    invoice = Invoice.model_validate({"lines": [], "at": Path("/x"), "client": object()})
    with pytest.raises(NotEncodable, match="client: a value of type `object`"):
        codec().encode({"invoice": invoice})
