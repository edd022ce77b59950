"""Seals: a signed statement about a stretch of the log, each holding the hash of the one before."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

ROTATED = "seal_key.rotated"  # the event by which one key names the next; `rotate_key` records it
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"

Keyring = Mapping[str, Ed25519PublicKey]  # key id -> key


class Stated(msgspec.Struct, frozen=True):
    """What a seal says: these places hold events with this root, and this seal came before."""

    number: int
    at: str
    first: int
    last: int
    count: int
    root: str
    previous: str | None
    key: str

    @property
    def text(self) -> str:
        """The very text that is signed: JSON with sorted keys and no spaces."""
        return canonical(msgspec.to_builtins(self))


class Seal(msgspec.Struct, frozen=True):
    """A statement as the text that was signed, and its Ed25519 signature in hex."""

    text: str
    signature: str

    @property
    def stated(self) -> Stated:
        """What it says. Raises ValueError when the text is none that we would have written."""
        stated = _decoder.decode(self.text)
        if stated.text != self.text:
            raise ValueError("the text is not in the form that seals have")
        return stated

    @property
    def digest(self) -> str:
        """The hash that the next seal holds; it covers text and signature, so the chain vouches for both."""
        return sha256(f"{self.text}\n{self.signature}".encode()).hexdigest()

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Say whether this key made the signature."""
        return is_signed(self.text, self.signature, key)


_decoder = msgspec.json.Decoder(Stated)


class Signer:
    """The private half of a key."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key()
        self.key_id = key_id(self.public)

    def sign(self, stated: Stated) -> Seal:
        """Make a seal of a statement."""
        text = stated.text
        return Seal(text, self.sign_text(text))

    def sign_text(self, text: str) -> str:
        """Return the signature of a text in hex."""
        return self._key.sign(text.encode()).hex()


def canonical(content: Mapping[str, object]) -> str:
    """Return the one JSON text of what is signed: sorted keys, no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def version_text(digest: str) -> str:
    """Return what a detached signature of a version signs: one line with the digest of its manifest."""
    return f"modelops version {digest}\n"


def is_signed(text: str, signature: str, key: Ed25519PublicKey) -> bool:
    """Say whether this key made the signature (in hex) of the text."""
    try:
        key.verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the key's 32 bytes: what people compare by telephone."""
    return sha256(key.public_bytes_raw()).hexdigest()


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a key in seals: the beginning of its fingerprint."""
    return fingerprint(key)[:16]


def to_pem(key: Ed25519PublicKey) -> str:
    """Return the key as a PEM file holds it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def keyring(keys: Iterable[Ed25519PublicKey]) -> dict[str, Ed25519PublicKey]:
    """Return keys by their id."""
    return {key_id(key): key for key in keys}


def read_pem(text: str) -> list[Ed25519PublicKey]:
    """Return the Ed25519 public keys of PEM text. Raises ValueError when there is none, or one of another kind."""
    blocks = [f"{_BEGIN}{block.partition(_END)[0]}{_END}\n" for block in text.split(_BEGIN)[1:]]
    keys = [load_pem_public_key(block.encode("ascii")) for block in blocks]
    found = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not found or len(found) != len(keys):
        raise ValueError("it holds no Ed25519 public key in PEM form")
    return found
