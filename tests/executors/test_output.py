"""Where what is printed goes: by the context of whoever prints."""

import asyncio
import contextvars
import io
import sys
import threading
from contextlib import redirect_stdout
from typing import Any

import pytest

from lrwf_cli.executors.output import LONGEST_LINE, Lines, routed


def test_prints_go_to_the_sink_and_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Both streams of a context go to its sink; flushing and asking for a terminal are harmless."""
    taken: list[str] = []
    with routed(taken.append):
        print("a", "b")  # noqa: T201 - what is tested
        print("err", file=sys.stderr)  # noqa: T201 - what is tested
        sys.stdout.writelines(["x", "y"])
        sys.stdout.buffer.write(b"bytes \xff")
        sys.stdout.buffer.flush()
        sys.stdout.flush()
        assert not sys.stdout.isatty()
        assert sys.stdout.encoding
    assert "".join(taken) == "a b\nerr\nxybytes \\xff"
    assert capsys.readouterr() == ("", "")


def test_the_streams_are_put_back() -> None:
    """Outside of handlers the process has its own streams again, after nested and concurrent use too."""
    before = sys.stdout, sys.stderr
    with routed(list[str]().append), routed(list[str]().append):
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before


def test_a_stream_that_somebody_else_put_there_stays() -> None:
    """What replaced a stream meanwhile is not undone."""
    before = sys.stdout, sys.stderr
    mine = io.StringIO()
    try:
        with routed(list[str]().append):
            sys.stdout = sys.stderr = mine
        assert sys.stdout is sys.stderr is mine
    finally:
        sys.stdout, sys.stderr = before


def test_each_context_has_its_own_sink(capsys: pytest.CaptureFixture[str]) -> None:
    """Tasks and threads that begin with a copy of a context print to its sink; whoever else prints is left alone."""

    async def prints(name: str, taken: list[str]) -> None:
        with routed(taken.append):
            await asyncio.sleep(0)
            await asyncio.gather(asyncio.to_thread(print, name), asyncio.to_thread(print, name))
            await asyncio.create_task(later(name))

    async def later(name: str) -> None:
        print("task", name)  # noqa: T201 - what is tested

    async def scenario() -> None:
        await asyncio.gather(prints("one", first), prints("two", second), later("outside"))

    first: list[str] = []
    second: list[str] = []
    asyncio.run(scenario())
    assert sorted("".join(first).split()) == ["one", "one", "one", "task"]
    assert sorted("".join(second).split()) == ["task", "two", "two", "two"]
    assert capsys.readouterr().out == "task outside\n"


def test_a_thread_without_the_context_prints_to_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    """What the module's docstring says of `threading.Thread`, and the way around it."""
    taken: list[str] = []
    with routed(taken.append):
        threads = [
            threading.Thread(target=print, args=("x",)),
            threading.Thread(target=contextvars.copy_context().run, args=(print, "y")),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert ("".join(taken), capsys.readouterr().out) == ("y\n", "x\n")


def test_a_process_without_streams_can_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under some daemons `sys.stdout` is `None`; nobody may stumble over that."""
    monkeypatch.setattr(sys, "stdout", None)
    with routed(list[str]().append):
        contextvars.Context().run(sys.stdout.write, "lost")
        contextvars.Context().run(sys.stdout.flush)
        assert not contextvars.Context().run(sys.stdout.isatty)
        assert contextvars.Context().run(getattr, sys.stdout, "buffer") is None
    assert sys.stdout is None


def test_redirecting_inside_a_handler_works() -> None:
    """A handler that captures what it calls gets it."""
    taken: list[str] = []
    with routed(taken.append):
        with redirect_stdout(io.StringIO()) as captured:
            print("captured")  # noqa: T201 - what is tested
        print("printed")  # noqa: T201 - what is tested
    assert (captured.getvalue(), "".join(taken)) == ("captured\n", "printed\n")


def test_lines_are_whole() -> None:
    """Text reaches a log by whole lines; what is left is a line at the end."""
    taken: list[str] = []
    lines = Lines(taken.append)
    for text in ("a", "b\nc", "", "d\ne\nf"):
        lines.add(text)
    assert taken == ["ab\n", "cd\ne\n"]
    lines.close()
    lines.close()
    assert taken == ["ab\n", "cd\ne\n", "f\n"]
    lines.add("x\n" + "y" * LONGEST_LINE)
    lines.add("y")
    assert taken[3:] == ["x\n", "y" * (LONGEST_LINE + 1) + "\n"]


def test_a_log_may_print(capsys: pytest.CaptureFixture[str]) -> None:
    """A log that prints reaches the process's streams; it does not end up in itself."""

    def write(text: str) -> Any:
        print("log:", text, end="")  # noqa: T201 - what is tested

    lines = Lines(write)
    with routed(lines.add):
        print("hello")  # noqa: T201 - what is tested
    assert capsys.readouterr().out == "log: hello\n"


def test_a_handler_that_is_thrown_away_where_it_was_not_begun_is_no_error() -> None:
    """Conformance 30: what would not end is left to itself, and says nothing when the process ends."""

    async def stubborn() -> None:
        with routed(said.append):
            await asyncio.Event().wait()

    said: list[str] = []
    stream = sys.stdout
    loop = asyncio.new_event_loop()
    handler = stubborn()
    loop.call_soon(contextvars.copy_context().run, handler.send, None)
    loop.call_soon(loop.stop)
    loop.run_forever()
    handler.close()
    loop.close()
    assert sys.stdout is stream
    assert said == []
