"""From what `uses:` names to the executor of one run."""

import threading
from typing import Any

import pytest

from lrwf_cli.errors import FlowError, UsageError
from lrwf_cli.executors.api import Executor, executor, handler
from lrwf_cli.executors.loading.make import make_executor


class Training(Executor):
    def __init__(self, id: str, *, region: str, retries: int = 1) -> None:  # noqa: A002 - as in Executor
        super().__init__(id)
        if retries < 0:
            raise ValueError("retries must not be negative")
        self.region, self.retries = region, retries
        self.seen: list[int] = []

    @handler
    def handle(self, message: int) -> None: ...


class WithoutId(Executor):
    def __init__(self, size: int = 1) -> None:
        super().__init__()
        self.size = size


class Bare(Executor):
    @handler
    def handle(self, message: int) -> None: ...


class Open(Executor):
    def __init__(self, **options: Any) -> None:
        super().__init__(options.pop("id"))
        self.options = options


class Silent(Executor):
    def __init__(self) -> None:
        self.lock = threading.Lock()


class Limited(Executor):
    def __init__(self, id: str) -> None:  # noqa: A002 - as in Executor
        super().__init__(id, timeout=-1)


@executor
def double(n: int) -> int:
    return 2 * n


def made(target: Any, **options: Any) -> Any:
    result = make_executor(target, "node", options)
    assert result.id == "node"
    return result


def test_with_becomes_keyword_arguments() -> None:
    """Design 7: a class is made with `with:`, and with `id` when its constructor takes one."""
    training = made(Training, region="eu", retries=3)
    assert (training.region, training.retries) == ("eu", 3)
    assert made(WithoutId, size=4).size == 4
    assert made(Open, a=1).options == {"a": 1}
    assert made(Bare)
    assert made(Silent)


def test_each_run_has_its_own() -> None:
    """One instance per run and process: functions, and executors that a module has made itself, are copied."""
    module_level = Training("mine", region="eu")
    copied = made(module_level)
    copied.seen.append(1)
    assert (module_level.id, module_level.seen) == ("mine", [])
    assert made(double)(2) == 4
    assert double.id == "double"


@pytest.mark.parametrize(
    ("target", "options", "message", "hint"),
    [
        (Training, {"regoin": "eu"}, "`node` takes no `regoin`", "did you mean `region`?"),
        (Training, {"x": 1}, "`node` takes no `x`", "`Training` takes `region`, `retries`"),
        (WithoutId, {"id": "other"}, "`node` takes no `id`", "`WithoutId` takes `size`"),
        (Silent, {"x": 1}, "`node` takes no `x`", "`Silent` takes nothing"),
        (Training, {}, "`node` needs `region`", "add it: `with: {region: ...}`"),
        (Training, {"region": "eu", "retries": -1}, "with `region`, `retries`: ", "mend `with:`"),
        (Training, {"region": "eu", "retries": "x"}, "TypeError", "mend `with:`"),
        (double, {"x": 1}, "`node` is no class: it takes no `x`", "remove `with:`"),
        (Silent(), {}, "`node` cannot be copied", "use its class"),
    ],
)
def test_what_cannot_be_made_names_the_argument(target: Any, options: Any, message: str, hint: str) -> None:
    """A constructor's error is one message that names the argument, with the author's line."""
    with pytest.raises(FlowError) as caught:
        make_executor(target, "node", options)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


def test_the_line_of_a_constructors_error_is_named() -> None:
    """Where the author's code raised."""
    with pytest.raises(FlowError, match=rf"{__file__}:\d+: ValueError: retries must not be negative"):
        make_executor(Training, "node", {"region": "eu", "retries": -1})


def test_our_own_refusals_come_through() -> None:
    """What an executor's constructor refuses says what is wrong by itself."""
    with pytest.raises(UsageError, match="`timeout` of executor `node` is negative: -1"):
        make_executor(Limited, "node", {})


class Quits(Executor):
    def __init__(self) -> None:
        super().__init__()
        raise SystemExit(0)


def test_a_constructor_that_exits_is_an_error() -> None:
    """`sys.exit()` while an executor is made ends neither a check nor a tick, least of all as if all were well."""
    with pytest.raises(FlowError, match=r"`a` cannot be made.*SystemExit"):
        make_executor(Quits, "a")
