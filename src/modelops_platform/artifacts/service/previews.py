"""Keeping previews: a cache of what files show, which changes nothing and writes no event."""

from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import try_add

from .. import queries
from ..domain import Form
from ..tables import Preview


def keep_preview(
    db: Session, sha256: str, form: Form, content: dict[str, Any], picture: bytes | None, edition: int
) -> None:
    """Keep what a file is shown as, in the place of what an older edition made; a removed file keeps none."""
    blob = queries.find_blob(db, sha256)
    if blob is None or blob.removing_at is not None:
        return
    db.execute(delete(Preview).where(Preview.sha256 == sha256, Preview.form == form.value))
    made = Preview(
        sha256=sha256, form=form.value, content=content, picture=picture, made_by=edition, made_at=clock.now()
    )
    try_add(db, made)  # or somebody looked at the same moment
