"""What every store can do, on top of the few things that each kind does its own way."""

import hashlib
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path

from modelops_platform.core.errors import Unavailable

from .blocks import BLOCK_SIZE, Damage, Received, Stored
from .incoming import Incoming, Spool
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
        return Received(
            stored.sha256, stored.size, stored.block_size, stored.block_digests, stored.block_key, is_new=is_new
        )

    def receive_file(self, path: Path) -> Received:
        """Store a copy of a local file. Raises Unavailable."""
        with path.open("rb") as file, self.begin() as incoming:
            while data := file.read(_CHUNK):
                incoming.write(data)
            return self.keep(incoming)

    def begin_part(self) -> Spool:
        """Begin to take a part: `with store.begin_part() as spool: spool.write(...); store.keep_part(...)`."""
        return Spool(self.spool)

    def keep_part(self, upload_id: str, start: int, spool: Spool) -> str:
        """Put a part on disk for good, under a key that no other part has, and return it. Raises Unavailable."""
        spool.close()
        key = f"{upload_id}/{start:016d}-{secrets.token_hex(4)}"
        try:
            with told():
                self._place_part(key, spool.path)
        except FileNotFoundError:
            raise Unavailable(
                "The upload was cancelled while this part arrived.", remedy="Begin a new upload."
            ) from None
        return key

    def read_part(self, key: str, length: int) -> Iterator[bytes]:
        """Yield the bytes of a part. Raises Unavailable, also when some are missing."""
        for start in range(0, length, BLOCK_SIZE):
            wanted = min(BLOCK_SIZE, length - start)
            try:
                with told():
                    data = self._read_part(key, start, wanted)
            except FileNotFoundError:
                data = b""
            if len(data) != wanted:
                raise Unavailable(
                    "A part of the upload is missing in the file store.",
                    remedy="Cancel the upload and send the file again.",
                )
            yield data

    def read(self, stored: Stored, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end`; each block is read whole and checked before any of it is given.

        Raises Damage when bytes are missing or wrong, Unavailable when the store does not answer.
        """
        for pieces in self.read_blocks(stored, start, end):
            yield from pieces

    def read_blocks(self, stored: Stored, start: int = 0, end: int | None = None) -> Iterator[list[bytes]]:
        """Yield what `read` yields, all pieces of a block at once."""
        end = stored.size if end is None else end
        for block in stored.blocks(start, end):
            try:
                with told():
                    pieces = stored.checked(block, self._read(stored, block.start, block.length))
            except FileNotFoundError:
                self.check()  # a store that is not there at all has lost nothing
                raise Damage(stored.sha256, is_missing=True) from None
            yield _cut(pieces, max(0, start - block.start), end - block.start)

    def read_whole(self, stored: Stored) -> Iterator[bytes]:
        """Yield all bytes, for who uses none of them before the end: only there they are compared with their address.

        Raises Damage, Unavailable as `read`.
        """
        whole = hashlib.sha256()
        for data in self.read(stored):
            whole.update(data)
            yield data
        if whole.hexdigest() != stored.sha256:
            raise Damage(stored.sha256, is_missing=False)

    def fetch(self, stored: Stored, folder: Path) -> Path:
        """Return a local file with the bytes, all of them checked. Raises Damage, Unavailable.

        It must not be written to: a local store gives its own file, others a copy in the folder.
        """
        path = folder / stored.sha256
        with path.open("wb") as file:
            for data in self.read_whole(stored):
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
    def _read(self, stored: Stored, start: int, length: int) -> Iterable[bytes]:
        """Return these bytes in pieces, fewer when there are not as many. Raises FileNotFoundError."""

    @abstractmethod
    def list_stored(self, beginning: str, older_than_seconds: float) -> Iterator[tuple[str, int]]:
        """Yield digest and size of stored bytes that are older. Raises Unavailable.

        Args:
            beginning: The first digit of the digests that are wanted.
        """

    @abstractmethod
    def drop_part(self, key: str) -> None:
        """Delete a part, if it is there. Raises Unavailable."""

    @abstractmethod
    def drop_parts(self, upload_id: str) -> None:
        """Delete all parts of an upload. Raises Unavailable."""

    @abstractmethod
    def list_uploads(self) -> list[str]:
        """Return the ids of uploads of which there are parts. Raises Unavailable."""

    @abstractmethod
    def _place_part(self, key: str, path: Path) -> None:
        """Put the file at `path` under the key of a part."""

    @abstractmethod
    def _read_part(self, key: str, start: int, length: int) -> bytes:
        """Return these bytes of a part, fewer when there are not as many. Raises FileNotFoundError."""


def _cut(pieces: list[bytes], start: int, end: int) -> list[bytes]:
    """Return the bytes from `start` up to `end` of pieces that follow each other."""
    kept, at = [], 0
    for piece in pieces:
        if at < end and at + len(piece) > start:
            kept.append(piece[max(0, start - at) : end - at])
        at += len(piece)
    return kept
