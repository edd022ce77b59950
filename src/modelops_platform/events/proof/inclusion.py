"""The proof that one event stands in the log: the way from its text up to a root, and the seal over that root."""

from hashlib import sha256

import msgspec

from .merkle import root_by
from .seals import Keyring, Seal


class Proof(msgspec.Struct, frozen=True):
    """What an outsider needs beside the event's text, its place and the public key."""

    path: list[str]
    seal: Seal


def why_not(place: int, content: str, proof: Proof, keys: Keyring) -> str | None:
    """Return what is wrong with a proof, or None when it holds under these keys."""
    try:
        stated = proof.seal.stated
        path = [bytes.fromhex(node) for node in proof.path]
    except ValueError as error:
        return f"it cannot be read: {error}"
    key = keys.get(stated.key)
    if key is None:
        return f"its seal is signed by the key {stated.key}, which is none of those to believe"
    if not proof.seal.is_signed_by(key):
        return f"the key {stated.key} did not sign its seal"
    count = stated.last - stated.first + 1
    root = root_by(sha256(content.encode()).digest(), place - stated.first, count, path)
    if count != stated.count or root is None or root.hex() != stated.root:
        return f"no such event stands at place {place} under seal {stated.number}"
    return None
