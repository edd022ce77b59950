"""The message that a form leaves for the next page: a cookie that lives until it is shown once."""

import json
from urllib.parse import quote, unquote

from .frame import Toast, Undo

LASTS_SECONDS = 60
LONGEST_TEXT = 300
LARGEST_COOKIE = 3_800  # browsers keep 4096 bytes, name and attributes included


def write_toast(text: str, undo: Undo | None = None) -> str:
    """Return the cookie's value; the way back is left out where it does not fit."""
    told: dict[str, object] = {"text": text[:LONGEST_TEXT]}
    if undo is None:
        return _write(told)
    value = _write(told | {"url": undo.url, "fields": undo.fields})
    return value if len(value) <= LARGEST_COOKIE else _write(told)


def _write(told: dict[str, object]) -> str:
    return quote(json.dumps(told, ensure_ascii=False, separators=(",", ":")), safe="")


def read_toast(value: str | None) -> Toast | None:
    """Return what a cookie says. Whoever could write cookies may have made it up, so it leads to this site only."""
    try:
        told = json.loads(unquote(value or ""))
        text, url, fields = told["text"], told.get("url"), told.get("fields", {})
        undo = Undo(url, {str(key): str(value) for key, value in fields.items()}) if _is_own(url) else None
        return Toast(str(text)[:LONGEST_TEXT], undo=undo) if text else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _is_own(url: object) -> bool:
    return isinstance(url, str) and url.startswith("/") and not url.startswith(("//", "/\\"))
