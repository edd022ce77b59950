"""A store in a local folder."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from modelops_platform.core.errors import Unavailable

from .blocks import Stored
from .store import Store
from .trouble import told

_PIECE_BYTES = 1024**2


class LocalStore(Store):
    """Files at `sha256/ab/cdef...` of a folder; complete, and safe on disk, before they have their name."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / "incoming")
        self.root = root

    def path(self, sha256: str) -> Path:
        """Return where the bytes are, or would be."""
        return self.root / "sha256" / sha256[:2] / sha256[2:]

    def fetch(self, stored: Stored, folder: Path) -> Path:
        """Return the stored file itself, after all of its bytes were checked."""
        for _data in self.read_whole(stored):
            pass
        return self.path(stored.sha256)

    def exists(self, sha256: str) -> bool:
        with told():
            return self.path(sha256).is_file()

    def delete(self, sha256: str) -> None:
        with told():
            self.path(sha256).unlink(missing_ok=True)

    def check(self) -> None:
        with told():
            self.spool.mkdir(parents=True, exist_ok=True)
        if not os.access(self.root, os.W_OK):
            raise Unavailable(f"The file store {self.root} cannot be written to.", remedy="Check its owner and mode.")

    def _place(self, path: Path, stored: Stored, replace: bool) -> bool:
        place = self.path(stored.sha256)
        if not replace and place.is_file() and place.stat().st_size == stored.size:
            return False
        _sync(path)
        for folder in (self.root / "sha256", place.parent):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                _sync(folder.parent)
        path.replace(place)
        _sync(place.parent)
        return True

    def _read(self, stored: Stored, start: int, length: int) -> Iterator[bytes]:
        return _pieces(self.path(stored.sha256), start, length)

    def list_stored(self, beginning: str, older_than_seconds: float) -> Iterator[tuple[str, int]]:
        oldest = time.time() - older_than_seconds
        with told():
            for folder in sorted((self.root / "sha256").glob(f"{beginning}?")):
                for entry in os.scandir(folder):
                    found = entry.stat()
                    if found.st_mtime < oldest:
                        yield folder.name + entry.name, found.st_size

    def drop_part(self, key: str) -> None:
        with told():
            self._part(key).unlink(missing_ok=True)

    def drop_parts(self, upload_id: str) -> None:
        with told():
            shutil.rmtree(self._part(upload_id), ignore_errors=True)

    def list_uploads(self) -> list[str]:
        with told():
            return sorted(path.name for path in (self.root / "parts").glob("*"))

    def _part(self, key: str) -> Path:
        return self.root / "parts" / key

    def _place_part(self, key: str, path: Path) -> None:
        place = self._part(key)
        _sync(path)
        for folder in (place.parent.parent, place.parent):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                _sync(folder.parent)
        path.replace(place)
        _sync(place.parent)

    def _read_part(self, key: str, start: int, length: int) -> bytes:
        return b"".join(_pieces(self._part(key), start, length))


def _pieces(path: Path, start: int, length: int) -> Iterator[bytes]:
    """Yield these bytes of a file, fewer when it ends before, in pieces that fit a processor's cache."""
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while length and (piece := file.read(min(length, _PIECE_BYTES))):
            yield piece
            length -= len(piece)


def _sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
