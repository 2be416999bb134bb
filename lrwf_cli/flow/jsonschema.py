"""The JSON Schema of flow files, for editors and for `lrwf schema`. It comes from `schema`, and says no more."""

from typing import Any

import msgspec

from lrwf_cli.errors import UsageError
from lrwf_cli.flow.durations import PATTERN
from lrwf_cli.flow.nodes import KINDS
from lrwf_cli.flow.problems import listing, nearest, quoted
from lrwf_cli.flow.schema import FlowFile

__all__ = ["header_line", "json_schema"]


_ONE_OF = {"Executor": KINDS, "Poll": ("run", "check"), "Wait": ("for", "until"), "Secret": ("env", "file")}
"""Parts of which exactly one key says what they are."""


def header_line(path: str) -> str:
    """Return the first line of a flow file that makes editors use the schema kept at `path` (or an URL)."""
    return f"# yaml-language-server: $schema={path}"


def json_schema(path: str = "") -> dict[str, Any]:
    """Return the schema of a whole flow file, or of the part at a dotted `path` such as `executors.retry`.

    A mapping of names (`executors`, `input`) and a list are stepped over: a path has no ids and no indexes.
    Raises UsageError for a path that leads nowhere.
    """
    whole = msgspec.json.schema(FlowFile)
    parts = whole["$defs"]
    _mend(parts)
    for name, keys in _ONE_OF.items():
        parts[name]["oneOf"] = [{"required": [key]} for key in keys]
    found: dict[str, Any] = parts["FlowFile"]
    for step in path.split(".") if path else ():
        found = _step(_resolved(found, parts), step, path, parts)
    used = _used(found, parts)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        **({"$defs": {name: parts[name] for name in parts if name in used}} if used else {}),
    }


def _mend(node: Any) -> None:
    """Make every duration in `node` the text that it is here: msgspec knows those of ISO 8601 only."""
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict) and child.get("format") == "duration":
            del child["format"]
            child |= {"pattern": PATTERN, "examples": ["90s", "15m", "1h30m", "3d"]}
        elif isinstance(child, dict | list):
            _mend(child)


def _resolved(node: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """Return what has the keys: what `node` refers to, the values of a mapping, the items of a list."""
    for inner in ("additionalProperties", "items"):
        if isinstance(node.get(inner), dict):
            return _resolved(node[inner], parts)
    if "$ref" in node:
        referred: dict[str, Any] = parts[node["$ref"].rpartition("/")[2]]
        return referred
    return node


def _step(node: dict[str, Any], step: str, path: str, parts: dict[str, Any]) -> dict[str, Any]:
    keys = node.get("properties", {})
    if step not in keys:
        near = nearest(step, keys)
        hint = f"did you mean {quoted(near)}?" if near else listing(list(keys), "keys there")
        raise UsageError(f"unknown key {quoted(step)} in the path {quoted(path)}", hint=hint)
    found: dict[str, Any] = keys[step]
    if "$ref" in found:
        found = {**_resolved(found, parts), **{key: found[key] for key in found.keys() - {"$ref"}}}
    return found


def _used(node: Any, parts: dict[str, Any]) -> set[str]:
    """Return the names of the parts that `node` refers to, directly or not."""
    used: set[str] = set()
    rest = [node]
    while rest:
        each = rest.pop()
        if isinstance(each, dict):
            name = str(each.get("$ref", "")).rpartition("/")[2]
            if name and name not in used:
                used.add(name)
                rest.append(parts[name])
        rest += [
            child for child in (each.values() if isinstance(each, dict) else each) if isinstance(child, dict | list)
        ]
    return used
