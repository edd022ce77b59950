"""Verbs on artifacts: the files that clients keep under paths of their own. The bytes have been stored before."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.store import Received
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotAllowed
from modelops_platform.events import service as events

from .. import queries
from ..domain.places import Place, below, checked_path, ways_to
from ..queries.artifacts import Frozen
from ..queries.statements import Statement
from .experiments import now_ms

_PUT = Statement(
    "INSERT INTO artifacts (workspace_id, path, experiment_id, owner_kind, owner_id, sha256, size, described,"
    " logged_ms, logged_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, path) DO UPDATE"
    " SET sha256 = excluded.sha256, size = excluded.size, described = excluded.described,"
    " logged_ms = excluded.logged_ms, logged_by = excluded.logged_by"
)


# Whoever freezes a folder waits for those who write below it, and they for it (PostgreSQL; SQLite has one writer).
_AMONG_OTHERS = Statement("SELECT 1 FROM experiments WHERE id = ?", locks="FOR SHARE")
_ALONE = Statement("SELECT 1 FROM experiments WHERE id = ?", locks="FOR NO KEY UPDATE")


def check_may_put(db: Session, actor: Actor, path: str) -> str:
    """Return the path as it is kept, if the actor may put a file there. Raises InvalidInput, NotFound, NotAllowed."""
    path = checked_path(path)
    queries.get_place(db, actor, path, Permission.LOG_RUNS)
    _must_be_free(db, actor, path)
    return path


def _must_be_free(db: Session, actor: Actor, path: str) -> None:
    """Raise InvalidInput where a folder has the name, or a file is where the path needs a folder."""
    connection = db.connection()
    if queries.list_files(connection, actor.workspace_id, path, limit=1):
        raise InvalidInput(f"{path[:200]!r} is a folder.", remedy="Choose another path.", field="path")
    for way in ways_to(path)[1:]:
        if queries.find_file(connection, actor.workspace_id, way) is not None:
            raise InvalidInput(f"{way[:200]!r} is a file, not a folder.", remedy="Choose another path.", field="path")


def put_artifact(
    db: Session, actor: Actor, path: str, received: Received, described: Mapping[str, Any] | None = None
) -> None:
    """Let the path name these bytes from now on. Raises as `check_may_put`, and InvalidInput in a frozen folder."""
    path = checked_path(path)
    place = queries.get_place(db, actor, path, Permission.LOG_RUNS)
    connection = db.connection()
    _AMONG_OTHERS.one(connection, place.experiment_id)
    before = queries.find_file(connection, actor.workspace_id, path)
    if before is not None and before.sha256 == received.sha256:
        return
    _must_not_be_frozen(queries.find_frozen(connection, actor.workspace_id, path), path)
    _must_be_free(db, actor, path)
    artifacts.put_blob(db, actor, received, place, name=path)
    _PUT.do(
        connection, actor.workspace_id, path, place.experiment_id, place.object_kind, place.id, received.sha256,
        received.size, json.dumps(described, ensure_ascii=False) if described else None, now_ms(), actor.id,
    )  # fmt: skip
    if before is not None:
        _let_go(db, place, {before.sha256})


def _must_not_be_frozen(frozen: Frozen | None, path: str) -> None:
    if frozen is not None:
        raise InvalidInput(
            f"{path[:200]!r} belongs to {frozen.model_name!r} version {frozen.version_number}, whose files stay as "
            "they are.",
            remedy="Log to another path, and register a new version.",
            field="path",
            value=path[:200],
            version=f"{frozen.model_name} v{frozen.version_number}",
        )


_KEPT = Statement("SELECT 1 FROM artifacts WHERE owner_kind = ? AND owner_id = ? AND sha256 = ? LIMIT 1")


def _let_go(db: Session, owner: Place, digests: set[str]) -> None:
    """Let the owner release the bytes that none of its paths names any more."""
    connection = db.connection()
    unused = {one for one in digests if _KEPT.one(connection, owner.object_kind, owner.id, one) is None}
    if unused:
        artifacts.release_blobs(db, owner, unused)


_DELETE = Statement("DELETE FROM artifacts WHERE workspace_id = ? AND (path = ? OR (path >= ? AND path < ?))")


def delete_artifacts(db: Session, actor: Actor, path: str) -> int:
    """Delete a file, or a folder with all below it, and return how many files; none is fine.

    Raises InvalidInput (also in, or around, a frozen folder), NotFound, NotAllowed.
    """
    path = checked_path(path.removesuffix("/"))
    place = queries.get_place(db, actor, path, Permission.LOG_RUNS)
    connection = db.connection()
    _AMONG_OTHERS.one(connection, place.experiment_id)
    file = queries.find_file(connection, actor.workspace_id, path)
    gone = [file] if file else queries.list_files(connection, actor.workspace_id, path)
    _must_not_be_frozen(queries.find_frozen(connection, actor.workspace_id, path, inside=True), path)
    if not gone:
        return 0
    if any(one.experiment_id != place.experiment_id for one in gone):
        raise NotAllowed("Below that folder are files of other experiments.", remedy="Delete your own folders.")
    _DELETE.do(connection, actor.workspace_id, path, *below(path))
    by_owner: dict[tuple[str, str], set[str]] = {}
    for one in gone:
        by_owner.setdefault((one.owner_kind, one.owner_id), set()).add(one.sha256)
    for (kind, id_), digests in by_owner.items():
        _let_go(db, Place(kind, id_, place.experiment_id, place.unit_id), digests)
    events.record(db, actor, "artifact.deleted", place, path=path, files=len(gone))
    return len(gone)


_FREEZE = Statement(
    "INSERT INTO frozen_folders (version_id, workspace_id, path, model_id, model_name, version_number)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_RENAME = Statement("UPDATE frozen_folders SET model_name = ? WHERE model_id = ?")


def begin_freezing(db: Session, experiment_id: str) -> None:
    """Let whoever writes below the experiment wait until this transaction ends."""
    _ALONE.one(db.connection(), experiment_id)


def freeze_folder(
    db: Session, workspace_id: str, path: str, *, version_id: str, model_id: str, model_name: str, version_number: int
) -> None:
    """Keep a folder as it is from now on, for a version that points at it."""
    _FREEZE.do(db.connection(), version_id, workspace_id, path, model_id, model_name, version_number)


def rename_frozen(db: Session, model_id: str, model_name: str) -> None:
    """Let frozen folders tell the new name of the model that needs them."""
    _RENAME.do(db.connection(), model_name, model_id)
