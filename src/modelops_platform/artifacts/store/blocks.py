"""The digests of a file, whole and block by block: made while it is written, compared whenever it is read."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

BLOCK_SIZE = 4 * 1024**2
_DIGEST_BYTES = 32


class Damage(Exception):
    """Stored bytes are missing, or are not those that were stored."""

    def __init__(self, sha256: str, *, is_missing: bool) -> None:
        super().__init__(
            f"The stored bytes of {sha256} are {'missing' if is_missing else 'not those that were stored'}."
        )
        self.sha256 = sha256
        self.is_missing = is_missing


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a stored file: where it is, and the digest that it must have."""

    start: int
    length: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known about stored bytes, and what reading them is checked against."""

    sha256: str
    size: int
    block_size: int
    block_digests: bytes  # 32 bytes for each block, one after the other

    def blocks(self, start: int, end: int) -> Iterator[Block]:
        """Yield the blocks that the bytes from `start` up to `end` lie in."""
        for number in range(start // self.block_size, -(-end // self.block_size)):
            at = number * self.block_size
            digest = self.block_digests[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES]
            yield Block(at, min(self.block_size, self.size - at), digest)

    def checked(self, block: Block, pieces: Iterable[bytes]) -> list[bytes]:
        """Return the pieces of a block. Raises Damage unless they are what was stored.

        Each is hashed as it comes, while the processor still has it at hand.
        """
        kept, digest = [], hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            kept.append(piece)
        if digest.digest() != block.digest:
            raise Damage(self.sha256, is_missing=False)
        return kept


@dataclass(frozen=True, slots=True)
class Received(Stored):
    """Bytes that have just been stored; `is_new` unless equal ones were there already."""

    is_new: bool


class Digester:
    """Makes the digests of bytes that pass by, in memory that does not grow with their number."""

    def __init__(self, block_size: int = BLOCK_SIZE) -> None:
        self.size = 0
        self._block_size = block_size
        self._whole = hashlib.sha256()
        self._block = hashlib.sha256()
        self._digests = bytearray()

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._whole.update(data)
        rest = memoryview(data)
        while rest:
            room = self._block_size - self.size % self._block_size
            piece, rest = rest[:room], rest[room:]
            self._block.update(piece)
            self.size += len(piece)
            if len(piece) == room:
                self._end_block()

    def _end_block(self) -> None:
        self._digests += self._block.digest()
        self._block = hashlib.sha256()

    def finish(self) -> Stored:
        """Return the digests of everything that was taken; call it once."""
        if self.size % self._block_size:
            self._end_block()
        return Stored(self._whole.hexdigest(), self.size, self._block_size, bytes(self._digests))
