"""Proofs from outside that may be used once, or a few times, and attempts to use bad ones."""

import hashlib
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import add_unless_taken, count_changed

from ..tables import SpentProof


def spend(db: Session, proof: str, *, until: datetime, times: int = 1) -> bool:
    """Use a proof up, and say whether it could still be used; forgotten once it has expired by itself."""
    db.execute(delete(SpentProof).where(SpentProof.expires_at < clock.now()))
    digest = hashlib.sha256(proof.encode()).hexdigest()
    if add_unless_taken(db, SpentProof, {"digest": digest, "uses": 1, "expires_at": until}):
        return True
    again = update(SpentProof).where(SpentProof.digest == digest, SpentProof.uses < times)
    return count_changed(db, again.values(uses=SpentProof.uses + 1)) == 1
