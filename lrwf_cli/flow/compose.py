"""YAML text to a tree. What a flow file means is not known here.

**Bounds.** Everything is checked on the parser's events, before anything is composed: bytes, nodes (what an
alias stands for counts each time), depth, aliases. Events come one by one, so the parser itself (libyaml's
where PyYAML has it, else its Python one) never sees more than a few lines beyond a bound; letting libyaml
compose would crash the process at deep nesting.

**YAML as people mean it.** Words are typed as in `scalars`. Duplicate keys, merge keys, tags, keys that are not
text and several documents are errors: each has surprised more people than it has served.
"""

import re
from typing import Any, NoReturn

from lrwf_cli.flow.complaints import explain
from lrwf_cli.flow.problems import Mark, Problems, nearest, quoted
from lrwf_cli.flow.scalars import UnfitScalar, resolve
from lrwf_cli.flow.tree import Node

__all__ = ["MAX_ALIASES", "MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "read_tree"]

MAX_BYTES = 1024 * 1024
"""Bytes of a file in UTF-8, and characters that it comes to with its aliases expanded."""
MAX_NODES = 50_000
MAX_DEPTH = 50
MAX_ALIASES = 100

_SURROGATE = re.compile("[\ud800-\udfff]")
_USUAL = frozenset(map(chr, (9, 10, 13, *range(32, 127))))
_UNPRINTABLE = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f]|[\\ud800-\\udfff]|\\ufeff|[\\ufffe\\uffff]"
"""Not one class, which would take ten milliseconds to compile; and compiled for unusual texts only."""


def read_tree(text: str, path: str) -> Node | None:
    """Return the tree of `text`, or `None` if it has nothing but comments.

    `path` is for messages only. Raises FlowError with every problem up to the first that makes the rest
    unreadable, and nothing else, whatever the parser raises.
    """
    problems = Problems(path)
    text = text.removeprefix("\ufeff")
    _check_characters(text, problems)
    root = _Composer(text, problems).document()
    problems.raise_if_any()
    return root


def _check_characters(text: str, problems: Problems) -> None:
    if not _USUAL.issuperset(text) and (bad := re.search(_UNPRINTABLE, text)):
        begin = bad.start()
        mark = Mark(text.count("\n", 0, begin) + 1, begin - text.rfind("\n", 0, begin))
        hint = "remove it, or write it as an escape in double quotes"
        problems.add(mark, f"a character that YAML does not allow: U+{ord(bad[0]):04X}", hint)
    elif (size := len(text.encode())) > MAX_BYTES:
        hint = "keep data in files of their own"
        problems.add(Mark(1, 1), f"the file is too large: {size} bytes where {MAX_BYTES} are allowed", hint)
    problems.raise_if_any()


class _Composer:
    """One pass over the events of a text."""

    def __init__(self, text: str, problems: Problems) -> None:
        import yaml

        self._events = yaml
        self._text = text
        self._problems = problems
        self._parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        self._anchors: dict[str, Node | None] = {}
        self._nodes = self._chars = self._aliases = 0

    def document(self) -> Node | None:
        """Return the only document's root, or `None`."""
        self._next()
        if isinstance(self._next(), self._events.StreamEndEvent):
            return None
        root = self._node(self._next(), 0)
        self._next()
        if not isinstance(after := self._next(), self._events.StreamEndEvent):
            self._stop(_mark(after), "a second document begins here", "keep one workflow in a file, without '---'")
        return root

    def _next(self) -> Any:
        try:
            return self._parser.get_event()
        except self._events.MarkedYAMLError as error:
            self._stop(*explain(error, self._text))
        except Exception as error:  # noqa: BLE001 - on hostile text PyYAML raises what int(), chr() or an index raise
            self._stop(self._reached(), f"not valid YAML: {error}", None)

    def _reached(self) -> Mark:
        """Return how far the parser has come; libyaml does not tell."""
        mark = self._parser.get_mark() if hasattr(self._parser, "get_mark") else None
        return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, self._events.AliasEvent):
            return self._alias(event, depth)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._problems.add(_mark(event), f"a tag: {quoted(tag)}", "remove it; to make a value text, quote it")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, self._events.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, self._events.SequenceStartEvent):
            node = self._sequence(event, depth + 1)
        else:
            node = self._mapping(event, depth + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, depth: int) -> Node:
        name, mark = event.anchor, _mark(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(mark, f"more than {MAX_ALIASES} aliases", "write the values out")
        if name not in self._anchors:
            hint = f"did you mean {quoted('*' + near)}?" if (near := nearest(name, self._anchors)) else "quote it"
            self._stop(mark, f"an alias of nothing: {quoted('*' + name)}", hint)
        if (node := self._anchors[name]) is None:
            self._stop(mark, f"an alias inside of what it stands for: {quoted('*' + name)}", "write the value out")
        self._count(mark, nodes=node.nodes, chars=node.chars, depth=depth + node.depth)
        return node

    def _scalar(self, event: Any) -> Node:
        text: str = event.value
        mark = _mark(event)
        self._count(mark, nodes=1, chars=len(text), depth=0)
        if not text.isascii() and _SURROGATE.search(text):
            self._problems.add(mark, "half of a character, written as an escape", "write the character itself")
        if event.style:  # a plain scalar has '' from libyaml, None from the Python parser
            return Node(text, mark, text_at=_text_at(event, 1), chars=len(text))
        try:
            value = resolve(text)
        except UnfitScalar as error:
            self._problems.add(mark, f"{error}: {quoted(text)}", "quote it to make it text")
            value = text
        return Node(value, mark, text_at=_text_at(event, 0) if value is text else None, chars=len(text))

    def _sequence(self, event: Any, depth: int) -> Node:
        mark = _mark(event)
        self._count(mark, nodes=1, chars=0, depth=depth)
        items: list[Node] = []
        while not isinstance(below := self._next(), self._events.SequenceEndEvent):
            items.append(self._node(below, depth))
        return _collection(items, mark, items)

    def _mapping(self, event: Any, depth: int) -> Node:
        mark = _mark(event)
        self._count(mark, nodes=1, chars=0, depth=depth)
        entries: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        below: list[Node] = []
        while not isinstance(key_event := self._next(), self._events.MappingEndEvent):
            key, value = self._node(key_event, depth), self._node(self._next(), depth)
            below += key, value
            if (name := self._key(key_event, key, keys)) is not None:
                entries[name], keys[name] = value, _mark(key_event)
        return _collection(entries, mark, below, keys)

    def _key(self, event: Any, key: Node, seen: dict[str, Mark]) -> str | None:
        mark, name = _mark(event), key.value
        if not isinstance(name, str) or isinstance(event, self._events.AliasEvent):
            is_word = isinstance(event, self._events.ScalarEvent)
            message = f"a key that is not text: {event.value}" if is_word else "a key that is not text"
            self._problems.add(mark, message, "quote it" if is_word else "write a word before the ':'")
        elif name == "<<" and not event.style:
            self._problems.add(mark, "a merge key: '<<'", "write the keys out")
        elif name in seen:
            hint = f"keep one of them: the first is in line {seen[name].line}"
            self._problems.add(mark, f"the key {quoted(name)} stands twice", hint)
        else:
            return name
        return None

    def _count(self, mark: Mark, *, nodes: int, chars: int, depth: int) -> None:
        self._nodes += nodes
        self._chars += chars
        if depth > MAX_DEPTH:
            self._stop(mark, f"nested more than {MAX_DEPTH} deep", "make it flatter")
        if self._nodes > MAX_NODES:
            self._stop(
                mark, f"more than {MAX_NODES} values, those of aliases included", "keep data in files of their own"
            )
        if self._chars > MAX_BYTES:
            hint = "keep data in files of their own"
            self._stop(mark, f"with its aliases the file comes to more than {MAX_BYTES} characters", hint)

    def _stop(self, mark: Mark, message: str, hint: str | None) -> NoReturn:
        self._problems.add(mark, message, hint)
        raise self._problems.error()


def _collection(
    value: list[Node] | dict[str, Node], mark: Mark, below: list[Node], keys: dict[str, Mark] | None = None
) -> Node:
    return Node(
        value,
        mark,
        keys=keys or {},
        nodes=1 + sum(node.nodes for node in below),
        depth=1 + max((node.depth for node in below), default=0),
        chars=sum(node.chars for node in below),
    )


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _text_at(event: Any, quotes: int) -> Mark | None:
    """Return where a text begins within its quotes, if what stands between them is the text itself."""
    start, end = event.start_mark, event.end_mark
    if start.line == end.line and end.column - start.column == len(event.value) + 2 * quotes:
        return Mark(start.line + 1, start.column + 1 + quotes)
    return None
