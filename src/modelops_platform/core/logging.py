"""One JSON line per request and job; never inputs or secrets."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import msgspec


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Have a library not be found."""
    before = sys.modules.get(name)
    sys.modules[name] = cast(Any, None)
    try:
        yield
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before


with _hidden("rich"):  # for colours on a terminal, which our lines have not; it takes 5 MB of every process
    import structlog


def configure_logging(level: str = "info") -> None:
    """Send structured lines to standard error, from our code and from libraries alike."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[_print],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, _Lines(sys.stderr.buffer))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class _Lines:
    """Where lines go; one that cannot be written, on a full disk, is lost, and nobody's request with it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = getattr(stream, "raw", stream)  # a buffer would keep what cannot be written

    def write(self, line: bytes) -> None:
        with suppress(OSError):
            self._stream.write(line)

    def flush(self) -> None:
        """Do nothing: what was written is out."""


def _print(_logger: Any, method: str, line: structlog.typing.EventDict) -> bytes:
    """Do in one go for our own lines what the processors above do for those of libraries."""
    line["level"] = method
    line["at"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    if "exc_info" in line:
        line = structlog.processors.format_exc_info(_logger, method, line)
    return _encode(line)


_encode = msgspec.json.Encoder(enc_hook=repr).encode


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return the logger; its events are short past-tense names with facts as fields."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger())
