"""Reads of experiments."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, asc, desc, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity.tables import Unit, User

from ..domain.filters import NULLS, Clause, Op, Order, parse_filter, parse_order
from ..domain.limits import checked_experiment_id
from ..domain.searches import EXPERIMENTS
from ..domain.tokens import decode_token, encode_token, fingerprint
from ..domain.words import Lifecycle, View
from ..tables import Experiment, ExperimentTag, Run
from .conditions import holds
from .rights import no_experiment, visible_to

WITH_NAMES = (
    joinedload(Experiment.unit).load_only(Unit.id, Unit.name),
    joinedload(Experiment.owner).load_only(User.id, User.name),
)


def get_experiment(db: Session, actor: Actor, experiment_id: str, *, to_change: bool = False) -> Experiment:
    """Return an experiment, deleted or not. Raises NotFound, InvalidInput for what is no number.

    With `to_change` whoever wants to change the same experiment waits until this transaction ends.
    """
    wanted = checked_experiment_id(experiment_id)
    statement = visible_to(actor).where(Experiment.id == wanted)
    if to_change:
        statement = statement.with_for_update(of=Experiment).execution_options(populate_existing=True)
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise no_experiment(experiment_id)
    return found


def get_shown_experiment(db: Session, actor: Actor, experiment_id: str) -> Experiment:
    """Return an experiment with the names of unit and owner. Raises NotFound, InvalidInput."""
    get_experiment(db, actor, experiment_id)
    return db.get_one(Experiment, checked_experiment_id(experiment_id), options=WITH_NAMES, populate_existing=True)


def find_experiment_by_name(db: Session, actor: Actor, name: str) -> Experiment | None:
    """Return the experiment with this name, deleted or not, if the actor may see one."""
    return db.scalars(visible_to(actor).where(Experiment.name == name)).one_or_none()


def list_experiment_tags(db: Session, experiment_ids: Iterable[str]) -> dict[str, list[ExperimentTag]]:
    """Return the tags of experiments, by experiment."""
    found: dict[str, list[ExperimentTag]] = {}
    wanted = select(ExperimentTag).where(ExperimentTag.experiment_id.in_(list(experiment_ids)))
    for tag in db.scalars(wanted.order_by(ExperimentTag.key)):
        found.setdefault(tag.experiment_id, []).append(tag)
    return found


def page_experiments(
    db: Session,
    actor: Actor,
    *,
    q: str | None = None,
    deleted: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Experiment]:
    """Return a page of experiments, the last changed first, with the names of unit and owner."""
    lifecycle = Lifecycle.DELETED if deleted else Lifecycle.ACTIVE
    statement = visible_to(actor).where(Experiment.lifecycle == lifecycle).options(*WITH_NAMES)
    if q:
        statement = statement.where(Experiment.name.icontains(q, autoescape=True))
    return paginate(db, statement, desc(Experiment.updated_ms), desc(Experiment.number), cursor=cursor, limit=limit)


def count_runs(db: Session, experiment_ids: Iterable[str]) -> dict[str, int]:
    """Count the living runs of experiments."""
    counted = (
        select(Run.experiment_id, func.count())
        .where(Run.experiment_id.in_(list(experiment_ids)), Run.lifecycle == Lifecycle.ACTIVE)
        .group_by(Run.experiment_id)
    )
    return {row[0]: row[1] for row in db.execute(counted)}


_COLUMNS: dict[str, Any] = {
    "name": Experiment.name,
    "experiment_id": Experiment.number,
    "creation_time": Experiment.created_ms,
    "last_update_time": Experiment.updated_ms,
}


def search_experiments(
    db: Session,
    actor: Actor,
    *,
    text: str | None,
    order_by: Sequence[str],
    view: View,
    limit: int,
    token: str | None,
) -> tuple[Sequence[Experiment], str | None]:
    """Return a page of the experiments that match, and the token of the next. Raises InvalidInput."""
    clauses, orders = parse_filter(text, EXPERIMENTS), list(parse_order(order_by, EXPERIMENTS))
    if not orders:
        orders = [Order("attribute", "creation_time", True), Order("attribute", "experiment_id", False)]
    elif not any(order.key == "experiment_id" for order in orders):
        orders.append(Order("attribute", "experiment_id", True))
    dialect = db.get_bind().dialect.name
    statement = visible_to(actor).where(*(_condition(clause, dialect) for clause in clauses))
    if view is not View.ALL:
        lifecycle = Lifecycle.ACTIVE if view is View.ACTIVE_ONLY else Lifecycle.DELETED
        statement = statement.where(Experiment.lifecycle == lifecycle)
    bound_to = fingerprint("experiments", text or "", [str(order) for order in orders], view.value)
    columns = [_sorted(order.key, dialect) for order in orders]
    if token:
        statement = statement.where(_after(columns, orders, decode_token(token, bound_to, len(orders))))
    return _page(db, statement, columns, orders, limit=limit, bound_to=bound_to)


def _page(
    db: Session, statement: Select[Experiment], columns: list[Any], orders: list[Order], *, limit: int, bound_to: str
) -> tuple[Sequence[Experiment], str | None]:
    keys = [desc(column) if order.descending else asc(column) for column, order in zip(columns, orders, strict=True)]
    found = db.scalars(statement.order_by(*keys).limit(limit + 1)).all()
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], encode_token([_value(last, order.key) for order in orders], bound_to)


def _value(experiment: Experiment, key: str) -> Any:
    return getattr(experiment, _COLUMNS[key].key)


def _sorted(key: str, dialect: str) -> Any:
    column = _COLUMNS[key]
    return column.collate("C") if key == "name" and dialect == "postgresql" else column


def _after(columns: list[Any], orders: list[Order], values: list[Any]) -> ColumnElement[bool]:
    for order, value in zip(orders, values, strict=True):
        if isinstance(value, str) is not (order.key == "name") or (order.key != "name" and not isinstance(value, int)):
            raise InvalidInput("Invalid page token.", field="page_token")
    choices = []
    for position, (column, order) in enumerate(zip(columns, orders, strict=True)):
        beyond = column < values[position] if order.descending else column > values[position]
        choices.append(and_(*(c == v for c, v in zip(columns[:position], values[:position], strict=True)), beyond))
    return or_(*choices)


def _condition(clause: Clause, dialect: str) -> ColumnElement[bool]:
    if clause.entity == "tag":
        tag = and_(ExperimentTag.experiment_id == Experiment.id, ExperimentTag.key == clause.key)
        if clause.op in NULLS:
            found = exists().where(tag)
            return found if clause.op is Op.IS_NOT_NULL else ~found
        return exists().where(tag, holds(ExperimentTag.value, clause, dialect))
    column = Experiment.id if clause.key == "experiment_id" else _COLUMNS[clause.key]
    return holds(column, clause, dialect)
