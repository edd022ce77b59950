"""What one person is needed for, and what changed in what they answer for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import desc, or_, select
from sqlalchemy.orm import Session, contains_eager

from modelops_platform.core.actor import Actor
from modelops_platform.events.domain import LogEntry
from modelops_platform.events.queries import to_entry
from modelops_platform.events.tables import Event, EventPlace
from modelops_platform.governance import queries as governance
from modelops_platform.governance.domain.work import WorkKind
from modelops_platform.monitoring.queries import alerts_visible_to
from modelops_platform.monitoring.tables import Alert
from modelops_platform.registry.queries import visible_to
from modelops_platform.registry.tables import Model, ModelSummary

from ..domain import Attention, Task, TaskKind, attention

MOST_TASKS = 50
MOST_WORK = 20
MOST_CHANGES = 15
MOST_MODELS = 8


@dataclass(frozen=True, slots=True)
class Home:
    """Everything the first page shows."""

    tasks: list[Task]
    models: Sequence[Model]
    changes: list[LogEntry]
    has_any_model: bool


def get_home(db: Session, actor: Actor) -> Home:
    """Return what this person is needed for, the models they answer for, and what happened to these."""
    models = _mine(db, actor)
    tasks = [*_work(db, actor), *_alerts(db, actor, models), *_gaps(models)]
    has_any = bool(models) or db.scalar(visible_to(actor).with_only_columns(Model.id).limit(1)) is not None
    return Home(tasks[:MOST_TASKS], models[:MOST_MODELS], _changes(db, models), has_any)


def _mine(db: Session, actor: Actor) -> Sequence[Model]:
    answers_for = or_(Model.owner_id == actor.id, Model.developer_id == actor.id, Model.validator_id == actor.id)
    statement = visible_to(actor).where(answers_for).join(ModelSummary, ModelSummary.model_id == Model.id)
    return db.scalars(
        statement.options(contains_eager(Model.summary)).order_by(desc(Model.updated_at), Model.id).limit(200)
    ).all()


def _work(db: Session, actor: Actor) -> Iterator[Task]:
    """Return the top of what waits in governance; all of it stands under "My work"."""
    for item in governance.list_work(db, actor)[:MOST_WORK]:
        if item.is_mine_to_do:
            kind = TaskKind.VOTE if item.kind is WorkKind.VOTE else TaskKind.WORK
            yield Task(
                kind,
                item.text,
                "",
                dict(item.parameters).get("id", ""),
                item.detail,
                at=item.since,
                due=item.due,
                label=item.kind.value.replace("_", " "),
                route=item.route,
                parameters=item.parameters,
            )


def _alerts(db: Session, actor: Actor, models: Sequence[Model]) -> Iterator[Task]:
    unseen = alerts_visible_to(actor).where(
        Alert.model_id.in_([model.id for model in models]), Alert.closed_at.is_(None), Alert.acknowledged_at.is_(None)
    )
    for alert in db.scalars(unseen.order_by(desc(Alert.raised_at)).limit(MOST_TASKS)):
        text = f"{alert.model.name}: {alert.monitor.name}"
        yield Task(TaskKind.ALERT, text, alert.model.name, alert.id, alert.why, alert.light, alert.since)


def _gaps(models: Sequence[Model]) -> Iterator[Task]:
    for model in models:
        summary = model.summary
        is_live = bool(summary.live_environments)
        if summary.tier is None:
            detail = "It is judged as tier 1 until its risk is assessed, and a proposed tier confirmed."
            yield Task(TaskKind.ASSESS, f"Assess the risk of {model.name}", model.name, detail=detail)
        why = attention(light=summary.light, tier=summary.tier, is_live=is_live)
        if why is Attention.BLIND:
            detail = "It is in use, and nobody knows how it does."
            yield Task(TaskKind.WATCH, f"Watch {model.name}", model.name, detail=detail, light=summary.light)


def _changes(db: Session, models: Sequence[Model]) -> list[LogEntry]:
    found = db.execute(
        select(Event, EventPlace.place)
        .outerjoin(EventPlace, EventPlace.event_id == Event.id)
        .where(Event.model_id.in_([model.id for model in models]))
        .order_by(desc(Event.id))
        .limit(MOST_CHANGES)
    )
    return [to_entry(event, place) for event, place in found]
