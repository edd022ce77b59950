"""Where bytes are kept by their SHA-256: a local folder, or an object store that speaks S3."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy.orm import Session

from modelops_platform.core.settings import Settings

from .blocks import BLOCK_SIZE, Damage, Received, Stored
from .incoming import Incoming, Spool
from .local import LocalStore
from .objects import DirectPart, ObjectStore, connect_s3
from .store import Store

__all__ = [
    "BLOCK_SIZE",
    "Damage",
    "DirectPart",
    "Incoming",
    "LocalStore",
    "ObjectStore",
    "Received",
    "Spool",
    "Store",
    "Stored",
    "open_store",
    "store_of",
]


@lru_cache(maxsize=16)
def open_store(settings: Settings) -> Store:
    """Return the store that the settings name; one for all threads of the process."""
    address = urlsplit(settings.artifact_address)
    if address.scheme == "s3":
        return ObjectStore(connect_s3(settings, address.netloc, address.path), settings.home.resolve() / "incoming")
    return LocalStore(Path(unquote(address.path)))


def store_of(db: Session) -> Store:
    """Return the store that belongs to the database of a session."""
    return open_store(db.info["settings"])
