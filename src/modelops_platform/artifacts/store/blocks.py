"""What stored bytes are compared with: the digest of the whole file, and a tag of each block, made while it is written.

The SHA-256 of the file is its address, which everybody knows. A block's tag is only ever compared here, so it need not
be a digest that anybody can make: an AES-GMAC under a key that was drawn for this file, and that stands in its row,
costs a tenth of a second SHA-256. Who can change the store cannot make a tag for other bytes, because the key is in the
database. Who can read the database, too, is found by whatever reads the whole file (`Store.read_whole`).

Source of the tag: NIST SP 800-38D (2007), GMAC with a 96-bit nonce; the nonce is the number of the block, which no
other bytes are ever tagged with under the same key.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hmac import compare_digest
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

BLOCK_SIZE = 4 * 1024**2
_KEY_BYTES = 16
_TAG_BYTES = 16
_SHA256_BYTES = 32
_NONCE_BYTES = 12


class Damage(Exception):
    """Stored bytes are missing, or are not those that were stored."""

    def __init__(self, sha256: str, *, is_missing: bool) -> None:
        super().__init__(
            f"The stored bytes of {sha256} are {'missing' if is_missing else 'not those that were stored'}."
        )
        self.sha256 = sha256
        self.is_missing = is_missing


class _Mark(Protocol):
    """What makes the mark of a block, piece by piece."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


class _Tag:
    """The tag of one block under the key of its file."""

    def __init__(self, key: bytes, number: int) -> None:
        self._made = Cipher(AES(key), GCM(number.to_bytes(_NONCE_BYTES, "big"))).encryptor()

    def update(self, data: bytes | memoryview, /) -> None:
        self._made.authenticate_additional_data(data)

    def digest(self) -> bytes:
        self._made.finalize()
        return self._made.tag


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a stored file: which it is, where it is, and the mark that it must have."""

    number: int
    start: int
    length: int
    mark: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known about stored bytes, and what reading them is checked against."""

    sha256: str
    size: int
    block_size: int
    block_digests: bytes
    """The marks of all blocks, one after the other: their tags, or the SHA-256 of each when there is no key."""
    block_key: bytes | None
    """What the tags were made with. Files that were stored before there were tags have none."""

    def blocks(self, start: int, end: int) -> Iterator[Block]:
        """Yield the blocks that the bytes from `start` up to `end` lie in."""
        for number in range(start // self.block_size, -(-end // self.block_size)):
            at = number * self.block_size
            width = _SHA256_BYTES if self.block_key is None else _TAG_BYTES
            mark = self.block_digests[number * width : (number + 1) * width]
            yield Block(number, at, min(self.block_size, self.size - at), mark)

    def checked(self, block: Block, pieces: Iterable[bytes]) -> list[bytes]:
        """Return the pieces of a block. Raises Damage unless they are what was stored.

        Each is looked at as it comes, while the processor still has it at hand.
        """
        kept: list[bytes] = []
        mark: _Mark = hashlib.sha256() if self.block_key is None else _Tag(self.block_key, block.number)
        for piece in pieces:
            mark.update(piece)
            kept.append(piece)
        if not compare_digest(mark.digest(), block.mark):
            raise Damage(self.sha256, is_missing=False)
        return kept


@dataclass(frozen=True, slots=True)
class Received(Stored):
    """Bytes that have just been stored; `is_new` unless equal ones were there already."""

    is_new: bool


class Digester:
    """Makes the digest and the tags of bytes that pass by, in memory that does not grow with their number."""

    def __init__(self, block_size: int = BLOCK_SIZE) -> None:
        self.size = 0
        self._block_size = block_size
        self._whole = hashlib.sha256()
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._block = _Tag(self._key, 0)
        self._tags = bytearray()

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
        self._tags += self._block.digest()
        self._block = _Tag(self._key, len(self._tags) // _TAG_BYTES)

    def finish(self) -> Stored:
        """Return digest and tags of everything that was taken; call it once."""
        if self.size % self._block_size:
            self._end_block()
        return Stored(self._whole.hexdigest(), self.size, self._block_size, bytes(self._tags), self._key)
