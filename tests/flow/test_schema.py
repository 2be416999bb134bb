import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from lrwf_cli.errors import FlowError, NotYet, UsageError
from lrwf_cli.flow.compile import compile_workflow
from lrwf_cli.flow.jsonschema import header_line, json_schema
from lrwf_cli.flow.kinds import Ask, Poll, Wait
from lrwf_cli.flow.load import load_flow, parse_flow
from lrwf_cli.flow.reserved import RESERVED
from lrwf_cli.flow.schema import Case, Declared, Edge, Executor, FlowFile, Notify, Retry
from tests.flow.complaining import complaint, complaints, flow

FULL = """\
name: train-and-ship
description: Train a model, wait for it, ship it.
max_iterations: 50
timezone: Europe/Paris
input:
  dataset: {type: string, required: true, description: Where the data are.}
  epochs: {type: integer, default: 3}
  size: {enum: [small, large], default: small}
defaults: {retry: {max_attempts: 3}}
executors:
  train:
    uses: training:TrainingExecutor
    with: {region: eu-1, label: "run ${{ run.id }}", depth: [1, {a: null}]}
    retry: {max_attempts: 5, initial: 1s, max: 5m, multiplier: 2, jitter: 0.1, retry_on: [ConnectionError]}
  check: {uses: lib.checks:Check.strict}
  ship: {uses: shipping:ship, retry: {give_up_on: [ValueError]}}
  note: {uses: shipping:note}
start: train
edges:
  - {from: train, to: [check, note], select: "['check']"}
  - from: check
    switch: [{when: "message.ok", to: ship}, {default: train}]
  - {from: [ship, note], to: note, need: any}
  - {from: ship, to: train, when: "message.again"}
when_failed: stop
"""


def test_a_whole_flow_file_is_typed() -> None:
    """Design 7: every key that is built has its place and type."""
    loaded = parse_flow(FULL, "flow.yaml")
    flow_file = loaded.flow
    assert (loaded.start, loaded.text, loaded.path) == ("train", FULL, "flow.yaml")
    assert (flow_file.name, flow_file.max_iterations, flow_file.timezone) == ("train-and-ship", 50, "Europe/Paris")
    assert (flow_file.when_failed, flow_file.start) == ("stop", "train")
    assert isinstance(flow_file.input, dict)
    assert flow_file.input["dataset"] == Declared("string", required=True, description="Where the data are.")
    assert flow_file.input["size"] == Declared(default="small", enum=["small", "large"])
    assert flow_file.defaults.retry == Retry(max_attempts=3)
    assert flow_file.executors["train"] == Executor(
        "training:TrainingExecutor",
        with_={"region": "eu-1", "label": "run ${{ run.id }}", "depth": [1, {"a": None}]},
        retry=Retry(5, timedelta(seconds=1), timedelta(minutes=5), 2.0, 0.1, ["ConnectionError"]),
    )
    assert flow_file.edges[1] == Edge("check", switch=[Case("message.ok", "ship"), Case(default="train")])
    assert flow_file.edges[2] == Edge(["ship", "note"], "note", need="any")


DESIGN = """\
name: train-and-ship
description: Train a model, wait for it, ask a person, ship it.
timeout: 12h
max_iterations: 100
timezone: Europe/Paris
input:
  dataset: {type: string, required: true}
  epochs: {type: integer, default: 3}
defaults: {timeout: 10m, retry: {max_attempts: 3}}
executors:
  train:
    uses: training:TrainingExecutor
    with: {region: eu-1}
    retry: {max_attempts: 5, initial: 1s, max: 5m, multiplier: 2, jitter: 0.1, retry_on: [ConnectionError]}
  evaluate:
    run: python evaluate.py --min 0.9
    timeout: 30m
  upload:
    run: ./upload.sh
  ready:
    poll: {run: ./is-ready.sh, until: "exit_code == 0", initial: 10s, max: 5m, max_duration: 6h}
  cool_off:
    wait: {for: 24h}
  approve:
    ask: {prompt: "Ship ${{ message.model }}?", choices: [ship, stop], expires: 48h, on_expiry: stop}
  ship: {run: ./ship.sh, on_error: clean_up, on_crash: ask}
  clean_up: {run: ./clean.sh}
edges:
  - {from: train, to: evaluate}
  - {from: evaluate, to: [upload, ready]}
  - {from: [upload, ready], to: cool_off}
  - {from: cool_off, to: approve}
  - from: approve
    switch: [{when: "message.choice == 'ship'", to: ship}, {default: clean_up}]
on_failure: clean_up
when_failed: drain
pin: [prompts/**]
notify: {request: ./tell-me.sh, failed: ./page-me.sh}
"""


def test_the_example_of_the_design_is_a_flow() -> None:
    """Design 7, as far as it is built: what it shows is what is read."""
    flow_file = parse_flow(DESIGN, "flow.yaml").flow
    executors = flow_file.executors
    assert (flow_file.timeout, flow_file.defaults.timeout) == (timedelta(hours=12), timedelta(minutes=10))
    assert (executors["evaluate"].run, executors["evaluate"].timeout) == (
        "python evaluate.py --min 0.9",
        timedelta(minutes=30),
    )
    assert executors["ready"].poll == Poll(
        "exit_code == 0",
        run="./is-ready.sh",
        initial=timedelta(seconds=10),
        max=timedelta(minutes=5),
        max_duration=timedelta(hours=6),
    )
    assert executors["cool_off"].wait == Wait(for_="24h")
    assert executors["approve"].ask == Ask(
        "Ship ${{ message.model }}?", ["ship", "stop"], expires=timedelta(hours=48), on_expiry="stop"
    )
    assert (executors["ship"].on_error, executors["ship"].on_crash) == ("clean_up", "ask")
    assert (flow_file.on_failure, flow_file.pin) == ("clean_up", ["prompts/**"])
    assert flow_file.notify == Notify(request="./tell-me.sh", failed="./page-me.sh")


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 400)
    | st.sampled_from(["", "a", "1h", "m:f", "${{ x }}", "${{", "LRWF_A"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["run", "check", "until", "for", "prompt", "choices", "on_expiry", "value", "env", "x", "retry"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
KEYS = [field.encode_name for field in msgspec.structs.fields(Executor)]
TOP = [field.encode_name for field in msgspec.structs.fields(FlowFile) if field.name not in ("name", "executors")]


@given(st.dictionaries(st.sampled_from(KEYS), ODD, max_size=4), st.dictionaries(st.sampled_from(TOP), ODD, max_size=3))
def test_whatever_stands_in_a_file_is_told_and_never_raised(executor: dict[str, Any], top: dict[str, Any]) -> None:
    """Any value under any key is either right or a problem with a place; nothing else ever comes out."""
    text = json.dumps({"name": "demo", "executors": {"a": executor, "b": {"uses": "m:f"}}, **top}, indent=1)
    found = complaints(text)
    for line in found:
        assert re.match(r"flow\.yaml:\d+:\d+: ", line)
    if not found:
        assert compile_workflow(parse_flow(text, "flow.yaml"), {}, decode=lambda value: value, now=datetime.now).start


def test_five_lines_are_a_flow() -> None:
    """A flow of one executor needs no edges, and everything else has a default."""
    loaded = parse_flow("name: hello\nexecutors:\n  greet:\n    uses: tasks:greet\n", "flow.yaml")
    assert loaded.flow == FlowFile("hello", {"greet": Executor("tasks:greet")})
    assert (loaded.start, loaded.flow.max_iterations, loaded.flow.input) == ("greet", 100, UNSET)


def test_a_loaded_flow_knows_where_everything_stands() -> None:
    """Others who find something wrong later, such as a module that is missing, can show where."""
    loaded = parse_flow(FULL, "dir/flow.yaml")
    assert loaded.place(("executors", "train", "uses")) == "dir/flow.yaml:12:11"
    assert loaded.place(("executors", "train"), of_key=True) == "dir/flow.yaml:11:3"
    assert loaded.place(("edges", 1, "switch", 0, "when")) == "dir/flow.yaml:22:21"


def executor(text: str, *more: str) -> str:
    return "\n".join(["name: demo", "executors:", "  a:", "    uses: tasks:step", f"    {text}", *more, ""])


MISTAKES = [
    # the example of the design
    (
        executor("retires: 3"),
        "5:5: unknown key 'retires' in executor 'a' | did you mean 'retry'? See: lrwf schema executors.retry",
    ),
    (
        flow("a", descripton="x"),
        "2:1: unknown key 'descripton' | did you mean 'description'? See: lrwf schema description",
    ),
    (flow("a", steps="[]"), "2:1: unknown key 'steps' | did you mean 'executors'? See: lrwf schema executors"),
    (
        flow("a", zzz="1"),
        (
            "2:1: unknown key 'zzz' | keys here: name, executors, description, max_iterations, timeout, timezone, "
            "input, defaults, start, edges, when_failed, on_failure, .... See: lrwf schema"
        ),
    ),
    (
        executor("args: {}"),
        "5:5: unknown key 'args' in executor 'a' | did you mean 'with'? See: lrwf schema executors.with",
    ),
    (
        executor("retry: {maxAttempts: 3}"),
        (
            "5:13: unknown key 'maxAttempts' in 'retry' of executor 'a'"
            " | did you mean 'max_attempts'? See: lrwf schema executors.retry.max_attempts"
        ),
    ),
    (
        "name: demo\nexecutors:\n  a: {with: {}}\n",
        (
            "3:3: executor 'a' has none of 'uses', 'run', 'poll', 'wait' and 'ask'"
            " | add one, as 'uses: module:name' or 'run: ./command.sh'. See: lrwf schema executors"
        ),
    ),
    (
        "executors: {a: {uses: 'm:f'}}\n",
        "1:1: the flow has no 'name' | add 'name: ...'. See: lrwf schema name",
    ),
    (
        "name: demo\nexecutors:\n  a:\n",
        "3:3: executor 'a' must be a mapping, not nothing | indent its keys below it. See: lrwf schema executors",
    ),
    (
        "name: demo\nexecutors: [a]\n",
        "2:12: 'executors' must be a mapping, not a list | indent its keys below it. See: lrwf schema executors",
    ),
    ("name: demo\nexecutors: {}\n", "2:12: a flow without executors | add one: 'id: {uses: module:name}'"),
    ("- a\n", "1:1: a flow must be a mapping, not a list | begin with 'name: ...' and 'executors:'. See: lrwf schema"),
    (
        flow("a", max_iterations='"10"'),
        "2:17: 'max_iterations' must be an integer, not the text '10' | write it without quotes",
    ),
    (flow("a", max_iterations="ten"), "2:17: 'max_iterations' must be an integer, not the text 'ten'"),
    (flow("a", max_iterations="1.5"), "2:17: 'max_iterations' must be an integer, not 1.5"),
    (flow("a", max_iterations="true"), "2:17: 'max_iterations' must be an integer, not true"),
    (
        flow("a", max_iterations=""),
        "2:16: 'max_iterations' must be an integer, not nothing | write a value, or remove the key",
    ),
    (flow("a", description="3"), "2:14: 'description' must be text, not 3 | quote it"),
    (
        flow("a", when_failed="drian"),
        "2:14: 'when_failed' must be 'drain' or 'stop', not the text 'drian' | did you mean 'drain'?",
    ),
    (flow("a", timezone="Europe/Pariss"), "2:11: unknown timezone: 'Europe/Pariss' | did you mean 'Europe/Paris'?"),
    (
        flow("a", timezone="../../etc/passwd"),
        "2:11: unknown timezone: '../../etc/passwd' | write it as Europe/Paris, or UTC",
    ),
    (
        flow("a").replace("demo", "My Flow"),
        (
            "1:7: 'My Flow' cannot be a workflow's name"
            " | a name has small letters, digits, '-' and '_', and at most 59: my_flow"
        ),
    ),
    (
        "name: demo\nexecutors:\n  train model: {uses: 'm:f'}\n",
        (
            "3:3: 'train model' cannot be an executor's id"
            " | an id has letters, digits, '-' and '_', and at most 64: train_model"
        ),
    ),
    (
        "name: demo\nexecutors:\n  ../x: {uses: 'm:f'}\n",
        "3:3: '../x' cannot be an executor's id | an id has letters, digits, '-' and '_', and at most 64: x",
    ),
    (
        'name: demo\nexecutors:\n  "a\\n": {uses: "m:f"}\n',
        r"3:3: 'a\n' cannot be an executor's id | an id has letters, digits, '-' and '_', and at most 64: a",
    ),
    (
        executor("retry: {initial: 90}"),
        "5:22: 'initial' in 'retry' of executor 'a' must be a duration, not 90 | add a unit: 90s, 90m, 90h or 90d",
    ),
    (
        executor("retry: {max: 5 minutes}"),
        "5:18: 'max' in 'retry' of executor 'a' must be a duration, not the text '5 minutes' | write it as 5m",
    ),
    (
        executor("retry: {max: 11w, initial: 5000d}"),
        (
            "5:32: 'initial' in 'retry' of executor 'a' is longer than ten years: '5000d'"
            " | give a duration of at most 3650d"
        ),
    ),
    (executor("retry: {max_attempts: 0}"), "5:27: 'max_attempts' in 'retry' of executor 'a' must be at least 1, not 0"),
    (executor("retry: {jitter: 1.5}"), "5:21: 'jitter' in 'retry' of executor 'a' must be at most 1, not 1.5"),
    (executor("retry: {multiplier: 0.5}"), "5:25: 'multiplier' in 'retry' of executor 'a' must be at least 1, not 0.5"),
    (
        executor("retry: {retry_on: ConnectionError}"),
        (
            "5:23: 'retry_on' in 'retry' of executor 'a' must be a list, not the text 'ConnectionError'"
            " | write it in brackets: [ConnectionError]"
        ),
    ),
    (
        executor("retry: {retry_on: [OSError, 5]}"),
        "5:33: an item of 'retry_on' in 'retry' of executor 'a' must be text, not 5 | quote it",
    ),
    (
        executor("retry: 3"),
        (
            "5:12: 'retry' of executor 'a' must be a mapping, not 3"
            " | indent its keys below it. See: lrwf schema executors.retry"
        ),
    ),
    (executor("with: [1]"), "5:11: 'with' in executor 'a' must be a mapping, not a list"),
    (
        executor('with: {x: "at ${{ mesage.x }}"}'),
        "5:23: unknown name 'mesage' | a text goes in quotes; names here: input, run",
    ),
    (executor("with: {x: ['${{ message }}']}"), "5:21: 'message' is not known here | names here: input, run"),
    (executor("with: {x: 'a ${{ b'}"), "5:18: a '${{' that is never closed: '${{ b' | close it with '}}'"),
    (
        executor("", "input: {x: {type: int}}").replace("    \n", ""),
        (
            "5:19: 'type' in input 'x' must be 'string', 'integer', 'number', 'boolean', 'array', 'object' or 'path', "
            "not the text 'int' | did you mean 'integer'?"
        ),
    ),
    (
        flow("a", input="{x: {required: yes}}"),
        "2:23: 'required' in input 'x' must be true or false, not the text 'yes' | write true",
    ),
    (
        flow("a", input="{x: {type: integer, default: three}}"),
        "2:37: the default of input 'x' must be an integer, not three | mend it, or 'type' and 'enum'",
    ),
    (
        flow("a", input="{x: {enum: [a, b], default: c}}"),
        "2:36: the default of input 'x' must be 'a' or 'b', not c | mend it, or 'type' and 'enum'",
    ),
    (
        flow("a", input="{x: {enum: [a, 1]}}"),
        "2:23: a value of 'enum' of input 'x' must be text, not 1 | mend it, or 'type'",
    ),
    (
        flow("a", input="{x: {required: true, default: a}}"),
        "2:38: input 'x' is required and has a default | remove one of the two",
    ),
    (
        flow("a", edges="{a: b}"),
        "2:8: 'edges' must be a list, not a mapping | begin each item with '- '. See: lrwf schema edges",
    ),
    (
        flow("a", edges=""),
        "2:7: 'edges' must be a list, not nothing | begin each item with '- '. See: lrwf schema edges",
    ),
    (
        flow("a", edges="[{from: a, switch: {default: a}}]"),
        (
            "2:27: 'switch' in an edge must be a list, not a mapping"
            " | begin each item with '- '. See: lrwf schema edges.switch"
        ),
    ),
    (
        flow("a", edges="[{from: a, switch: [{wenn: message, to: a}]}]"),
        "2:29: unknown key 'wenn' in a case | did you mean 'when'? See: lrwf schema edges.switch.when",
    ),
    (
        flow("a", defaults="3"),
        "2:11: 'defaults' must be a mapping, not 3 | indent its keys below it. See: lrwf schema defaults",
    ),
    (
        flow("a", defaults="{retry: {max_attemps: 1}}"),
        (
            "2:20: unknown key 'max_attemps' in 'retry' of 'defaults'"
            " | did you mean 'max_attempts'? See: lrwf schema defaults.retry.max_attempts"
        ),
    ),
    (
        flow("a", input="{_x: {}}"),
        ("2:9: '_x' cannot be an input's name | begin with a letter, and go on with letters, digits, '-' and '_'"),
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_every_mistake_names_the_thing_its_place_and_the_remedy(text: str, expected: str) -> None:
    """Design 7, 8: unknown keys and wrong types are errors with `path:line:col` and the nearest right key."""
    assert complaint(text) == f"flow.yaml:{expected}"


@pytest.mark.parametrize(
    ("uses", "hint"),
    [
        ("training.TrainingExecutor", "did you mean 'training:TrainingExecutor'?"),
        ("training.py:train", "did you mean 'training:train'?"),
        ("./lib/training.py:train", "did you mean 'lib.training:train'?"),
        ("training:train()", "did you mean 'training:train'?"),
        ("./training.py", "write it as module:name, with a module beside this file or an installed one"),
        ("../evil:X", "write it as module:name, with a module beside this file or an installed one"),
        ("/abs:X", "write it as module:name, with a module beside this file or an installed one"),
        ("a:b:c", "write it as module:name, with a module beside this file or an installed one"),
        ("training", "write it as module:name, with a module beside this file or an installed one"),
        ("os; import x:y", "write it as module:name, with a module beside this file or an installed one"),
    ],
)
def test_uses_is_a_module_and_a_name(uses: str, hint: str) -> None:
    """Reliability T4: no paths, no parents, no expressions: `module:name`, and what is near it is offered."""
    text = f"name: demo\nexecutors:\n  a: {{uses: '{uses}'}}\n"
    assert complaint(text) == f"flow.yaml:3:13: '{uses}' is not of the form module:name | {hint}"


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    """Design 7: several errors at once, from the top to the bottom, whatever finds them."""
    text = flow("a b", "{from: a, to: c}", "{from: b, too: a}", max_iteration=5).replace("tasks:step'}", "tasks'}", 1)
    assert [line.partition(" | ")[0] for line in complaints(text)] == [
        "flow.yaml:2:1: unknown key 'max_iteration'",
        "flow.yaml:4:13: 'tasks' is not of the form module:name",
        "flow.yaml:7:19: unknown executor 'c'",
        "flow.yaml:8:15: unknown key 'too' in an edge",
    ]


def test_a_file_with_very_many_problems_shows_the_first_twenty() -> None:
    """One cause makes hundreds of problems; they must not bury it."""
    found = complaints("name: demo\nexecutors:\n" + "".join(f"  a{n}: {{use: 'm:f'}}\n" for n in range(200)))
    assert len(found) == 21
    assert found[-1] == "flow.yaml: 381 more problems | mend the ones above first"


@pytest.mark.parametrize("key", RESERVED[""])
def test_reserved_keys_of_a_flow_are_not_yet(key: str) -> None:
    """Design 9: keys of later versions are known from the first one on; they are refused, and not as unknown."""
    with pytest.raises(NotYet) as caught:
        parse_flow(flow("a", **{key: "x"}), "flow.yaml")
    assert caught.value.problems == ((f"flow.yaml:2:1: '{key}' is not built yet", RESERVED[""][key]),)


@pytest.mark.parametrize("key", RESERVED["executors"])
def test_reserved_keys_of_an_executor_are_not_yet(key: str) -> None:
    """Design 9: an executor of a later version lacks nothing but that version."""
    with pytest.raises(NotYet) as caught:
        parse_flow(f"name: demo\nexecutors:\n  a: {{{key}: {{x: 1}}}}\n", "flow.yaml")
    message = f"flow.yaml:3:7: '{key}' in executor 'a' is not built yet"
    assert caught.value.problems == ((message, RESERVED["executors"][key]),)


def test_the_example_of_the_design_is_reserved_where_it_is_not_built() -> None:
    """A real mistake beside reserved keys makes a plain FlowError: it has to be mended in any version."""
    text = (
        "name: demo\nschedule: daily\nexecutors:\n  a: {run: ./x.sh, background: true}\n  b: {uses: x}\n"
        "edges: [{from: a, to: b}]\n"
    )
    with pytest.raises(FlowError) as caught:
        parse_flow(text, "flow.yaml")
    assert type(caught.value) is FlowError
    assert [message for message, _ in caught.value.problems] == [
        "flow.yaml:2:1: 'schedule' is not built yet",
        "flow.yaml:4:20: 'background' in executor 'a' is not built yet",
        "flow.yaml:5:13: 'x' is not of the form module:name",
    ]


def test_messages_carry_no_control_characters_of_the_file() -> None:
    """Conformance 60: what is printed is safe, whatever stands in the file."""
    text = 'name: demo\nexecutors:\n  "a\\x1b[2J\\u202e": {"uses\\r": "\\x9b", uses: "m:f"}\n'
    for line in complaints(text):
        assert line.isprintable()


def test_a_flow_is_read_from_a_file(tmp_path: Path) -> None:
    """The path is shown as it was given."""
    path = tmp_path / "flow.yaml"
    path.write_text(FULL, encoding="utf-8")
    assert load_flow(path).flow == parse_flow(FULL, "x").flow
    assert load_flow(path).path == str(path)


def test_the_examples_of_this_project_are_flows() -> None:
    """What we show, works."""
    folder = Path(__file__).parents[2] / "workflows"
    assert [load_flow(path).flow.name for path in sorted(folder.glob("*/flow.yaml"))]


# -- JSON Schema


def keys_of(schema: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return every key that a schema has, with its own schema."""
    found = []
    if isinstance(schema, dict):
        found += list(schema.get("properties", {}).items())
    for child in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        found += keys_of(child)
    return found


def test_every_key_is_described_for_editors() -> None:
    """The schema describes each key, forbids others, and marks what is required."""
    schema = json_schema()
    assert schema["required"] == ["name", "executors"]
    assert schema["additionalProperties"] is False
    keys = keys_of(schema)
    assert len(keys) > 30
    assert [name for name, part in keys if "description" not in part] == []


def test_the_schema_takes_durations_as_people_write_them() -> None:
    """An editor must not underline `90s`: msgspec would only know ISO 8601."""
    part = json_schema("executors.retry.initial")
    assert part["type"] == "string"
    assert "format" not in part
    for text in ("90s", "15m", "1h30m", "1h 30m", "3d", "250ms", "1.5h", "PT1H", "P1DT2H"):
        assert re.search(part["pattern"], text)
    assert not re.search(part["pattern"], "90")


def test_a_dotted_path_shows_a_part() -> None:
    """Design 8: `lrwf schema executors.retry`, as hints say it; ids and indexes are stepped over."""
    retry = json_schema("executors.retry")
    assert list(retry["properties"]) == [
        "max_attempts",
        "initial",
        "max",
        "multiplier",
        "jitter",
        "retry_on",
        "give_up_on",
        "exit_codes",
    ]
    assert "$defs" not in retry
    assert json_schema("edges.switch.when")["type"] == "string"
    assert set(json_schema("executors")["$defs"]) == {"Executor", "Retry", "Poll", "Wait", "Ask", "Declared", "Secret"}
    assert [each["required"] for each in json_schema("executors.poll")["oneOf"]] == [["run"], ["check"]]
    with pytest.raises(UsageError) as caught:
        json_schema("executors.retires")
    assert caught.value.message == "unknown key 'retires' in the path 'executors.retires'"
    assert caught.value.hint == "did you mean 'retry'?"


def test_hints_name_paths_that_the_schema_has() -> None:
    """`See: lrwf schema ...` leads somewhere, wherever it is said."""
    paths = {found for text, expected in MISTAKES for found in re.findall(r"lrwf schema ([a-z_.]+)", expected)}
    assert len(paths) > 5
    for path in paths:
        assert json_schema(path.rstrip("."))


def test_an_editor_is_told_by_the_first_line() -> None:
    """The YAML language server reads a comment; YAML does not."""
    line = header_line("flow.schema.json")
    assert line == "# yaml-language-server: $schema=flow.schema.json"
    assert parse_flow(f"{line}\n{FULL}", "flow.yaml").flow == parse_flow(FULL, "flow.yaml").flow


# -- any text


def test_what_msgspec_says_is_always_translated() -> None:
    """A message in msgspec's own words would speak of `$.paths`; this fails when msgspec changes its words."""
    for text, _ in MISTAKES:
        assert not any("`" in line or "$." in line for line in complaints(text))
    with pytest.raises(msgspec.ValidationError, match=r"^Expected `int`, got `str`$"):
        msgspec.convert("x", int)


def is_flow_or_error(text: str) -> None:
    try:
        parse_flow(text, "flow.yaml")
    except FlowError as error:
        assert all(message.startswith("flow.yaml") for message, _ in error.problems)  # noqa: PT017 - of any of them


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["a", "b", "m:f"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.text())
def test_any_text_is_a_flow_or_a_flow_error(text: str) -> None:
    """Reliability 3f: no text makes anything but a flow or a FlowError, with the path in each problem."""
    is_flow_or_error(text)
    is_flow_or_error(f"name: a\nexecutors: {{a: {{uses: 'm:f'}}}}\n{text}")


@given(
    st.integers(0, len(FULL)),
    st.integers(0, 30),
    st.text(max_size=5) | st.sampled_from(list("[]{}:,'\"&*!|>%@`#-\t\n")),
)
def test_any_slip_of_the_finger_is_a_flow_or_a_flow_error(position: int, cut: int, insert: str) -> None:
    """Reliability 3f: a right file with a part of it cut out or something typed into it."""
    is_flow_or_error(FULL[:position] + insert + FULL[position + cut :])


@given(st.data())
def test_any_value_in_any_place_is_a_flow_or_a_flow_error(data: st.DataObject) -> None:
    """Reliability 3f: whatever stands where something else should."""
    tree = parse_flow(FULL, "flow.yaml").root.plain()
    place = tree
    while True:
        step = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[step], dict | list) or not place[step] or data.draw(st.booleans()):
            place[step] = data.draw(VALUES)
            break
        place = place[step]
    is_flow_or_error(json.dumps(tree, ensure_ascii=False))
