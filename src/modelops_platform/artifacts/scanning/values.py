"""The values of a pickle, described instead of built, and the bounded view of the file they come from."""

import re
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from .findings import CannotParse

MAX_LINE = 1024 * 1024
MAX_KEPT = 64 * 1024


class _Opaque:
    """A value nobody needs to know."""

    __slots__ = ()


OPAQUE: Final = _Opaque()


@dataclass(frozen=True, slots=True)
class Global:
    """A name that loading would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Made:
    """What a call returns."""

    maker: Global | None
    arguments: Any = OPAQUE
    state: Any = OPAQUE


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes inside the file, by position."""

    start: int
    length: int


class Part:
    """A bounded view of a seekable file that never reads past its end."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self.file, self.start, self.end, self.position = file, start, end, start
        file.seek(start)

    def read(self, size: int) -> bytes:
        """Read exactly `size` bytes; raises CannotParse at the end of the view."""
        if size < 0 or size > self.end - self.position:
            raise CannotParse("the content ends in the middle of a value")
        data = self.file.read(size)
        if len(data) != size:
            raise CannotParse("the content ends in the middle of a value")
        self.position += size
        return data

    def readline(self) -> bytes:
        """Read a line of bounded length."""
        data = self.file.readline(min(MAX_LINE, self.end - self.position))
        if not data.endswith(b"\n"):
            raise CannotParse("a line does not end")
        self.position += len(data)
        return data

    def skip(self, size: int) -> None:
        """Go on behind `size` bytes that nobody looks at."""
        if size < 0 or size > self.end - self.position:
            raise CannotParse("the content ends in the middle of a value")
        self.position += size
        self.file.seek(self.position)


def is_big(value: str | bytes | int) -> bool:
    """Say whether a value is too long to be a name or a number that matters."""
    return value.bit_length() > 64 if isinstance(value, int) else len(value) > MAX_KEPT


def may_be_text(value: Any) -> bool:
    """Say whether a value could turn out to be a text when the pickle is loaded: an instance of a class cannot."""
    if isinstance(value, Made):
        return value.maker is None or not re.fullmatch(r"_?[A-Z]\w*|ndarray|dtype|_reconstruct", value.maker.name)
    return isinstance(value, str)


def pairs(target: Any, items: list[Any]) -> Any:
    """Note the entries of a dict that have a text as key; others do not matter here."""
    if isinstance(target, dict):
        for key, value in zip(items[::2], items[1::2], strict=False):
            if isinstance(key, str) and (key in target or len(target) < 64):
                target[key] = value
    return target


def item_size(dtype: Any) -> int | None:
    """Return the bytes of one element of a pickled numpy dtype, None for objects; raises CannotParse."""
    if not isinstance(dtype, Made) or dtype.maker is None or str(dtype.maker) != "numpy.dtype":
        raise CannotParse("the element type of a joblib array is not written plainly")
    code = dtype.arguments[0] if isinstance(dtype.arguments, tuple) and dtype.arguments else None
    written = re.fullmatch(r"[<>|=]?([a-zA-Z])(\d+)", code) if isinstance(code, str) else None
    if written is None:
        raise CannotParse("the element type of a joblib array is not known here")
    kind, size = written[1], int(written[2]) * (4 if written[1] == "U" else 1)
    match dtype.state:
        case (_, _, None, _, _, int(own_size), _, int(flags), *_) if kind in "SUV" and own_size in (-1, size):
            return None if flags & 1 else size
        case (_, _, None, None, None, *_) if kind in "biufcmM":
            return size
        case (_, _, None, None, None, *_) if kind == "O":
            return None
    raise CannotParse("the element type of a joblib array is not known here")
