"""Which classes can be kept, and under which names: the codec's list of types.

A class that data names is looked up among what was registered, never imported: reading a state directory
runs no code that the flow has not already loaded.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from lrwf_cli.core.kinds import KINDS, Adapter, Kind
from lrwf_cli.core.standard import STANDARD
from lrwf_cli.errors import NotDecodable, NotEncodable

__all__ = ["ATOMS", "KEEPABLE", "PLAIN_NAME", "Registry", "plain_name"]

PLAIN_NAME = "__lrwf_name__"
"""A module's attribute with the name that its author knows it by, where it is loaded under another."""

ATOMS = frozenset({str, int, float, bool, type(None)})
KEEPABLE = "keep plain data: numbers, text, lists, dicts, dataclasses, enums, dates"

_SPECIAL: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "str": (str, lambda text: text.encode("ascii").decode("unicode_escape")),
    "int": (int, lambda text: int(text, 16)),
    "float": (float, float),
    "dict": (dict, dict),
    "set": (set, set),
    "frozenset": (frozenset, frozenset),
}
"""Plain types whose values are tagged only when JSON has no place for them, and those that need an order."""


class Registry:
    """Knows the standard list, what is registered, and the kinds of classes that may be."""

    def __init__(self) -> None:
        self._by_class: dict[type, tuple[str, Callable[[Any], Any]]] = {
            cls: (tag, adapter.encode) for cls, (tag, adapter) in STANDARD.items()
        }
        self._by_tag: dict[str, tuple[type, Callable[[Any], Any]]] = {
            tag: (cls, adapter.decode) for cls, (tag, adapter) in STANDARD.items()
        }
        self._by_tag |= _SPECIAL
        self._kinds: list[Kind] = list(KINDS)
        self._modules: dict[str, ModuleType] = {}
        self._names: dict[str, str] = {}

    def register(self, cls: type, name: str | None = None) -> None:
        """Let values of `cls` be kept, under `name` (default: `module:Class`). Idempotent.

        Raises NotEncodable for a class of no known kind, and if another class has that name.
        """
        adapter = self.adapter_of(cls)
        if adapter is None:
            raise NotEncodable(f"values of type `{cls.__qualname__}` cannot be kept", hint=KEEPABLE)
        self._add(cls, name or self.name_of(cls), adapter)

    def register_adapter(self, cls: type, tag: str, adapter: Adapter) -> None:
        """Let values of exactly `cls` be kept as `adapter` says."""
        self._add(cls, tag, adapter)

    def register_kind(self, kind: Kind) -> None:
        """Let classes of another kind be kept, if they are the flow's own; asked before the kinds known so far."""
        self._kinds.insert(0, kind)

    def register_module_types(self, module: ModuleType, as_name: str) -> None:
        """Let values of the classes that `module` defines or has imported be kept.

        Their tags say `as_name`, which outlasts the name under which the module happens to be loaded.
        """
        self._modules[as_name] = module
        self._names[module.__name__] = as_name

    def adapter_of(self, cls: type) -> Adapter | None:
        """Return how values of a class are kept, by its kind; `None` if it is of none."""
        return next((adapter for kind in self._kinds if (adapter := kind(cls))), None)

    def knows(self, cls: type) -> bool:
        """Whether values of `cls` can be kept, as far as the class can tell."""
        return cls in ATOMS or cls in (list, dict, set, frozenset) or self.class_entry(cls) is not None

    def _add(self, cls: type, tag: str, adapter: Adapter) -> None:
        if self._by_tag.get(tag, (cls,))[0] is not cls:
            raise NotEncodable(f"two types are called `{tag}`", hint="rename one of them")
        self._by_class[cls] = (tag, adapter.encode)
        self._by_tag[tag] = (cls, adapter.decode)

    def class_entry(self, cls: type) -> tuple[str, Callable[[Any], Any]] | None:
        """Return the tag and the way of a class; `None` if it is neither registered nor the flow's own."""
        entry = self._by_class.get(cls)
        if entry is not None:
            return entry
        adapter = self.adapter_of(cls)
        tag = self.name_of(cls)
        if adapter is None or self.find(tag) is not cls:
            return None
        self._add(cls, tag, adapter)
        return self._by_class[cls]

    def why_not(self, cls: type) -> str:
        """Return what to do about a class whose values cannot be kept."""
        if self.adapter_of(cls) is not None:
            return f"define `{cls.__qualname__}` in, or import it at the top of, a module that the flow uses"
        if issubclass(cls, BaseException):
            return "keep the text of the error: `str(error)`"
        base = next((base for base in (dict, list, str, int, float, tuple, set) if issubclass(cls, base)), None)
        return f"convert it first: `{base.__name__}(...)`" if base else KEEPABLE

    def tag_entry(self, tag: str) -> tuple[type, Callable[[Any], Any]]:
        """Return the class that a tag stands for and the way back. Raises NotDecodable if it is not known."""
        entry = self._by_tag.get(tag)
        if entry is not None:
            return entry
        cls = self.find(tag)
        adapter = self.adapter_of(cls) if cls else None
        if cls is None or adapter is None:
            raise NotDecodable(
                f"a kept value has a type that the flow does not know: `{tag}`",
                hint="import it at the top of a module that the flow uses",
            )
        self._add(cls, tag, adapter)
        return self._by_tag[tag]

    def name_of(self, cls: type) -> str:
        """Return `module:Class`, as the class's author knows its module."""
        return f"{self._names.get(cls.__module__, cls.__module__)}:{cls.__qualname__}"

    def imported(self) -> set[str]:
        """Return the names of the packages and modules that registered modules have imported as such."""
        items = (item for module in self._modules.values() for item in vars(module).values())
        return {item.__name__.partition(".")[0] for item in items if isinstance(item, ModuleType)}

    def find(self, tag: str) -> type | None:
        """Return the class that a tag names, looked up in registered modules only: nothing is imported."""
        home, _, path = tag.partition(":")
        if home in self._modules:
            return _class_in(self._modules[home], path)
        for module in self._modules.values():
            for item in vars(module).values():
                if isinstance(item, type) and item.__module__ == home and item.__qualname__ == path:
                    return item
                if isinstance(item, ModuleType) and item.__name__ == home and (found := _class_in(item, path)):
                    return found
        return None


def plain_name(module: ModuleType) -> str:
    """Return the name that a module's author knows it by."""
    return str(getattr(module, PLAIN_NAME, module.__name__))


def _class_in(module: ModuleType, path: str) -> type | None:
    found: Any = module
    for part in path.split("."):
        found = vars(found).get(part) if isinstance(found, type | ModuleType) else None
    is_its_own = isinstance(found, type) and found.__module__ == module.__name__ and found.__qualname__ == path
    return found if is_its_own else None
