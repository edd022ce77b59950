"""Reads about previews; whoever asks has been let see the file."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..domain import Form
from ..tables import Preview


def find_preview(db: Session, sha256: str, form: Form, edition: int) -> Preview | None:
    """Return what a file is shown as, if makers of this edition have looked into it."""
    found = db.get(Preview, (sha256, form.value))
    return found if found is not None and found.made_by == edition else None


def find_picture(db: Session, sha256: str, form: Form) -> bytes | None:
    """Return the picture of a preview, a PNG of our own making."""
    return db.scalar(select(Preview.picture).where(Preview.sha256 == sha256, Preview.form == form.value))
