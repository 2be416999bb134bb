"""Files and folders of which some is durable and some is not, and what of the latter may survive.

The functions that end this module are the extremes: what a power loss may choose for a file's content or a folder's
names. How they go together is in `durability`.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, field

__all__ = [
    "Change",
    "Contents",
    "File",
    "Folder",
    "NameChange",
    "Names",
    "Node",
    "all_names",
    "as_seen",
    "first_half",
    "last_write",
    "only",
    "second_half",
    "settled",
    "settled_names",
    "without",
    "zeros",
]


@dataclass(slots=True)
class Change:
    """A change of a file that is not durable. A doomed one never will be: its sync has failed."""

    offset: int
    data: bytes
    cut: bool = False
    doomed: bool = False

    def on(self, content: bytes) -> bytes:
        """Return `content` after the change."""
        gap = bytes(max(0, self.offset - len(content)))
        return content[: self.offset] + gap + self.data + (b"" if self.cut else content[self.offset + len(self.data) :])


@dataclass(slots=True, eq=False)
class File:
    """A file: what is durable of it, and what has been changed since."""

    settled: bytes = b""
    changes: list[Change] = field(default_factory=list)
    content: bytes = b""

    def change(self, change: Change) -> None:
        """Make a change; it is visible at once."""
        self.changes.append(change)
        self.content = change.on(self.content)

    def sync(self) -> None:
        """Make durable what has been changed, but for what an earlier sync has failed to."""
        for change in self.changes:
            if not change.doomed:
                self.settled = change.on(self.settled)
        self.changes = [change for change in self.changes if change.doomed]

    def fail_to_sync(self) -> None:
        """Play a kernel that drops what it could not write and forgets about it."""
        for change in self.changes:
            change.doomed = True


@dataclass(slots=True, eq=False)
class Folder:
    """A folder: which of its names are durable, and what has happened to them since."""

    settled: dict[str, "Node"] = field(default_factory=dict)
    changes: list["NameChange"] = field(default_factory=list)
    names: dict[str, "Node"] = field(default_factory=dict)

    def change(self, change: "NameChange") -> None:
        """Make a change; it is visible at once."""
        self.changes.append(change)
        change.on(self.names)

    def sync(self) -> None:
        """Make all names durable."""
        self.settled, self.changes = dict(self.names), []


Node = File | Folder


@dataclass(frozen=True, slots=True)
class NameChange:
    """Names that come and go at once: a rename within a folder is atomic, one between folders is two changes."""

    node: Node
    old: str = ""
    new: str = ""

    def on(self, names: dict[str, Node]) -> None:
        """Change `names`."""
        if names.get(self.old) is self.node:
            del names[self.old]
        if self.new:
            names[self.new] = self.node


Contents = Callable[[File], bytes]
Names = Callable[[str, Folder], dict[str, Node]]


def all_names(_: str, folder: Folder) -> dict[str, Node]:
    return folder.names


def settled_names(_: str, folder: Folder) -> dict[str, Node]:
    return folder.settled


def _chosen(folder: Folder, choose: Callable[[int], bool]) -> dict[str, Node]:
    names = dict(folder.settled)
    for number, change in enumerate(folder.changes):
        if choose(number):
            change.on(names)
    return names


def without(path: str, lost: Container[int]) -> Names:
    return lambda at, folder: folder.names if at != path else _chosen(folder, lambda each: each not in lost)


def only(path: str, kept: Container[int]) -> Names:
    return lambda at, folder: folder.settled if at != path else _chosen(folder, lambda each: each in kept)


def as_seen(file: File) -> bytes:
    return file.content


def settled(file: File) -> bytes:
    return file.settled


def first_half(file: File) -> bytes:
    """Return a file whose last write was torn, everything before it being there."""
    content = file.settled
    for change in file.changes[:-1]:
        content = change.on(content)
    return _with(content, file, lambda data: data[: len(data) // 2])


def second_half(file: File) -> bytes:
    """Return a file of whose last write only the end has landed: sectors come in any order."""
    content = file.settled
    for change in file.changes[:-1]:
        content = change.on(content)
    return _with(content, file, lambda data: bytes(len(data) // 2) + data[len(data) // 2 :])


def zeros(file: File) -> bytes:
    """Return a file that has got its size, but not its content."""
    kept = file.settled[: len(file.content)]
    return kept + bytes(len(file.content) - len(kept))


def last_write(file: File) -> bytes:
    """Return a file of which only the last of several changes has landed."""
    return file.changes[-1].on(file.settled) if file.changes else file.content


def _with(content: bytes, file: File, tear: Callable[[bytes], bytes]) -> bytes:
    if not file.changes:
        return file.content
    last = file.changes[-1]
    return Change(last.offset, tear(last.data), last.cut).on(content)
