"""What comes after a failure or a verdict: `on_error`, `on_failure` and its kind, `notify`; other keys of a flow."""

import pytest

from lrwf_cli.core.dispatch import Form
from lrwf_cli.flow.check import MessageTypes, check_types
from lrwf_cli.flow.load import parse_flow
from lrwf_cli.flow.problems import Problems
from tests.flow.complaining import kind, told

MISTAKES: list[tuple[str, ...]] = [
    (
        kind("{run: x, on_error: a}"),
        "3:25: an 'on_error' that leads back to itself: a -> a",
        "  remove the 'on_error' of one of them: then its failure is the run's",
    ),
    (
        kind("{run: x, on_error: c}"),
        "3:25: unknown executor 'c'",
        "  executors: a",
    ),
    (
        kind("{run: x, on_error: b}", "  b: {uses: 'm:f', on_error: a}", "edges: [{from: a, to: b}]"),
        "3:25: an 'on_error' that leads back to itself: a -> b -> a",
        "  remove the 'on_error' of one of them: then its failure is the run's",
    ),
    (
        kind("{run: x}", "on_failure: b"),
        "4:13: unknown executor 'b'",
        "  executors: a",
    ),
    (
        kind("{wait: {for: 1h}}", "on_failure: a"),
        "4:13: 'on_failure' names 'a', and what comes after a verdict may not wait",
        "  name an executor with 'uses' or 'run'",
    ),
    (
        kind("{ask: {prompt: x}}", "on_exit: a", "on_timeout: a"),
        "4:10: 'on_exit' names 'a', and what comes after a verdict may not ask",
        "  name an executor with 'uses' or 'run'",
        "5:13: 'on_timeout' names 'a', and what comes after a verdict may not ask",
        "  name an executor with 'uses' or 'run'",
    ),
    (
        kind("{run: x}", "grace: 3s"),
        "4:1: unknown key 'grace'",
        "  write it in an executor, or in 'defaults' for all of them",
    ),
    (
        kind("{run: x}", "max_parallel: 3"),
        "4:1: unknown key 'max_parallel'",
        "  write it in an executor",
    ),
    (
        kind("{run: x}", "notify: {request: '', fialed: x}"),
        "4:19: 'request' in 'notify' is empty",
        "  write the command",
        "4:23: unknown key 'fialed' in 'notify'",
        "  did you mean 'failed'? See: lrwf schema notify.failed",
    ),
    (
        kind("{run: x}", "notify: {late: x, reminded: y}"),
        "4:10: 'late' in 'notify' is not built yet",
        "  remove it: this version has no schedules",
        "4:19: 'reminded' in 'notify' is not built yet",
        "  remove it: this version reminds nobody",
    ),
    (
        kind("{run: x}", "notify: ./x.sh"),
        "4:9: 'notify' must be a mapping, not the text './x.sh'",
        "  indent its keys below it. See: lrwf schema notify",
    ),
    (
        kind("{run: x}", "allowed_users: anna"),
        "4:16: 'allowed_users' must be a list, not the text 'anna'",
        "  write it in brackets: [anna]",
    ),
    (
        kind("{run: x}", "pin: []"),
        "4:6: 'pin' is an empty list",
        "  write what is in it, or remove the key",
    ),
    (
        kind("{run: x}", "notify: {failed: 'echo ${{ message }}'}"),
        "4:24: '${{ }}' in 'failed' in 'notify': nothing of a message is put into a command",
        '  write \'env: {NAME: "${{ ... }}"}\' and "$NAME" in the command; the message is on its stdin as JSON',
    ),
    (kind("{run: x}", "  b: {run: y}", "on_failure: b"),),
    (
        kind("{run: x}", "  b: {run: y}", "  c: {run: z}", "edges: [{from: b, to: c}]", "on_failure: b"),
        "5:3: executor 'c' is never reached from 'a'",
        "  add an edge that leads to it from 'a' or one of its followers, or remove it",
    ),
]


@pytest.mark.parametrize("text_and_expected", MISTAKES, ids=lambda each: each[1] if len(each) > 1 else "right")
def test_hooks_that_cannot_be_called_are_found(text_and_expected: tuple[str, ...]) -> None:
    """Unknown executors with the nearest right one, loops, hooks that would wait: with the place (Conformance 26)."""
    text, *expected = text_and_expected
    assert list(told(text)) == expected


def start(text: str) -> str:
    return parse_flow(text, "flow.yaml").start


def test_who_handles_failures_is_led_to_by_them() -> None:
    """An `on_error` counts as an edge: its target is not the first executor, and needs no other edge."""
    assert start(kind("{run: x, on_error: b}", "  b: {run: y}")) == "a"
    assert (
        start(
            kind("{run: x}", "  b: {run: y}", "  c: {run: z}", "edges: [{from: a, to: b}]", "defaults: {on_error: c}")
        )
        == "a"
    )


def test_what_comes_after_a_verdict_is_not_the_first_executor() -> None:
    """No edge leads to a hook; but where there is nobody else, it is meant."""
    assert start(kind("{run: x}", "  b: {run: y}", "on_failure: a")) == "b"
    assert start(kind("{run: x}", "on_exit: a")) == "a"


def test_whoever_handles_all_failures_does_not_handle_its_own() -> None:
    """`defaults: {on_error: c}` is no loop; one that `c` itself makes is."""
    text = kind("{run: x}", "  c: {run: z}", "defaults: {on_error: c}", "start: a")
    assert [(link.source_ids, link.target_ids) for link in parse_flow(text, "flow.yaml").outline.links] == [
        (("a",), ("c",))
    ]
    assert told(text.replace("run: z", "run: z, on_error: a"))[0] == (
        "5:22: an 'on_error' that leads back to itself: a -> c -> a"
    )


def test_a_failure_may_lead_back_to_the_beginning() -> None:
    """What handles the failure of a later one may be the first: then its `on_error` does not count."""
    assert start(kind("{run: x}", "  b: {run: y, on_error: a}", "edges: [{from: a, to: b}]")) == "a"


def test_an_unknown_handler_of_all_failures_is_told_once() -> None:
    """However many executors it was meant for."""
    text = kind("{run: x}", "  b: {run: y}", "edges: [{from: a, to: b}]", "defaults: {on_error: c}")
    assert told(text) == ("6:22: unknown executor 'c'", "  executors: a, b")


def test_what_is_told_of_a_failure_is_a_mapping() -> None:
    """Conformance 19: an executor that takes only text handles no failure, and is no hook."""
    loaded = parse_flow(
        kind("{run: x, on_error: b}", "  b: {uses: 'm:f'}", "  c: {uses: 'm:f'}", "on_exit: c"), "flow.yaml"
    )
    problems = Problems("flow.yaml")
    text = MessageTypes(handles=(Form(str, "str"),))
    check_types(loaded.outline, loaded.root, problems, {"b": text, "c": text})
    assert problems.error().problems == (
        (
            "flow.yaml:3:25: 'b' cannot handle what it is told of a failure: dict",
            "'b' handles str: give it another handler, or convert the message before",
        ),
        (
            "flow.yaml:6:10: 'c' cannot handle what it is told after a verdict: dict",
            "'c' handles str: give it another handler, or convert the message before",
        ),
    )
    fine = MessageTypes(handles=(Form(dict, "dict"),), sends=())
    problems = Problems("flow.yaml")
    check_types(loaded.outline, loaded.root, problems, {"a": fine, "b": fine, "c": fine})
    problems.raise_if_any()
