"""Exports: the log as lines of JSON that anyone checks with the public key alone.

A whole export begins with a line about itself, has every event in the order of places, each seal after the events it
covers, then the events that no seal covers yet, and ends with a line that counts. A part of the log, as a filter
leaves it, is events alone, each with its own proof.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .checking import Checker, Content
from .inclusion import Proof, why_not
from .report import Findings, Outcome, Report, Tail
from .seals import Keyring, Seal, fingerprint, key_id, keyring, to_pem

FORMAT = "modelops-log-1"


class Beside(msgspec.Struct, frozen=True):
    """Personal data beside an event, with the salt of its hash."""

    salt: str
    data: msgspec.Raw


class Head(msgspec.Struct, frozen=True):
    """What a whole export says of itself; its keys are a convenience, and checking believes none of them."""

    format: str
    made_at: str
    personal: bool
    keys: list[dict[str, str]]


class End(msgspec.Struct, frozen=True):
    """What a whole export ends with, so that one cut short shows."""

    events: int
    seals: int


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: an event (with its text), or one of `log`, `seal`, `end`."""

    log: Head | None = None
    place: int | None = None
    content: str | None = None
    sha256: str | None = None
    hmac: str | None = None
    personal: Beside | None = None
    proof: Proof | None = None
    seal: Seal | None = None
    end: End | None = None


_line = msgspec.json.Decoder(Line)
_content = msgspec.json.Decoder(Content)


def key_shape(key: Ed25519PublicKey) -> dict[str, str]:
    """Return a public key as people and programs read it."""
    return {"id": key_id(key), "algorithm": "ed25519", "fingerprint": fingerprint(key), "pem": to_pem(key)}


def make_export(
    batches: Iterable[tuple[Sequence[Sequence[Any]], Seal | None]],
    *,
    keys: Sequence[Ed25519PublicKey],
    personal: bool,
    made_at: datetime,
) -> Iterator[bytes]:
    """Yield the lines of a whole export of events, batch by batch with the seal over each."""
    events = seals = 0
    head = Head(FORMAT, made_at.isoformat(), personal, [key_shape(key) for key in keys])
    yield _encoded(Line(log=head))
    for rows, seal in batches:
        for place, _event_id, content, digest, keyed, salt, data, *_columns in rows:
            beside = Beside(salt, msgspec.Raw(data)) if personal and salt is not None else None
            yield _encoded(Line(place=place, content=content, sha256=digest, hmac=keyed, personal=beside))
            events += 1
        if seal is not None:
            yield _encoded(Line(seal=seal))
            seals += 1
    yield _encoded(Line(end=End(events, seals)))


def _encoded(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def verify_export(
    lines: Iterable[bytes], *, keys: Sequence[Ed25519PublicKey], secret: bytes | None, now: datetime
) -> Report:
    """Check an export, a whole one or what a filter left. Believes the given keys, and none that the export names."""
    report = Report(outcome=Outcome.UNCHECKED, checked_at=now.isoformat(), seconds=0.0)
    began, reading = time.monotonic(), iter(lines)
    first = next(reading, b"")
    try:
        head = _line.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError):
        report.notes.append("This is no export of a log: its first line cannot be read.")
        return report
    if not keys:
        report.notes.append("There is no public key to check with: give --public-key, from somebody you trust.")
    elif head.log is not None and head.log.format != FORMAT:
        report.notes.append(f"The export has the form {head.log.format[:40]!r}; this release reads {FORMAT}.")
    elif head.log is not None:
        _Whole(report, Checker(keyring(keys), secret), head.log).check(reading)
    elif head.content is not None:
        _check_part(report, [first], reading, keyring(keys))
    else:
        report.notes.append("This is no export of a log: it begins with neither an event nor a line about itself.")
    report.seconds = round(time.monotonic() - began, 3)
    return report


class _Whole:
    """A whole export while it is read."""

    def __init__(self, report: Report, checker: Checker, head: Head) -> None:
        self._report, self._checker, self._head = report, checker, head
        self._batch: list[Sequence[Any]] = []
        self._tail: list[Sequence[Any]] = []
        self._end: End | None = None

    def check(self, lines: Iterable[bytes]) -> None:
        """Check all lines after the first, and write the report."""
        report, checker = self._report, self._checker
        for number, text in enumerate(lines, start=2):
            try:
                line = _line.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError):
                checker.findings.add("export.unreadable", f"Line {number} of the export cannot be read.")
                continue
            self._take(line)
        checker.finish(self._batch)
        checker.check_unplaced(self._tail)
        counted = (checker.events, checker.seals)
        if self._end is None:
            checker.findings.add("export.cut_off", "The export has no last line: it was cut off.")
        elif (self._end.events, self._end.seals) != counted:
            words = f"The export says that it has {self._end.events:,} events and {self._end.seals:,} seals; it has"
            checker.findings.add("export.counts", f"{words} {counted[0]:,} and {counted[1]:,}.")
        report.events, report.sealed, report.seals = checker.events, checker.sealed, checker.seals
        report.keys = sorted(checker.used)
        if checker.last_stated is not None:
            report.last_seal, report.last_sealed_at = checker.last_stated.number, checker.last_stated.at
        self._tell_of_personal()
        self._tell_of_tail()
        _close(report, checker.findings)

    def _take(self, line: Line) -> None:
        if line.seal is not None:
            self._checker.take(line.seal, self._batch)
            self._batch = []
        elif line.content is not None:
            salt, data = (line.personal.salt, bytes(line.personal.data)) if line.personal else (None, None)
            row = (line.place, None, line.content, line.sha256, line.hmac, salt, data)
            (self._batch if line.place is not None else self._tail).append(row)
        elif line.end is not None:
            self._end = line.end

    def _tell_of_personal(self) -> None:
        erased = self._checker.erased
        if erased and self._head.personal:
            self._report.erased = erased
            self._report.notes.append(f"Personal data beside {erased:,} events was erased; their hashes stand.")
        elif erased:
            self._report.notes.append(f"Personal data beside {erased:,} events is not in this export.")

    def _tell_of_tail(self) -> None:
        unsealed = [*self._batch, *self._tail]
        made_at, oldest = datetime.fromisoformat(self._head.made_at), None
        for row in unsealed:
            try:
                at = datetime.fromisoformat(_content.decode(row[2]).at)
                oldest = min(at, oldest or at)
            except (msgspec.DecodeError, ValueError, TypeError):
                continue  # found to be broken already
        age = max(0.0, (made_at - oldest).total_seconds()) if oldest is not None else 0.0
        self._report.tail = Tail(len(unsealed), round(age, 1))
        if unsealed and not self._checker.has_secret:
            words = "Events that no seal covers yet are shown by nothing but the key of the installation, which is"
            self._report.notes.append(f"{words} not here.")


def _check_part(report: Report, first: list[bytes], rest: Iterable[bytes], keys: Keyring) -> None:
    """Check events one by one, each by its own proof."""
    findings, unproved = Findings(), 0
    seals: set[str] = set()
    for number, text in enumerate((line for lines in (first, rest) for line in lines), start=1):
        try:
            line = _line.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            line = Line()
        if line.content is None:
            findings.add("export.unreadable", f"Line {number} of the export holds no event.")
            continue
        report.events += 1
        if sha256(line.content.encode()).hexdigest() != line.sha256:
            words = f"The event in line {number} was edited: its text does not have the SHA-256 that stands beside it."
            findings.add("event.edited", words, place=line.place)
        elif line.proof is None or line.place is None:
            unproved += 1
        elif (reason := why_not(line.place, line.content, line.proof, keys)) is not None:
            findings.add(
                "event.unproved", f"The proof of the event in line {number} fails: {reason}.", place=line.place
            )
        else:
            report.sealed += 1
            seals.add(line.proof.seal.text)
    report.seals = len(seals)
    report.notes.append("This is a part of the log: each event was checked by its own proof, not that none is missing.")
    if unproved:
        report.notes.append(f"{unproved:,} events come without a proof.")
    _close(report, findings, is_checked=not unproved)


def _close(report: Report, findings: Findings, *, is_checked: bool = True) -> None:
    report.findings, report.found = findings.kept, findings.count
    if findings.count:
        report.outcome = Outcome.BROKEN
    elif is_checked:
        report.outcome = Outcome.WHOLE
