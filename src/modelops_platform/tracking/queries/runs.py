"""Reads of runs: heads for writing, rows for pages, documents for clients."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session, selectinload

from modelops_platform.core.actor import Actor, Permission

from ..domain.documents import RunInfo, RunParts, print_run
from ..tables import Run
from .rights import RunHead, may, no_run
from .statements import Statement, marks

_HEAD = Statement(
    "SELECT r.id, r.experiment_id, e.unit_id, r.name, r.status, r.lifecycle, r.created_by, r.document IS NOT NULL"
    " FROM runs r JOIN experiments e ON e.id = r.experiment_id WHERE r.id = ? AND e.workspace_id = ?",
    locks="FOR NO KEY UPDATE OF r",
)
_HEAD_TO_READ = Statement(
    "SELECT r.id, r.experiment_id, e.unit_id, r.name, r.status, r.lifecycle, r.created_by, r.document IS NOT NULL"
    " FROM runs r JOIN experiments e ON e.id = r.experiment_id WHERE r.id = ? AND e.workspace_id = ?"
)


def get_head(db: Session, actor: Actor, run_id: str, *, to_change: bool = False) -> RunHead:
    """Return the head of a run. Raises NotFound, also for a run that the actor may not see.

    With `to_change` whoever wants to change the same run waits until this transaction ends.
    """
    statement = _HEAD if to_change else _HEAD_TO_READ
    row = statement.one(db.connection(), run_id[:300], actor.workspace_id)
    if row is None:
        raise no_run(run_id)
    head = RunHead(*row)
    if not may(actor, Permission.VIEW, head):
        raise no_run(run_id)
    return head


def get_run(db: Session, actor: Actor, run_id: str) -> Run:
    """Return a run with its experiment. Raises NotFound, also for a run that the actor may not see."""
    get_head(db, actor, run_id)
    return db.get_one(Run, run_id, options=[selectinload(Run.experiment)])


def get_run_document(db: Session, actor: Actor, run_id: str) -> bytes:
    """Return a run as clients read it, JSON. Raises NotFound."""
    head = get_head(db, actor, run_id)
    if head.has_document:
        kept = _DOCUMENT.value(db.connection(), head.id)
        if kept is not None:
            return str(kept).encode()
    return make_documents(db.connection(), [head.id])[head.id]


_DOCUMENT = Statement("SELECT document FROM runs WHERE id = ?")
_INFO = (
    "SELECT id, experiment_id, name, user_name, status, start_ms, end_ms, artifact_uri, lifecycle FROM runs"
    " WHERE id IN ({})"
)
_LOGGED = (
    "SELECT run_id, 'metric', key, CAST(NULL AS TEXT), value, timestamp, step FROM latest_metrics WHERE run_id IN ({0})"
    " UNION ALL SELECT run_id, 'param', key, value, NULL, 0, 0 FROM params WHERE run_id IN ({0})"
    " UNION ALL SELECT run_id, 'tag', key, value, NULL, 0, 0 FROM run_tags WHERE run_id IN ({0})"
    " UNION ALL SELECT run_id, direction, model_id, NULL, NULL, logged_ms, step FROM run_models WHERE run_id IN ({0})"
)
_DATA_SETS = (
    "SELECT u.run_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile, u.tags FROM run_data_sets u"
    " JOIN logged_data_sets d ON d.id = u.data_set_id WHERE u.run_id IN ({}) ORDER BY u.logged_ms, d.id"
)


def make_documents(connection: Connection, run_ids: Sequence[str]) -> dict[str, bytes]:
    """Return runs as clients read them, made from their rows."""
    parts = get_parts(connection, run_ids)
    return {run_id: print_run(found) for run_id, found in parts.items()}


def get_info(connection: Connection, run_id: str) -> RunInfo:
    """Return the head of a run as clients read it."""
    row = Statement(_INFO.format("?")).one(connection, run_id)
    assert row is not None, "the caller holds its head"
    return RunParts(*row).info


def get_parts(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunParts]:
    """Return everything that runs logged, by run."""
    found: dict[str, RunParts] = {}
    for chunk in _chunks(run_ids, 400):
        placed = marks(len(chunk))
        for row in _run(connection, _INFO.format(placed), chunk):
            found[row[0]] = RunParts(*row)
        for run_id, kind, *row in _run(connection, _LOGGED.format(placed), chunk * 4):
            found[run_id].add(kind, *row)
        for run_id, *row in _run(connection, _DATA_SETS.format(placed), chunk):
            found[run_id].data_sets.append(tuple(row))
    return found


def _run(connection: Connection, text: str, values: Sequence[Any]) -> Sequence[Any]:
    return Statement(text).all(connection, *values)


def _chunks(items: Sequence[str], size: int) -> Iterable[list[str]]:
    return (list(items[start : start + size]) for start in range(0, len(items), size))


_WAITING = "SELECT id FROM runs WHERE document IS NULL AND id IN ({})"
_KEEP = Statement("UPDATE runs SET document = ? WHERE id = ?")


def keep_documents(db: Session, run_ids: Sequence[str]) -> None:
    """Make and keep the documents that are missing, so that the next search need not make them.

    The runs are locked first: a write that is under way makes its run's document wait for another time.
    """
    connection = db.connection()
    waiting = Statement(_WAITING.format(marks(len(run_ids))), locks="FOR NO KEY UPDATE SKIP LOCKED")
    ids = [row[0] for row in waiting.all(connection, *run_ids)]
    if ids:
        documents = make_documents(connection, ids)
        _KEEP.many(connection, [(document.decode(), run_id) for run_id, document in documents.items()])
