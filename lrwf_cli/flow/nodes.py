"""What an executor of a flow file must be: of one kind, with keys that go with it; polls, waits, questions, commands.

How long things may take is checked in `limits`; which executors there are, and who follows on whom, in `check`.
"""

from collections.abc import Callable, Mapping

from lrwf_cli.errors import UsageError
from lrwf_cli.flow import rules
from lrwf_cli.flow.durations import parse_duration
from lrwf_cli.flow.inputs import misfit
from lrwf_cli.flow.instants import parse_instant
from lrwf_cli.flow.kinds import Declared
from lrwf_cli.flow.parts import Place, described
from lrwf_cli.flow.problems import Problems, listed, quoted, suggestion
from lrwf_cli.flow.reserved import RESERVED
from lrwf_cli.flow.tree import Node

__all__ = ["KINDS", "SEEN", "check_kind", "kind_of"]

KINDS = ("uses", "run", "poll", "wait", "ask")
"""The keys that say what an executor is."""

SEEN = ("message", "input", "state", "run")
"""Names that expressions see in an executor that has got a message."""

_OF_A_CHECK = ("result", *SEEN)
_OF_A_COMMAND = ("exit_code", "stdout", *_OF_A_CHECK)

_GOES_WITH = {
    "with": ("uses",),
    "isolation": ("uses",),
    "env": ("uses", "run", "poll"),
    "secrets": ("uses", "run", "poll"),
}


def kind_of(node: Node) -> str | None:
    """Return which kind of executor a node is; `None` if it does not say, or says two."""
    said = [key for key in KINDS if key in node.entries()]
    return said[0] if len(said) == 1 else None


def check_kind(node: Node, place: Place, problems: Problems) -> None:
    """Check that an executor is of exactly one kind, that its keys go with that, and what is said of the kind."""
    _check_one_kind(node, place, problems)
    for key, check in _CHECKS.items():
        if child := node.get(key):
            check(child, f"{quoted(key)} of {place.name}", problems)
    env, secrets = node.get("env"), node.get("secrets")
    for key in secrets.entries() if env and secrets else ():
        if env and key in [*env.entries(), *(item.value for item in env.items())]:
            what = f"{quoted(key)} in 'env' of {place.name} is a secret too"
            problems.add(env.keys.get(key, env.mark), what, "keep one of them")


def _check_one_kind(node: Node, place: Place, problems: Problems) -> None:
    keys = node.entries()
    said = [key for key in KINDS if key in keys]
    if not said and isinstance(node.value, dict) and not RESERVED["executors"].keys() & keys:
        hint = "add one, as 'uses: module:name' or 'run: ./command.sh'. See: lrwf schema executors"
        problems.add(place.mark, f"{place.name} has none of {listed(KINDS)}", hint)
    if len(said) > 1:
        later = max(node.keys[key] for key in said)
        problems.add(later, f"{place.name} has {listed(said)}", "keep one of them: an executor is of one kind")
    for key, kinds in _GOES_WITH.items():
        if key in keys and len(said) == 1 and said[0] not in kinds:
            hint = f"remove it: it is for executors with {listed(kinds, 'or')}"
            problems.add(node.keys[key], f"{place.named(key)} does not go with {quoted(said[0])}", hint)


def _check_uses(node: Node, _: str, problems: Problems) -> None:
    rules.check_uses(node, problems)


def _check_with(node: Node, _: str, problems: Problems) -> None:
    rules.check_templates(node, rules.WITH_NAMES, problems)


def _check_poll(node: Node, name: str, problems: Problems) -> None:
    asked = _one_of(node, ("run", "check"), name, problems)
    if command := node.get("run"):
        rules.check_command(command, f"'run' in {name}", problems)
    if check := node.get("check"):
        rules.check_uses(check, problems, what="module:function")
    rules.check_expression(node.get("until"), _OF_A_CHECK if asked == "check" else _OF_A_COMMAND, problems)


def _one_of(node: Node, keys: tuple[str, str], name: str, problems: Problems) -> str | None:
    """Return the only one of `keys` that a mapping has; add a problem if it has both or none."""
    said = [key for key in keys if key in node.entries()]
    if len(said) == 1:
        return said[0]
    if said:
        problems.add(max(node.keys[key] for key in said), f"{name} has {listed(said)}", "keep one of them")
    elif isinstance(node.value, dict):
        problems.add(node.mark, f"{name} has neither {quoted(keys[0])} nor {quoted(keys[1])}", "add one of them")
    return None


def _check_wait(node: Node, name: str, problems: Problems) -> None:
    said = _one_of(node, ("for", "until"), name, problems)
    for key, parse in (("for", parse_duration), ("until", parse_instant)):
        if child := node.get(key):
            _check_time(child, f"{quoted(key)} in {name}", parse, problems)
    if zone := node.get("timezone"):
        rules.check_timezone(zone, problems)
        if said == "for":
            problems.add(node.keys["timezone"], f"'timezone' in {name} does not go with 'for'", "remove it")


def _check_time(node: Node, name: str, parse: Callable[[str], object], problems: Problems) -> None:
    """Check a duration or an instant: written out, or given by `${{ }}`, and then only known when its turn comes."""
    if isinstance(node.value, dict | list | None):
        problems.add(node.mark, f"{name} must be text, not {described(node)}", "write it out, or as '${{ ... }}'")
    elif "${{" in str(node.value):
        rules.check_templates(node, SEEN, problems)
    else:
        try:
            parse(str(node.value))
        except UsageError as error:
            problems.add(node.mark, f"{name}: {error.message}", error.hint)


def _check_ask(node: Node, name: str, problems: Problems) -> None:
    if prompt := node.get("prompt"):
        rules.check_templates(prompt, SEEN, problems)
        if isinstance(prompt.value, str) and not prompt.value.strip():
            problems.add(prompt.mark, f"'prompt' in {name} is empty", "write what is asked")
    for key in ("choices", "allowed_users"):
        if child := node.get(key):
            rules.check_names(child, f"{quoted(key)} in {name}", problems)
    if on_expiry := node.get("on_expiry"):
        if node.get("expires") is None:
            problems.add(node.keys["on_expiry"], f"{name} has 'on_expiry' and never expires", "add 'expires: 48h'")
        _check_on_expiry(on_expiry, node, name, problems)


def _check_on_expiry(node: Node, ask: Node, name: str, problems: Problems) -> None:
    value = node
    if isinstance(node.value, dict):
        if list(node.value) != ["value"]:
            problems.add(node.mark, f"'on_expiry' in {name} must have the key 'value' alone", "write {value: ...}")
            return
        value = node.value["value"]
    elif ask.get("choices") is None:
        hint = f"write {{value: {node.value}}}" if isinstance(node.value, str) else "write {value: ...}"
        problems.add(node.mark, f"'on_expiry' in {name} is a choice, and there are no 'choices'", hint)
        return
    _check_answer(value, ask, f"'on_expiry' in {name}", problems)


def _check_answer(value: Node, ask: Node, name: str, problems: Problems) -> None:
    """Check that what stands for an answer is one that could be given."""
    choices, schema = ask.get("choices"), ask.get("schema")
    if choices is not None:
        known = [str(item.value) for item in choices.items()]
        if value.value not in known:
            hint = suggestion(value.value, known, "choices") if isinstance(value.value, str) else None
            problems.add(value.mark, f"{name} must be {listed(known, 'or')}", hint)
    elif schema is not None:
        _check_data(value, schema, name, problems)
    elif not isinstance(value.value, str):
        problems.add(value.mark, f"{name} must be text, as every answer is", "quote it, or declare it in 'schema'")


def _check_data(value: Node, schema: Node, name: str, problems: Problems) -> None:
    known = schema.entries()
    if not isinstance(value.value, dict):
        problems.add(value.mark, f"{name} must be a mapping with {listed(known)}", "write {value: {...}}")
        return
    for key, child in value.value.items():
        if key not in known:
            problems.add(value.keys[key], f"{name}: unknown key {quoted(key)}", suggestion(key, known, "keys"))
        elif (declared := _declared(known[key])) and (why := misfit(declared, child.plain())):
            problems.add(child.mark, f"{name}: {quoted(key)} {why}", "mend it, or 'schema'")
    for key, child in known.items():
        if _is_true(child.get("required")) and key not in value.value:
            problems.add(value.mark, f"{name}: {quoted(key)} is missing", "add it: 'schema' requires it")


def _is_true(node: Node | None) -> bool:
    return node is not None and node.value is True


def _declared(node: Node) -> Declared | None:
    """Return what a key of `schema` declares, if that can be read: what is wrong with it is told elsewhere."""
    import msgspec

    try:
        return msgspec.convert(node.plain(), Declared)
    except msgspec.ValidationError:
        return None


_Check = Callable[[Node, str, Problems], None]
_CHECKS: Mapping[str, _Check] = {
    "uses": _check_uses,
    "run": rules.check_command,
    "poll": _check_poll,
    "wait": _check_wait,
    "ask": _check_ask,
    "with": _check_with,
    "secrets": rules.check_secrets,
}
