"""A flow file from disk, or its pinned text, to a checked `LoadedFlow`; every problem as `path:line:col`."""

import os
import stat
from pathlib import Path as FilePath
from typing import NoReturn

import msgspec

from lrwf_cli.errors import FlowError
from lrwf_cli.flow.check import check_graph, start_of
from lrwf_cli.flow.compose import MAX_BYTES, read_tree
from lrwf_cli.flow.graph import Outline
from lrwf_cli.flow.limits import check_limits
from lrwf_cli.flow.problems import Mark, Problems, nearest, quoted
from lrwf_cli.flow.read import read_flow
from lrwf_cli.flow.schema import FlowFile
from lrwf_cli.flow.tree import Node, Path

__all__ = ["LoadedFlow", "load_flow", "parse_flow"]


class LoadedFlow(msgspec.Struct, frozen=True):
    """A flow file that has been read and whose graph is right. Its Python code has not been looked at.

    `path` is as it was given, `text` what a run is pinned to, `start` the executor that gets the input.
    """

    path: str
    text: str
    flow: FlowFile
    start: str
    root: Node
    outline: Outline

    def place(self, path: Path, *, of_key: bool = False) -> str:
        """Return `path:line:col` of the value at `path`, as `("executors", "train", "uses")`, or of its key."""
        mark = self.root.place(path, of_key=of_key)
        return f"{self.path}:{mark.line}:{mark.col}"


def load_flow(path: str | os.PathLike[str]) -> LoadedFlow:
    """Return the flow file at `path`, checked. Raises FlowError with all problems, `NotYet` if all are reserved keys.

    Reads a regular file of at most 1 MiB, and no other: no folder, no pipe.
    """
    name = os.fspath(path)
    return parse_flow(_read(name), name)


def parse_flow(text: str, path: str) -> LoadedFlow:
    """Return the flow that `text` is, as `load_flow`; `path` is for messages, and no file is touched."""
    root = read_tree(text, path)
    problems = Problems(path)
    if root is None:
        problems.add(Mark(1, 1), "the file is empty", "begin with 'name: ...' and 'executors:'. See: lrwf schema")
        raise problems.error()
    flow, outline = read_flow(root, problems)
    check_limits(root, problems)
    check_graph(outline, root, problems)
    problems.raise_if_any()
    start = start_of(outline)
    assert flow is not None  # noqa: S101 - nothing is wrong with it
    assert start is not None  # noqa: S101 - the graph check would have told
    return LoadedFlow(path, text, flow, start, root, outline)


def _read(path: str) -> str:
    try:
        with open(path, "rb", opener=_open) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                _refuse(f"{path}: not a regular file", "give the path of a flow file")
            if found.st_size > MAX_BYTES:
                message = f"{path}: the file is too large: {found.st_size} bytes where {MAX_BYTES} are allowed"
                _refuse(message, "keep data in files of their own")
            content = file.read(MAX_BYTES)
    except IsADirectoryError:
        _refuse(f"{path}: this is a folder", f"give the path of a flow file{_in_folder(path)}")
    except (FileNotFoundError, NotADirectoryError):
        _refuse(f"{path}: there is no such file", _near_file(path))
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        _refuse(f"{quoted(path)}: cannot be read: {why}", "give the path of a file that you may read")
    return _decode(content, path)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for its writer


def _decode(content: bytes, path: str) -> str:
    if b"\0" in content[:8192]:
        _refuse(f"{path}: this is not a text file", "give the path of a flow file, in UTF-8")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        mark = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        _refuse(f"{path}:{mark}: this is not UTF-8: byte 0x{content[error.start]:02x}", "save the file as UTF-8")


def _flow_files(folder: str) -> list[str]:
    try:
        with os.scandir(folder or ".") as entries:
            return sorted(each.name for each in entries if each.name.endswith((".yaml", ".yml")))[:100]
    except OSError:
        return []


def _near_file(path: str) -> str:
    folder, name = os.path.split(path)
    near = nearest(name, _flow_files(folder))
    return f"did you mean {str(FilePath(folder, near))!r}?" if near else "check the path"


def _in_folder(path: str) -> str:
    names = _flow_files(path)
    return f", such as {str(FilePath(path, names[0]))!r}" if names else ""


def _refuse(message: str, hint: str) -> NoReturn:
    raise FlowError((message, hint)) from None
