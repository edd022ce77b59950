"""Another key to sign seals with."""

import secrets
from dataclasses import dataclass

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor

from ..proof.seals import Signer, to_pem
from .recording import record
from .sealing import has_unsealed, hold_log, seal_events


@dataclass(frozen=True, slots=True)
class _Key:
    id: str
    object_kind: str = "seal_key"

    @property
    def name(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that the log has named, to be put in place once that is committed."""

    old: Signer
    new: Signer
    seed: bytes


def rotate_key(db: Session, actor: Actor) -> NewKey:
    """Have the key in use name its successor in the log and seal that; the caller then puts the new one in place.

    The old key's seal is what makes the new one believed by whoever knew the old one alone.
    """
    seed = secrets.token_bytes(32)
    old, new = Signer(db.info["keys"].seal), Signer(seed)
    record(db, actor, "seal_key.rotated", _Key(old.key_id), to=new.key_id, public_key=to_pem(new.public))
    hold_log(db)
    while has_unsealed(db):
        seal_events(db)
    return NewKey(old, new, seed)
