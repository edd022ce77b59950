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


def _differs(before: Any, values: Mapping[str, Any]) -> bool:
    """Tell whether a standing is another than the one that is kept, if one is."""
    return before is None or any(getattr(before, name) != values[name] for name in _COMPARED)


def keep(
    db: Session, workspace_id: str, changed: Sequence[Mapping[str, Any]], gone: Collection[tuple[str, str]]
) -> int:
    """End the intervals that hold no longer, begin those that hold now, and return how many began."""
    models = {row["model_id"] for row in changed} | {model_id for model_id, _environment_id in gone}
    if not models:
        return 0
    kept = queries.open_standings(db, models, lock=True)
    now = max([clock.now(), *(row.from_at for row in kept.values())])  # a clock may have been set back
    ended = [kept[key].id for key in gone if key in kept]
    begun: list[dict[str, Any]] = []
    for values in changed:
        before = kept.get((values["model_id"], values["environment_id"]))
        if not _differs(before, values):
            continue  # another job was faster
        if before is not None:
            ended.append(before.id)
        begun.append({"id": new_id(), "workspace_id": workspace_id, "from_at": now, "to_at": None, **values})
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
    """Work out a batch while nobody waits for the database: what stands otherwise than is kept, and what is gone."""
    began = clock.now()
    wanted = args.get("model_ids")
    ids = list(wanted) if wanted else list(queries.list_model_ids(db, workspace_id, after=str(args.get("after", ""))))
    kept = dict(queries.open_standings(db, ids))
    judged, changed = 0, []
    for standing in queries.judge_models(db, workspace_id, ids) if ids else ():
        judged += 1
        values = standing.values()
        if _differs(kept.pop(standing.key, None), values):
            model_id, environment_id = standing.key
            where = {"model_id": model_id, "environment_id": environment_id}
            changed.append({**where, "facts_digest": standing.facts_digest, **values})
    gone = list(kept)  # archived, or no version is left
    follows = ids[-1] if not wanted and len(ids) == queries.BATCH else None
    return {"ids": ids, "judged": judged, "changed": changed, "gone": gone, "began": began, "follows": follows}


def keep_batch(db: Session, workspace_id: str, worked: Mapping[str, Any]) -> dict[str, int]:
    """Keep a batch that was worked out, and go on with the next."""
    differing = {row["model_id"] for row in worked["changed"]} | {model_id for model_id, _place in worked["gone"]}
    touched = _touched_since(db, differing, worked["began"])
    changed = [row for row in worked["changed"] if row["model_id"] not in touched]
    begun = keep(db, workspace_id, changed, [key for key in worked["gone"] if key[0] not in touched])
    if worked["follows"] is not None:
        recompute_all(db, workspace_id, worked["follows"])
    return {"judged": worked["judged"], "changed": begun}
