"""What every store can do, on top of the few things that each kind does its own way."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from .blocks import Damage, Received, Stored
from .incoming import Incoming
from .trouble import told

_CHUNK = 1024**2


class Store(ABC):
    """Bytes by their SHA-256. Safe to use from many threads and processes; knows no database and no rights.

    Args:
        spool: The folder for files on their way in; on the disk of a local store, so that a rename is enough.
    """

    def __init__(self, spool: Path) -> None:
        self.spool = spool

    def begin(self) -> Incoming:
        """Begin to take a file: `with store.begin() as incoming: incoming.write(...); store.keep(incoming)`."""
        return Incoming(self.spool)

    def keep(self, incoming: Incoming, *, replace: bool = False) -> Received:
        """Put a whole file under its digest, on disk for good when this returns. Raises Unavailable.

        A blob is never overwritten, unless `replace` says that what is there is known to be damaged.
        """
        stored = incoming.finish()
        with told():
            is_new = self._place(incoming.path, stored, replace)
        return Received(stored.sha256, stored.size, stored.block_size, stored.block_digests, is_new)

    def receive_file(self, path: Path) -> Received:
        """Store a copy of a local file. Raises Unavailable."""
        with path.open("rb") as file, self.begin() as incoming:
            while data := file.read(_CHUNK):
                incoming.write(data)
            return self.keep(incoming)

    def read(self, stored: Stored, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end`; each block is read whole and checked before any of it is given.

        Raises Damage when bytes are missing or wrong, Unavailable when the store does not answer.
        """
        end = stored.size if end is None else end
        for block in stored.blocks(start, end):
            try:
                with told():
                    data = self._read(stored, block.start, block.length)
            except FileNotFoundError:
                self.check()  # a store that is not there at all has lost nothing
                raise Damage(stored.sha256, is_missing=True) from None
            stored.check(block, data)
            yield data[max(0, start - block.start) : end - block.start]

    def fetch(self, stored: Stored, folder: Path) -> Path:
        """Return a local file with the bytes, all of them checked. Raises Damage, Unavailable.

        It must not be written to: a local store gives its own file, others a copy in the folder.
        """
        path = folder / stored.sha256
        with path.open("wb") as file:
            for data in self.read(stored):
                file.write(data)
        return path

    def sweep(self, older_than_seconds: float) -> int:
        """Delete what uploads left behind whose process was killed, and return how many files."""
        oldest = time.time() - older_than_seconds
        left = [path for path in self.spool.glob("incoming-*") if path.stat().st_mtime < oldest]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    @abstractmethod
    def exists(self, sha256: str) -> bool:
        """Say whether bytes are stored under the digest. Raises Unavailable."""

    @abstractmethod
    def delete(self, sha256: str) -> None:
        """Delete the bytes, if they are there. Raises Unavailable."""

    @abstractmethod
    def check(self) -> None:
        """Raise Unavailable unless the store can be used."""

    @abstractmethod
    def _place(self, path: Path, stored: Stored, replace: bool) -> bool:
        """Put the file at `path` under its digest, and say whether it was not there before."""

    @abstractmethod
    def _read(self, stored: Stored, start: int, length: int) -> bytes:
        """Return these bytes, fewer when there are not as many. Raises FileNotFoundError."""
