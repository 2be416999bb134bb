"""Executors of all kinds in a flow file: `uses`, `run`, `poll`, `wait`, `ask`, and the keys that go with each."""

import pytest

from tests.flow.complaining import kind, told

MISTAKES: list[tuple[str, ...]] = [
    (
        kind("{uses: 'm:f', run: x}"),
        "3:20: executor 'a' has 'uses' and 'run'",
        "  keep one of them: an executor is of one kind",
    ),
    (
        kind("{wait: {for: 1h}, ask: {prompt: x}, uses: 'm:f'}"),
        "3:42: executor 'a' has 'uses', 'wait' and 'ask'",
        "  keep one of them: an executor is of one kind",
    ),
    (
        kind("{retry: {max_attempts: 2}}"),
        "3:3: executor 'a' has none of 'uses', 'run', 'poll', 'wait' and 'ask'",
        "  add one, as 'uses: module:name' or 'run: ./command.sh'. See: lrwf schema executors",
    ),
    (
        kind("{workflow: x.yaml}"),
        "3:7: 'workflow' in executor 'a' is not built yet",
        "  write 'uses: module:name', or start the other flow with 'run: lrwf run FLOW --wait'",
    ),
    (
        kind("{command: ./x.sh}"),
        "3:3: executor 'a' has none of 'uses', 'run', 'poll', 'wait' and 'ask'",
        "  add one, as 'uses: module:name' or 'run: ./command.sh'. See: lrwf schema executors",
        "3:7: unknown key 'command' in executor 'a'",
        "  did you mean 'run'? See: lrwf schema executors.run",
    ),
    (
        kind("{run: 3}"),
        "3:12: 'run' in executor 'a' must be text or a list, not 3",
        "  quote it",
    ),
    (
        kind("{run: ''}"),
        "3:12: 'run' of executor 'a' is empty",
        "  write the command",
    ),
    (
        kind("{run: []}"),
        "3:12: 'run' of executor 'a' is an empty list",
        "  write the program, then its arguments",
    ),
    (
        kind("{run: [sleep, 5]}"),
        "3:20: an item of 'run' in executor 'a' must be text, not 5",
        "  quote it",
    ),
    (
        kind("{run: 'a ${{ message.x }}'}"),
        "3:15: '${{ }}' in 'run' of executor 'a': nothing of a message is put into a command",
        '  write \'env: {NAME: "${{ ... }}"}\' and "$NAME" in the command; the message is on its stdin as JSON',
    ),
    (
        kind("{run: [echo, '${{ message }}']}"),
        "3:20: '${{ }}' in 'run' of executor 'a': nothing of a message is put into a command",
        '  write \'env: {NAME: "${{ ... }}"}\' and "$NAME" in the command; the message is on its stdin as JSON',
    ),
    (
        kind('{run: "a\\0b"}'),
        "3:12: 'run' of executor 'a' has a null byte in it",
        "  remove it",
    ),
    (
        kind("{run: x, with: {a: 1}}"),
        "3:15: 'with' in executor 'a' does not go with 'run'",
        "  remove it: it is for executors with 'uses'",
    ),
    (
        kind("{wait: {for: 1h}, env: {A: 1}}"),
        "3:24: 'env' in executor 'a' does not go with 'wait'",
        "  remove it: it is for executors with 'uses', 'run' or 'poll'",
    ),
    (
        kind("{ask: {prompt: x}, secrets: {A: {env: B}}}"),
        "3:25: 'secrets' in executor 'a' does not go with 'ask'",
        "  remove it: it is for executors with 'uses', 'run' or 'poll'",
    ),
    (
        kind("{run: x, isolation: process}"),
        "3:15: 'isolation' in executor 'a' does not go with 'run'",
        "  remove it: it is for executors with 'uses'",
    ),
    (
        kind("{uses: 'm:f', isolation: thread}"),
        "3:31: 'isolation' in executor 'a' must be 'process' or 'none', not the text 'thread'",
        "  choices: process, none",
    ),
    (
        kind("{run: x, env: {1A: x}}"),
        "3:21: '1A' in 'env' of executor 'a' cannot be a variable",
        "  a variable has letters, digits and '_', and no digit first",
    ),
    (
        kind("{run: x, env: {LRWF_X: x}}"),
        "3:21: 'LRWF_X' in 'env' of executor 'a' is not yours to set",
        "  choose another name: what begins with LRWF_ comes from lrwf",
    ),
    (
        kind("{run: x, env: [A, 'B C', A]}"),
        "3:24: 'B C' in 'env' of executor 'a' cannot be a variable",
        "  a variable has letters, digits and '_', and no digit first",
        "3:31: 'A' stands twice in 'env' of executor 'a'",
        "  write it once",
    ),
    (
        kind("{run: x, env: {A: [1]}}"),
        "3:24: 'A' in 'env' of executor 'a' must be text or a number, not a list",
        "  write one value, or remove the key",
    ),
    (
        kind("{run: x, env: {A: }}"),
        "3:24: 'A' in 'env' of executor 'a' must be text or a number, not nothing",
        "  write one value, or remove the key",
    ),
    (
        kind("{run: x, env: A}"),
        "3:20: 'env' of executor 'a' must be a mapping or a list, not the text 'A'",
        "  write {NAME: value}, or a list of the names to pass on",
    ),
    (
        kind("{run: x, env: {A: '${{ mesage }}'}}"),
        "3:29: unknown name 'mesage'",
        "  did you mean 'message'?",
    ),
    (
        kind("{run: x, env: []}"),
        "3:20: 'env' of executor 'a' is an empty list",
        "  write what is in it, or remove the key",
    ),
    (
        kind("{run: x, env: [3]}"),
        "3:21: '3' in 'env' of executor 'a' cannot be a variable",
        "  a variable has letters, digits and '_', and no digit first",
    ),
    (
        kind("{run: x}", "env: {A: '${{ message }}'}"),
        "4:15: 'message' is not known here",
        "  names here: input, run",
    ),
    (
        kind("{run: x}", "defaults: {env: {A: '${{ message }} ${{ exit_code }}'}}"),
        "4:41: 'exit_code' is not known here",
        "  names here: message, input, state, run",
    ),
    (
        kind("{run: x, secrets: {A: {env: B, file: C}}}"),
        "3:25: 'A' in 'secrets' of executor 'a' has both 'env' and 'file'",
        "  write {env: NAME} or {file: PATH}",
    ),
    (
        kind("{run: x, secrets: {A: {}}}"),
        "3:25: 'A' in 'secrets' of executor 'a' has neither 'env' nor 'file'",
        "  write {env: NAME} or {file: PATH}",
    ),
    (
        kind("{run: x, secrets: {A: x}}"),
        "3:28: 'A' in 'secrets' of executor 'a' must be a mapping, not the text 'x'",
        (
            "  write {env: NAME} or {file: PATH}: a secret itself does not belong here. See: lrwf schema "
            "executors.secrets"
        ),
    ),
    (
        kind("{run: x, secrets: {A-B: {env: x}}}"),
        "3:25: 'A-B' in 'secrets' of executor 'a' cannot be a variable",
        "  a variable has letters, digits and '_', and no digit first",
    ),
    (
        kind("{run: x, secrets: {A: {vault: x}}}"),
        "3:25: 'A' in 'secrets' of executor 'a' has neither 'env' nor 'file'",
        "  write {env: NAME} or {file: PATH}",
        "3:29: unknown key 'vault' in 'A' in 'secrets' of executor 'a'",
        "  keys here: env, file. See: lrwf schema executors.secrets",
    ),
    (
        kind("{run: x, env: {A: b}, secrets: {A: {env: B}}}"),
        "3:21: 'A' in 'env' of executor 'a' is a secret too",
        "  keep one of them",
    ),
    (
        kind("{run: x, env: [A], secrets: {A: {env: B}}}"),
        "3:20: 'A' in 'env' of executor 'a' is a secret too",
        "  keep one of them",
    ),
    (
        kind("{run: x, secrets: [A]}"),
        "3:24: 'secrets' of executor 'a' must be a mapping, not a list",
        "  indent its keys below it. See: lrwf schema executors.secrets",
    ),
    (
        kind("{poll: {run: x}}"),
        "3:13: 'poll' of executor 'a' has no 'until'",
        "  add 'until: ...'. See: lrwf schema executors.poll.until",
    ),
    (
        kind("{poll: {until: result}}"),
        "3:13: 'poll' of executor 'a' has neither 'run' nor 'check'",
        "  add one of them",
    ),
    (
        kind("{poll: {run: x, check: 'm:f', until: result}}"),
        "3:22: 'poll' of executor 'a' has 'run' and 'check'",
        "  keep one of them",
    ),
    (
        kind("{poll: {check: m.f, until: result}}"),
        "3:21: 'm.f' is not of the form module:function",
        "  did you mean 'm:f'?",
    ),
    (
        kind("{poll: {check: 'm:f', until: exit_code == 0}}"),
        "3:35: 'exit_code' is not known here",
        "  names here: result, message, input, state, run",
    ),
    (
        kind("{poll: {run: x, until: exit_cod == 0}}"),
        "3:29: unknown name 'exit_cod'",
        "  did you mean 'exit_code'?",
    ),
    (
        kind("{poll: {run: '${{ x }}', until: exit_code == 0}}"),
        "3:20: '${{ }}' in 'run' in 'poll' of executor 'a': nothing of a message is put into a command",
        '  write \'env: {NAME: "${{ ... }}"}\' and "$NAME" in the command; the message is on its stdin as JSON',
    ),
    (
        kind("{poll: {run: x, until: result, initial: -5s}}"),
        "3:46: 'initial' in 'poll' of executor 'a' must be a duration, not the text '-5s'",
        "  a duration cannot be negative",
    ),
    (
        kind("{poll: {run: x, until: result, initial: 0s}}"),
        "3:46: 'initial' in 'poll' of executor 'a' leaves no time at all",
        "  give it some: between two checks there is a pause",
    ),
    (
        kind("{poll: {run: x, until: result, initial: 10m}}"),
        "3:46: 'initial' in 'poll' of executor 'a' is 10m, and 'max' is 5m, as always",
        "  raise 'max', or lower 'initial'",
    ),
    (
        kind("{poll: {run: x, until: result, multiplier: 0.5}}"),
        "3:49: 'multiplier' in 'poll' of executor 'a' must be at least 1, not 0.5",
    ),
    (
        kind("{poll: {run: x, until: result, jitter: -1}}"),
        "3:45: 'jitter' in 'poll' of executor 'a' must be at least 0, not -1",
    ),
    (
        kind("{poll: {run: x, until: result, max_duration: 0m}}"),
        "3:51: 'max_duration' in 'poll' of executor 'a' leaves no time at all",
        "  give it some, or remove the key: then there is no limit",
    ),
    (
        kind("{poll: {run: x, until: result, timeout: 5m}}"),
        "3:37: unknown key 'timeout' in 'poll' of executor 'a'",
        "  did you mean 'max_duration'? See: lrwf schema executors.poll.max_duration",
    ),
    (
        kind("{poll: 5m}"),
        "3:13: 'poll' of executor 'a' must be a mapping, not the text '5m'",
        "  write it as {run: 5m, until: exit_code == 0}. See: lrwf schema executors.poll",
    ),
    (
        kind("{wait: {}}"),
        "3:13: 'wait' of executor 'a' has neither 'for' nor 'until'",
        "  add one of them",
    ),
    (
        kind("{wait: {for: 1h, until: '2026-12-01'}}"),
        "3:23: 'wait' of executor 'a' has 'for' and 'until'",
        "  keep one of them",
    ),
    (
        kind("{wait: {for: 90}}"),
        "3:19: 'for' in 'wait' of executor 'a': not a duration: '90'",
        "  add a unit: 90s, 90m, 90h or 90d",
    ),
    (
        kind("{wait: {for: -1h}}"),
        "3:19: 'for' in 'wait' of executor 'a': not a duration: '-1h'",
        "  a duration cannot be negative",
    ),
    (
        kind("{wait: {for: 20y}}"),
        "3:19: 'for' in 'wait' of executor 'a': not a duration: '20y'",
        "  write it like 90s, 15m, 1h30m or 3d",
    ),
    (
        kind("{wait: {for: '${{ mesage.x }}'}}"),
        "3:24: unknown name 'mesage'",
        "  did you mean 'message'?",
    ),
    (
        kind("{wait: {until: 2026-13-01T09:00}}"),
        "3:21: 'until' in 'wait' of executor 'a': no such date: '2026-13-01T09:00': month must be in 1..12",
        "  write it as 2026-12-01T09:00, or with its zone as 2026-12-01T09:00Z",
    ),
    (
        kind("{wait: {until: tomorrow}}"),
        "3:21: 'until' in 'wait' of executor 'a': not a date and a time: 'tomorrow'",
        "  write it as 2026-12-01T09:00, or with its zone as 2026-12-01T09:00Z",
    ),
    (
        kind("{wait: {until: '${{ exit_code }}'}}"),
        "3:26: 'exit_code' is not known here",
        "  names here: message, input, state, run",
    ),
    (
        kind("{wait: {until: 2026-12-01T09:00, timezone: Europe/Pariss}}"),
        "3:49: unknown timezone: 'Europe/Pariss'",
        "  did you mean 'Europe/Paris'?",
    ),
    (
        kind("{wait: {for: 1h, timezone: UTC}}"),
        "3:23: 'timezone' in 'wait' of executor 'a' does not go with 'for'",
        "  remove it",
    ),
    (
        kind("{wait: 1h}"),
        "3:13: 'wait' of executor 'a' must be a mapping, not the text '1h'",
        "  write it as {for: 1h}. See: lrwf schema executors.wait",
    ),
    (
        kind("{sleep: 1h}"),
        "3:3: executor 'a' has none of 'uses', 'run', 'poll', 'wait' and 'ask'",
        "  add one, as 'uses: module:name' or 'run: ./command.sh'. See: lrwf schema executors",
        "3:7: unknown key 'sleep' in executor 'a'",
        "  did you mean 'wait'? See: lrwf schema executors.wait",
    ),
    (
        kind("{wait: {for: [1h]}}"),
        "3:19: 'for' in 'wait' of executor 'a' must be text, not a list",
        "  write it out, or as '${{ ... }}'",
    ),
    (
        kind("{wait: {for: }}"),
        "3:19: 'for' in 'wait' of executor 'a' must be text, not nothing",
        "  write it out, or as '${{ ... }}'",
    ),
    (
        kind("{wait: {for: 5000d}}"),
        "3:19: 'for' in 'wait' of executor 'a': longer than ten years: '5000d'",
        "  give a duration of at most 3650d",
    ),
    (
        kind("{ask: {choices: [a, b]}}"),
        "3:12: 'ask' of executor 'a' has no 'prompt'",
        "  add 'prompt: ...'. See: lrwf schema executors.ask.prompt",
    ),
    (
        kind("{ask: {prompt: ''}}"),
        "3:21: 'prompt' in 'ask' of executor 'a' is empty",
        "  write what is asked",
    ),
    (
        kind("{ask: {prompt: 'Ship ${{ mesage }}?'}}"),
        "3:31: unknown name 'mesage'",
        "  did you mean 'message'?",
    ),
    (
        kind("{ask: {prompt: x, choices: []}}"),
        "3:33: 'choices' in 'ask' of executor 'a' is an empty list",
        "  write what is in it, or remove the key",
    ),
    (
        kind("{ask: {prompt: x, choices: [a, a]}}"),
        "3:37: 'a' stands twice in 'choices' in 'ask' of executor 'a'",
        "  write it once",
    ),
    (
        kind("{ask: {prompt: x, choices: [yes, 1]}}"),
        "3:39: an item of 'choices' in 'ask' of executor 'a' must be text, not 1",
        "  quote it",
    ),
    (
        kind("{ask: {prompt: x, choices: [a, ' ']}}"),
        "3:37: an item of 'choices' in 'ask' of executor 'a' is empty",
        "  write it, or remove it",
    ),
    (
        kind("{ask: {prompt: x, choices: [ship, stop], on_expiry: stop}}"),
        "3:47: 'ask' of executor 'a' has 'on_expiry' and never expires",
        "  add 'expires: 48h'",
    ),
    (
        kind("{ask: {prompt: x, choices: [ship, stop], expires: 1h, on_expiry: shop}}"),
        "3:71: 'on_expiry' in 'ask' of executor 'a' must be 'ship' or 'stop'",
        "  did you mean 'stop'?",
    ),
    (
        kind("{ask: {prompt: x, choices: [ship, stop], expires: 1h, on_expiry: {value: wait}}}"),
        "3:79: 'on_expiry' in 'ask' of executor 'a' must be 'ship' or 'stop'",
        "  choices: ship, stop",
    ),
    (
        kind("{ask: {prompt: x, expires: 1h, on_expiry: stop}}"),
        "3:48: 'on_expiry' in 'ask' of executor 'a' is a choice, and there are no 'choices'",
        "  write {value: stop}",
    ),
    (
        kind("{ask: {prompt: x, expires: 1h, on_expiry: {valeu: stop}}}"),
        "3:48: 'on_expiry' in 'ask' of executor 'a' must have the key 'value' alone",
        "  write {value: ...}",
    ),
    (
        kind("{ask: {prompt: x, expires: 1h, on_expiry: {value: 3}}}"),
        "3:56: 'on_expiry' in 'ask' of executor 'a' must be text, as every answer is",
        "  quote it, or declare it in 'schema'",
    ),
    (
        kind("{ask: {prompt: x, schema: {n: {type: number, required: true}}, expires: 1h, on_expiry: {value: 3}}}"),
        "3:101: 'on_expiry' in 'ask' of executor 'a' must be a mapping with 'n'",
        "  write {value: {...}}",
    ),
    (
        kind(
            "{ask: {prompt: x, schema: {n: {type: number, required: true}}, expires: 1h, on_expiry: {value: {n: x}}}}"
        ),
        "3:105: 'on_expiry' in 'ask' of executor 'a': 'n' must be a number, not x",
        "  mend it, or 'schema'",
    ),
    (
        kind(
            "{ask: {prompt: x, schema: {n: {type: number, required: true}}, expires: 1h, on_expiry: {value: {m: 1}}}}"
        ),
        "3:101: 'on_expiry' in 'ask' of executor 'a': 'n' is missing",
        "  add it: 'schema' requires it",
        "3:102: 'on_expiry' in 'ask' of executor 'a': unknown key 'm'",
        "  keys: n",
    ),
    (
        kind("{ask: {prompt: x, schema: {n: {type: float}}}}"),
        (
            "3:43: 'type' in answer 'n' must be 'string', 'integer', 'number', 'boolean', 'array', 'object' or "
            "'path', not the text 'float'"
        ),
        "  choices: string, integer, number, boolean, array, object, path",
    ),
    (
        kind("{ask: {prompt: x, schema: {type: number}}}"),
        "3:39: answer 'type' must be a mapping, not the text 'number'",
        "  indent its keys below it. See: lrwf schema executors.ask.schema",
    ),
    (
        kind("{ask: {prompt: x, schema: {n: {type: number, default: x}}}}"),
        "3:60: the default of answer 'n' must be a number, not x",
        "  mend it, or 'type' and 'enum'",
    ),
    (
        kind("{ask: {prompt: x, expires: 0s}}"),
        "3:33: 'expires' in 'ask' of executor 'a' leaves no time at all",
        "  give it some, or remove the key: then there is no limit",
    ),
    (
        kind("{ask: {prompt: x, remind: 1h, need: 2, from: x, not_by_starter: true}}"),
        "3:24: 'remind' in 'ask' of executor 'a' is not built yet",
        "  remove it, and look with 'lrwf requests'",
        "3:36: 'need' in 'ask' of executor 'a' is not built yet",
        "  remove it: the first answer counts",
        "3:45: 'from' in 'ask' of executor 'a' is not built yet",
        "  remove it, and name who may answer in 'allowed_users'",
        "3:54: 'not_by_starter' in 'ask' of executor 'a' is not built yet",
        "  remove it, and name who may answer in 'allowed_users'",
    ),
    (
        kind("{ask: {prompt: x, allowed_users: []}}"),
        "3:39: 'allowed_users' in 'ask' of executor 'a' is an empty list",
        "  write what is in it, or remove the key",
    ),
    (
        kind("{ask: {prompt: x, timeout: 1h}}"),
        "3:24: unknown key 'timeout' in 'ask' of executor 'a'",
        "  did you mean 'expires'? See: lrwf schema executors.ask.expires",
    ),
]


@pytest.mark.parametrize("text_and_expected", MISTAKES, ids=lambda each: each[1] if len(each) > 1 else "right")
def test_every_mistake_names_the_thing_its_place_and_the_remedy(text_and_expected: tuple[str, ...]) -> None:
    """Design 7, Conformance 36, 37, 40: what is wrong is found when the flow is checked, with the place."""
    text, *expected = text_and_expected
    assert list(told(text)) == expected
