"""A file on its way in: written under a temporary name, its digests made while it is."""

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from modelops_platform.core.errors import InvalidInput

from .blocks import Digester, Stored
from .trouble import told


class Spool:
    """A temporary file that is gone when the block ends, unless the store has taken it over."""

    def __init__(self, folder: Path) -> None:
        with told():
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(dir=folder, prefix="incoming-")  # mode 0600
        self.path = Path(path)
        self.size = 0
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Add the next bytes. Raises Unavailable when there is no room."""
        with told():
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        self.size += len(data)

    def close(self) -> None:
        """End the file; the store may take it over now."""
        self._file.close()


class Incoming(Spool):
    """A whole file, whose digests are made while it is written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._digester = Digester()
        self._stored: Stored | None = None

    def write(self, data: bytes) -> None:
        """Add the next bytes. Raises Unavailable when there is no room."""
        super().write(data)
        self._digester.update(data)

    def finish(self, expected: str | None = None) -> Stored:
        """End the file and return its digests. Raises InvalidInput when it is not the file that the sender meant."""
        self.close()
        stored = self._stored = self._stored or self._digester.finish()
        if expected is not None and stored.sha256 != expected:
            raise InvalidInput(
                f"The {stored.size:,} bytes that arrived have the SHA-256 {stored.sha256}, not {expected}.",
                remedy="Send the file again; if it happens twice, compute its digest anew.",
                field="sha256",
                value=expected,
            )
        return stored
