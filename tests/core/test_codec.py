"""The codec: exact round trips, refusals that name the place, and nothing imported for data's sake."""

import inspect
import json
import math
import re
import socket
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto
from functools import cached_property
from types import ModuleType
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.codec import MAX_DEPTH, Codec, type_name
from lrwf_cli.errors import NotDecodable, NotEncodable


class Color(Enum):
    RED = "r"
    BLUE = (1, 2)


class Size(IntEnum):
    S = 1
    L = 2


class Word(StrEnum):
    YES = "yes"


class Rights(Flag):
    READ = auto()
    WRITE = auto()


class Bits(IntFlag):
    ONE = 1
    TWO = 2


class Point(NamedTuple):
    x: int
    label: str = "here"


@dataclass
class Item:
    name: str
    price: Decimal
    tags: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Order:
    id: int
    items: list[Item]
    total: int = field(init=False, default=0)
    limit: ClassVar[int] = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", self.total + len(self.items))


@dataclass(slots=True, frozen=True)
class Slotted:
    at: datetime
    parent: "Slotted | None" = None
    unset: int = field(init=False)


@dataclass
class WithMore:
    size: int

    def __post_init__(self) -> None:
        self.extra = [self.size]

    @cached_property
    def client(self) -> socket.socket:
        return socket.socket()


T = TypeVar("T")


@dataclass
class Box(Generic[T]):
    content: T


class Outer:
    @dataclass
    class Inner:  # noqa: D106 - a name within a name
        n: int


def codec() -> Codec:
    made = Codec()
    made.register_module_types(sys.modules[__name__], "tasks")
    return made


def round_trip(value: Any) -> Any:
    """Encode, pass through the bytes of a journal, decode in a fresh codec."""
    return codec().decode(msgspec.json.decode(msgspec.json.encode(codec().encode(value))))


def same(a: Any, b: Any) -> bool:  # noqa: PLR0911 - one for each kind of value
    """Equality that also sees types, signs of zero, NaN, folds, zones and the order of dicts."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
    if isinstance(a, list | tuple | deque):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Item | Box | Order):
        return same(vars(a), vars(b))
    if isinstance(a, datetime | time):
        return repr(a) == repr(b) and a.fold == b.fold
    if isinstance(a, Decimal):
        return str(a) == str(b)
    return bool(a == b)


zones: st.SearchStrategy[tzinfo | None] = st.one_of(
    st.none(),
    st.just(UTC),
    st.sampled_from(["Europe/Paris", "America/New_York", "UTC"]).map(ZoneInfo),
    st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)), st.text(max_size=3)),
    st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23))),
)
instants = st.builds(lambda at, fold: at.replace(fold=fold), st.datetimes(timezones=zones), st.integers(0, 1))
texts = st.text(st.characters())
hashables = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    texts,
    st.binary(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.sampled_from([*Color, *Size, *Word, *Rights, Rights.READ | Rights.WRITE, Bits(3), Bits(0), Bits(8)]),
    st.builds(Point, st.integers(), texts),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        hashables,
        st.floats(),
        st.complex_numbers(),
        st.binary().map(bytearray),
        instants,
        st.just(Decimal("sNaN")),
        st.builds(Item, texts, st.decimals(), st.sets(texts)),
    ),
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(texts, inner),
        st.dictionaries(hashables, inner, max_size=4),
        st.lists(inner).map(tuple),
        st.lists(hashables).map(frozenset),
        st.lists(inner, max_size=3).map(lambda items: deque(items, 5)),
        st.builds(Box, inner),
    ),
    max_leaves=20,
)


@given(values)
def test_values_round_trip_exactly(value: Any) -> None:
    """Conformance 47: what is kept comes back the same, types and all, through the bytes on disk."""
    assert same(round_trip(value), value)


@pytest.mark.parametrize(
    "value",
    [
        Order(7, [Item("a", Decimal("1.50"), {"x", "y"})]),
        Point(1, "p"),
        Outer.Inner(3),
        Counter("hello"),
        OrderedDict([("b", 1), ("a", 2)]),
        {1: "a", (1, 2): {"$type": "os:system"}, None: [()]},
        {"$type": "tasks:Item", "value": {}},
        "\udcff.txt",
        {"\ud800": 1},
        2**63,
        -(2**63) - 1,
        10**5000,
        {Size.S, Size.L},
        Box(Box({1, 2})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_people_send_comes_back(value: Any) -> None:
    """Conformance 47: dataclasses, odd keys, undecodable names, numbers of any size."""
    assert same(round_trip(value), value)


def test_nan_and_infinity_are_not_json() -> None:
    """JSON has no NaN: other programs that read the journal must be able to."""
    encoded = codec().encode([math.nan, math.inf, -math.inf])
    json.dumps(encoded, allow_nan=False)
    nan, inf, minus = codec().decode(encoded)
    assert (math.isnan(nan), inf, minus) == (True, math.inf, -math.inf)


def test_plain_values_stay_as_they_are() -> None:
    """A journal reads well with `cat`: what JSON can say is not tagged."""
    plain = {"n": 1, "text": "é", "list": [None, True, 1.5], "": {}}
    assert codec().encode(plain) == plain
    assert codec().encode(Item("a", Decimal(1), {"b"})) == {
        "$type": "tasks:Item",
        "value": {
            "name": "a",
            "price": {"$type": "Decimal", "value": "1"},
            "tags": {"$type": "set", "value": ["b"]},
        },
    }


def test_nothing_mutable_is_shared() -> None:
    """Conformance 22: encoding and decoding copy; a handler that mutates its message hurts nobody."""
    value: dict[str, Any] = {"a": [1, {"b": []}]}
    encoded = codec().encode(value)
    value["a"][1]["b"].append(2)
    first = codec().decode(encoded)
    first["a"].append(3)
    assert codec().decode(encoded) == {"a": [1, {"b": []}]}


def test_the_constructor_is_not_called() -> None:
    """A dataclass is put together from its attributes: `__post_init__` would count twice."""
    assert round_trip(Order(1, [Item("a", Decimal(1))])).total == 1


def test_attributes_beyond_the_fields_are_kept_and_caches_are_not() -> None:
    """What `__post_init__` added comes back; a `cached_property` is made anew."""
    value = WithMore(2)
    value.__dict__["client"] = object()
    restored = round_trip(value)
    assert restored.extra == [2]
    assert "client" not in vars(restored)


def test_unset_fields_stay_unset() -> None:
    """A slot without a value has none afterwards; the others keep theirs, fold and all."""
    at = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=1)
    restored = round_trip(Slotted(at, None))
    assert same((restored.at, restored.parent), (at, None))
    assert not hasattr(restored, "unset")


def test_new_fields_get_their_defaults() -> None:
    """Conformance 49: a class that has got fields since still reads what was kept before."""
    kept = {"$type": "tasks:Item", "value": {"name": "a", "price": 1}}
    assert codec().decode(kept) == Item("a", Decimal(1), set())
    assert codec().decode({"$type": "tasks:Point", "value": {"x": 1}}) == Point(1, "here")
    assert codec().decode({"$type": "tasks:Order", "value": {"id": 1, "items": []}}).total == 0


@pytest.mark.parametrize(
    "kept",
    [
        {"$type": "tasks:Slotted", "value": {"gone": 1}},
        {"$type": "tasks:Point", "value": {"x": 1, "gone": 2}},
        {"$type": "tasks:Color", "value": "GREEN"},
        {"$type": "datetime", "value": "yesterday"},
        {"$type": "set", "value": [[]]},
        {"$type": "datetime", "value": ["2026-01-01T00:00:00", "../../etc/passwd", 0]},
    ],
    ids=str,
)
def test_what_no_longer_fits_is_an_error(kept: Any) -> None:
    """A kept value that cannot be read is `NotDecodable`, never something else."""
    with pytest.raises(NotDecodable, match="cannot be read"):
        codec().decode(kept)


@pytest.mark.parametrize("tag", ["os:system", "subprocess:Popen", "nobody", "tasks:socket", "tasks:Codec", "this:s"])
def test_no_class_named_by_data_is_imported(tag: str) -> None:
    """Conformance 48: a tag is looked up among registered types; nothing is imported or called."""
    assert "this" not in sys.modules
    with pytest.raises(NotDecodable, match="does not know"):
        codec().decode({"$type": tag, "value": ["rm -rf /"]})
    assert "this" not in sys.modules


def test_a_reference_is_not_handed_out() -> None:
    """A value that is kept elsewhere must be resolved first: it is never taken for a dict."""
    with pytest.raises(NotDecodable, match="form"):
        codec().decode([{"$blob": "abc"}])


class Local(Exception):
    pass


@dataclass
class Failing(Exception):
    code: int


@pytest.mark.parametrize(
    ("value", "where", "hint"),
    [
        ({"items": [0, 1, 2, {"client": sys.stdout}]}, r"message\.items\[3\]\.client: ", "plain data"),
        ({"my key": [object()]}, r"message\['my key'\]\[0\]: ", "plain data"),
        ({1: {2: print}}, r"message\[1\]\[2\]: ", "plain data"),
        ([Box({"a": (1, object())})], r"message\[0\]\.content\.a\[1\]: ", "plain data"),
        (Local("x"), "message: .* `Local`", r"str\(error\)"),
        (Failing(1), "message: .* `Failing`", r"str\(error\)"),
        (defaultdict(list), "message: .* `defaultdict`", r"dict\(\.\.\.\)"),
    ],
)
def test_refusals_name_the_place(value: Any, where: str, hint: str) -> None:
    """Conformance 47: an unknown type is refused when sent, with the name of the field."""
    with pytest.raises(NotEncodable, match=where) as caught:
        codec().encode(value)
    assert caught.value.hint is not None
    assert caught.match("cannot be kept")
    assert re.search(hint, caught.value.hint)


def test_a_zone_that_is_only_an_object_is_refused() -> None:
    """A zone without a name could not be read in another process."""

    class Odd(tzinfo):
        def utcoffset(self, at: datetime | None) -> timedelta:
            return timedelta(0)

        dst = utcoffset

        def tzname(self, at: datetime | None) -> str:
            return "odd"

    with pytest.raises(NotEncodable, match=r"message\.at: a value of type `.*Odd`") as caught:
        codec().encode({"at": datetime(2026, 1, 1, tzinfo=Odd())})
    assert "zoneinfo" in str(caught.value.hint)


def test_a_class_that_nobody_could_find_again_is_refused() -> None:
    """A class made in a function is refused when sent, unless it was registered."""

    @dataclass
    class Hidden:
        n: int

    made = codec()
    with pytest.raises(NotEncodable, match="Hidden") as caught:
        made.encode(Hidden(1))
    assert "at the top of" in str(caught.value.hint)
    made.register(Hidden)
    assert made.decode(made.encode(Hidden(1))) == Hidden(1)


def test_imported_classes_are_known_under_their_own_module() -> None:
    """What a flow's module has imported, by name or as a module, may be sent."""
    models = ModuleType("models")
    exec("from dataclasses import dataclass\n@dataclass\nclass Model:\n    n: int\n", vars(models))
    models.Model.__module__ = "models"
    for flow in (ModuleType("flow_a"), ModuleType("flow_b")):
        made = Codec()
        vars(flow)["m" if flow.__name__ == "flow_a" else "Model"] = (
            models if flow.__name__ == "flow_a" else models.Model
        )
        made.register_module_types(flow, "flow")
        encoded = made.encode(models.Model(1))
        assert encoded["$type"] == "models:Model"
        assert made.decode(encoded) == models.Model(1)


def test_two_types_of_one_name_are_refused() -> None:
    """What is decoded would depend on which came last."""

    def make() -> type:
        @dataclass
        class Twin:
            n: int

        return Twin

    made = Codec()
    made.register(make())
    with pytest.raises(NotEncodable, match="two types are called"):
        made.register(make())
    with pytest.raises(NotEncodable, match="cannot be kept"):
        made.register(socket.socket)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_depth_is_bounded_and_cycles_end() -> None:
    """200 levels are kept, 201 and cycles are refused; never a RecursionError."""
    assert round_trip(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    cycle: dict[str, Any] = {}
    cycle["self"] = [cycle]
    for value in (nested(MAX_DEPTH + 1), cycle):
        with pytest.raises(NotEncodable, match="nested deeper than 200"):
            codec().encode(value)


def test_little_room_on_the_stack_is_a_refusal_too() -> None:
    """Called from deep within a recursion, encoding refuses rather than ends in a RecursionError."""

    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        else:
            codec().encode(nested(MAX_DEPTH))

    room = sys.getrecursionlimit() - len(inspect.stack(0))
    with pytest.raises(NotEncodable, match="nested deeper"):
        deeper(room - 100)


def test_sets_have_one_form() -> None:
    """The same set is the same bytes, whatever order its hashes give."""
    names = [f"name{n}" for n in range(50)]
    assert codec().encode(set(names)) == codec().encode({*names[::-1]})


def test_the_type_is_known_without_decoding() -> None:
    """Dispatch looks at the tag only."""
    made = codec()
    samples: list[Any] = [1, True, None, "a", [], {}, (), {1: 2}, Item("a", Decimal(1)), Point(1), 2**70, math.nan]
    for value in samples:
        assert made.type_of(made.encode(value)) is type(value)
    assert type_name(made.encode(Order(1, []))) == "Order"
    assert [type_name(made.encode(value)) for value in (None, True, {1: 2}, ())] == ["None", "bool", "dict", "tuple"]
    with pytest.raises(NotDecodable):
        made.type_of({"$type": "os:system"})
    assert made.knows(Item)
    assert not made.knows(socket.socket)
