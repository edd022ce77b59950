"""Checking a stretch of the log: events in the order of their places, and the seals over them.

The chain vouches for every seal before it, text and signature alike. So a signature is checked where a key's last
seal stands, and wherever the chain does not hold; a million seals cost a million hashes, not a million signatures.
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .merkle import root_of
from .report import Findings
from .seals import ROTATED, Keyring, Seal, Stated, key_id, read_pem

# place, event id (None: as its text says), content, sha256, hmac, salt, personal data as JSON, then nothing or the
# columns in the order of COLUMNS
Row = Sequence[Any]
COLUMNS = (
    "workspace_id",
    "kind",
    "at",
    "actor_id",
    "actor_kind",
    "object_kind",
    "object_id",
    "unit_id",
    "model_id",
)


class _Named(msgspec.Struct):
    id: str
    kind: str


class Content(msgspec.Struct):
    """What a check needs of the text of an event."""

    id: str
    workspace: str
    kind: str
    at: str
    actor: _Named
    object: _Named
    unit: str | None
    model: str | None
    personal: str | None = None


class _Rotated(msgspec.Struct):
    class Data(msgspec.Struct):
        public_key: str

    data: Data


_content = msgspec.json.Decoder(Content)
_rotated = msgspec.json.Decoder(_Rotated)


class Mac:
    """The keyed digest, with what depends on the key alone reckoned once (RFC 2104)."""

    def __init__(self, key: bytes) -> None:
        padded = (sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))

    def of(self, message: bytes) -> str:
        """Return the keyed digest of a message in hex."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest()


def personal_digest(salt: str, personal: dict[str, Any]) -> str:
    """Return the salted hash that stands in the event for its personal data."""
    text = json.dumps(personal, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(f"{salt}{text}".encode()).hexdigest()


class Checker:
    """Checks events and seals one after the other, and notes what is wrong.

    Args:
        keys: The public keys to believe. A key that one of them has handed over to is believed from then on.
        secret: The key of the keyed digests, where it is known.
        place: The place that comes first.
        number: The number of the seal that comes first. What the first seal says of the one before is not judged
            here unless it is number 1: see `previous`.
    """

    def __init__(self, keys: Keyring, secret: bytes | None = None, *, place: int = 1, number: int = 1) -> None:
        self.findings = Findings()
        self.events = self.sealed = self.seals = self.erased = 0
        self.previous: str | None = None  # what the first seal says of the one before it
        self.used: set[str] = set()
        self.last: Seal | None = None
        self.last_stated: Stated | None = None
        self._keys = dict(keys)
        self._mac = Mac(secret) if secret is not None else None
        self._place, self._number = place, number
        self._offered: list[Ed25519PublicKey] = []
        self._is_whole = True  # no row of the batch is known to be missing

    @property
    def has_secret(self) -> bool:
        """Say whether keyed digests are checked."""
        return self._mac is not None

    # ---- seals ------------------------------------------------------------------------------------------------------

    def take(self, seal: Seal, rows: Iterable[Row], *, columns: tuple[int, int, int, str] | None = None) -> None:
        """Check the next seal and the events under it; `columns` are what stands beside the seal's text."""
        self._is_whole = True
        before = self._place
        digests = self._digests(rows)
        try:
            stated = seal.stated
        except ValueError as error:
            self._wrong("seal.unreadable", f"Seal {self._number} cannot be read: {error}.", self._number)
            self._number += 1
            return
        number = stated.number
        if columns is not None and columns != (number, stated.first, stated.last, seal.digest):
            self._wrong("seal.edited", f"The columns of seal {number} say something else than its text.", number)
        self._check_order(seal, stated, before)
        if self._place <= stated.last:
            self._missing(self._place, stated.last)
            self._place = stated.last + 1
        if self._is_whole and (len(digests) != stated.count or root_of(digests).hex() != stated.root):
            self._wrong(
                "seal.root",
                f"The events at the places {stated.first} to {stated.last} are not those that seal {number} covers:"
                " an event was edited, replaced, moved or dated anew.",
                number,
            )
        self.seals += 1
        self.sealed += len(digests)
        self.used.add(stated.key)
        self.last, self.last_stated, self._number = seal, stated, number + 1

    def _check_order(self, seal: Seal, stated: Stated, place: int) -> None:
        """Check that a seal follows the one before it without a gap."""
        number, before, said = stated.number, self.last, self.last_stated
        if number != self._number:
            gone = f"{self._number} to {number - 1}" if number > self._number + 1 else f"{self._number}"
            words = f"Seal {gone} is missing." if number > self._number else f"Seal {number} stands out of order."
            self._wrong("seal.missing", words, number)
        if stated.first != place or stated.count != stated.last - stated.first + 1:
            words = f"Seal {number} says that it covers the places {stated.first} to {stated.last}; it follows {place}."
            self._wrong("seal.places", words, number)
        if before is None or said is None:
            self.previous = stated.previous
            if number == 1 and stated.previous is not None:
                self._wrong("seal.chain", "The first seal names one before it: the beginning was cut off.", number)
            return
        if stated.previous != before.digest:
            self._wrong("seal.chain", f"Seal {number} does not follow seal {said.number} as it stands.", number)
            self._vouch(before, said)
            self._vouch(seal, stated)
        elif stated.key != said.key:
            self._vouch(before, said)

    def _vouch(self, seal: Seal, stated: Stated) -> None:
        """Check a signature; with it stands all that the chain leads to, keys handed over too."""
        key = self._keys.get(stated.key)
        if key is None:
            words = f"Seal {stated.number} is signed by the key {stated.key}, which is none of those to believe."
            self._wrong("seal.key", words, stated.number)
        elif not seal.is_signed_by(key):
            words = f"Seal {stated.number} was rewritten: the key {stated.key} did not sign this text."
            self._wrong("seal.signature", words, stated.number)
        else:
            self._keys |= {key_id(offered): offered for offered in self._offered}
            self._offered.clear()

    def finish(self, rest: Iterable[Row] = ()) -> None:
        """Check the last signature, and the events that have a place under no seal."""
        if self.last is not None and self.last_stated is not None:
            self._vouch(self.last, self.last_stated)
        self._digests(rest)

    def check_unplaced(self, rows: Iterable[Row]) -> None:
        """Check events without a place; what stands there for the place is None."""
        self._digests(rows, placed=False)

    def _wrong(self, what: str, words: str, seal: int) -> None:
        self.findings.add(what, words, seal=seal)

    # ---- events -----------------------------------------------------------------------------------------------------

    def _digests(self, rows: Iterable[Row], *, placed: bool = True) -> list[bytes]:
        """Check events one by one, and return the digests of their texts."""
        digests: list[bytes] = []
        mac, expected = self._mac, self._place
        for row in rows:
            place, event_id, content, digest, keyed, salt, _personal, *columns = row
            if placed:
                if place != expected:
                    self._out_of_order(place, expected)
                expected = place + 1
            if type(content) is not str:
                self._is_whole = False
                words = f"The event at place {place} was removed." if content is None else "An event has no text."
                self.findings.add("event.removed", words, place=place, event=event_id)
                continue
            text = content.encode()
            plain = sha256(text).digest()
            digests.append(plain)
            try:
                said = _content.decode(text)
            except msgspec.DecodeError:
                said = None
            if (
                said is None
                or plain.hex() != digest
                or (event_id is not None and said.id != event_id)
                or (mac is not None and mac.of(plain) != keyed)
                or (columns and columns != _columns(said))
                or said.personal is not None
                or salt is not None
                or said.kind == ROTATED
            ):
                self._look_closer(row, plain, said)
        if placed:
            self._place = expected
        self.events += len(digests)
        return digests

    def _look_closer(self, row: Row, plain: bytes, said: Content | None) -> None:
        """Say what is wrong with an event, or see that nothing is."""
        place, event_id, content, digest, keyed, salt, _personal, *columns = row
        where = f"at place {place}" if place is not None else "without a place"
        name = f"The event {event_id or ''} {where}".replace("  ", " ")
        if plain.hex() != digest:
            words = f"{name} was edited: its text does not have the SHA-256 that stands beside it."
            self.findings.add("event.edited", words, place=place, event=event_id)
        elif self._mac is not None and self._mac.of(plain) != keyed:
            words = f"{name} was edited or inserted: this installation did not make its keyed digest."
            self.findings.add("event.forged", words, place=place, event=event_id)
        elif said is None:
            self.findings.add("event.unreadable", f"{name} cannot be read.", place=place, event=event_id)
        elif event_id is not None and said.id != event_id:
            words = f"{name} has the text of another one, {said.id}."
            self.findings.add("event.column", words, place=place, event=event_id)
        elif columns and columns != (told := _columns(said)):
            wrong = [name for name, here, there in zip(COLUMNS, columns, told, strict=True) if here != there]
            words = f"{name} was edited: {', '.join(wrong)} beside the text say something else than the text."
            self.findings.add("event.column", words, place=place, event=event_id)
        if said is None:
            return
        if salt is not None:
            self._check_personal(name, row, said)
        elif said.personal is not None:
            self.erased += 1
        if said.kind == ROTATED:
            self._offer(content)

    def _check_personal(self, name: str, row: Row, said: Content) -> None:
        try:
            digest = personal_digest(row[5], json.loads(row[6]))
        except (ValueError, TypeError):
            digest = ""
        if digest != said.personal:
            words = f"{name} has other personal data beside it than it was written with."
            self.findings.add("event.personal", words, place=row[0], event=row[1])

    def _offer(self, content: str) -> None:
        try:
            self._offered += read_pem(_rotated.decode(content).data.public_key)
        except (msgspec.DecodeError, ValueError):
            return  # no key that could be believed

    def _out_of_order(self, place: int, expected: int) -> None:
        if place > expected:
            self._missing(expected, place - 1)
        else:
            self._is_whole = False
            words = f"The place {place} stands after {expected - 1}: places are taken twice or out of order."
            self.findings.add("event.order", words, place=place)

    def _missing(self, first: int, last: int) -> None:
        self._is_whole = False
        where = f"place {first} was" if first == last else f"places {first} to {last} were"
        self.findings.add("event.removed", f"What stood at {where} removed.", place=first)


def _columns(said: Content) -> list[str | None]:
    """Return what the columns must hold, times as both databases print them."""
    at = f"{said.at[:10]} {said.at[11:-6]}"
    return [
        said.workspace,
        said.kind,
        at if len(at) > 19 else f"{at}.000000",
        said.actor.id,
        said.actor.kind,
        said.object.kind,
        said.object.id,
        said.unit,
        said.model,
    ]
