"""The message that a form leaves for the next page: a cookie that lives until it is shown once.

The way back is marked with a key of the installation, for the person it was made for: a cookie that somebody else
planted in the browser offers nothing.
"""

import hmac
import json
from typing import Any
from urllib.parse import quote, unquote

from .frame import Toast, Undo

LASTS_SECONDS = 60
LONGEST_TEXT = 300
LARGEST_COOKIE = 3_800  # browsers keep 4096 bytes, name and attributes included


def flash_key(secret: bytes) -> bytes:
    """Return the key of these cookies, made from a secret of the installation."""
    return hmac.digest(secret, b"flash", "sha256")


def write_toast(text: str, undo: Undo | None, *, key: bytes, person: str) -> str:
    """Return the cookie's value; the way back is left out where it does not fit."""
    told: dict[str, object] = {"text": text[:LONGEST_TEXT]}
    if undo is None:
        return _write(told)
    value = _write(told | {"url": undo.url, "fields": undo.fields, "mark": _mark(key, person, undo.url, undo.fields)})
    return value if len(value) <= LARGEST_COOKIE else _write(told)


def _write(told: dict[str, object]) -> str:
    return quote(json.dumps(told, ensure_ascii=False, separators=(",", ":")), safe="")


def _mark(key: bytes, person: str, url: str, fields: dict[str, str]) -> str:
    content = json.dumps([person, url, sorted(fields.items())], ensure_ascii=True)
    return hmac.new(key, content.encode(), "sha256").hexdigest()


def read_toast(value: str | None, *, key: bytes, person: str) -> Toast | None:
    """Return what a cookie says; the way back only as this installation offered it to this person."""
    try:
        told = json.loads(unquote(value or ""))
        text = str(told["text"])[:LONGEST_TEXT].encode(errors="ignore").decode()  # no lone surrogates
        return Toast(text, undo=_undo(told, key, person)) if text else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _undo(told: dict[str, Any], key: bytes, person: str) -> Undo | None:
    if "mark" not in told:
        return None
    url, fields = str(told["url"]), {str(name): str(field) for name, field in told["fields"].items()}
    is_ours = hmac.compare_digest(_mark(key, person, url, fields).encode(), str(told["mark"]).encode())
    return Undo(url, fields) if is_ours else None
