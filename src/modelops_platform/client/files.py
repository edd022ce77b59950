"""Files on their way to the platform: hashed and read in pieces, never whole."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

PIECE = 1024 * 1024


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file as hex. Raises OSError."""
    digest = hashlib.sha256()
    for piece in pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces of 1 MiB. Raises OSError."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def files_below(path: Path) -> list[tuple[str, Path]]:
    """Return what a version is made of: one file under its own name, or all files of a folder by relative path."""
    if path.is_dir():
        return [(file.relative_to(path).as_posix(), file) for file in sorted(path.rglob("*")) if file.is_file()]
    return [(path.name, path)]
