"""One stretch of the log, checked in a process of its own.

The order comes in on standard input as JSON, keys included, so that no other process of the machine sees them. What
goes out are lines of JSON: any number of `{"done": events}` and one result.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ..proof.checking import Checker
from ..proof.report import Finding
from ..proof.seals import Seal, keyring, read_pem
from .reading import UNREADABLE, Opened, Source

_TELL_EVERY = 20_000


class Part(msgspec.Struct, frozen=True):
    """A stretch of the log: the seals with these numbers, and the events at these places."""

    source: Source
    secret: str | None
    keys: list[str]
    first_seal: int
    last_seal: int
    first_place: int
    last_place: int


class Checked(msgspec.Struct, frozen=True):
    """What came of a part; `previous` and `last` are what its neighbours are compared with."""

    events: int
    sealed: int
    seals: int
    erased: int
    keys: list[str]
    previous: str | None
    last: str | None
    last_sealed_at: str | None
    findings: list[Finding]
    found: int


class Said(msgspec.Struct, omit_defaults=True):
    """A line of what a part says."""

    done: int = 0
    result: Checked | None = None
    unreadable: str | None = None


def check_part(part: Part, tell: Callable[[int], None]) -> Checked:
    """Check a stretch of the log. Raises what the drivers raise."""
    secret = bytes.fromhex(part.secret) if part.secret is not None else None
    keys = keyring(key for pem in part.keys for key in read_pem(pem))
    checker = Checker(keys, secret, place=part.first_place, number=part.first_seal)
    with Opened(part.source) as log, Opened(part.source) as beside:
        rows = SealedRows(log.placed(part.first_place, part.last_place))
        told = 0
        for number, first, last, digest, content, signature in beside.seals(part.first_seal, part.last_seal):
            checker.take(Seal(content, signature), rows.up_to(last), columns=(number, first, last, digest))
            if checker.events - told >= _TELL_EVERY:
                told = checker.events
                tell(told)
        checker.finish(rows.up_to(part.last_place))
    return Checked(
        events=checker.events,
        sealed=checker.sealed,
        seals=checker.seals,
        erased=checker.erased,
        keys=sorted(checker.used),
        previous=checker.previous,
        last=checker.last.digest if checker.last is not None else None,
        last_sealed_at=checker.last_stated.at if checker.last_stated is not None else None,
        findings=checker.findings.kept,
        found=checker.findings.count,
    )


class SealedRows:
    """Rows handed out seal by seal."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def up_to(self, place: int) -> list[Any]:
        """Return the next rows as far as this place."""
        batch, row, rows = [], self._next, self._rows
        while row is not None and row[0] <= place:
            batch.append(row)
            row = next(rows, None)
        self._next = row
        return batch


def main() -> None:
    """Check the part that standard input orders."""
    part = msgspec.json.decode(sys.stdin.buffer.read(), type=Part)
    try:
        said = Said(result=check_part(part, lambda done: _say(Said(done=done))))
    except UNREADABLE as error:
        said = Said(unreadable=f"{type(error).__name__}: {error}")
    _say(said)


def _say(said: Said) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()
