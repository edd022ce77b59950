"""What headers say about a transfer: the digest that is expected, the part that is wanted, the name to save it by."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from modelops_platform.core.errors import InvalidInput

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})")
_UNPRINTABLE = re.compile(r"[^ !#-\[\]-~]|%")  # what a quoted file name does not hold


class RangeNotSatisfiable(Exception):
    """The part that is wanted lies beyond the end."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to `end`."""

    start: int
    end: int


def expected_digest(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 that the sender says the body has, if it says so. Raises InvalidInput.

    Read are `X-Content-SHA256` (hex), and `sha-256` of `Content-Digest` and `Repr-Digest` (RFC 9530) and of the older
    `Digest` (RFC 3230).
    """
    found = {header: digest for header in _READERS if (digest := _digest_in(header, headers.get(header)))}
    if len(set(found.values())) > 1:
        raise InvalidInput(
            f"The headers {', '.join(found)} name different digests.",
            remedy="Send one of them.",
            field=next(iter(found)),
        )
    return next(iter(found.values()), None)


def _digest_in(header: str, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return _READERS[header](value)
    except (ValueError, binascii.Error):
        raise InvalidInput(
            f"The header {header} holds {value[:80]!r}, which is no SHA-256.",
            remedy="Send X-Content-SHA256 with 64 hexadecimal digits, or Content-Digest: sha-256=:BASE64:.",
            field=header,
            value=value[:80],
        ) from None


def _from_hex(value: str) -> str:
    if not _HEX.fullmatch(value.strip()):
        raise ValueError("no SHA-256")
    return value.strip().lower()


def _from_base64(value: str) -> str | None:
    """Read `sha-256=:...:` or the older `SHA-256=...` among digests of other algorithms."""
    for entry in value.split(","):
        algorithm, _, encoded = entry.strip().partition("=")
        if algorithm.lower() == "sha-256":
            raw = base64.b64decode(encoded.strip().strip(":"), validate=True)
            if len(raw) != 32:
                raise ValueError("no SHA-256")
            return raw.hex()
    return None


_READERS = {
    "x-content-sha256": _from_hex,
    "content-digest": _from_base64,
    "repr-digest": _from_base64,
    "digest": _from_base64,
}


def wanted_span(headers: Mapping[str, str], etag: str, size: int) -> Span | None:
    """Return the part that is asked for, or None for the whole. Raises RangeNotSatisfiable.

    Several parts, other units and what cannot be read give the whole, and so does `If-Range` with another file's tag.
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or headers.get("if-range", etag).strip() != etag:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    elif last and int(last) < int(first):
        return None
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= size:
        raise RangeNotSatisfiable
    return Span(start, end)


_CONTENT_RANGE = re.compile(r"bytes\s+(\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_OFFSET = re.compile(r"\d{1,18}")


class Part(NamedTuple):
    """Where a part begins, and how large the whole file is said to be."""

    start: int
    total: int | None = None


def part_of(headers: Mapping[str, str]) -> Part:
    """Return what a part is: `Upload-Offset: 0`, or `Content-Range: bytes 0-99/1000`. Raises InvalidInput."""
    offset, span = headers.get("upload-offset"), headers.get("content-range")
    if offset is not None and _OFFSET.fullmatch(offset.strip()):
        return Part(int(offset))
    found = _CONTENT_RANGE.fullmatch((span or "").strip()) if offset is None else None
    length = headers.get("content-length", "")
    if found and int(found[1]) <= int(found[2]) and length in ("", str(int(found[2]) - int(found[1]) + 1)):
        return Part(int(found[1]), None if found[3] == "*" else int(found[3]))
    value = offset if offset is not None else span
    raise InvalidInput(
        "The part does not say where it begins."
        if value is None
        else f"{value[:80]!r} does not say where the part begins, or not of how many bytes it is.",
        remedy="Send Upload-Offset with the number of bytes before this part, 0 for the first one.",
        field="Upload-Offset" if offset is not None or span is None else "Content-Range",
        value=None if value is None else value[:80],
    )


def attachment(path: str) -> str:
    """Return a Content-Disposition that saves the file under the last part of its path (RFC 6266, RFC 8187)."""
    name = path.rpartition("/")[2] or "file"
    plain = _UNPRINTABLE.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
