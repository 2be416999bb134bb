# Plain paths: thousands of folders are laid out here, and pathlib would be half of what that costs.
# ruff: noqa: PTH
"""What a power loss may leave of a folder: a model of what is visible, and of what of it is durable.

Fed with the primitives of `lrwf_cli.store.disk`, one `Op` each, in the order in which they happened. It assumes the
least that POSIX promises: the content of a file is durable up to its last sync, a name after the next sync of
the folder that it is in. Whatever came later may be there, gone or torn, names and data alike and independently of
one another. It knows nothing of stores or runs.

Source: the idea is that of ALICE (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
"""

import os
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

__all__ = ["Machine", "Op", "Tree", "lay_out", "look_at"]

Tree = Mapping[str, bytes | None]
"""A folder's content: relative path to a file's bytes, or `None` for a folder. Parents come before children."""


@dataclass(frozen=True, slots=True)
class Op:
    """One primitive that happened. `path` is relative; `handle` tells open files apart, 0 for one opened elsewhere."""

    kind: str
    path: str
    other: str = ""
    handle: int = 0
    data: bytes = b""
    size: int = 0


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


class Machine:
    """A folder on a machine that may lose its power.

    `base` is there from the beginning, all of it durable.
    """

    def __init__(self, base: Tree) -> None:
        self._root = Folder()
        self._open: dict[int, File] = {}
        for path, content in base.items():
            node = Folder() if content is None else File(content, [], content)
            folder, name = self._place(path)
            folder.settled[name] = folder.names[name] = node

    def apply(self, op: Op) -> None:
        """Have `op` happen."""
        _APPLY[op.kind](self, op)

    def visible(self) -> Tree:
        """Return what a process sees, so also what a kill leaves."""
        return self._tree(_all_names, _as_seen)

    def survivors(self, *, one_by_one: bool = False) -> Iterator[Tree]:
        """Yield what a power loss may leave, the same tree perhaps twice: a choice of the extremes.

        Nothing unsynced, all of it, names without data, data without names, data torn in several ways; for each folder
        all names but its own, and its own only; `one_by_one`: the same for each unsynced name.
        """
        for contents in (_settled, _as_seen):
            yield self._tree(_settled_names, contents)
        for contents in (_as_seen, _settled, _first_half, _second_half, _zeros, _last_write):
            yield self._tree(_all_names, contents)
        for path, folder in chain([("", self._root)], self._folders("", self._root)):
            if folder.changes:
                yield self._tree(_without(path, range(len(folder.changes))), _as_seen)
                yield self._tree(_only(path, range(len(folder.changes))), _as_seen)
            for number in range(len(folder.changes)) if one_by_one else ():
                for contents in (_as_seen, _settled):
                    yield self._tree(_without(path, [number]), contents)
                    yield self._tree(_only(path, [number]), contents)

    def _folders(self, path: str, folder: Folder) -> Iterator[tuple[str, Folder]]:
        for name, node in folder.names.items():
            if isinstance(node, Folder):
                yield f"{path}/{name}", node
                yield from self._folders(f"{path}/{name}", node)

    def _tree(self, names: Names, contents: Contents) -> Tree:
        return dict(_listed("", self._root, names, contents))

    def _place(self, path: str) -> tuple[Folder, str]:
        *above, name = path.split("/")
        folder = self._root
        for each in above:
            inner = folder.names[each]
            assert isinstance(inner, Folder), path
            folder = inner
        return folder, name

    def _node(self, path: str) -> Node:
        folder, name = self._place(path)
        return folder.names[name] if name else folder

    def _file(self, op: Op) -> File:
        node = self._open[op.handle] if op.handle else self._node(op.path)
        assert isinstance(node, File), op.path
        return node

    def _open_file(self, op: Op) -> None:
        folder, name = self._place(op.path)
        if name not in folder.names:
            folder.change(NameChange(File(), new=name))
        if op.handle:
            node = folder.names[name]
            assert isinstance(node, File), op.path
            self._open[op.handle] = node

    def _mkdir(self, op: Op) -> None:
        folder, name = self._place(op.path)
        folder.change(NameChange(Folder(), new=name))

    def _write(self, op: Op) -> None:
        file = self._file(op)
        file.change(Change(len(file.content), op.data))

    def _truncate(self, op: Op) -> None:
        file = self._file(op)
        grown = bytes(max(0, op.size - len(file.content)))
        file.change(Change(op.size - len(grown), grown, cut=True))

    def _sync(self, op: Op) -> None:
        self._file(op).sync()

    def _fail_to_sync(self, op: Op) -> None:
        self._file(op).fail_to_sync()

    def _sync_folder(self, op: Op) -> None:
        node = self._node(op.path)
        assert isinstance(node, Folder), op.path
        node.sync()

    def _rename(self, op: Op) -> None:
        node = self._node(op.path)
        (source, old), (target, new) = self._place(op.path), self._place(op.other)
        if target.names.get(new) is node:
            return  # two names of one file: POSIX does nothing, and says that it went well
        if source is target:
            source.change(NameChange(node, old, new))
        else:
            target.change(NameChange(node, new=new))
            source.change(NameChange(node, old))

    def _link(self, op: Op) -> None:
        folder, name = self._place(op.other)
        folder.change(NameChange(self._node(op.path), new=name))

    def _remove(self, op: Op) -> None:
        folder, name = self._place(op.path)
        folder.change(NameChange(folder.names[name], name))

    def _nothing(self, op: Op) -> None:
        """Closing a file changes nothing that lasts."""


_APPLY: dict[str, Callable[[Machine, Op], None]] = {
    "create": Machine._open_file,
    "open_end": Machine._open_file,
    "touch": Machine._open_file,
    "mkdir": Machine._mkdir,
    "write": Machine._write,
    "truncate": Machine._truncate,
    "sync": Machine._sync,
    "sync_data": Machine._sync,
    "sync_failed": Machine._fail_to_sync,
    "sync_folder": Machine._sync_folder,
    "rename": Machine._rename,
    "link": Machine._link,
    "unlink": Machine._remove,
    "rmdir": Machine._remove,
    "close": Machine._nothing,
}


def _listed(path: str, folder: Folder, names: Names, contents: Contents) -> Iterator[tuple[str, bytes | None]]:
    for name, node in sorted(names(path, folder).items()):
        inner = f"{path}/{name}"
        if isinstance(node, File):
            yield inner[1:], contents(node)
        else:
            yield inner[1:], None
            yield from _listed(inner, node, names, contents)


def _all_names(_: str, folder: Folder) -> dict[str, Node]:
    return folder.names


def _settled_names(_: str, folder: Folder) -> dict[str, Node]:
    return folder.settled


def _chosen(folder: Folder, choose: Callable[[int], bool]) -> dict[str, Node]:
    names = dict(folder.settled)
    for number, change in enumerate(folder.changes):
        if choose(number):
            change.on(names)
    return names


def _without(path: str, lost: Container[int]) -> Names:
    return lambda at, folder: folder.names if at != path else _chosen(folder, lambda each: each not in lost)


def _only(path: str, kept: Container[int]) -> Names:
    return lambda at, folder: folder.settled if at != path else _chosen(folder, lambda each: each in kept)


def _as_seen(file: File) -> bytes:
    return file.content


def _settled(file: File) -> bytes:
    return file.settled


def _first_half(file: File) -> bytes:
    """Return a file whose last write was torn, everything before it being there."""
    content = file.settled
    for change in file.changes[:-1]:
        content = change.on(content)
    return _with(content, file, lambda data: data[: len(data) // 2])


def _second_half(file: File) -> bytes:
    """Return a file of whose last write only the end has landed: sectors come in any order."""
    content = file.settled
    for change in file.changes[:-1]:
        content = change.on(content)
    return _with(content, file, lambda data: bytes(len(data) // 2) + data[len(data) // 2 :])


def _zeros(file: File) -> bytes:
    """Return a file that has got its size, but not its content."""
    kept = file.settled[: len(file.content)]
    return kept + bytes(len(file.content) - len(kept))


def _last_write(file: File) -> bytes:
    """Return a file of which only the last of several changes has landed."""
    return file.changes[-1].on(file.settled) if file.changes else file.content


def _with(content: bytes, file: File, tear: Callable[[bytes], bytes]) -> bytes:
    if not file.changes:
        return file.content
    last = file.changes[-1]
    return Change(last.offset, tear(last.data), last.cut).on(content)


def lay_out(tree: Tree, folder: Path) -> None:
    """Make `folder`, with the content of `tree`."""
    os.mkdir(folder, 0o700)
    for path, content in tree.items():
        if content is None:
            os.mkdir(f"{folder}/{path}", 0o700)
        else:
            fd = os.open(f"{folder}/{path}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(fd, content)
            os.close(fd)


def look_at(folder: Path) -> Tree:
    """Return what is in `folder`."""
    return dict(_found(str(folder), ""))


def _found(folder: str, above: str) -> Iterator[tuple[str, bytes | None]]:
    for name in sorted(os.listdir(folder)):
        path = f"{folder}/{name}"
        if os.path.isdir(path):
            yield f"{above}{name}", None
            yield from _found(path, f"{above}{name}/")
        else:
            with open(path, "rb") as file:
                yield f"{above}{name}", file.read()
