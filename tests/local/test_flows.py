"""Runs of flow files: begun, left, gone on with; and what they are pinned to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core.commands import Retry
from lrwf_cli.engine import steer
from lrwf_cli.errors import CodeMissing, FlowError, InputError, RunConflict
from lrwf_cli.local.begin import same_run
from lrwf_cli.local.code import code_has_changed, todays_code
from lrwf_cli.local.prepare import prepare

ONE = """
    name: one
    executors:
      a: {uses: tasks:a}
"""


def test_two_flows_may_both_have_a_module_of_the_same_name(make_desk: Callable[[str], Any]) -> None:
    """Modules beside a flow file have names of their own: two `tasks.py` do not meet, nor do their helpers."""
    results = []
    for name in ("first", "second"):
        desk = make_desk(name)
        desk.write(
            flow_yaml=ONE,
            tasks_py="""
                from lrwf_cli import executor
                from words import WORD
                @executor
                def a(m: dict) -> str:
                    import words
                    assert words.WORD == WORD
                    return WORD
            """,
            words_py=f"WORD = {name!r}\n",
        )
        results.append(desk.outputs(desk.run()))
    assert results == [["first"], ["second"]]


def test_a_run_goes_on_with_the_code_it_began_with(desk: Any) -> None:
    """Conformance 49: changed executor code does not touch running runs, and it is seen that it changed."""
    desk.write(flow_yaml=ONE, tasks_py="from lrwf_cli import executor\n@executor\ndef a(m: dict) -> int: return 1\n")
    desk.leave()
    desk.write(tasks_py="from lrwf_cli import executor\n@executor\ndef a(m: dict) -> int: return 2\n")
    run = desk.store.load("left")
    assert code_has_changed(run)
    assert desk.outputs(desk.advance("left")) == [1]


def test_a_run_goes_on_when_its_folder_is_gone(desk: Any) -> None:
    """Conformance 49: a long run outlives its code."""
    desk.write(flow_yaml=ONE, tasks_py="from lrwf_cli import executor\n@executor\ndef a(m: dict) -> int: return 1\n")
    desk.leave()
    for path in desk.folder.iterdir():
        path.unlink()
    desk.folder.rmdir()
    run = desk.store.load("left")
    assert not code_has_changed(run)
    assert desk.outputs(desk.advance("left")) == [1]


def test_retry_takes_the_code_of_today(desk: Any) -> None:
    """Conformance 49: what failed runs again with the mended code; the journal says which."""
    desk.write(
        flow_yaml=ONE, tasks_py="from lrwf_cli import executor\n@executor\ndef a(m: dict) -> int: return 1 / 0\n"
    )
    run = desk.run(run_id="r")
    assert (run.status, run.error and run.error.type) == ("failed", "ZeroDivisionError")
    desk.write(tasks_py="from lrwf_cli import executor\n@executor\ndef a(m: dict) -> int: return 1\n")
    code = todays_code(desk.store, run)
    assert code not in (None, run.origin.code)
    steer.retry(desk.store, prepare_clock(), "r", Retry(code=code))
    again = desk.advance("r")
    assert (again.status, desk.outputs(again), again.origin.code) == ("completed", [1], code)


def prepare_clock() -> Any:
    from lrwf_cli.clock import SystemClock

    return SystemClock()


def test_a_changed_flow_file_does_not_touch_running_runs(desk: Any) -> None:
    """Conformance 50: they keep the definition they started with."""
    code = """
        from lrwf_cli import executor
        @executor
        def a(m: dict) -> int: return 1
        @executor
        def b(n: int) -> int: return n + 10
    """
    desk.write(flow_yaml=ONE, tasks_py=code)
    desk.leave()
    desk.write(
        flow_yaml="""
            name: one
            executors: {a: {uses: tasks:a}, b: {uses: tasks:b}}
            edges: [{from: a, to: b}]
        """
    )
    assert desk.outputs(desk.advance("left")) == [1]
    assert desk.outputs(desk.run()) == [11]


def test_pinned_code_that_was_tampered_with_blocks_the_run(desk: Any) -> None:
    """Conformance 59: the run is blocked with a remedy; nothing of the changed code is run."""
    desk.write(flow_yaml=ONE, tasks_py="from lrwf_cli import executor\n@executor\ndef a(m: dict) -> int: return 1\n")
    desk.leave()
    (pinned,) = (Path(desk.store.path) / "code").glob("*/files/tasks.py")
    pinned.write_text("raise SystemExit('never')\n")
    with pytest.raises(CodeMissing):
        desk.advance("left")
    run = desk.store.load("left")
    assert (run.status, run.error and run.error.type) == ("blocked", "CodeMissing")


def test_what_is_wrong_with_the_code_is_told_before_anything_is_written(desk: Any) -> None:
    """Conformance 10: all executors at once, each with its place in the flow file; and no run exists."""
    desk.write(
        flow_yaml="""
            name: wrong
            executors:
              a: {uses: tasks:a}
              b: {uses: gone:b}
            edges: [{from: a, to: b}]
        """,
        tasks_py="class a: pass\n",
    )
    with pytest.raises(FlowError) as refused:
        desk.run()
    messages = [message for message, _ in refused.value.problems]
    assert [message.split("flow.yaml:")[1] for message in messages] == [
        "3:13: `tasks:a` is not an executor but a class",
        "4:13: no module `gone` beside the flow, and none installed",
    ]
    assert desk.store.run_ids() == []


def test_a_module_that_raises_is_told_once(desk: Any) -> None:
    """One message with place and remedy, however many executors the module was to bring."""
    desk.write(
        flow_yaml="""
            name: wrong
            executors: {a: {uses: tasks:a}, b: {uses: tasks:b}}
            edges: [{from: a, to: b}]
        """,
        tasks_py="x = 1\nraise RuntimeError('no')\n",
    )
    with pytest.raises(FlowError) as refused:
        prepare(str(desk.folder / "flow.yaml"))
    ((message, hint),) = refused.value.problems
    assert message.endswith("tasks.py:2: RuntimeError: no")
    assert hint == "mend it: importing a module must not fail"


def test_with_may_use_the_input(desk: Any) -> None:
    """`${{ }}` in `with:` is rendered for each run, from its own input, and again when it is gone on with."""
    desk.write(
        flow_yaml="""
            name: greet
            input: {name: {type: string, required: true}}
            executors:
              a: {uses: tasks:Greeter, with: {words: "Hello ${{ input.name }}"}}
        """,
        tasks_py="""
            from lrwf_cli import Executor, handler
            class Greeter(Executor):
                def __init__(self, id: str, words: str) -> None:
                    super().__init__(id)
                    self.words = words
                @handler
                def greet(self, m: dict) -> str:
                    return self.words
        """,
    )
    assert desk.outputs(desk.run("name=you")) == ["Hello you"]
    desk.leave("name=them")
    assert desk.outputs(desk.advance("left")) == ["Hello them"]


def test_a_start_handler_that_takes_a_dataclass_is_given_one(desk: Any) -> None:
    """Conformance 1: input of a type that it cannot handle is an error before anything is written."""
    desk.write(
        flow_yaml=ONE,
        tasks_py="""
            from dataclasses import dataclass
            from lrwf_cli import executor
            @dataclass
            class Order:
                item: str
                count: int = 1
            @executor
            def a(order: Order) -> str:
                return f"{order.count} {order.item}"
        """,
    )
    prepared = prepare(str(desk.folder / "flow.yaml"))
    with pytest.raises(InputError, match=r"input\.count"):
        prepared.input_from([], {"item": "hat", "count": "many"})
    assert desk.store.run_ids() == []
    assert desk.outputs(desk.run("item=hat")) == ["1 hat"]


def test_every_executor_can_read_the_input_and_a_finished_runs_values_can_be_shown(desk: Any) -> None:
    """Conformance 24: the run's input can be read by every executor; outputs are shown untagged."""
    desk.write(
        flow_yaml="""
            name: read
            executors: {a: {uses: tasks:a}, b: {uses: tasks:b}}
            edges: [{from: a, to: b}]
        """,
        tasks_py="""
            from datetime import date
            from lrwf_cli import WorkflowContext, executor
            @executor
            def a(m: dict) -> int: return 1
            @executor
            def b(n: int, ctx: WorkflowContext) -> tuple: return (n, ctx.input["x"], date(2026, 1, 2))
        """,
    )
    assert desk.outputs(desk.run("x=y")) == [[1, "y", "2026-01-02"]]


def test_the_same_id_with_the_same_input_is_the_same_run(desk: Any) -> None:
    """Design 8: `--id` is an idempotency key; another input is a conflict."""
    desk.write(flow_yaml=ONE, tasks_py="from lrwf_cli import executor\n@executor\ndef a(m: dict) -> dict: return m\n")
    desk.run("x=1", run_id="r")
    prepared = prepare(str(desk.folder / "flow.yaml"))
    found = same_run(desk.store, "r", prepared.input_from(["x=1"]))
    assert found is not None
    assert found.id == "r"
    assert same_run(desk.store, "other", prepared.input_from(["x=1"])) is None
    with pytest.raises(RunConflict):
        same_run(desk.store, "r", prepared.input_from(["x=2"]))


def test_what_handlers_print_is_in_the_runs_log(desk: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """stdout is data: what a handler prints goes to its log, and a failure's traceback too."""
    desk.write(
        flow_yaml=ONE,
        tasks_py="""
            from lrwf_cli import executor
            @executor
            def a(m: dict):
                print("hello")
                raise OSError("gone")
        """,
    )
    run = desk.run(run_id="r")
    assert run.status == "failed"
    log = desk.store.log_of("r", "a")
    assert log.startswith("hello\n")
    assert "OSError: gone" in log
    assert f"{desk.folder}/tasks.py" in log
    assert capfd.readouterr() == ("", "")


PINNED = """
    name: pinned
    executors:
      a: {uses: tasks:a}
    pin: [prompts/**, "*.json"]
"""
READS = """
    import pkgutil
    from lrwf_cli import executor
    @executor
    def a(m: dict) -> str:
        return (pkgutil.get_data(__name__, "prompts/deep/ask.txt") + pkgutil.get_data(__name__, "x.json")).decode()
"""


def test_what_is_pinned_besides_the_modules_is_as_it_was(desk: Any) -> None:
    """Design 7: files that `pin:` matches are kept with the code, and read as they were when the run began."""
    (desk.folder / "prompts" / "deep").mkdir(parents=True)
    desk.write(flow_yaml=PINNED, tasks_py=READS)
    (desk.folder / "prompts" / "deep" / "ask.txt").write_text("old ")
    (desk.folder / "x.json").write_text("{}")
    desk.leave()
    run = desk.store.load("left")
    assert run.origin.pins == ("prompts/**", "*.json")
    assert not code_has_changed(run)
    (desk.folder / "prompts" / "deep" / "ask.txt").write_text("new ")
    assert code_has_changed(run)
    assert desk.outputs(desk.advance("left")) == ["old {}"]
    assert todays_code(desk.store, run) != run.origin.code
    assert desk.outputs(desk.run()) == ["new {}"]


def test_a_pattern_that_pins_nothing_is_an_error(desk: Any) -> None:
    """Whoever pins a file means one that is there; nothing outside of the folder can be meant."""
    desk.write(flow_yaml=PINNED, tasks_py=READS)
    with pytest.raises(FlowError) as caught:
        prepare(str(desk.folder / "flow.yaml"))
    path, folder = desk.folder / "flow.yaml", desk.folder.resolve()
    assert [message for message, _ in caught.value.problems] == [
        f"{path}:4:7: 'prompts/**' matches no file in {folder}",
        f"{path}:4:19: '*.json' matches no file in {folder}",
    ]
    desk.write(flow_yaml=PINNED.replace("prompts/**", "../secrets").replace('"*.json"', "/etc/passwd"))
    with pytest.raises(FlowError) as caught:
        prepare(str(desk.folder / "flow.yaml"))
    assert [message.rpartition(": ")[2] for message, _ in caught.value.problems] == [
        "'../secrets' leads out of the flow's folder",
        "'/etc/passwd' leads out of the flow's folder",
    ]
