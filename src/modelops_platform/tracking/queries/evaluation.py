"""Reads of evaluation sets, their records, and scorers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, asc, desc, exists, func, or_, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.identity.queries import granted

from ..domain.evaluation import EVALUATION_SETS
from ..domain.filters import Clause, Order, parse_filter, parse_order
from ..domain.tokens import decode_token, encode_token, fingerprint
from ..tables import (
    EvaluationExperiment,
    EvaluationRecord,
    EvaluationSet,
    EvaluationTag,
    Experiment,
    ScorerVersion,
)
from .conditions import holds
from .rights import keep_visible, visible_to

_COLUMNS: dict[str, Any] = {
    "name": EvaluationSet.name,
    "created_by": EvaluationSet.made_by_name,
    "last_updated_by": EvaluationSet.changed_by_name,
    "created_time": EvaluationSet.created_ms,
    "last_update_time": EvaluationSet.updated_ms,
}


def _visible_sets(actor: Actor) -> Select[EvaluationSet]:
    return select(EvaluationSet).where(EvaluationSet.workspace_id == actor.workspace_id, granted(EvaluationSet, actor))


def get_evaluation_set(db: Session, actor: Actor, set_id: str, *, to_change: bool = False) -> EvaluationSet:
    """Return an evaluation set. Raises NotFound, also for one that the actor may not see."""
    statement = _visible_sets(actor).where(EvaluationSet.id == set_id[:100])
    if to_change:
        statement = statement.with_for_update(of=EvaluationSet).execution_options(populate_existing=True)
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise NotFound(f"Evaluation dataset with id '{set_id[:80]}' not found.", field="dataset_id", value=set_id[:80])
    return found


def list_experiments_of(db: Session, actor: Actor, set_id: str) -> list[str]:
    """Return the experiments that an evaluation set is used in, of those that the actor may see."""
    linked = select(EvaluationExperiment.experiment_id).where(EvaluationExperiment.set_id == set_id)
    return keep_visible(db.connection(), actor, sorted(db.scalars(linked), key=int))


def search_evaluation_sets(
    db: Session,
    actor: Actor,
    *,
    experiment_ids: Sequence[str],
    text: str | None,
    order_by: Sequence[str],
    limit: int,
    token: str | None,
) -> tuple[Sequence[EvaluationSet], str | None]:
    """Return a page of the evaluation sets that match, and the token of the next. Raises InvalidInput."""
    clauses, orders = parse_filter(text, EVALUATION_SETS), list(parse_order(order_by, EVALUATION_SETS))
    orders = orders or [Order("attribute", "created_time", descending=True)]
    dialect = db.get_bind().dialect.name
    statement = _visible_sets(actor).where(*(_condition(clause, dialect) for clause in clauses))
    if experiment_ids:
        visible = keep_visible(db.connection(), actor, experiment_ids)
        used = and_(EvaluationExperiment.set_id == EvaluationSet.id, EvaluationExperiment.experiment_id.in_(visible))
        statement = statement.where(exists().where(used))
    columns = [(_sorted(_COLUMNS[order.key], order.key == "name", dialect), order.descending) for order in orders]
    columns.append((_sorted(EvaluationSet.id, True, dialect), False))
    bound_to = fingerprint("evaluation", sorted(set(experiment_ids)), text or "", list(order_by))
    if token:
        statement = statement.where(_after(columns, orders, decode_token(token, bound_to, len(columns))))
    keys = [desc(column) if descending else asc(column) for column, descending in columns]
    found = db.scalars(statement.order_by(*keys).limit(limit + 1)).all()
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    values = [getattr(last, _COLUMNS[order.key].key) for order in orders]
    return found[:limit], encode_token([*values, last.id], bound_to)


def _sorted(column: Any, is_text: bool, dialect: str) -> Any:
    return column.collate("C") if is_text and dialect == "postgresql" else column


def _after(columns: list[tuple[Any, bool]], orders: list[Order], values: list[Any]) -> ColumnElement[bool]:
    texts = [order.key == "name" for order in orders] + [True]
    if any(value is None or isinstance(value, str) is not text for value, text in zip(values, texts, strict=True)):
        raise InvalidInput("Invalid page token.", remedy="Start from the first page.", field="page_token")
    choices = []
    for position, (column, descending) in enumerate(columns):
        same = [before == value for (before, _), value in zip(columns[:position], values[:position], strict=True)]
        choices.append(and_(*same, column < values[position] if descending else column > values[position]))
    return or_(*choices)


def _condition(clause: Clause, dialect: str) -> ColumnElement[bool]:
    if clause.entity == "tag":
        tag = and_(EvaluationTag.set_id == EvaluationSet.id, EvaluationTag.key == clause.key)
        return exists().where(tag, holds(EvaluationTag.value, clause, dialect))
    return holds(_COLUMNS[clause.key], clause, dialect)


def page_records(
    db: Session, actor: Actor, set_id: str, *, limit: int, token: str | None
) -> tuple[Sequence[EvaluationRecord], str | None]:
    """Return a page of the records of an evaluation set, the oldest first. Raises NotFound, InvalidInput."""
    found = get_evaluation_set(db, actor, set_id)
    bound_to = fingerprint("records", found.id)
    statement = select(EvaluationRecord).where(EvaluationRecord.set_id == found.id)
    if token:
        at, last = decode_token(token, bound_to, 2)
        if not isinstance(at, int) or not isinstance(last, str):
            raise InvalidInput("Invalid page token.", remedy="Start from the first page.", field="page_token")
        behind = and_(EvaluationRecord.created_ms == at, EvaluationRecord.id > last)
        statement = statement.where(or_(EvaluationRecord.created_ms > at, behind))
    statement = statement.order_by(EvaluationRecord.created_ms, EvaluationRecord.id)
    rows = db.scalars(statement.limit(limit + 1)).all()
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_token([rows[limit - 1].created_ms, rows[limit - 1].id], bound_to)


def list_scorers(db: Session, actor: Actor, experiment_ids: Sequence[str] | None) -> Sequence[ScorerVersion]:
    """Return the newest version of each scorer of the experiments that the actor may see; None stands for all."""
    newest = (
        select(ScorerVersion.experiment_id, ScorerVersion.name, func.max(ScorerVersion.version).label("version"))
        .group_by(ScorerVersion.experiment_id, ScorerVersion.name)
        .subquery()
    )
    statement = select(ScorerVersion).join(
        newest,
        and_(
            ScorerVersion.experiment_id == newest.c.experiment_id,
            ScorerVersion.name == newest.c.name,
            ScorerVersion.version == newest.c.version,
        ),
    )
    if experiment_ids is None:
        visible = visible_to(actor).with_only_columns(Experiment.id)
        statement = statement.where(ScorerVersion.experiment_id.in_(visible))
    else:
        kept = keep_visible(db.connection(), actor, experiment_ids)
        statement = statement.where(ScorerVersion.experiment_id.in_(kept))
    return db.scalars(statement.order_by(ScorerVersion.experiment_id, ScorerVersion.name).limit(10_000)).all()


def list_scorer_versions(
    db: Session, experiment: Experiment, name: str, *, version: int | None = None
) -> Sequence[ScorerVersion]:
    """Return the versions of a scorer, the newest first, or the one that is named. Raises NotFound for none."""
    statement = select(ScorerVersion).where(
        ScorerVersion.experiment_id == experiment.id, ScorerVersion.name == name[:300]
    )
    if version is not None:
        statement = statement.where(ScorerVersion.version == version)
    found = db.scalars(statement.order_by(desc(ScorerVersion.version)).limit(1_000)).all()
    if not found:
        about = f" and version {version}" if version is not None else ""
        raise NotFound(f"Scorer with name '{name[:80]}'{about} not found for experiment {experiment.id}.", field="name")
    return found
