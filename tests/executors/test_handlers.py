"""Which handler takes a message, and what is wrong with handlers, told with file and line."""

import linecache
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import Annotated, Any, Literal, Never, NewType, Optional, Protocol, SupportsIndex, TypedDict, TypeVar, Union

import pytest
from typing_extensions import TypeAliasType

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.dispatch import Form, may_meet
from lrwf_cli.executors.api import (
    Executor,
    WorkflowContext,
    accepts,
    check_executor,
    executor,
    handler,
    handlers_of,
    handles,
    sends,
)


class Base: ...


class Middle(Base): ...


class Leaf(Middle): ...


class Signal(Enum):
    GO = 1
    STOP = 2


class Row(TypedDict):
    n: int


class Shaped(Protocol):
    size: int


UserId = NewType("UserId", int)
T = TypeVar("T", bound=str)
Context = WorkflowContext[Any, Any]


def chosen(target: Executor, message: Any) -> str | None:
    found = handlers_of(target).find(type(message), lambda: message)
    return found.attribute if found else None


def takes(annotation: Any) -> Executor:
    """Return an executor with one handler whose message is annotated with `annotation`."""

    def take(message: Any) -> None: ...

    take.__annotations__["message"] = annotation
    return executor(take)


class Many(Executor):
    @handler
    async def anything(self, message: Any, ctx: Context) -> None: ...
    @handler
    async def base(self, message: Base, ctx: Context) -> None: ...
    @handler
    async def middle(self, message: Middle, ctx: Context) -> None: ...
    @handler
    def number(self, message: float) -> None: ...
    @handler
    def flag(self, message: bool) -> None: ...  # noqa: FBT001 - a message
    @handler
    def text(self, message: Literal["go", "stop"]) -> None: ...
    @handler
    def sequence(self, message: Sequence[int]) -> None: ...
    @handler
    def sized(self, message: Sized) -> None: ...
    @handler
    def items(self, message: list[int]) -> None: ...
    @handler
    def nothing(self, message: None) -> None: ...


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (Leaf(), "middle"),
        (Middle(), "middle"),
        (Base(), "base"),
        (1, "number"),
        (1.5, "number"),
        (True, "flag"),
        ("go", "text"),
        ("other", "sequence"),
        ([1], "items"),
        ((1,), "sequence"),
        (None, "nothing"),
        ({}, "sized"),
        (b"", "sequence"),
        (object(), "anything"),
    ],
)
def test_the_most_specific_type_wins(message: Any, name: str) -> None:
    """Conformance 9: exact before base, literal before type, abstract after concrete, `Any` last."""
    assert chosen(Many("many"), message) == name


@pytest.mark.parametrize(
    ("annotation", "taken", "refused"),
    [
        (int, [1], [True, "1", 1.5, None]),
        (float, [1.5, 1], [True, "1"]),
        (bool, [True], [1]),
        (int | str, [1, "a"], [True, 1.5]),
        (Union[int, str], [1, "a"], [None]),  # noqa: UP007 - the other spelling is the point
        (Optional[Base], [None, Leaf()], [1]),  # noqa: UP045 - the same
        (Any, [1, None, object()], []),
        (object, [1, None], []),
        (list[int], [["a"]], [(1,)]),
        (Mapping[str, int], [{}], [[]]),
        (Literal["a", 1], ["a", 1], ["b", 2, True]),
        (Literal[Signal.GO], [Signal.GO], [Signal.STOP]),
        (Annotated[int, "metres"], [1], ["a"]),
        (UserId, [1], ["a"]),
        (T, ["a"], [1]),
        (Row, [{"n": 1}], [[]]),
        ("Base", [Leaf()], [1]),
        ("Union[int, 'Base']", [1, Base()], [1.5]),
        (list["Base"], [[]], [1]),
        (Signal, [Signal.GO], [1]),
        (TypeAliasType("Alias", int), [1], ["a"]),
        (SupportsIndex, [1], ["a"]),
        (type(None), [None], [0]),
    ],
    ids=lambda each: "" if isinstance(each, list) else str(each),  # values have addresses: no two processes agree
)
def test_annotations_say_what_is_taken(annotation: Any, taken: list[Any], refused: list[Any]) -> None:
    """Conformance 9: unions in both spellings, `Optional`, `Any`, generics by origin, literals, text, aliases."""
    target = takes(annotation)
    assert check_executor(target) == []
    assert [chosen(target, value) for value in taken] == ["take"] * len(taken)
    assert [chosen(target, value) for value in refused] == [None] * len(refused)


def line_of(problem: tuple[str, str | None]) -> str:
    """Return the source line that a problem points to."""
    path, line, _ = problem[0].split(":", 2)
    return linecache.getline(path, int(line)).strip()


class Wrong(Executor):
    @handler
    def unannotated(self, message, ctx) -> None: ...  # type: ignore[no-untyped-def]
    @handler
    def first(self, message: int) -> None: ...
    @handler
    def second(self, message: int | str) -> None: ...
    @handler
    def empty(self) -> None: ...
    @handler
    def crowded(self, message: bytes, ctx: Context, more: int) -> None: ...
    @handler
    def keyword(self, message: set[int], *, more: int) -> None: ...
    @handler
    def variadic(self, *messages: int) -> None: ...
    @handler
    def no_context(self, message: complex, ctx: int) -> None: ...
    @handler
    def unknown(self, message: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821 - the mistake
    @handler
    def unreadable(self, message: "1 +") -> None: ...  # type: ignore[valid-type] # noqa: F722 - the mistake
    @handler
    def by_protocol(self, message: Shaped) -> None: ...
    @handler
    def takes_nothing(self, message: Never) -> None: ...
    @handler
    def generator(self, message: frozenset[int]) -> Iterator[int]:
        yield 1

    @handler
    async def async_generator(self, message: dict[str, int]) -> AsyncIterator[int]:
        yield 1

    @handler
    @staticmethod
    def static(message: bytearray) -> None: ...
    @handler
    def too_many(self, message: memoryview, ctx: "WorkflowContext[int, str, str]") -> None: ...  # type: ignore[type-arg]
    @handler
    def context_unreadable(self, message: slice, ctx: "WorkflowContext[") -> None: ...  # type: ignore[valid-type] # noqa: F722 - the mistake
    @handler
    def no_type(self, message: 3) -> None: ...  # type: ignore[valid-type]
    @handler
    def context_unknown(self, message: range, ctx: "WorkflowContext[Nowhere]") -> None: ...  # type: ignore[name-defined] # noqa: F821 - the mistake


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("unannotated", "has no annotation"),
        ("second", "takes `int`, and so does `Wrong.first`"),
        ("empty", "does not take a message and a context"),
        ("crowded", "does not take a message and a context"),
        ("keyword", "does not take a message and a context"),
        ("variadic", "does not take a message and a context"),
        ("no_context", "a second parameter that is no context: `ctx`"),
        ("unknown", "an annotation that is not known: name 'Nowhere' is not defined"),
        ("unreadable", "cannot be read: SyntaxError"),
        ("by_protocol", "by the protocol `Shaped`"),
        ("takes_nothing", "takes nothing"),
        ("generator", "is a generator"),
        ("async_generator", "is a generator"),
        ("static", "is not a plain function"),
        ("too_many", "too many types"),
        ("context_unreadable", "`ctx` that cannot be read: "),
        ("no_type", "`3` is not a type"),
        ("context_unknown", "name 'Nowhere' is not defined"),
    ],
)
def test_problems_of_handlers_are_told_with_their_place(name: str, says: str) -> None:
    """Conformance 10: without annotations, a duplicate type, a wrong shape: an error with file and line."""
    problem = next(each for each in check_executor(Wrong) if f"Wrong.{name}`" in each[0].partition(" takes ")[0])
    assert says in problem[0]
    assert problem[0].startswith(f"{__file__}:")
    assert line_of(problem) == "@handler"
    assert problem[1]


def test_all_problems_are_told_at_once() -> None:
    """Conformance 10: every wrong handler is named, the right ones are not."""
    assert len(check_executor(Wrong("wrong"))) == 18


def test_an_executor_without_handlers_is_an_error() -> None:
    """An executor that can handle nothing is a mistake, told with its class's line."""

    class Nothing(Executor):
        def handle(self, message: int) -> None: ...

    ((message, hint),) = check_executor(Nothing("nothing"))
    assert "`Nothing` has no handlers" in message
    assert line_of((message, hint)) == "class Nothing(Executor):"
    made = type("Made", (Executor,), {"__module__": "nowhere"})
    assert check_executor(made)[0][0] == "nowhere: executor `Made` has no handlers"


def test_keeping_what_is_never_restored_is_an_error() -> None:
    """Conformance 23: what `on_checkpoint_save` returns must have a way back."""

    class Forgetful(Executor):
        def on_checkpoint_save(self) -> dict[str, Any]:
            return {}

        @handler
        def handle(self, message: int) -> None: ...

    assert "never restores" in check_executor(Forgetful("f"))[0][0]


def test_an_override_of_a_handler_is_a_handler() -> None:
    """A subclass changes what a handler does without decorating it again, and inherits the others."""

    class Child(Many):
        def base(self, message: Base, ctx: Context) -> None: ...  # type: ignore[override]
        @handler
        def leaf(self, message: Leaf) -> None: ...

    child = Child("child")
    assert chosen(child, Base()) == "base"
    assert not next(each for each in handlers_of(child).all if each.attribute == "base").is_async
    assert chosen(child, Leaf()) == "leaf"
    assert chosen(child, 1) == "number"
    assert chosen(Many("many"), Leaf()) == "middle"


def test_a_wrapped_handler_is_read_through_its_wrapper() -> None:
    """A decorator that uses `functools.wraps` hides neither annotations nor the shape."""

    def logged(function: Any) -> Any:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    class Wrapped(Executor):
        @handler
        @logged
        async def handle(self, message: int, ctx: WorkflowContext[str]) -> None: ...

    assert check_executor(Wrapped("w")) == []
    assert handlers_of(Wrapped("w")).all[0].is_async


def test_names_of_enclosing_functions_and_classes_are_found() -> None:
    """Text annotations see what is around the handler."""

    @dataclass
    class Local:
        n: int

    class Nested(Executor):
        class Inner: ...

        @handler
        def local(self, message: "Local") -> int:
            return Local(message.n).n

        @handler
        def inner(self, message: "Inner") -> None: ...

    nested = Nested("n")
    assert check_executor(nested) == []
    assert (chosen(nested, Local(1)), chosen(nested, Nested.Inner())) == ("local", "inner")


@executor
def double(n: int) -> int:
    return 2 * n


@executor(id="other")
async def with_context(message: str | None, ctx: WorkflowContext[int, str]) -> None: ...


def test_functions_are_executors() -> None:
    """`@executor` makes an executor of a function, with or without a context; calling it calls the function."""
    assert (double.id, with_context.id) == ("double", "other")
    assert double(2) == 4
    again = double.with_id("again")
    assert (again.id, double.id, again(3)) == ("again", "double", 6)
    assert not handlers_of(double).all[0].wants_context
    assert handlers_of(with_context).all[0].wants_context


def node_of(returned: Any) -> Executor:
    def give(message: int) -> Any: ...

    give.__annotations__["return"] = returned
    return executor(give)


def test_what_is_sent_and_yielded_is_read() -> None:
    """Design 9: `None` is nothing, a missing parameter is unchecked; without a context the return type says it."""

    def declared(annotation: Any) -> tuple[Any, Any]:
        def take(message: int, ctx: Any) -> None: ...

        take.__annotations__["ctx"] = annotation
        found = handlers_of(executor(take)).all[0]
        return tuple(None if forms is None else [form.name for form in forms] for forms in (found.sends, found.yields))  # type: ignore[return-value]

    assert declared(WorkflowContext) == (None, None)
    assert declared(WorkflowContext[int]) == (["int"], None)
    assert declared(WorkflowContext[None, str | int]) == ([], ["str", "int"])
    assert declared("WorkflowContext[Never, Any]") == ([], None)
    assert declared(WorkflowContext[list[int], None]) == (["list[int]"], [])
    assert [form.name for form in sends(double) or ()] == ["int"]
    assert sends(with_context) == (Form(int, "int"),)
    assert sends(node_of("Nowhere")) is None
    assert sends(node_of(3)) is None
    assert sends(node_of(None)) == ()
    assert [form.name for form in sends(node_of("int | None")) or ()] == ["int"]
    assert sends(Many("many")) is None
    assert handles(with_context) == ("str", "None")


def test_encoded_messages_are_told_by_their_type() -> None:
    """Conformance 7: whether a handler takes a message is known without decoding it."""
    codec = Codec()
    codec.register(Signal)
    accept = accepts(Many("many"), codec)
    assert accept(codec.encode(1))
    typed = accepts(takes(tuple[int, ...]), codec)
    assert typed(codec.encode((1,)))
    assert not typed(codec.encode([1]))
    go = accepts(takes(Literal[Signal.GO]), codec)
    assert go(codec.encode(Signal.GO))
    assert not go(codec.encode(Signal.STOP))
    unknown = {"$type": "nowhere:Nothing", "value": 1}
    assert accept(unknown)
    assert not typed(unknown)


@pytest.mark.parametrize(
    ("sent", "taken", "possible"),
    [
        (int, int, True),
        (Base, Leaf, True),
        (Leaf, Base, True),
        (Base, int, False),
        (bool, int, False),
        (int, bool, False),
        (int, float, True),
        (object, int, True),
        (str, object, True),
        (list, Sequence, True),
    ],
)
def test_impossible_types_are_found(sent: type, taken: type, possible: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Conformance 19: an edge over which nothing can be handled is known before anything runs."""
    assert may_meet(Form(sent, "sent"), Form(taken, "taken")) is possible


def test_literals_meet_their_equals() -> None:
    """Two literals meet if they are the same one."""
    one, other = Form(str, "a", ("a",)), Form(str, "b", ("b",))
    assert may_meet(one, one)
    assert not may_meet(one, other)
    assert may_meet(one, Form(str, "str"))


def test_an_executor_keeps_nothing_by_itself() -> None:
    """Conformance 23: attributes are kept only by whoever says so."""
    assert Executor("x").on_checkpoint_save() is None
    assert Executor("x").on_checkpoint_restore({}) is None


def test_a_closure_that_is_not_filled_yet_does_no_harm() -> None:
    """A handler may refer to what its enclosing function makes later."""

    def make() -> Executor:
        @executor
        def take(message: int) -> Any:
            return later

        problems = check_executor(take)
        later = 1
        assert (problems, take(1)) == ([], later)
        return take

    assert chosen(make(), 1) == "take"
