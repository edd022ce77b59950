"""The whole log: cut into parts that are checked at the same time, then joined."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from modelops_platform.core import clock

from ..proof.checking import Checker
from ..proof.report import Findings, Outcome, Report, Tail
from ..proof.seals import to_pem
from .part import Checked, Part, Said, check_part
from .reading import UNREADABLE, Counts, Opened, Source

_WORTH_A_PROCESS = 50_000
Progress = Callable[[float], None]


class Checkpoint(msgspec.Struct, frozen=True):
    """A seal as it was kept elsewhere, which the log must still have."""

    kept_in: str
    number: int
    sha256: str


def verify_log(
    source: Source,
    *,
    keys: Sequence[Ed25519PublicKey],
    secret: bytes | None,
    checkpoints: Iterable[Checkpoint] = (),
    progress: Progress = lambda _fraction: None,
    processes: int | None = None,
) -> Report:
    """Check every event and every seal of a database; seals nothing, changes nothing.

    Args:
        keys: Public keys of this installation, the retired ones too.
        secret: The key of the keyed digests; without it, events in the tail cannot be told from forged ones.
        checkpoints: Seals kept elsewhere, against which a cut-off end shows.
    """
    began, at = time.monotonic(), clock.now()
    findings = Findings()
    try:
        with Opened(source) as log:
            counts = log.counts()
            parts = _cut(log.first_past, counts, source, keys, secret, processes or os.cpu_count() or 1)
            tail = Checker({}, secret)
            tail.check_unplaced(log.unplaced())
            if counts.events != counts.placed + counts.unplaced:
                tail.check_unplaced(_told_of(log.stray(), findings))
            checked = _check(parts, counts, progress)
            for checkpoint in checkpoints:
                _compare(checkpoint, list(log.seals(checkpoint.number, checkpoint.number)), counts, findings)
    except (*UNREADABLE, Unreadable) as error:
        words = f"The log cannot be read: {str(error).strip().partition(chr(10))[0]}."
        return _unchecked(at, began, words)
    _join(checked, findings)
    findings.take(tail.findings.kept, tail.findings.count)
    notes = [] if secret is not None else ["The key of the keyed digests is not here: they were not checked."]
    sealed = [part for part in checked if part.seals]
    erased = sum(part.erased for part in checked)
    if erased:
        notes.append(f"Personal data beside {erased:,} events was erased; their hashes stand.")
    return Report(
        outcome=Outcome.BROKEN if findings.count else Outcome.WHOLE,
        checked_at=at.isoformat(),
        seconds=round(time.monotonic() - began, 3),
        events=sum(part.events for part in checked) + tail.events,
        sealed=sum(part.sealed for part in checked),
        seals=sum(part.seals for part in checked),
        last_seal=counts.last_seal or None,
        last_sealed_at=sealed[-1].last_sealed_at if sealed else None,
        erased=erased,
        tail=_tail(counts, at),
        keys=sorted({key for part in checked for key in part.keys}),
        notes=notes,
        findings=findings.kept,
        found=findings.count,
    )


class Unreadable(Exception):
    """A part could not read its stretch of the log."""


def _unchecked(at: datetime, began: float, words: str) -> Report:
    seconds = round(time.monotonic() - began, 3)
    return Report(outcome=Outcome.UNCHECKED, checked_at=at.isoformat(), seconds=seconds, notes=[words])


def _cut(
    first_past: Callable[[int], tuple[int | None, int | None]],
    counts: Counts,
    source: Source,
    keys: Sequence[Ed25519PublicKey],
    secret: bytes | None,
    processes: int,
) -> list[Part]:
    """Cut the log where seals begin, into parts of about the same size."""
    pieces = max(1, min(processes, counts.placed // _WORTH_A_PROCESS))
    starts = [(1, 1)]
    for piece in range(1, pieces):
        number, place = first_past(counts.sealed_to * piece // pieces)
        if number is not None and place is not None and number > starts[-1][0]:
            starts.append((number, place))
    ends = [(number - 1, place - 1) for number, place in starts[1:]] + [(counts.last_seal, counts.last_place)]
    pems = [to_pem(key) for key in keys]
    hexed = secret.hex() if secret is not None else None
    return [
        Part(source, hexed, pems, first_seal, last_seal, first_place, last_place)
        for (first_seal, first_place), (last_seal, last_place) in zip(starts, ends, strict=True)
    ]


def _told_of(rows: Iterable[Sequence[object]], findings: Findings) -> Iterable[Sequence[object]]:
    for row in rows:
        words = f"The event {row[1]} has no place and waits for none: its place was removed, or it is not ours."
        findings.add("event.stray", words, event=str(row[1]))
        yield row


def _check(parts: list[Part], counts: Counts, progress: Progress) -> list[Checked]:
    done = [0] * len(parts)
    lock = threading.Lock()

    def tell(number: int, events: int) -> None:
        with lock:
            done[number] = events
            progress(min(1.0, sum(done) / max(1, counts.placed)))

    if len(parts) == 1:
        return [check_part(parts[0], lambda events: tell(0, events))]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(lambda pair: _in_child(pair[1], lambda events: tell(pair[0], events)), enumerate(parts)))


def _in_child(part: Part, tell: Callable[[int], None]) -> Checked:
    """Check a part in a process of its own. Raises Unreadable, and whatever `tell` raises."""
    command = [sys.executable, "-c", f"from {check_part.__module__} import main; main()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(msgspec.json.encode(part))
            child.stdin.close()
            for line in child.stdout:
                said = msgspec.json.decode(line, type=Said)
                if said.result is not None:
                    return said.result
                if said.unreadable is not None:
                    raise Unreadable(said.unreadable)
                tell(said.done)
        finally:
            child.kill()
    raise Unreadable(f"a process that checked it ended with status {child.returncode}")


def _join(parts: list[Checked], findings: Findings) -> None:
    """Take over what each part has found, and compare each part's end with the beginning of the next."""
    last: str | None = None
    for part in parts:
        findings.take(part.findings, part.found)
        if last is not None and part.seals and part.previous != last:
            findings.add("seal.chain", "A seal does not follow the one before it as it stands.")
        last = part.last or last


def _compare(checkpoint: Checkpoint, found: list[Sequence[object]], counts: Counts, findings: Findings) -> None:
    """Compare what was kept elsewhere with the log as it stands."""
    number = checkpoint.number
    if not found:
        words = f"Seal {number} is kept in {checkpoint.kept_in}, but the log ends at seal {counts.last_seal}: its end"
        findings.add("seal.cut_off", f"{words} was cut off, or an older copy was restored.", seal=number)
    elif found[0][3] != checkpoint.sha256:
        words = f"Seal {number} is kept in {checkpoint.kept_in}, but the log has another one: it was written anew."
        findings.add("seal.replaced", words, seal=number)


def _tail(counts: Counts, at: datetime) -> Tail:
    events = counts.unplaced + max(0, counts.last_place - counts.sealed_to)
    if counts.oldest_unplaced is None:
        return Tail(events)
    oldest = datetime.fromisoformat(counts.oldest_unplaced).replace(tzinfo=UTC)
    return Tail(events, round(max(0.0, (at - oldest).total_seconds()), 1))
