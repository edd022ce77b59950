"""Reading the whole log for an export: in stretches, so that a slow reader holds nothing up."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..proof.exports import make_export
from ..proof.seals import Seal
from .part import SealedRows
from .reading import Opened, Source

_SEALS_AT_ONCE = 50
Batch = tuple[Sequence[Sequence[Any]], Seal | None]


def export_log(
    source: Source, *, keys: Sequence[Ed25519PublicKey], personal: bool, made_at: datetime
) -> Iterator[bytes]:
    """Yield the whole log as lines of JSON, up to what it holds at this moment."""
    return make_export(_batches(source), keys=keys, personal=personal, made_at=made_at)


def _batches(source: Source) -> Iterator[Batch]:
    with Opened(source) as log:
        counts = log.counts()
        tail = [*log.placed(counts.sealed_to + 1, counts.last_place), *log.unplaced()]
    place = 1
    for number in range(1, counts.last_seal + 1, _SEALS_AT_ONCE):
        with Opened(source) as log:
            seals = list(log.seals(number, min(number + _SEALS_AT_ONCE - 1, counts.last_seal)))
            if not seals:
                continue
            rows = SealedRows(log.placed(place, seals[-1][2]))
            batches: list[Batch] = [(rows.up_to(seal[2]), Seal(seal[4], seal[5])) for seal in seals]
            place = seals[-1][2] + 1
        yield from batches
    yield tail, None
