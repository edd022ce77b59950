"""Verbs on evaluation sets, their records, and scorers."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import count_changed, try_add
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events

from .. import queries
from ..domain.evaluation import checked_names, digest_of_inputs, holds_code, merged, read_json, schema_with, user_of
from ..domain.traces import checked_length
from ..domain.words import Lifecycle
from ..queries.evaluation import get_evaluation_set, list_scorer_versions
from ..tables import (
    EvaluationExperiment,
    EvaluationRecord,
    EvaluationSet,
    EvaluationTag,
    Experiment,
    ScorerVersion,
)
from .experiments import now_ms

_TRIES = 5
MOST_EXPERIMENTS = 1_000


def create_evaluation_set(
    db: Session, actor: Actor, name: str, *, tags: Mapping[str, str | None], experiment_ids: Sequence[str]
) -> EvaluationSet:
    """Make an evaluation set in the actor's home unit. Raises NotFound (an experiment), NotAllowed, InvalidInput."""
    if actor.unit_id is None:
        raise InvalidInput("You have no home unit, where an evaluation set would belong.", field="name")
    now, by = now_ms(), user_of(tags, actor.name)
    made = EvaluationSet(
        id=f"d-{secrets.token_hex(16)}",
        workspace_id=actor.workspace_id,
        unit_id=actor.unit_id,
        name=checked_names(name, by),
        digest=secrets.token_hex(4),
        tags={},
        made_by_name=by,
        changed_by_name=by,
        created_by=actor.id,
        created_ms=now,
        updated_ms=now,
    )
    actor.must(Permission.LOG_RUNS, made)
    db.add(made)
    db.flush()
    _put_tags(db, made, tags)
    _use_in(db, actor, made, experiment_ids)
    events.record(db, actor, "evaluation_set.created", made)
    return made


def _to_change(db: Session, actor: Actor, set_id: str) -> EvaluationSet:
    found = get_evaluation_set(db, actor, set_id, to_change=True)
    actor.must(Permission.LOG_RUNS, found)
    return found


def _touch(found: EvaluationSet, by: str) -> None:
    found.changed_by_name, found.updated_ms = by, now_ms()


def _put_tags(db: Session, found: EvaluationSet, tags: Mapping[str, str | None]) -> None:
    kept = {**found.tags, **tags}
    found.tags = {key: value for key, value in kept.items() if value is not None}
    db.execute(delete(EvaluationTag).where(EvaluationTag.set_id == found.id))
    db.add_all(EvaluationTag(set_id=found.id, key=key, value=value) for key, value in found.tags.items())
    db.flush()


def _use_in(db: Session, actor: Actor, found: EvaluationSet, experiment_ids: Sequence[str]) -> None:
    if len(experiment_ids) > MOST_EXPERIMENTS:
        raise InvalidInput(f"At most {MOST_EXPERIMENTS:,} experiments are named at once.", field="experiment_ids")
    for wanted in experiment_ids:
        experiment = queries.get_experiment(db, actor, wanted)
        if db.get(EvaluationExperiment, (found.id, experiment.id)) is None:
            db.add(EvaluationExperiment(set_id=found.id, experiment_id=experiment.id))
            db.flush()


def delete_evaluation_set(db: Session, actor: Actor, set_id: str) -> None:
    """Delete an evaluation set with its records. Raises NotFound, NotAllowed."""
    found = _to_change(db, actor, set_id)
    events.record(db, actor, "evaluation_set.deleted", found, records=found.record_count)
    for table in (EvaluationRecord, EvaluationExperiment, EvaluationTag):
        db.execute(delete(table).where(table.set_id == found.id))
    db.delete(found)
    db.flush()


def set_evaluation_tags(db: Session, actor: Actor, set_id: str, tags: Mapping[str, str | None]) -> EvaluationSet:
    """Put tags on an evaluation set; one without a value is taken off. Raises NotFound, NotAllowed."""
    found = _to_change(db, actor, set_id)
    _put_tags(db, found, tags)
    _touch(found, user_of(tags, actor.name))
    return found


def add_to_experiments(db: Session, actor: Actor, set_id: str, experiment_ids: Sequence[str]) -> EvaluationSet:
    """Note that an evaluation set is used in experiments. Raises NotFound, NotAllowed, InvalidInput."""
    found = _to_change(db, actor, set_id)
    _use_in(db, actor, found, experiment_ids)
    _touch(found, actor.name)
    return found


def remove_from_experiments(db: Session, actor: Actor, set_id: str, experiment_ids: Sequence[str]) -> EvaluationSet:
    """Note that an evaluation set is used no longer in experiments. Raises NotFound, NotAllowed."""
    found = _to_change(db, actor, set_id)
    db.execute(
        delete(EvaluationExperiment).where(
            EvaluationExperiment.set_id == found.id,
            EvaluationExperiment.experiment_id.in_(list(experiment_ids)[:MOST_EXPERIMENTS]),
        )
    )
    _touch(found, actor.name)
    return found


def put_records(
    db: Session, actor: Actor, set_id: str, told: Sequence[Mapping[str, Any]], *, by: str | None = None
) -> tuple[int, int]:
    """Add records, or what is new of those whose inputs are there already; say how many of each.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    found = _to_change(db, actor, set_id)
    checked_names(found.name, by)
    by_inputs = {digest_of_inputs(record["inputs"]): record for record in told}
    known = {record.inputs_digest: record for record in _with_inputs(db, found, list(by_inputs))}
    now = now_ms()
    inserted = updated = 0
    for position, record in enumerate(told):
        digest, user = digest_of_inputs(record["inputs"]), user_of(record.get("tags") or {}, by or actor.name)
        kept = known.get(digest)
        if kept is not None:
            kept.content, kept.changed_by_name, kept.updated_ms = merged(kept.content, record), user, now
            updated += 1
            continue
        known[digest] = EvaluationRecord(
            id=f"dr-{position:06x}{secrets.token_hex(13)}",  # in the order of the batch
            set_id=found.id,
            inputs_digest=digest,
            content=dict(record),
            made_by_name=user,
            changed_by_name=user,
            created_by=actor.id,
            created_ms=now,
            updated_ms=now,
        )
        db.add(known[digest])
        inserted += 1
    found.schema, found.digest = schema_with(found.schema, told), secrets.token_hex(4)
    found.record_count += inserted
    _touch(found, by or actor.name)
    db.flush()
    return inserted, updated


def _with_inputs(db: Session, found: EvaluationSet, digests: list[str]) -> list[EvaluationRecord]:
    kept: list[EvaluationRecord] = []
    for start in range(0, len(digests), 500):
        wanted = select(EvaluationRecord).where(
            EvaluationRecord.set_id == found.id, EvaluationRecord.inputs_digest.in_(digests[start : start + 500])
        )
        kept.extend(db.scalars(wanted))
    return kept


def delete_records(db: Session, actor: Actor, set_id: str, record_ids: Sequence[str]) -> int:
    """Delete records of an evaluation set, and say how many there were. Raises NotFound, NotAllowed, InvalidInput."""
    if len(record_ids) > MOST_EXPERIMENTS:
        raise InvalidInput(f"At most {MOST_EXPERIMENTS:,} records are deleted at once.", field="dataset_record_ids")
    found = _to_change(db, actor, set_id)
    named = EvaluationRecord.set_id == found.id, EvaluationRecord.id.in_(list(record_ids))
    count = count_changed(db, delete(EvaluationRecord).where(*named))
    found.record_count -= count
    _touch(found, actor.name)
    return count


def register_scorer(db: Session, actor: Actor, experiment_id: str, name: str, serialized: str) -> ScorerVersion:
    """Keep a version of a scorer; it is never run here. Raises NotFound, NotAllowed, InvalidInput."""
    experiment = _experiment_to_log(db, actor, experiment_id)
    checked_length(name, 250, "name")
    told = read_json(serialized, "serialized_scorer")
    if not isinstance(told, dict):
        raise InvalidInput("A serialized scorer is a JSON object.", field="serialized_scorer")
    if holds_code(told):  # clients refuse the whole list that holds one
        raise InvalidInput(
            "A scorer made by the decorator @scorer is not registered: whoever lists scorers would run its source.",
            remedy="Keep it in a repository and import it, or use built-in scorers and make_judge().",
            field="serialized_scorer",
        )
    of_name = select(func.max(ScorerVersion.version), func.max(ScorerVersion.scorer_id)).where(
        ScorerVersion.experiment_id == experiment.id, ScorerVersion.name == name
    )
    for _ in range(_TRIES):
        last, scorer_id = db.execute(of_name).one()
        made = ScorerVersion(
            experiment_id=experiment.id,
            name=name,
            version=(last or 0) + 1,
            scorer_id=scorer_id or new_id(),
            serialized=serialized,
            created_by=actor.id,
            created_ms=now_ms(),
        )
        if try_add(db, made):
            return made
        # Somebody else took the number.
    raise AlreadyExists(f"The next version of scorer '{name[:80]}' is taken.", remedy="Try again.", field="name")


def delete_scorer(db: Session, actor: Actor, experiment_id: str, name: str, *, version: int | None = None) -> None:
    """Delete a version of a scorer, or all. Raises NotFound, NotAllowed."""
    experiment = _experiment_to_log(db, actor, experiment_id)
    for found in list_scorer_versions(db, experiment, name, version=version):
        db.delete(found)
    db.flush()


def _experiment_to_log(db: Session, actor: Actor, experiment_id: str) -> Experiment:
    experiment = queries.get_experiment(db, actor, experiment_id)
    queries.must(actor, Permission.LOG_RUNS, experiment)
    if experiment.lifecycle != Lifecycle.ACTIVE:
        raise InvalidInput(
            f"The experiment {experiment.id} must be in the 'active' state.",
            remedy="Restore it first.",
            field="experiment_id",
        )
    return experiment
