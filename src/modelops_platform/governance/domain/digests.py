"""One digest of some content: the same for the same content, in whatever order it was put together."""

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date


def _plain(value: object) -> object:
    """Turn what JSON does not know into plain data whose order hangs on nothing but itself."""
    if isinstance(value, date):  # a moment, too
        return value.isoformat()
    if slots := getattr(type(value), "__slots__", ()):
        return {name: getattr(value, name) for name in slots}
    match value:
        case Mapping():
            return {str(key): item for key, item in value.items()}
        case AbstractSet():
            return sorted(str(item) for item in value)
    return str(value)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def digest_of(content: object) -> str:
    """Make the digest of plain data and value objects."""
    return hashlib.sha256(_ENCODER.encode(content).encode("utf-8", "surrogatepass")).hexdigest()
