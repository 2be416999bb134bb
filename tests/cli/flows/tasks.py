"""The steps of the flows beside this file: one that works, and one for each way of not getting on."""

import asyncio
import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from lrwf_cli import WorkflowContext, executor
from lrwf_cli.errors import RequestExpired

HOSTILE = "\x1b[2J\x1b]0;title\x07\x9b1m\r\u202e[red]rich[/]\x7f"


@executor
def greet(asked: dict[str, Any]) -> str:
    print("greeting", asked["who"])  # noqa: T201  (what the log is for)
    return f"hello {asked['who']}"


@executor
async def shout(text: str, ctx: WorkflowContext[None, str]) -> None:
    ctx.set_state("shouted", text)
    await ctx.yield_output(text.upper())


@executor
def fail(asked: dict[str, Any]) -> None:
    raise ValueError("no such luck")


@executor
def fix(asked: dict[str, Any]) -> str:
    """Fail until a file stands in the folder that is asked for."""
    if not Path(asked["folder"], "fixed").exists():
        raise ValueError("not fixed yet")
    return "fixed"


@executor
def later(asked: dict[str, Any], ctx: WorkflowContext[str]) -> str:
    """Fail the first attempt, so that the run waits for the second."""
    if ctx.attempt == 1:
        raise ConnectionError("line busy")
    return "connected"


@executor
async def hold(asked: dict[str, Any]) -> str:
    """Say in a file that it is at work, and wait for another file."""
    folder = Path(asked["folder"])
    (folder / f"at-work-{os.getpid()}").touch()
    while not await _is_there(folder / "go"):  # noqa: ASYNC110  (another process makes it)
        await asyncio.sleep(0.01)
    return "gone"


async def _is_there(path: Path) -> bool:
    return path.exists()


@executor
async def evil(asked: dict[str, Any], ctx: WorkflowContext[None, dict[str, Any]]) -> None:
    print(HOSTILE)  # noqa: T201  (what the log is for)
    await ctx.yield_output({HOSTILE: HOSTILE})
    ctx.set_state(HOSTILE, HOSTILE)
    if asked["fail"]:
        raise ValueError(HOSTILE)


@executor
async def loop(count: dict[str, Any], ctx: WorkflowContext[dict[str, Any], int]) -> None:
    if count["n"] < count["limit"]:
        await ctx.send_message({**count, "n": count["n"] + 1})
    else:
        await ctx.yield_output(count["n"])


@executor
def chat(asked: dict[str, Any]) -> None:
    print("x" * 99 + "\n", end="")  # noqa: T201  (what the log is for)
    for number in range(asked["lines"]):
        print(f"line {number} " + "é" * 100)  # noqa: T201  (what the log is for)
    print("and no end", end="")  # noqa: T201  (what the log is for)


@executor
def kill(asked: dict[str, Any]) -> None:
    os.kill(os.getpid(), 9)


@dataclass(frozen=True)
class Verdict:
    score: int
    due: date
    note: str = "none"


@executor
async def judge(asked: dict[str, Any], ctx: WorkflowContext[None, str]) -> None:
    """Ask for something that only this module knows how to make."""
    verdict = await ctx.ask("How good is it?", response_type=Verdict)
    await ctx.yield_output(f"{verdict.score} by {verdict.due:%d %B}: {verdict.note}")


@executor
def decide(answer: dict[str, Any]) -> str:
    return f"{answer['choice']}, says {answer['by'] or 'nobody'}"


@executor
def regret(failed: dict[str, Any]) -> None:
    print("so sorry:", failed["error"]["message"])  # noqa: T201  (what the log is for)


@executor
def pass_on(message: dict[str, Any]) -> dict[str, Any]:
    return message


@executor
def both(answers: list[Any]) -> list[Any]:
    return [[answer["choice"], answer["data"]] for answer in answers]


@executor
async def impatient(asked: dict[str, Any], ctx: WorkflowContext[str]) -> str:
    """Ask, and go on without an answer."""
    try:
        await ctx.ask("Is anybody there?", timeout=timedelta(seconds=asked["seconds"]))
    except RequestExpired:
        return "nobody is"
    return "somebody is"
