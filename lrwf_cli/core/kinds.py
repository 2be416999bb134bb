"""Kinds of classes that can be taken apart and put together again: enums, named tuples, dataclasses.

Nothing here calls an author's constructor: what is put together is what was taken apart, attribute by
attribute, as `copy` and `pickle` do. What an encoded value looks like is the codec's matter.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum, Flag
from functools import cached_property, partial
from types import MemberDescriptorType
from typing import Any, NamedTuple

__all__ = ["KINDS", "Adapter", "Kind", "Unkeepable"]


class Unkeepable(Exception):
    """A value has no form that can be kept. `at` gathers where it is, innermost step first."""

    def __init__(self, value: object, hint: str | None = None) -> None:
        self.type = type(value)
        self.hint = hint
        self.at: list[str] = []


class Adapter(NamedTuple):
    """How the values of one class are kept.

    `encode` returns something plainer (which is encoded in its turn) and may raise Unkeepable; `decode` is its
    inverse, and what it raises means that the value cannot be read.
    """

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


Kind = Callable[[type], Adapter | None]
"""Returns how values of a class are kept, or `None` if the class is not of this kind."""


def _enum(cls: type) -> Adapter | None:
    """Keep members by name; flags by value, because a combination has no name of its own."""
    if not issubclass(cls, Enum):
        return None
    if issubclass(cls, Flag):
        return Adapter(lambda member: member.value, cls)
    return Adapter(lambda member: member.name, lambda name: cls[name])


def _named_tuple(cls: type) -> Adapter | None:
    fields: tuple[str, ...] | None = getattr(cls, "_fields", None)
    if fields is None or not issubclass(cls, tuple):
        return None
    defaults: Mapping[str, Any] = getattr(cls, "_field_defaults", {})

    def decode(values: dict[str, Any]) -> Any:
        if unknown := next((name for name in values if name not in fields), None):
            raise ValueError(f"it has no field `{unknown}` any more")
        return tuple.__new__(cls, [values[name] if name in values else defaults[name] for name in fields])

    return Adapter(lambda value: dict(zip(fields, value, strict=True)), decode)


def _dataclass(cls: type) -> Adapter | None:
    if not hasattr(cls, "__dataclass_fields__") or not _is_made_of_attributes(cls):
        return None
    return _Attributes(cls).adapter()


def _is_made_of_attributes(cls: type) -> bool:
    """Whether an instance is its attributes and nothing else: no list, no exception beneath."""
    try:
        object.__new__(cls)
    except TypeError:
        return False
    return True


class _Attributes:
    """The attributes of a dataclass's instances, read and written past properties and `frozen`."""

    def __init__(self, cls: type) -> None:
        import dataclasses

        self.cls = cls
        self.slots = _slots(cls)
        self.has_dict = cls.__dictoffset__ != 0
        fields = dataclasses.fields(cls)
        self.order = tuple(field.name for field in fields)
        self.defaults: dict[str, Callable[[], Any]] = {}
        for field in fields:
            if field.default_factory is not dataclasses.MISSING:
                self.defaults[field.name] = field.default_factory
            elif field.default is not dataclasses.MISSING:
                self.defaults[field.name] = partial(_same, field.default)

    def adapter(self) -> Adapter:
        return Adapter(self._encode, self._decode)

    def _encode(self, value: Any) -> dict[str, Any]:
        held = dict(self._held_in_slots(value)) if self.slots else {}
        if self.has_dict:
            held |= value.__dict__
        fields = {name: held[name] for name in self.order if name in held}
        if len(fields) < len(held):
            fields |= {name: item for name, item in held.items() if name not in fields and self._is_kept(name)}
        return fields

    def _held_in_slots(self, value: Any) -> list[tuple[str, Any]]:
        """Return the slots that have a value: a field without a default may be unset."""
        held: list[tuple[str, Any]] = []
        for name, slot in self.slots.items():
            with suppress(AttributeError):
                held.append((name, slot.__get__(value)))
        return held

    def _is_kept(self, name: str) -> bool:
        """Whether an attribute that is no field belongs to the value: caches and typing's marks do not."""
        return not name.startswith("__") and not isinstance(getattr(self.cls, name, None), cached_property)

    def _decode(self, attributes: dict[str, Any]) -> Any:
        value: Any = object.__new__(self.cls)
        for name, item in attributes.items():
            self._set(value, name, item)
        for name, default in self.defaults.items():
            if name not in attributes:  # the class has got this field since
                self._set(value, name, default())
        return value

    def _set(self, value: Any, name: str, item: Any) -> None:
        if name in self.slots:
            self.slots[name].__set__(value, item)
        elif self.has_dict:
            value.__dict__[name] = item
        else:
            raise ValueError(f"it has no field `{name}` any more")


def _same(value: Any) -> Any:
    return value


def _slots(cls: type) -> dict[str, MemberDescriptorType]:
    return {
        name: slot
        for base in reversed(cls.__mro__)
        for name, slot in vars(base).items()
        if isinstance(slot, MemberDescriptorType)
    }


KINDS: tuple[Kind, ...] = (_enum, _named_tuple, _dataclass)
"""The kinds of the language itself, in the order in which they are asked."""
