"""Merkle trees: one root stands for many entries, and a short path shows that an entry is among them.

Source: RFC 6962, section 2.1 (leaves begin with 0x00, nodes with 0x01, so neither passes for the other). A level's
last node without a neighbour moves up as it is, which gives the same tree as the RFC's split at a power of two.
"""

from collections.abc import Sequence
from hashlib import sha256

Hashes = list[bytes]


def _leaves(entries: Sequence[bytes]) -> Hashes:
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def _above(level: Hashes) -> Hashes:
    nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return nodes + level[-1:] if len(level) % 2 else nodes


def root_of(entries: Sequence[bytes]) -> bytes:
    """Return the root over the entries, in their order; that of none is the hash of nothing."""
    if not entries:
        return sha256().digest()
    level = _leaves(entries)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path_to(entries: Sequence[bytes], index: int) -> Hashes:
    """Return what stands beside the way from an entry up to the root, from below."""
    level, path = _leaves(entries), Hashes()
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        level, index = _above(level), index >> 1
    return path


def root_by(entry: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to from an entry, or None when no tree of this size has such a path."""
    if not 0 <= index < count:
        return None
    found, rest = sha256(b"\x00" + entry).digest(), list(reversed(path))
    while count > 1:
        if index ^ 1 < count:
            if not rest:
                return None
            beside = rest.pop()
            pair = beside + found if index & 1 else found + beside
            found = sha256(b"\x01" + pair).digest()
        index, count = index >> 1, (count + 1) >> 1
    return None if rest else found
