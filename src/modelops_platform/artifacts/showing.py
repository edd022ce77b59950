"""Showing a stored file: as it was kept, else looked into now, in a limited child and outside of any transaction."""

import base64
import binascii
import json
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelops_platform.core.actor import Actor
from modelops_platform.core.db import Database
from modelops_platform.core.deferred import Deferred

from . import queries, service
from .domain import (
    LARGEST_SHOWN,
    SHOWN_BEGINNING,
    SHOWN_BY_BEGINNING,
    Form,
    Format,
    Verdict,
    form_for,
    why_unshown,
)
from .limited import Ending, run_limited
from .limits import MIB, Limits
from .store import Damage, Store, Stored, store_of
from .tables import Blob

if TYPE_CHECKING:
    import nh3
else:
    nh3 = Deferred("nh3")

EDITION = 1
LIMITS = Limits(wall_seconds=30.0, cpu_seconds=20, memory_bytes=3072 * MIB, output_bytes=16 * MIB)
_CHILD = f"{__package__}.previews.child"
# Threads are of no use to one file, and a child may not start any.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
}
_AT_ONCE = threading.BoundedSemaphore(2)
_PATIENCE_SECONDS = 10.0
_ENDINGS = {
    Ending.OUT_OF_TIME: "Looking into it takes longer than a preview may take.",
    Ending.TOO_MUCH_OUTPUT: "There is more to show than a preview holds.",
    Ending.CRASHED: "Looking into it failed; it may be broken, or need more memory than a preview may use.",
}
_TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_TEXTS = {kind.value for kind in (Format.TEXT, Format.CSV, Format.JSON, Format.XML, Format.PMML, Format.MLMODEL)}
_PNG = b"\x89PNG\r\n\x1a\n"


DIFFERENCE_LIMITS = Limits(wall_seconds=15.0, cpu_seconds=10, memory_bytes=1024 * MIB, output_bytes=16 * MIB)
MOST_COMPARED = 1_000_000
_COMPARER = f"{__package__}.previews.differences"


@dataclass(frozen=True, slots=True)
class View:
    """How a file is shown: its content in a form, or in words why there is none."""

    blob: Blob
    name: str
    form: Form | None = None
    content: dict[str, Any] = field(default_factory=dict)
    why: str | None = None
    reasons: list[str] = field(default_factory=list)
    has_picture: bool = False


def show_file(database: Database, actor: Actor, sha256: str, name: str) -> View:
    """Return how a file is shown under a name. Raises NotFound, NotAllowed (no right to its content).

    A dangerous file is never looked into; its reasons are shown instead.
    """
    with database.read() as db:
        blob, _hold = service.get_readable(db, actor, sha256)
        form, why = _form_or_why(blob, name)
        if form is None:
            return View(blob, name, why=why, reasons=_reasons(blob))
        kept = queries.find_preview(db, sha256, form, EDITION)
        if kept is None:
            store, stored = store_of(db), queries.get_stored(db, sha256)
    if kept is not None:
        return _view(blob, name, form, kept.content)
    return _look_now(database, View(blob, name, form), store, stored)


def _form_or_why(blob: Blob, name: str) -> tuple[Form | None, str | None]:
    """Return how the file is shown, or why it is not."""
    if blob.verdict == Verdict.DANGEROUS:
        return None, "The scan calls this file dangerous, so it is not looked into."
    if blob.damaged_at is not None:
        return None, "Its stored bytes are damaged or missing."
    if blob.format is None:
        return None, "It has not been scanned yet; until then nobody looks into it."
    kind = Format(blob.format)
    form = form_for(kind, name)
    return form, None if form else why_unshown(kind)


def _reasons(blob: Blob) -> list[str]:
    names = f"It would import {', '.join(map(str, blob.globals[:20]))}." if blob.globals else None
    return [*map(str, blob.reasons), *([names] if names else [])]


def _view(blob: Blob, name: str, form: Form, content: dict[str, Any]) -> View:
    return View(
        blob, name, form, content, why=content.get("unshown"), has_picture=bool(content.get("has_picture", False))
    )


def _look_now(database: Database, view: View, store: Store, stored: Stored) -> View:
    assert view.form is not None
    if stored.size > LARGEST_SHOWN and view.form not in SHOWN_BY_BEGINNING:
        return View(view.blob, view.name, why=f"Files of more than {LARGEST_SHOWN // 10**6:,} MB are not looked into.")
    if not _AT_ONCE.acquire(timeout=_PATIENCE_SECONDS):
        return View(view.blob, view.name, why="Many files are being looked into at the moment; load the page again.")
    try:
        content, picture = look_into(store, stored, view.form)
    except Damage as damage:
        with database.write() as db:
            service.note_damage(db, damage)
        return View(view.blob, view.name, why=str(damage))
    finally:
        _AT_ONCE.release()
    with database.write() as db:
        service.keep_preview(db, stored.sha256, view.form, content, picture, EDITION)
    return _view(view.blob, view.name, view.form, content)


def look_into(store: Store, stored: Stored, form: Form, limits: Limits = LIMITS) -> tuple[dict[str, Any], bytes | None]:
    """Return what a file holds, as a limited child reads it, and its picture. Raises Damage, Unavailable."""
    with tempfile.TemporaryDirectory(prefix="look-") as folder:
        path = _local(store, stored, form, Path(folder))
        outcome = run_limited(_CHILD, [str(path), form.value], limits=limits, environment=_ENVIRONMENT)
    if outcome.ending is not Ending.FINISHED:
        return {"unshown": _ENDINGS[outcome.ending]}, None
    try:
        content = json.loads(outcome.output)
        picture = base64.b64decode(content.pop("png"), validate=True) if "png" in content else None
    except (ValueError, RecursionError, AttributeError, TypeError, binascii.Error):
        return {"unshown": _ENDINGS[Ending.CRASHED]}, None
    if picture is not None and not picture.startswith(_PNG):
        picture = None
    return _plain(content) | {"has_picture": picture is not None}, picture


def compare_files(database: Database, actor: Actor, before: str, after: str) -> dict[str, Any]:
    """Return how two texts differ by lines, or `unshown`: why they are not compared. Raises NotFound, NotAllowed."""
    with database.read() as db:
        blobs = [service.get_readable(db, actor, sha256)[0] for sha256 in (before, after)]
        if why := next((words for blob in blobs if (words := _not_compared(blob))), None):
            return {"unshown": why}
        store, both = store_of(db), [queries.get_stored(db, sha256) for sha256 in (before, after)]
    if not _AT_ONCE.acquire(timeout=_PATIENCE_SECONDS):
        return {"unshown": "Many files are being looked into at the moment; load the page again."}
    try:
        with tempfile.TemporaryDirectory(prefix="look-") as folder:
            paths = [str(store.fetch(stored, Path(folder))) for stored in both]
            outcome = run_limited(_COMPARER, paths, limits=DIFFERENCE_LIMITS)
    except Damage as damage:
        with database.write() as db:
            service.note_damage(db, damage)
        return {"unshown": str(damage)}
    finally:
        _AT_ONCE.release()
    try:
        found: dict[str, Any] = json.loads(outcome.output) if outcome.ending is Ending.FINISHED else {}
    except (ValueError, RecursionError):
        found = {}
    return found if "rows" in found else {"unshown": "Comparing them takes longer than a comparison may take."}


def _not_compared(blob: Blob) -> str | None:
    """Say why a file is not compared line by line."""
    if blob.verdict == Verdict.DANGEROUS:
        return "The scan calls one of them dangerous, so they are not looked into."
    if blob.damaged_at is not None:
        return "The stored bytes of one of them are damaged or missing."
    if blob.format not in _TEXTS:
        return "They are not both text."
    if blob.size > MOST_COMPARED:
        return f"Only texts of up to {MOST_COMPARED // 1000:,} KB are compared line by line."
    return None


def _local(store: Store, stored: Stored, form: Form, folder: Path) -> Path:
    """Return a checked file with what the preview needs: all of it, or its beginning."""
    if form not in SHOWN_BY_BEGINNING or stored.size <= SHOWN_BEGINNING:
        return store.fetch(stored, folder)
    path = folder / "beginning"
    path.write_bytes(b"".join(store.read(stored, 0, SHOWN_BEGINNING)))
    return path


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """Return the child's answer with its HTML cleaned and its text storable: the child has met foreign bytes."""
    storable = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    cleaned: dict[str, Any] = _clean(storable)
    return cleaned


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean_html(inner) if key == "html" else _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


def _clean_html(html: object) -> str:
    return nh3.clean(
        str(html),
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        attribute_filter=_outside_only,
        link_rel="noopener noreferrer nofollow",
    )


def _outside_only(_element: str, attribute: str, value: str) -> str | None:
    """Let links lead to other sites only: one to a page of ours would act in the reader's name."""
    return value if attribute != "href" or value.startswith(("http://", "https://", "mailto:")) else None
