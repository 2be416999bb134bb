"""The codec: a value as it is kept, and back. JSON only; no class that data names is ever imported.

Text, booleans, `None`, finite floats, integers of 64 bits, lists, and dicts whose keys are text that does not
begin with `$` are kept as they are. Everything else is `{"$type": tag, "value": plainer form}`. A tag is a short
name of the standard list, or `module:Class` of a class that the flow's own modules define or have imported.
"""

from math import isfinite
from typing import Any

from lrwf_cli.core.kinds import Unkeepable
from lrwf_cli.core.model import Json
from lrwf_cli.core.registry import ATOMS, Registry
from lrwf_cli.errors import NotDecodable, NotEncodable

__all__ = ["MAX_DEPTH", "Codec", "Json", "type_name"]

MAX_DEPTH = 200
"""Levels of JSON that a value may have. Half of what readers that recurse can take; a cycle ends here too."""

_INT64 = 2**63


class Codec(Registry):
    """Encodes and decodes the values of one flow. Knows the standard list, and what is registered with it.

    `encode` and `decode` share nothing mutable between what they take and what they return.
    """

    def encode(self, value: Any, name: str = "message") -> Json:
        """Return `value` as JSON. Raises NotEncodable, which says where in `name` the trouble is."""
        try:
            return self._encode(value, 0)
        except Unkeepable as refused:
            raise _not_encodable(refused, name) from None
        except RecursionError:
            raise _too_deep(name) from None

    def decode(self, value: Json) -> Any:
        """Return what was encoded. Raises NotDecodable for types that are not known here or have changed."""
        kind = type(value)
        if kind is dict:
            return self._decode_dict(value)
        return self._decode_list(value) if kind is list else value

    def type_of(self, value: Json) -> type:
        """Return the type of an encoded value without decoding it. Raises NotDecodable if it is not known."""
        tag = _tag(value)
        return type(value) if tag is None else self.tag_entry(tag)[0]

    # -- encoding: on the path of every message, so exact types are tried in the order of their frequency

    def _encode(self, value: Any, depth: int) -> Json:  # noqa: PLR0911 - one for each exact type
        kind = type(value)
        if kind is str:
            return value if value.isascii() or _is_unicode(value) else _tagged("str", _escaped(value))
        if kind is int:
            return value if -_INT64 <= value < _INT64 else _tagged("int", hex(value))
        if kind is bool or value is None:
            return value
        if kind is float:
            return value if isfinite(value) else _tagged("float", str(value))
        if depth >= MAX_DEPTH:
            raise Unkeepable(value, _DEEP)
        if kind is dict:
            return self._encode_dict(value, depth + 1)
        if kind is list:
            return self._encode_list(value, depth + 1)
        return self._encode_other(value, depth + 1)

    def _encode_dict(self, value: dict[Any, Any], depth: int) -> Json:
        encoded: dict[str, Json] = {}
        for key, item in value.items():
            if type(key) is not str or key[:1] == "$" or not (key.isascii() or _is_unicode(key)):
                return self._encode_pairs(value, depth)
            try:
                encoded[key] = item if type(item) is str and item.isascii() else self._encode(item, depth)
            except Unkeepable as refused:
                refused.at.append(f".{key}" if key.isidentifier() else f"[{key!r}]")
                raise
        return encoded

    def _encode_pairs(self, value: dict[Any, Any], depth: int) -> Json:
        """Keep a dict whose keys JSON has no place for; in its own order."""
        pairs: list[Json] = []
        for key, item in value.items():
            try:
                pairs.append([self._encode(key, depth + 3), self._encode(item, depth + 3)])
            except Unkeepable as refused:
                refused.at.append(f"[{key!r:.40}]")
                raise
        return _tagged("dict", pairs)

    def _encode_list(self, value: list[Any], depth: int) -> Json:
        encoded: list[Json] = []
        for item in value:
            try:
                encoded.append(item if type(item) is str and item.isascii() else self._encode(item, depth))
            except Unkeepable as refused:
                refused.at.append(f"[{len(encoded)}]")
                raise
        return encoded

    def _encode_other(self, value: Any, depth: int) -> Json:
        cls = type(value)
        if cls is set or cls is frozenset:
            # canonical order: the same set is the same bytes, in every process
            return _tagged(cls.__name__, sorted(self._encode_list(list(value), depth + 1), key=_canonical))
        entry = self.class_entry(cls)
        if entry is None:
            raise Unkeepable(value, self.why_not(cls))
        tag, plainer = entry
        return _tagged(tag, self._encode(plainer(value), depth))

    # -- decoding

    def _decode_dict(self, value: dict[str, Json]) -> Any:
        for first in value:
            if first[:1] == "$":
                return self._decode_tagged(value)
            break
        return {key: item if type(item) in ATOMS else self.decode(item) for key, item in value.items()}

    def _decode_list(self, value: list[Json]) -> list[Any]:
        return [item if type(item) in ATOMS else self.decode(item) for item in value]

    def _decode_tagged(self, value: dict[str, Json]) -> Any:
        tag = _tag(value)
        if tag is None:
            raise NotDecodable(f"a kept value has a form that is not known: `{next(iter(value))}`")
        restore = self.tag_entry(tag)[1]
        plainer = self.decode(value.get("value"))
        try:
            return restore(plainer)
        except Exception as error:
            raise NotDecodable(
                f"a kept `{tag}` cannot be read: {type(error).__name__}: {error}",
                hint=f"give `{tag}` back the form that it had when the value was kept",
            ) from error


def type_name(value: Json) -> str:
    """Return how people call the type of an encoded value: `int`, `Order`."""
    if value is None:
        return "None"
    return (_tag(value) or type(value).__name__).rpartition(":")[2]


def _tag(value: Json) -> str | None:
    """Return the tag of a tagged value; `None` for a plain one."""
    tag = value.get("$type") if type(value) is dict else None
    return tag if isinstance(tag, str) else None


def _tagged(tag: str, plainer: Json) -> Json:
    return {"$type": tag, "value": plainer}


def _canonical(value: Json) -> str:
    import json  # for sets only: it brings modules that a run does without

    return json.dumps(value, sort_keys=True)


def _is_unicode(text: str) -> bool:
    """Whether `text` has a UTF-8 form: file names with undecodable bytes have none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


_DEEP = f"keep it flatter: at most {MAX_DEPTH} levels, and nothing that contains itself"


def _not_encodable(refused: Unkeepable, name: str) -> NotEncodable:
    if refused.hint is _DEEP:
        return _too_deep(name)
    path = name + "".join(reversed(refused.at))
    return NotEncodable(f"{path}: a value of type `{refused.type.__qualname__}` cannot be kept", hint=refused.hint)


def _too_deep(name: str) -> NotEncodable:
    return NotEncodable(f"{name}: it is nested deeper than {MAX_DEPTH} levels, or contains itself", hint=_DEEP)
