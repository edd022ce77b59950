"""Keeping how models stand towards protected environments: after each event, and for all of them each night."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import system_actor
from modelops_platform.core.db import table_of
from modelops_platform.core.ids import new_id
from modelops_platform.events.tables import Event
from modelops_platform.jobs import service as jobs

from .. import queries
from ..tables import ComplianceInterval

COMPLIANCE = "governance.compliance"
_COMPARED = ("version_id", "is_live", "tier", "outcome", "unmet", "policy_id", "policy_version", "environment")
_TABLE = table_of(ComplianceInterval)


def written(standing: queries.Judged) -> dict[str, Any]:
    """Return a standing as plain values, for a job to carry."""
    return {
        "model_id": standing.subject.model_id,
        "environment_id": standing.subject.target.environment_id,
        "facts_digest": standing.facts_digest,
        **standing.values(),
    }


def keep(db: Session, workspace_id: str, model_ids: Collection[str], standings: Sequence[Mapping[str, Any]]) -> int:
    """End the intervals that hold no longer, begin those that hold now, and return how many began."""
    now = clock.now()
    open_ones = {
        (row.model_id, row.environment_id): row
        for row in db.execute(
            select(_TABLE).where(_TABLE.c.model_id.in_(model_ids), _TABLE.c.to_at.is_(None)).with_for_update()
        )
    }
    now = max([now, *(row.from_at for row in open_ones.values())])  # a clock may have been set back
    ended: list[str] = []
    begun: list[dict[str, Any]] = []
    for standing in standings:
        before = open_ones.pop((standing["model_id"], standing["environment_id"]), None)
        if before is not None and all(getattr(before, name) == standing[name] for name in _COMPARED):
            continue
        if before is not None:
            ended.append(before.id)
        begun.append({"id": new_id(), "workspace_id": workspace_id, "from_at": now, "to_at": None, **standing})
    ended += [row.id for row in open_ones.values()]  # archived, or no version is left
    if ended:
        db.execute(update(_TABLE).where(_TABLE.c.id.in_(ended)).values(to_at=now))
    if begun:
        db.execute(insert(_TABLE), begun)
    return len(begun)


def _touched_since(db: Session, model_ids: Collection[str], moment: datetime) -> set[str]:
    """Return the models to which something happened since: another job, which follows that, knows better."""
    return set(
        db.scalars(
            select(Event.model_id)
            .where(Event.model_id.in_(model_ids), Event.at >= moment, Event.kind.not_like("gate.%"))
            .distinct()
        )
    )


def recompute_all(db: Session, workspace_id: str, after: str = "") -> None:
    """Have the standings of every model behind one worked out anew by a job, batch after batch."""
    _enqueue(db, workspace_id, {"after": after}, f"{COMPLIANCE}:all:{after}")


def recompute_soon(db: Session, workspace_id: str, model_ids: Collection[str]) -> None:
    """Have the standings of these models worked out anew by jobs, so that nobody waits for it to write."""
    ids = sorted(model_ids)
    for first in range(0, len(ids), queries.BATCH):
        _enqueue(db, workspace_id, {"model_ids": ids[first : first + queries.BATCH]}, None)


def _enqueue(db: Session, workspace_id: str, args: dict[str, Any], key: str | None) -> None:
    title = "Work out how models stand towards the policies"
    jobs.enqueue(db, system_actor(workspace_id), COMPLIANCE, args, key=key, title=title)


def prepare_batch(db: Session, workspace_id: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Work out a batch while nobody waits for the database: what the job then only has to keep."""
    began = clock.now()
    wanted = args.get("model_ids")
    ids = list(wanted) if wanted else list(queries.list_model_ids(db, workspace_id, after=str(args.get("after", ""))))
    found = [written(standing) for standing in queries.judge_models(db, workspace_id, ids)] if ids else []
    follows = ids[-1] if not wanted and len(ids) == queries.BATCH else None
    return {"ids": ids, "standings": found, "began": began, "follows": follows}


def keep_batch(db: Session, workspace_id: str, worked: Mapping[str, Any]) -> dict[str, int]:
    """Keep a batch that was worked out, and go on with the next."""
    touched = _touched_since(db, worked["ids"], worked["began"])
    ids = [id for id in worked["ids"] if id not in touched]
    begun = keep(db, workspace_id, ids, [row for row in worked["standings"] if row["model_id"] not in touched])
    if worked["follows"] is not None:
        recompute_all(db, workspace_id, worked["follows"])
    return {"judged": len(worked["standings"]), "changed": begun}
