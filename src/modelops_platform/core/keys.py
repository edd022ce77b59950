"""Keys of this installation: made at the first start, shared by all processes, never in the database."""

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets that prove what the platform wrote itself."""

    events: bytes  # keys the digest of every event


def load_keys(folder: Path) -> Keys:
    """Read the keys, making those that do not exist yet. Raises OSError when the folder cannot be used."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Keys(events=_load_or_make(folder / "events.key"))


def _load_or_make(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        _make(path)
        return bytes.fromhex(path.read_text(encoding="ascii").strip())


def _make(path: Path) -> None:
    """Write a new key completely, then give it its name; the first of several processes wins."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()
