"""A store in a bucket that speaks S3."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from modelops_platform.core.deferred import Deferred
from modelops_platform.core.settings import Settings

from .blocks import Stored
from .store import Store
from .trouble import told

if TYPE_CHECKING:
    import obstore
    from obstore import exceptions, store
else:
    obstore, exceptions, store = (Deferred(name) for name in ("obstore", "obstore.exceptions", "obstore.store"))

_PART_BYTES = 8 * 1024**2
_MOST_PARTS = 9_000  # S3 takes 10,000
_PARTS_AT_ONCE = 2
_PARTS = "parts/"  # before the keys of files on their way in


def connect_s3(settings: Settings, bucket: str, prefix: str) -> "store.S3Store":
    """Return the bucket; without keys in the settings those of the environment or machine are used."""
    endpoint = settings.s3_endpoint
    keys = {
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": settings.s3_secret_access_key,
    }
    options: dict[str, str] = {name: key.get_secret_value() for name, key in keys.items() if key is not None}
    if endpoint is not None:
        options["endpoint"] = endpoint
    return store.S3Store(
        bucket,
        prefix=prefix.strip("/") or None,
        region=settings.s3_region,
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": endpoint is not None and endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(minutes=5),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
        **options,  # type: ignore[arg-type]  # given by name, and only those that are set
    )


class DirectPart(NamedTuple):
    """A part that a client has put into the bucket itself; nothing is known of its bytes yet."""

    key: str
    size: int
    etag: str


class ObjectStore(Store):
    """Objects at `sha256/ab/cdef...`. A put is atomic: nobody sees a part of one."""

    def __init__(self, bucket: "store.S3Store | store.MemoryStore", spool: Path) -> None:
        super().__init__(spool)
        self._bucket = bucket

    def exists(self, sha256: str) -> bool:
        with told():
            return self._size(sha256) is not None

    def delete(self, sha256: str) -> None:
        try:
            with told():
                obstore.delete(self._bucket, _key(sha256))
        except FileNotFoundError:
            pass

    def check(self) -> None:
        with told():
            self.spool.mkdir(parents=True, exist_ok=True)
            self._size("0" * 64)

    def _size(self, sha256: str) -> int | None:
        try:
            return int(obstore.head(self._bucket, _key(sha256))["size"])
        except (FileNotFoundError, exceptions.NotFoundError):
            return None

    def _place(self, path: Path, stored: Stored, replace: bool) -> bool:
        """Put small files by one conditional request, large ones in parts: at worst equal bytes replace each other."""
        key = _key(stored.sha256)
        if not replace and self._size(stored.sha256) == stored.size:
            return False
        if stored.size > _PART_BYTES:
            part = max(_PART_BYTES, -(-stored.size // _MOST_PARTS))
            obstore.put(self._bucket, key, path, chunk_size=part, max_concurrency=_PARTS_AT_ONCE)
            return True
        try:
            obstore.put(
                self._bucket, key, path.read_bytes(), mode="overwrite" if replace else "create", use_multipart=False
            )
        except exceptions.AlreadyExistsError:
            if self._size(stored.sha256) == stored.size:
                return False
            obstore.put(self._bucket, key, path.read_bytes(), use_multipart=False)
        return True

    def list_stored(self, beginning: str, older_than_seconds: float) -> Iterator[tuple[str, int]]:
        oldest = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        with told():
            for second in "0123456789abcdef":
                for batch in obstore.list(self._bucket, prefix=f"sha256/{beginning}{second}/"):
                    for entry in batch:
                        if entry["last_modified"] < oldest:
                            yield "".join(entry["path"].split("/")[-2:]), int(entry["size"])

    def invite(self, upload_id: str, count: int, seconds: int) -> list[str]:
        """Return addresses to which a client may put the parts of a file itself. Raises Unavailable."""
        keys = [f"{_PARTS}{upload_id}/{number:05d}" for number in range(1, count + 1)]
        with told():
            return list(obstore.sign(cast("store.S3Store", self._bucket), "PUT", keys, timedelta(seconds=seconds)))

    def list_direct(self, upload_id: str) -> dict[int, DirectPart]:
        """Return the parts that a client has put there, by number. Raises Unavailable."""
        found: dict[int, DirectPart] = {}
        with told():
            for batch in obstore.list(self._bucket, prefix=f"{_PARTS}{upload_id}/"):
                for entry in batch:
                    key = f"{upload_id}/{entry['path'].rpartition('/')[2]}"
                    number = int(key.rpartition("/")[2])
                    found[number] = DirectPart(key, int(entry["size"]), (entry["e_tag"] or "").strip('"'))
        return found

    def drop_part(self, key: str) -> None:
        try:
            with told():
                obstore.delete(self._bucket, _PARTS + key)
        except FileNotFoundError:
            pass

    def drop_parts(self, upload_id: str) -> None:
        with told():
            for batch in obstore.list(self._bucket, prefix=f"{_PARTS}{upload_id}/"):
                obstore.delete(self._bucket, [entry["path"] for entry in batch])

    def list_uploads(self) -> list[str]:
        with told():
            below = obstore.list_with_delimiter(self._bucket, prefix=_PARTS)["common_prefixes"]
        return sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in below)

    def _place_part(self, key: str, path: Path) -> None:
        obstore.put(self._bucket, _PARTS + key, path, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def _read_part(self, key: str, start: int, length: int) -> bytes:
        return bytes(obstore.get_range(self._bucket, _PARTS + key, start=start, length=length))

    def _read(self, stored: Stored, start: int, length: int) -> list[bytes]:
        try:
            return [bytes(obstore.get_range(self._bucket, _key(stored.sha256), start=start, length=length))]
        except (FileNotFoundError, exceptions.NotFoundError):
            raise
        except exceptions.BaseError:
            if self._size(stored.sha256) == stored.size:
                raise
            return []  # a range beyond the end: the object was cut short


def _key(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256[2:]}"
