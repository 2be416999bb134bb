"""What a power loss may leave of a folder: a model of what is visible, and of what of it is durable.

Fed with the primitives of `lrwf_cli.store.disk`, one `Op` each, in the order in which they happened. It assumes the
least that POSIX promises: the content of a file is durable up to its last sync, a name after the next sync of
the folder that it is in. Whatever came later may be there, gone or torn, names and data alike and independently of
one another. It knows nothing of stores or runs.

Source: the idea is that of ALICE (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from tests.crash.trees import Tree
from tests.crash.unsynced import (
    Change,
    Contents,
    File,
    Folder,
    NameChange,
    Names,
    Node,
    all_names,
    as_seen,
    first_half,
    last_write,
    only,
    second_half,
    settled,
    settled_names,
    without,
    zeros,
)

__all__ = ["Machine", "Op"]


@dataclass(frozen=True, slots=True)
class Op:
    """One primitive that happened. `path` is relative; `handle` tells open files apart, 0 for one opened elsewhere."""

    kind: str
    path: str
    other: str = ""
    handle: int = 0
    data: bytes = b""
    size: int = 0


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
        return self._tree(all_names, as_seen)

    def survivors(self, *, one_by_one: bool = False) -> Iterator[Tree]:
        """Yield what a power loss may leave, the same tree perhaps twice: a choice of the extremes.

        Nothing unsynced, all of it, names without data, data without names, data torn in several ways; for each folder
        all names but its own, and its own only; `one_by_one`: the same for each unsynced name.
        """
        for contents in (settled, as_seen):
            yield self._tree(settled_names, contents)
        for contents in (as_seen, settled, first_half, second_half, zeros, last_write):
            yield self._tree(all_names, contents)
        for path, folder in chain([("", self._root)], self._folders("", self._root)):
            if folder.changes:
                yield self._tree(without(path, range(len(folder.changes))), as_seen)
                yield self._tree(only(path, range(len(folder.changes))), as_seen)
            for number in range(len(folder.changes)) if one_by_one else ():
                for contents in (as_seen, settled):
                    yield self._tree(without(path, [number]), contents)
                    yield self._tree(only(path, [number]), contents)

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
