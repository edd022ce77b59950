"""Keys of this installation: made at the first start, shared by all processes, never in the database."""

import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

_EVENTS, _SEAL, _SECRETS = "events.key", "seal.key", "secrets.key"
_RETIRED = "seal-{}.pem"
_WHOLE = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets that prove what the platform wrote itself."""

    events: bytes  # keys the digest of every event
    folder: Path

    @property
    def seal(self) -> bytes:
        """The seed of the key that signs seals; read anew each time, so that a rotation acts at once everywhere."""
        return _read(self.folder / _SEAL)

    @property
    def secrets(self) -> bytes:
        """The key that encrypts what must be read again, such as secrets of webhooks; made when first needed."""
        path = self.folder / _SECRETS
        if not path.exists():
            _make(path)
        return _read(path)

    def rotate_seal(self, old_id: str, old_public: str, seed: bytes) -> None:
        """Sign with another key from now on; of the old one only the public half stays."""
        _write(self.folder / _RETIRED.format(old_id), old_public)
        _write(self.folder / _SEAL, seed.hex())

    def retired_seals(self) -> list[str]:
        """Return the public halves of the keys that signed seals before, in PEM form."""
        return [path.read_text(encoding="ascii") for path in sorted(self.folder.glob(_RETIRED.format("*")))]


def load_keys(folder: Path) -> Keys:
    """Read the keys, making those that do not exist yet. Raises OSError when the folder cannot be used."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (_EVENTS, _SEAL):
        if not (folder / name).exists():
            _make(folder / name)
    return Keys(events=_read(folder / _EVENTS), folder=folder)


def find_keys(folder: Path) -> Keys | None:
    """Read the keys without making any: None where one is missing."""
    if all((folder / name).exists() for name in (_EVENTS, _SEAL)):
        return Keys(events=_read(folder / _EVENTS), folder=folder)
    return None


def _read(path: Path) -> bytes:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if not _WHOLE.fullmatch(text):
        raise OSError(f"the key {path} is damaged, and is not replaced: restore it from a backup of the keys")
    return bytes.fromhex(text)


def _make(path: Path) -> None:
    """Write a new key completely, then give it its name; the first of several processes wins."""
    temporary = _written(path, secrets.token_hex(32))
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
    _sync(path.parent)


def _write(path: Path, text: str) -> None:
    _written(path, text).replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Wait until a folder's names are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written(path: Path, text: str) -> Path:
    """Return a file beside the path that is completely on disk, for its owner alone."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(temporary)
