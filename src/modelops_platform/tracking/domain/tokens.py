"""Page tokens: the sort keys of the last row, bound to the question they continue."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from modelops_platform.core.errors import InvalidInput

_LONGEST = 60_000


def fingerprint(*question: Any) -> str:
    """Return what tells one question from another."""
    text = json.dumps(question, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def encode_token(keys: Sequence[Any], bound_to: str) -> str:
    """Return the token of the page after a row with these keys (texts, numbers, None)."""
    text = json.dumps([bound_to, list(keys)], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()


def decode_token(token: str, bound_to: str, length: int) -> list[Any]:
    """Return the keys of a token. Raises InvalidInput for what this question did not give out."""
    try:
        if len(token) > _LONGEST:
            raise ValueError("too long")
        found = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        question, keys = found
        if question != bound_to or len(keys) != length or not all(_is_plain(key) for key in keys):
            raise ValueError("another question's token")
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise InvalidInput(
            f"Invalid page token {token[:60]!r}: this search did not give it out.",
            remedy="Pass the token of the page before unchanged, with the same filter and order.",
            field="page_token",
        ) from None
    return list(keys)


def _is_plain(key: Any) -> bool:
    if isinstance(key, str):
        return "\x00" not in key and not any("\ud800" <= one <= "\udfff" for one in key)
    if isinstance(key, float):
        return key == key  # never NaN, which compares with nothing
    return key is None or (type(key) is int and abs(key) < 2**63)
