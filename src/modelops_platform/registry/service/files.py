"""The one place where the inventory takes hold of stored files."""

from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import InvalidInput, NotFound

from ..tables import DataSet, Version


def hold_file(db: Session, actor: Actor, sha256: str, holder: Version | DataSet, *, name: str, field: str) -> int:
    """Let a version or data set hold a stored file, and return its size.

    Raises InvalidInput when it is not stored here, or the actor may not see it.
    """
    try:
        return artifacts.use_blob(db, actor, sha256, holder, name=name).size
    except NotFound:
        raise InvalidInput(
            f"No file with the SHA-256 {sha256} is stored here.",
            remedy="Upload the file first, then name its digest.",
            field=field,
            value=sha256,
        ) from None
