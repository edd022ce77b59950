"""A store in a bucket that speaks S3."""

from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import MemoryStore, S3Store

from modelops_platform.core.settings import Settings

from .blocks import Stored
from .store import Store
from .trouble import told

_PART_BYTES = 8 * 1024**2
_MOST_PARTS = 9_000  # S3 takes 10,000
_PARTS_AT_ONCE = 2


def connect_s3(settings: Settings, bucket: str, prefix: str) -> S3Store:
    """Return the bucket; without keys in the settings those of the environment or machine are used."""
    endpoint = settings.s3_endpoint
    keys = {
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": settings.s3_secret_access_key,
    }
    options: dict[str, str] = {name: key.get_secret_value() for name, key in keys.items() if key is not None}
    if endpoint is not None:
        options["endpoint"] = endpoint
    return S3Store(
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


class ObjectStore(Store):
    """Objects at `sha256/ab/cdef...`. A put is atomic: nobody sees a part of one."""

    def __init__(self, bucket: S3Store | MemoryStore, spool: Path) -> None:
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
        except (FileNotFoundError, NotFoundError):
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
        except AlreadyExistsError:
            if self._size(stored.sha256) == stored.size:
                return False
            obstore.put(self._bucket, key, path.read_bytes(), use_multipart=False)
        return True

    def _read(self, stored: Stored, start: int, length: int) -> bytes:
        try:
            return bytes(obstore.get_range(self._bucket, _key(stored.sha256), start=start, length=length))
        except (FileNotFoundError, NotFoundError):
            raise
        except BaseError:
            if self._size(stored.sha256) == stored.size:
                raise
            return b""  # a range beyond the end: the object was cut short


def _key(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256[2:]}"
