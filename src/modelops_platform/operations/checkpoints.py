"""Seals kept a second time, so that an end of the log that was cut off shows.

The newest one stands in the home always (`last-seal.json`), where SQL does not reach it; and, when the settings name a
place, there too. Since each seal holds the hash of the one before, one that is kept vouches for all before it.
"""

import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from modelops_platform.artifacts.store.objects import connect_s3
from modelops_platform.artifacts.store.trouble import told
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.deferred import Deferred
from modelops_platform.core.errors import PlatformError
from modelops_platform.core.logging import get_logger
from modelops_platform.core.outgoing import Outgoing, outgoing_of
from modelops_platform.core.settings import Settings
from modelops_platform.events import queries
from modelops_platform.events.proof.seals import Seal, keyring
from modelops_platform.events.verifying import Checkpoint

if TYPE_CHECKING:
    import obstore
    from obstore.store import S3Store
else:
    obstore = Deferred("obstore")

LOOK_SECONDS = 5.0
_MARK = "last-seal.json"
_TROUBLE = (OSError, PlatformError, msgspec.DecodeError, ValueError)


class Sink(Protocol):
    """A place for seals."""

    name: str
    answers: bool  # whether what it holds can be read

    def put(self, number: int, seal: bytes) -> None:
        """Keep a seal."""

    def newest(self) -> bytes | None:
        """Return the newest seal that it holds."""


def _day() -> str:
    return f"{clock.now():%Y-%m-%d}"


def _file_name(number: int) -> str:
    return f"seal-{number:012}.json"


class Mark:
    """One file that holds the newest seal."""

    answers = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    def put(self, number: int, seal: bytes) -> None:
        """Replace what was there."""
        del number
        _write(self.path, seal)

    def newest(self) -> bytes | None:
        """Return the newest seal."""
        return self.path.read_bytes() if self.path.exists() else None


class Folder:
    """Files in a folder for each day."""

    answers = True

    def __init__(self, path: Path) -> None:
        self.name, self._path = f"file://{path}", path

    def put(self, number: int, seal: bytes) -> None:
        """Write the seal to a file of its own; one that is there already stays."""
        path = self._path / _day() / _file_name(number)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, seal)

    def newest(self) -> bytes | None:
        """Return the newest seal by the names of days and files."""
        if not self._path.exists():
            return None
        for day in sorted((day for day in self._path.iterdir() if day.is_dir()), reverse=True):
            files = sorted(day.glob("seal-*.json"))
            if files:
                return files[-1].read_bytes()
        return None


class Bucket:
    """Objects in a bucket that speaks S3, with a prefix for each day."""

    answers = True

    def __init__(self, store: "S3Store", name: str) -> None:
        self.name, self._store = name, store

    def put(self, number: int, seal: bytes) -> None:
        """Write the seal to an object of its own."""
        with told():
            obstore.put(self._store, f"{_day()}/{_file_name(number)}", seal)

    def newest(self) -> bytes | None:
        """Return the newest seal by the names of days and objects."""
        with told():
            for day in sorted(obstore.list_with_delimiter(self._store)["common_prefixes"], reverse=True):
                names = [meta["path"] for batch in obstore.list(self._store, day) for meta in batch]
                if names:
                    return bytes(obstore.get(self._store, max(names)).bytes())
        return None


class Webhook:
    """An address that takes each seal; what it took cannot be read back."""

    answers = False

    def __init__(self, url: str, outgoing: Outgoing) -> None:
        self.name, self._url, self._outgoing = url, url, outgoing

    def put(self, number: int, seal: bytes) -> None:
        """Send the seal. Raises ConnectionError when it was not taken."""
        headers = {"content-type": "application/json", "idempotency-key": _file_name(number)}
        answer = self._outgoing.post(self._url, body=seal, headers=headers)
        if not answer.ok:
            raise ConnectionError(f"{answer.origin} answered {answer.status}")

    def newest(self) -> bytes | None:
        """Return nothing."""
        return None


def _write(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".seal-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def mark_of(settings: Settings) -> Mark:
    """Return the file in the home."""
    return Mark(settings.home.resolve() / _MARK)


def open_sink(settings: Settings) -> Sink | None:
    """Return the second place that the settings name, if they name one."""
    if settings.checkpoint_sink is None:
        return None
    address = urlsplit(settings.checkpoint_sink)
    if address.scheme == "file":
        return Folder(Path(unquote(address.path)))
    if address.scheme == "s3":
        return Bucket(connect_s3(settings, address.netloc, address.path), settings.checkpoint_sink)
    return Webhook(settings.checkpoint_sink, outgoing_of(settings))


class Keeper:
    """Keeps the newest seal in the home and in the sink, beside the sealing and never in its way.

    Where a seal is kept that the log no longer has, nothing more is kept: it is the evidence that the log was cut off.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._mark, self._sink = mark_of(settings), open_sink(settings)
        self._every = settings.checkpoint_seconds
        self._kept: dict[str, Seal] = {}
        self._due = 0.0

    def keep_on(self, stopping: threading.Event) -> None:
        """Keep seals until told to stop, and then the last one."""
        while not stopping.is_set():
            self.keep()
            stopping.wait(LOOK_SECONDS)
        self._due = 0.0
        self.keep()

    def keep(self) -> None:
        """Keep the newest seal where it is not kept yet; what fails is tried again the next time."""
        self._keep_in(self._mark)
        if self._sink is not None and time.monotonic() >= self._due:
            self._keep_in(self._sink)
            self._due = time.monotonic() + self._every

    def _keep_in(self, sink: Sink) -> None:
        try:
            kept = self._kept.get(sink.name) or _newest_in(sink)
            with self._database.read() as db:
                newest = queries.find_seal(db)
                still = queries.find_seal(db, kept.stated.number) if newest is not None and kept is not None else None
            if newest is None or newest == kept:
                return
            if kept is not None and kept != still:
                get_logger().error("checkpoint.contradicts", sink=sink.name, seal=kept.stated.number)
                return
            sink.put(newest.stated.number, msgspec.json.encode(newest))
            self._kept[sink.name] = newest
        except (DBAPIError, PoolTimeout):
            return  # the job process says so, and waits for the database
        except _TROUBLE as error:
            get_logger().warning("checkpoint.failed", sink=sink.name, error=str(error)[:300])


def _newest_in(sink: Sink) -> Seal | None:
    text = sink.newest()
    return msgspec.json.decode(text, type=Seal) if text is not None else None


def kept_elsewhere(settings: Settings, keys: list[Ed25519PublicKey]) -> tuple[list[Checkpoint], list[str]]:
    """Return the newest seal of each place that can be read, and what to say about the others."""
    ring = keyring(keys)
    found: list[Checkpoint] = []
    notes: list[str] = []
    for sink in filter(None, [mark_of(settings), open_sink(settings)]):
        if not sink.answers:
            notes.append(f"What {sink.name} took cannot be read back: compare it there.")
            continue
        try:
            seal = _newest_in(sink)
            if seal is None:
                notes += [f"Nothing is kept in {sink.name} yet."] if sink.name != _MARK else []
                continue
            stated = seal.stated
        except _TROUBLE as error:
            notes.append(f"The seals in {sink.name} cannot be read: {str(error)[:200]}.")
            continue
        key = ring.get(stated.key)
        if key is None or not seal.is_signed_by(key):
            notes.append(f"The newest seal in {sink.name} is not signed by a key of this installation.")
        else:
            found.append(Checkpoint(sink.name, stated.number, seal.digest))
    return found, notes
