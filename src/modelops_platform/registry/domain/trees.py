"""The files of a version as a tree of folders, written as rows from top to bottom."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Line(Protocol):
    """A line of a manifest."""

    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...


L = TypeVar("L", bound=Line)


@dataclass(frozen=True, slots=True)
class TreeRow(Generic[L]):
    """A folder with the sum of what is below it, or a file."""

    depth: int
    name: str
    size: int
    files: int
    file: L | None = None


@dataclass(slots=True)
class _Folder(Generic[L]):
    folders: "dict[str, _Folder[L]]" = field(default_factory=dict)
    files: list[tuple[str, L]] = field(default_factory=list)
    size: int = 0
    count: int = 0


def as_tree(lines: Iterable[L]) -> list[TreeRow[L]]:
    """Return folders and files in order, folders first; a folder that only holds another one shares its row."""
    root: _Folder[L] = _Folder()
    for line in lines:
        *above, name = line.path.split("/")
        folder = root
        _count(folder, line)
        for part in above:
            folder = folder.folders.setdefault(part, _Folder())
            _count(folder, line)
        folder.files.append((name, line))
    return list(_rows(root))


def _count(folder: _Folder[L], line: L) -> None:
    folder.size += line.size
    folder.count += 1


def _rows(root: _Folder[L]) -> Iterator[TreeRow[L]]:
    waiting: list[tuple[int, str, _Folder[L]] | TreeRow[L]] = _below(root, 0)  # a stack: paths nest deeper than calls
    while waiting:
        following = waiting.pop()
        if isinstance(following, TreeRow):
            yield following
            continue
        depth, name, folder = following
        while len(folder.folders) == 1 and not folder.files:
            [(inner, folder)] = folder.folders.items()
            name = f"{name}/{inner}"
        yield TreeRow(depth, name, folder.size, folder.count)
        waiting += _below(folder, depth + 1)


def _below(folder: _Folder[L], depth: int) -> list[tuple[int, str, _Folder[L]] | TreeRow[L]]:
    """Return what is directly in a folder, the first one last."""
    files = [TreeRow(depth, name, line.size, 1, line) for name, line in sorted(folder.files, key=lambda file: file[0])]
    folders = [(depth, name, below) for name, below in sorted(folder.folders.items())]
    return [*reversed(files), *reversed(folders)]
