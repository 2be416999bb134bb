"""`respond` and `requests`: what is asked, who may answer, what fits, and that nothing else changes anything."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.run import Failure
from tests.cli.processes import on_terminal
from tests.cli.questions import asking, commit, held_run, store
from tests.cli.said import Lrwf, Said
from tests.crash.trees import Tree, look_at

HOUR = timedelta(hours=1)
CHOICES = {"choices": ("ship", "stop")}
FIELDS = {
    "amount": {"type": "number", "required": True, "description": "how much"},
    "note": {"type": "string", "default": "none"},
    "urgent": {"type": "boolean"},
}


def files() -> Tree:
    """Return everything in the state directory."""
    return look_at(Path(os.environ["LRWF_STATE_DIR"]))


def answer(run_id: str = "r", request: str = "approve") -> Any:
    """Return the answer that stands."""
    return store().answered(run_id, request, store().load(run_id).epoch)


def refused(said: Said, code: int, *words: str) -> None:
    """Check that a command was refused with a sentence and a remedy."""
    assert (said.code, said.out) == (code, ""), said
    assert said.err.startswith("error: "), said.err
    assert "  hint: " in said.err, said.err
    for word in words:
        assert word in said.err, said.err


# -- looking


def test_several_requests_may_be_open(lrwf: Lrwf) -> None:
    """Conformance 36: each shows id, executor, prompt, schema and expiry."""
    asking("r", CHOICES, {"prompt": "How much?", "schema": FIELDS, "expires": 2 * HOUR})
    found = lrwf("requests", "--json").json
    assert lrwf("requests", "r", "--json").json == found
    assert [(each["run_id"], each["workflow"], each["id"], each["executor"]) for each in found] == [
        ("r", "ask", "approve.2", "approve"),
        ("r", "ask", "approve", "approve"),
    ]
    assert (found[0]["prompt"], found[0]["schema"], found[0]["choices"]) == ("How much?", FIELDS, None)
    assert (found[1]["schema"], found[1]["choices"], found[1]["expires_at"]) == (None, ["ship", "stop"], None)
    shown = lrwf("status", "r", "--json").json["requests"]
    assert shown == [{key: each[key] for key in each if key not in {"run_id", "workflow"}} for each in found[::-1]]


def test_a_request_is_shown_in_full(lrwf: Lrwf) -> None:
    """Conformance 36: for people, too: all of a long prompt, each field, who may answer, until when and what then."""
    long = {"prompt": "Buy it?\n" + "x" * 300, "schema": FIELDS, "allowed_users": ("ada", "bob")}
    asking("r", {**CHOICES, "expires": 2 * HOUR, "has_default": True, "default": "stop"}, long)
    first, second = lrwf("requests", "r").out.split("\napprove.2\n")
    assert first.startswith("approve\n  asks        Ship m-42?\n")
    assert "; then it is \"stop\"\n  answer      'ship' or 'stop'\n  next        lrwf respond r approve" in first
    assert f"  asks        Buy it?\n              {'x' * 300}\n" in second
    assert "  expires     never\n  answer      --data with 'amount', 'note' and 'urgent'\n" in second
    assert '  fields      amount (number) - how much\n              note (string) ["none"]\n' in second
    assert "  who may     ada, bob\n" in second


def test_the_inbox_has_what_can_be_answered_the_most_urgent_first(lrwf: Lrwf) -> None:
    """An inbox over all runs: those that expire first stand first, then those that are open longest."""
    lrwf("run", "greet.yaml", "-q", "--id", "done")
    lrwf("run", "later.yaml", "-q", "--id", "later")
    asking("never", CHOICES)
    asking("soon", {**CHOICES, "expires": HOUR}, {**CHOICES, "expires": 9 * HOUR})
    asking("sooner", {**CHOICES, "expires": HOUR / 2})
    order = [(each["run_id"], each["id"]) for each in lrwf("requests", "--json").json]
    assert order == [("sooner", "approve"), ("soon", "approve"), ("soon", "approve.2"), ("never", "approve")]
    lrwf("respond", "soon", "approve", "ship", "--no-advance")
    asked = lrwf("requests").out
    assert asked.splitlines()[0].split() == ["RUN", "REQUEST", "EXPIRES", "WHAT", "IS", "ASKED"]
    assert len(asked.splitlines()) == 5


def test_a_run_that_cannot_be_read_hides_no_request(lrwf: Lrwf) -> None:
    """Conformance 59: it is reported, the others are shown, the exit code tells."""
    asking("r", CHOICES)
    asking("harmed", CHOICES)
    folder = Path(os.environ["LRWF_STATE_DIR"]) / "runs/harmed"
    for each in (folder / "checkpoints").iterdir():
        each.unlink()
    (folder / "journal.jsonl").write_text("garbled\n" + (folder / "journal.jsonl").read_text())
    said = lrwf("requests")
    assert said.code == 7
    assert "Ship m-42? [ship/stop]" in said.out
    assert "harmed" in said.err


def test_nothing_is_asked(lrwf: Lrwf) -> None:
    """An empty inbox says so, and is an empty list."""
    assert lrwf("requests").err == "nothing is asked\n"
    assert lrwf("requests", "--json").json == []
    refused(lrwf("requests", "gone"), 3)


def test_what_was_answered_is_shown_on_demand(lrwf: Lrwf) -> None:
    """`--all` has also what was answered, has expired or is frozen."""
    run = asking("r", CHOICES, CHOICES, CHOICES)
    held = held_run(run.id)
    commit(held, c.Respond("approve", _given("ship")))
    (delivery,) = held.run.waiting
    commit(held, c.Advance(1), c.Advance(1))
    commit(held, c.Fail(delivery, Failure("ValueError", "no", "approve"), retryable=False), c.Advance(1))
    held.wake_at(None)
    held.release()
    assert lrwf("requests", "--json").json == []
    statuses = {each["id"]: each["status"] for each in lrwf("requests", "--all", "--json").json}
    assert statuses == {"approve": "answered", "approve.2": "withdrawn", "approve.3": "withdrawn"}
    text = lrwf("requests", "r", "--all").out
    assert '"ship", by' in text
    assert "withdrawn" in text


def _given(value: str) -> Any:
    from lrwf_cli.core.suspended import Answer
    from lrwf_cli.local.machine import caller

    return Answer(store().load("r").updated_at, value, by=caller())


# -- answering


def test_an_answer_says_who_when_and_what(lrwf: Lrwf) -> None:
    """Who answered, when, from which uid is kept with the answer, and comes with the letter that wakes the run."""
    asking("r", CHOICES)
    said = lrwf(
        "respond", "r", "approve", "ship", "--data", '{"n": 1}', "--comment", "at last", "--as", "Ada", "--no-advance"
    )
    assert said.code == 0
    found = answer()
    assert (found.value, found.data, found.comment, found.by.name) == ("ship", {"n": 1}, "at last", "Ada")
    assert (found.by.uid, found.expired) == (os.getuid(), False)
    held = held_run("r")
    (letter,) = held.letters()
    assert (letter.kind, letter.data, letter.by) == ("answered", {"request": "approve"}, found.by)
    held.release()


@pytest.mark.parametrize(
    ("asked", "arguments", "value", "data"),
    [
        (CHOICES, ["stop"], "stop", None),
        ({**CHOICES, "schema": FIELDS}, ["ship", "--data", '{"amount": 2}'], "ship", {"amount": 2, "note": "none"}),
        ({}, ["as you like"], "as you like", None),
        ({}, ["--data", '{"a": [1]}'], None, {"a": [1]}),
        ({}, ["yes", "--data", "{}"], "yes", {}),
        ({"schema": {"type": "integer"}}, ["42"], 42, None),
        ({"schema": {"type": "number"}}, ["--", "-4.5"], -4.5, None),
        ({"schema": {"type": "boolean"}}, ["True"], True, None),
        ({"schema": {"type": "array"}}, ["[1, 2]"], [1, 2], None),
        ({"schema": {"type": "object"}}, ["--data", '{"x": 1}'], None, {"x": 1}),
        ({"schema": {"amount": {"type": "number"}}}, ["250"], None, {"amount": 250}),
        (
            {"schema": FIELDS},
            ['{"amount": 1.5, "urgent": true}'],
            None,
            {"amount": 1.5, "note": "none", "urgent": True},
        ),
        ({"schema": FIELDS}, ["--data", '{"amount": 1, "note": ""}'], None, {"amount": 1, "note": ""}),
    ],
)
def test_what_fits_is_taken(lrwf: Lrwf, asked: Any, arguments: list[str], value: Any, data: Any) -> None:
    """Conformance 37, design 9: VALUE is the choice, or converted to the schema's type; `--data` is an object."""
    asking("r", asked)
    assert lrwf("respond", "r", "approve", "--no-advance", *arguments).code == 0
    assert json.dumps([answer().value, answer().data]) == json.dumps([value, data])


@pytest.mark.parametrize(
    ("asked", "arguments", "words"),
    [
        (CHOICES, ["shpi"], ["must be 'ship' or 'stop', not 'shpi'", "did you mean 'ship'?"]),
        (CHOICES, [], ["missing", "'ship' or 'stop'", "lrwf respond r approve"]),
        (CHOICES, ["--data", "{}"], ["missing"]),
        ({**CHOICES, "schema": FIELDS}, ["ship"], ["'amount' is missing", "how much"]),
        ({}, [], ["missing"]),
        ({"schema": {"type": "integer"}}, ["4.5"], ["must be an integer, not '4.5'"]),
        ({"schema": {"type": "number", "enum": [1, 2]}}, ["3"], ["must be '1' or '2', not 3"]),
        ({"schema": {"type": "boolean"}}, ["maybe"], ["must be true or false"]),
        ({"schema": {"type": "array"}}, ["--data", "{}"], ["must be a list, not a mapping"]),
        ({"schema": {"amount": {"type": "number"}}}, ["lots"], ["'amount' must be a number, not 'lots'"]),
        ({"schema": FIELDS}, ["250"], ["must be an object, not '250'", "'amount', 'note' and 'urgent'"]),
        ({"schema": FIELDS}, ["1", "--data", "{}"], ["leave out the value"]),
        (
            {"schema": FIELDS},
            ["--data", '{"amuont": 1, "note": 7}'],
            ["unknown key 'amuont'", "did you mean 'amount'?", "'amount' is missing", "'note' must be text, not 7"],
        ),
        ({"schema": FIELDS}, ["--data", "[1]"], ["--data must be an object"]),
        ({"schema": FIELDS}, ["--data", "{"], ["--data is no JSON"]),
        ({"schema": FIELDS}, ["--data", "@gone.json"], ["gone.json"]),
        ({"schema": FIELDS}, ["--data", "@"], ["the name of a file is missing", "--data"]),
        (CHOICES, ["ship", "sotp"], ["sotp"]),
    ],
)
def test_what_does_not_fit_changes_nothing(lrwf: Lrwf, asked: Any, arguments: list[str], words: list[str]) -> None:
    """Conformance 37: a wrong answer leaves the request open, and says what is wrong where; exit code 2."""
    asking("r", asked)
    before = files()
    refused(lrwf("respond", "r", "approve", *arguments), 2, *words)
    assert files() == before


def test_an_answer_may_be_in_a_file(lrwf: Lrwf, flows: Path) -> None:
    """`--data @FILE` reads JSON or YAML."""
    asking("r", {"schema": FIELDS})
    (flows / "answer.yaml").write_text("amount: 3\nnote: because\n")
    assert lrwf("respond", "r", "approve", "--data", "@answer.yaml", "--no-advance").code == 0
    assert answer().data == {"amount": 3, "note": "because"}


def test_a_path_is_meant_from_where_it_is_given(lrwf: Lrwf, flows: Path) -> None:
    """No process may count on where it runs: a relative path is made absolute, a default from the flow's folder."""
    asking("r", {"schema": {"file": {"type": "path"}, "log": {"type": "path", "default": "log.txt"}}})
    assert lrwf("respond", "r", "approve", "--data", '{"file": "a/b"}', "--no-advance").code == 0
    assert answer().data == {"file": f"{flows}/a/b", "log": f"{flows}/log.txt"}


# -- what is closed


def test_an_unknown_request(lrwf: Lrwf) -> None:
    """Conformance 38: exit code 3, with the nearest ids; nothing changes."""
    asking("r", CHOICES, CHOICES)
    before = files()
    refused(lrwf("respond", "gone", "approve", "ship"), 3)
    refused(lrwf("respond", "r", "aprove", "ship"), 3, "`aprove`", "did you mean `approve`, `approve.2`?")
    refused(lrwf("respond", "r", "zzz", "ship"), 3, "it asks `approve`, `approve.2`")
    lrwf("run", "greet.yaml", "-q", "--id", "done")
    refused(lrwf("respond", "done", "approve", "ship"), 3, "it has asked nothing so far")
    assert {key: files()[key] for key in before} == before


def test_the_first_answer_stands(lrwf: Lrwf) -> None:
    """Conformance 38: a second, different answer is a conflict that shows the first, who gave it and when."""
    asking("r", CHOICES)
    assert lrwf("respond", "r", "approve", "ship", "--as", "Ada", "--comment", "go", "--no-advance").code == 0
    before = files()
    for arguments in (["stop"], [], ["shpi"], ["ship", "--data", "{}"]):
        said = lrwf("respond", "r", "approve", *arguments)
        refused(said, 6, '`approve` is answered already: "ship", by Ada', " ago: go")
    assert files() == before


def test_an_answer_whose_giver_died_is_taken_up(lrwf: Lrwf) -> None:
    """Conformance 39: an answer that stands and wakes nobody does so as soon as somebody else answers."""
    asking("r", CHOICES)
    assert lrwf("respond", "r", "approve", "ship", "--no-advance").code == 0
    held = held_run("r")
    held.burn([letter.id for letter in held.letters()])
    held.wake_at(None)
    held.release()
    refused(lrwf("respond", "r", "approve", "stop"), 6)
    held = held_run("r")
    assert [letter.data for letter in held.letters()] == [{"request": "approve"}]
    held.release()


def test_the_same_answer_again_is_accepted(lrwf: Lrwf) -> None:
    """Design 8: a script that does not know whether it got through may answer again; who said it first stays."""
    asking("r", CHOICES)
    assert lrwf("respond", "r", "approve", "ship", "--as", "Ada", "--no-advance").code == 0
    assert lrwf("respond", "r", "approve", "ship", "--as", "Bob", "--no-advance").code == 0
    assert answer().by.name == "Ada"
    held = held_run("r")
    commit(held, c.Respond("approve", answer()))
    held.burn([letter.id for letter in held.letters()])
    held.release()
    before = files()
    said = lrwf("respond", "r", "approve", "ship")
    assert (said.code, said.out) == (0, "r  waiting\n")
    assert "answered so already" in said.err
    assert files() == before


def test_an_answer_after_the_expiry(lrwf: Lrwf) -> None:
    """Conformance 38: exit code 6, whether or not anybody has taken note of the expiry yet; nothing changes."""
    asking("r", {**CHOICES, "expires": timedelta(), "has_default": True, "default": "stop"})
    before = files()
    refused(lrwf("respond", "r", "approve", "stop"), 6, "`approve` expired at", "lrwf tick")
    shown = lrwf("status", "r").out
    assert "[ship/stop], expired 20" in shown
    assert "respond" not in shown  # it would be refused
    assert files() == before
    held = held_run("r")
    from lrwf_cli.core.suspended import Answer

    held.answer("approve", Answer(held.run.updated_at, "stop", expired=True))
    held.wake_at(None)
    held.release()
    refused(lrwf("respond", "r", "approve", "stop"), 6, 'has expired: nobody answered in time, so it is "stop"')


def test_what_is_frozen_says_what_thaws_it(lrwf: Lrwf) -> None:
    """Design 4: the requests of a run that has ended cannot be answered until a `retry`."""
    asking("r", CHOICES)
    assert lrwf("cancel", "r").code == 0
    before = files()
    refused(lrwf("respond", "r", "approve", "ship"), 6, "`approve` is frozen: run `r` is cancelled", "lrwf retry r")
    assert files() == before
    assert "approve frozen: Ship m-42? [ship/stop]" in lrwf("status", "r").out
    assert lrwf("retry", "r", "--no-advance").code == 0
    assert lrwf("respond", "r", "approve", "ship", "--no-advance").code == 0


def test_who_may_not_answer_is_refused(lrwf: Lrwf, monkeypatch: pytest.MonkeyPatch) -> None:
    """`allowed_users` are users, by name or uid; a name that one gives oneself does not count. Exit code 2."""
    asking("r", {**CHOICES, "allowed_users": ("ada", "1234567")})
    before = files()
    refused(lrwf("respond", "r", "approve", "ship", "--as", "ada"), 2, "may not answer `approve`", "ada, 1234567")
    assert files() == before
    monkeypatch.setenv("SUDO_USER", "ada")
    assert lrwf("respond", "r", "approve", "ship", "--no-advance").code == 0
    asking("s", {**CHOICES, "allowed_users": (str(os.getuid()),)})
    monkeypatch.delenv("SUDO_USER")
    assert lrwf("respond", "s", "approve", "ship", "--no-advance").code == 0


def test_an_answer_to_a_run_that_is_driven(lrwf: Lrwf) -> None:
    """Conformance 39: the process that drives the run takes it up, or the next one: it is never lost."""
    asking("r", CHOICES)
    held = held_run("r")
    said = lrwf("respond", "r", "approve", "ship")
    assert said.code == 0
    assert "r is at work; the process that drives it takes the answer up" in said.err
    assert [letter.data for letter in held.letters()] == [{"request": "approve"}]
    found = held.answered("approve")
    assert found is not None
    assert found.value == "ship"
    held.release()
    assert [due.run_id for due in store().due(found.at + HOUR)] == ["r"]


def test_a_run_says_what_to_type(lrwf: Lrwf) -> None:
    """Design 9: `status` shows what is asked with the command that answers it."""
    asking("r", {**CHOICES, "expires": 48 * HOUR})
    text = lrwf("status", "r").out
    assert "  waits for   approve: Ship m-42? [ship/stop], expires " in text
    assert "  next        lrwf respond r approve\n" in text
    assert "approve: Ship m-42? [ship/stop], expires in " in lrwf("list").out
    asking("both", {**CHOICES, "calls": True, "expires": 48 * HOUR})
    assert "both  ask       waiting" in lrwf("list").out
    assert "approve: Ship m-42? [ship/stop], expires in 2d (and 1 more)\n" in lrwf("list").out  # the timer is sooner
    assert lrwf("wait", "r").code == 4


def test_waiting_for_people_is_no_waiting_at_a_terminal(lrwf: Lrwf) -> None:
    """Design 8: `wait` ends with 4 when a run waits for people only; one that expires within a minute is stayed for."""
    asking("r", CHOICES)
    assert lrwf("wait", "r", "--timeout", "1m").code == 4
    asking("soon", {**CHOICES, "expires": timedelta(seconds=30)})
    assert lrwf("wait", "soon", "--timeout", "10ms").code == 124
    asking("both", {"calls": True, "prompt": "And?"})
    assert lrwf("wait", "both", "--timeout", "10ms").code == 124


# -- at a terminal


def test_a_choice_is_asked_for(lrwf: Lrwf) -> None:
    """Design 9: without a VALUE a person is asked: the prompt, the choices with their numbers, a comment."""
    asking("r", {**CHOICES, "prompt": "Ship m-42\x1b[2J?\nIt is late.", "expires": HOUR})
    code, written = on_terminal(
        *("respond", "r", "approve", "--no-advance"),
        replies=[("Which, 1 to 2: ", "7\n"), ("Which, 1 to 2: ", "1\n"), ("Comment, if any: ", "go\n")],
    )
    assert code == 0, written
    assert "Ship m-42\\x1b[2J?\r\nIt is late.\r\n(until 20" in written
    assert ")\r\n  1. ship\r\n  2. stop\r\n" in written
    assert "type its number, or the choice itself" in written
    assert (answer().value, answer().comment) == ("ship", "go")


def test_fields_are_asked_for_one_by_one(lrwf: Lrwf) -> None:
    """Design 9: each field with its type, what it is for and its default; what does not fit is asked again."""
    asking("r", {"schema": FIELDS})
    code, written = on_terminal(
        *("respond", "r", "approve", "--no-advance", "--comment", "said before"),
        replies=[
            ("amount (number) - how much: ", "\n"),
            ("must be a number", "lots\n"),
            ("must be a number, not 'lots'", "2.5\n"),
            ('note (string) ["none"]: ', "\n"),
            ("urgent (boolean): ", "true\n"),
        ],
    )
    assert code == 0, written
    assert answer().data == {"amount": 2.5, "note": "none", "urgent": True}
    assert answer().comment == "said before"


@pytest.mark.parametrize(
    ("asked", "label", "typed", "value"),
    [
        ({}, "Answer: ", "as you like", "as you like"),
        ({"schema": {"type": "integer"}}, "Answer (integer): ", "7", 7),
        ({**CHOICES, "schema": {"n": {}}}, "Which, 1 to 2: ", "stop", "stop"),
    ],
)
def test_a_bare_value_is_asked_for(lrwf: Lrwf, asked: Any, label: str, typed: str, value: Any) -> None:
    """Design 9: a value of the declared type; text where nothing is declared."""
    asking("r", asked)
    replies = [(label, f"{typed}\n"), *([("n (string): ", "1\n")] if "choices" in asked else [])]
    code, written = on_terminal("respond", "r", "approve", "--no-advance", replies=[*replies, ("Comment", "\n")])
    assert code == 0, written
    assert (answer().value, answer().comment) == (value, None)


@pytest.mark.parametrize(("typed", "code"), [("\x04", 2), ("\x03", 130)])
def test_who_thinks_better_of_it_changes_nothing(lrwf: Lrwf, typed: str, code: int) -> None:
    """Ctrl-D and Ctrl-C leave the request as it was."""
    asking("r", CHOICES)
    before = files()
    ended, written = on_terminal("respond", "r", "approve", replies=[("Which", typed)])
    assert ended == code, written
    assert files() == before


def test_somebody_may_be_faster(lrwf: Lrwf) -> None:
    """Conformance 38: who thought about it for long is told that the answer has been given meanwhile."""
    asking("r", CHOICES)
    code, written = on_terminal(
        *("respond", "r", "approve"),
        when="Which",
        then=lambda: _expect(lrwf("respond", "r", "approve", "ship", "--as", "Ada", "--no-advance")),
        replies=[("Which, 1 to 2: ", "2\n"), ("Comment", "\n")],
    )
    assert code == 6, written
    assert "answered already" in written
    assert answer().value == "ship"


def _expect(said: Said) -> None:
    assert said.code == 0, said
