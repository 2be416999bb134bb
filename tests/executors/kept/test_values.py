"""What is kept of an await: values, exceptions, names and digests; what the handler gets back."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.kinds import Adapter
from lrwf_cli.core.suspended import Kept, Suspension
from lrwf_cli.errors import CommandFailed, NotDecodable, NotEncodable, PollTimeoutError
from lrwf_cli.executors.kept.digests import digest_of, name_of
from lrwf_cli.executors.kept.raised import decode_error, encode_error
from tests.executors.kept import outside
from tests.executors.kept.stage import Stage
from tests.executors.kept.test_lanes import KINDS, stage


class Mine(Exception):
    """An exception with a constructor of its own, and attributes."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self._private = object()


def codec() -> Codec:
    made = Codec()
    made.register_module_types(sys.modules[__name__], "flow")
    return made


def noted(error: BaseException) -> BaseException:
    error.add_note("a note")
    return error


ERRORS = [
    ValueError("no"),
    KeyError("k", 1),
    FileNotFoundError(2, "No such file", "a.txt"),
    UnicodeDecodeError("utf-8", b"x\xff", 1, 2, "bad"),
    TimeoutError(),
    SystemExit(3),
    ImportError("no", name="x"),
    noted(OSError(5, "eio")),
    CommandFailed("it failed", hint="look", exit_code=3, stderr="x"),
    PollTimeoutError("late"),
    Mine(7, detail="x"),
    ExceptionGroup("several", [ValueError(1), ExceptionGroup("more", [KeyError(2)])]),
    msgspec.ValidationError("x"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_an_exception_is_raised_anew_as_it_was(error: Any) -> None:
    """Builtin ones, ours, and those that the flow's modules define or have imported: class, arguments, attributes."""
    kept = msgspec.json.decode(msgspec.json.encode(encode_error(codec(), error)))
    made: Any = decode_error(codec(), kept)
    assert type(made) is type(error)
    assert str(made) == str(error)
    if not isinstance(error, ExceptionGroup):
        assert made.args == error.args
    for name in ("errno", "filename", "exit_code", "stderr", "hint", "code", "object", "start", "__notes__"):
        assert getattr(made, name, None) == getattr(error, name, None)
    for one, other in zip(getattr(made, "exceptions", ()), getattr(error, "exceptions", ()), strict=True):
        assert (type(one), str(one)) == (type(other), str(other))


@KINDS
def test_what_an_exception_was_raised_from_is_kept(kind: str) -> None:
    """A handler may look at the cause of what it caught; one that cannot be kept is left out."""
    more = (
        "async def helper(cause):\n    try:\n        await do('f')\n        raise cause\n    except Exception as error:\n"
        "        raise RuntimeError('over') from error\n"
        "class Odd(Exception):\n    def __init__(self):\n        super().__init__(object())\n"
    )
    body = (
        "got = []\nfor cause in (KeyError('k'), Odd()):\n    try:\n        await helper(cause)\n"
        "    except RuntimeError as error:\n        got.append(error)\n    await pause(ctx)\n"
        "return [[str(each), repr(each.__cause__)] for each in got]"
    )
    assert stage(body, kind, more).value() == [["over", "KeyError('k')"], ["over", "None"]]


def foreign() -> Exception:
    class Foreign(Exception):
        pass

    return Foreign()


@pytest.mark.parametrize(
    "error",
    [foreign(), ValueError(object()), ExceptionGroup("x", [foreign()])],
    ids=["a class", "an argument", "within"],
)
def test_what_could_not_be_raised_anew_is_refused(error: BaseException) -> None:
    """Conformance 48: an exception of a class that the flow does not know, or with arguments that cannot be kept."""
    with pytest.raises(NotEncodable):
        encode_error(codec(), error)


@pytest.mark.parametrize(
    "kept",
    [
        {"type": "os:system", "args": []},
        {"type": "print", "args": []},
        {"type": "antigravity:X", "args": []},
        {"type": "lrwf_cli.errors:annotations", "args": []},
        {"type": "json.decoder:JSONDecodeError", "args": []},
    ],
    ids=lambda kept: str(kept["type"]),
)
def test_nothing_is_imported_or_called_for_what_is_kept(kept: dict[str, Any]) -> None:
    """Conformance 48: data names exceptions that are known already, and nothing else."""
    with pytest.raises(NotDecodable):
        decode_error(codec(), kept)
    assert "antigravity" not in sys.modules


@KINDS
def test_exceptions_come_again(kind: str) -> None:
    """A kept exception is raised at the same await, of a library that the flow has imported too."""
    source = "import json, zoneinfo\nfrom zoneinfo import ZoneInfoNotFoundError\n"
    body = (
        "got = []\nfor make in (lambda: json.JSONDecodeError('x', 'doc', 1), ZoneInfoNotFoundError, lambda: Own(3)):\n"
        "    try:\n        await fail('f', make())\n    except (json.JSONDecodeError, KeyError, Own) as error:\n"
        "        got.append([type(error).__name__, str(error)])\n    await pause(ctx)\nreturn got"
    )
    made = stage(body, kind, f"{source}class Own(Exception):\n    pass\n")
    assert made.value() == [
        ["JSONDecodeError", "x: line 1 column 2 (char 1)"],
        ["ZoneInfoNotFoundError", ""],
        ["Own", "3"],
    ]
    assert outside.done == ["f"] * 3


def test_a_value_is_as_it_was_when_it_was_returned() -> None:
    """What the handler does with a value after an await changes nothing of what is kept."""
    body = "got = await do({'a': [1]}, returns={'a': [1]})\ngot['a'].append(2)\nawait pause(ctx)\nreturn got"
    assert stage(body).value() == {"a": [1, 2]}


@pytest.mark.not_twice("it counts what stands between two awaits")
def test_a_long_running_handler_gets_the_copy() -> None:
    """Design 6: in a LongRunningExecutor the handler sees the decoded copy, live and on the way back."""
    body = "it = (1, {'a': {1, 2}})\ngot = await do(0, returns=it)\nsee(got is it)\nawait pause(ctx)\nreturn got == it"
    assert stage(body, "LongRunningExecutor").value() is True
    assert outside.seen == [False, False]
    assert stage(body, "Executor").value() is True
    assert outside.seen == [True, False]


def test_types_of_the_flow_are_kept() -> None:
    """Dataclasses of the flow's modules go through the journal by their plain names."""
    source = "@dataclass\nclass Job:\n    id: int\n    tags: tuple = ()\nasync def make(n):\n    return Job(await do(n), ('a',))\n"
    body = "job = await make(1)\nawait pause(ctx)\nreturn [type(job).__name__, job.id, list(job.tags)]"
    made = stage(body, more=source)
    result = made.suspended(made.enter())
    assert [entry.value["$type"] for entry in result.kept if entry.value] == ["flow:Job"]
    assert made.value() == ["Job", 1, ["a"]]


def test_a_class_that_is_gone_blocks() -> None:
    """What was kept of a class that the code no longer has cannot be read: the run is blocked, with the name."""
    source = "@dataclass\nclass Job:\n    id: int\nasync def make(n):\n    return Job(await do(n))\n"
    made = stage("job = await make(1)\nawait pause(ctx)", more=source)
    made.suspended(made.enter())
    made.source = made.source.replace("Job", "Task")
    failure = made.stuck()
    assert failure.type == "NotKeepable"
    assert (
        "what `flow:make` left cannot be read: a kept value has a type that the flow does not know: `flow:Job`"
        in failure.message
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(), inner) | st.frozensets(st.text()) | st.tuples(inner, inner)
        ),
        max_leaves=20,
    )
)
def test_a_digest_is_that_of_the_value(value: Any) -> None:
    """The same arguments have the same digest, and a changed one another."""
    assert digest_of(codec(), (value,)) == digest_of(codec(), (value,))
    assert digest_of(codec(), (value, 1)) != digest_of(codec(), (value, 2))
    assert digest_of(codec(), (value,), {"k": 1}) != digest_of(codec(), (value,), {"k": 2})


def test_a_digest_is_the_same_in_every_process() -> None:
    """Sets have an order of their own in each process; digests have not."""
    program = (
        "from lrwf_cli.core.codec import Codec; from lrwf_cli.executors.kept.digests import digest_of; import sys; "
        "sys.stdout.write(digest_of(Codec(), ({'a', 'b', 'c', 'd'}, {'x': {1, 'y'}}, print, object())))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": str(n)},
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[3],
        ).stdout
        for n in range(3)
    }
    assert len(said) == 1


def test_large_arguments_are_digested_fast() -> None:
    """Of what is large only the ends and the length count: a digest takes as long for a gigabyte as for a page."""
    small, large = ["x"] * 100, ["x"] * 1_000_000
    assert digest_of(codec(), (large,)) != digest_of(codec(), (small,))
    assert digest_of(codec(), (large,)) != digest_of(codec(), (large[1:],))
    assert digest_of(codec(), ("x" * 10_000_000,)) != digest_of(codec(), ("x" * 9_999_999,))


class _Asked(Codec):
    """A codec that knows how often it was asked of which kind a class is."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def adapter_of(self, cls: type) -> Adapter | None:
        self.asked += 1
        return super().adapter_of(cls)


def test_a_class_without_a_plain_form_is_looked_at_once() -> None:
    """Every await of a method has its object among its arguments: what that is costs nothing the second time."""
    asked = _Asked()
    itself = stage, object(), outside
    first = digest_of(asked, itself)
    before = asked.asked
    assert digest_of(asked, itself) == first
    assert asked.asked == before


def test_names_are_those_that_authors_know() -> None:
    """A function is called by its module, as its author knows it, and its name; an object by its class."""
    from functools import partial

    assert name_of(outside.do) == name_of(partial(outside.do, 1)) == "tests.executors.kept.outside:do"
    assert name_of(outside.Client().get) == "tests.executors.kept.outside:Client.get"
    assert name_of(object()) == "builtins:object"


@KINDS
def test_a_loop_of_ten_thousand_goes_on_where_it_was(kind: str) -> None:
    """A loop of 10,000 awaits that is killed in its middle makes each of them once."""
    body = "for i in range(10_000):\n    await outside.note(i)\n    if i == 5_000:\n        await pause(ctx)\nreturn 1"
    made = stage(body, kind)
    if kind == "LongRunningExecutor":
        made.kill_after = lambda frame: frame in (3_000, 7_000)
    assert made.value() == 1
    assert outside.done == list(range(10_000))
    assert made.entries == (4 if kind == "LongRunningExecutor" else 2)


def test_the_journal_of_a_plain_loop_is_lean() -> None:
    """An entry says what it must, and leaves out what is as it mostly is."""
    made = stage("await do(1)\nawait pause(ctx)")
    result = made.enter()
    assert isinstance(result, Suspension)
    assert msgspec.to_builtins(result.kept[0]).keys() == {"lane", "path", "what", "digest", "value"}
    assert isinstance(result.kept[0], Kept)


def test_names_around_do_not_matter() -> None:
    """A handler may use whatever names it likes, `keep`, `site` and `function` among them."""
    body = "keep = site = function = self_ = 1\nasync def f(site, function, *, lane, args):\n    return [site, function, lane, args]\ngot = await f(1, function=2, lane=3, args=4)\nawait pause(ctx)\nreturn got"
    assert Stage(stage(body).source, "flow:Handler").value() == [1, 2, 3, 4]
