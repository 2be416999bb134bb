"""What comes after a failure or a verdict: `on_error`, `on_failure` and its kind, `notify`; other keys of a flow."""

import pytest

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
        "5:1: no executor to start with: an edge leads to each of them",
        "  name the first one: 'start: a'",
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
