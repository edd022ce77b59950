"""Verbs on experiments."""

from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as, count_changed
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotFound
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity
from modelops_platform.identity.tables import Unit

from .. import queries
from ..domain.limits import (
    LONGEST_EXPERIMENT_TAG,
    checked_experiment_name,
    checked_key,
    checked_location,
)
from ..domain.words import DEFAULT_EXPERIMENT, UNIT, Lifecycle
from ..tables import Artifact, Experiment, ExperimentTag, Run

_TRIES = 5


def now_ms() -> int:
    """Return the time as clients of the protocol write it."""
    return int(clock.now().timestamp() * 1000)


def ensure_default_experiment(db: Session, actor: Actor) -> None:
    """Make the experiment that every client logs to unless told otherwise, if it is missing."""
    if db.get(Experiment, DEFAULT_EXPERIMENT) is None:
        root = identity.find_root_unit(db, actor.workspace_id)
        assert root is not None, "made with the workspace"
        _add(db, actor, number=0, name="Default", unit=root, location=None, owner_id=None)


def create_experiment(
    db: Session, actor: Actor, name: str, *, location: str | None = None, tags: dict[str, str] | None = None
) -> Experiment:
    """Add an experiment, in the actor's unit or the one that tag `modelops.unit` names.

    Raises InvalidInput, NotAllowed, AlreadyExists, also when a deleted experiment has the name.
    """
    tags = {_checked_tag(key, value): value for key, value in (tags or {}).items()}
    unit = _unit_of(db, actor, tags.get(UNIT))
    actor.must(Permission.LOG_RUNS, unit)
    name = checked_experiment_name(name)
    location = checked_location(location) if location else None
    for _ in range(_TRIES):
        number = (db.scalar(select(func.max(Experiment.number))) or 0) + 1
        try:
            with db.begin_nested():
                experiment = _add(db, actor, number=number, name=name, unit=unit, location=location, owner_id=actor.id)
        except IntegrityError:
            if db.scalar(_named(actor, name)):
                break
            continue  # somebody else took the number
        _put_tags(db, experiment.id, tags)
        events.record(db, actor, "experiment.created", experiment)
        return experiment
    raise _taken(name)


def _named(actor: Actor, name: str) -> Any:
    return select(Experiment.id).where(Experiment.workspace_id == actor.workspace_id, Experiment.name == name)


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"Experiment(name={name}) already exists, maybe deleted.",
        remedy="Choose another name, or restore the deleted one.",
        field="name",
        value=name[:80],
    )


def _add(
    db: Session, actor: Actor, *, number: int, name: str, unit: Unit, location: str | None, owner_id: str | None
) -> Experiment:
    now = now_ms()
    experiment = Experiment(
        id=str(number),
        number=number,
        workspace_id=actor.workspace_id,
        unit_id=unit.id,
        owner_id=owner_id,
        name=name,
        artifact_location=location or f"mlflow-artifacts:/{number}",
        lifecycle=Lifecycle.ACTIVE,
        created_ms=now,
        updated_ms=now,
    )
    db.add(experiment)
    db.flush()
    return experiment


def _unit_of(db: Session, actor: Actor, named: str | None) -> Unit:
    wanted = named or actor.unit_id
    if wanted is None:
        raise InvalidInput(
            "You have no home unit, and the experiment names none.", remedy=f"Set the tag {UNIT!r}.", field=UNIT
        )
    found = identity.find_unit_by_name(db, actor.workspace_id, wanted)
    try:
        return found or identity.get_unit(db, actor, wanted)
    except NotFound as error:
        raise InvalidInput(error.message, remedy=error.remedy, field=UNIT, value=wanted[:80]) from None


def _checked_tag(key: str, value: str) -> str:
    if len(value) > LONGEST_EXPERIMENT_TAG:
        raise InvalidInput(
            f"The value of experiment tag {key[:80]!r} exceeds the maximum length of "
            f"{LONGEST_EXPERIMENT_TAG} characters.",
            field="value",
        )
    return checked_key(key, "Experiment tag name")


def _put_tags(db: Session, experiment_id: str, tags: dict[str, str]) -> None:
    if tags:
        rows = [{"experiment_id": experiment_id, "key": key, "value": value} for key, value in tags.items()]
        db.execute(insert(ExperimentTag), rows)


def rename_experiment(db: Session, actor: Actor, experiment_id: str, name: str) -> Experiment:
    """Give an experiment another name. Raises NotFound, NotAllowed, InvalidInput (a deleted one), AlreadyExists."""
    experiment = _to_manage(db, actor, experiment_id)
    _must_be_active(experiment)
    before, wanted = experiment.name, checked_experiment_name(name)
    if wanted == before:
        return experiment
    with conflicts_as(db, _taken(wanted)):
        experiment.name = wanted
        experiment.updated_ms = now_ms()
    events.record(db, actor, "experiment.renamed", experiment, name={"from": before, "to": wanted})
    return experiment


def delete_experiment(db: Session, actor: Actor, experiment_id: str) -> None:
    """Delete an experiment with all its runs; it keeps its name and can be restored. Raises NotFound, NotAllowed."""
    _change_lifecycle(db, actor, experiment_id, Lifecycle.ACTIVE, Lifecycle.DELETED)


def restore_experiment(db: Session, actor: Actor, experiment_id: str) -> None:
    """Bring a deleted experiment back with all its runs. Raises NotFound, NotAllowed."""
    _change_lifecycle(db, actor, experiment_id, Lifecycle.DELETED, Lifecycle.ACTIVE)


def _change_lifecycle(db: Session, actor: Actor, experiment_id: str, before: Lifecycle, after: Lifecycle) -> None:
    experiment = _to_manage(db, actor, experiment_id)
    if experiment.lifecycle != before:
        raise NotFound(
            f"No Experiment with id={experiment.id} exists that is {before}.",
            field="experiment_id",
            value=experiment.id,
        )
    now = now_ms()
    experiment.lifecycle, experiment.updated_ms = after, now
    deleted_ms = now if after is Lifecycle.DELETED else None
    changed = update(Run).where(Run.experiment_id == experiment.id, Run.lifecycle == before)
    changed = changed.values(lifecycle=after, deleted_ms=deleted_ms, document=None)
    runs = count_changed(db, changed)
    events.record(
        db,
        actor,
        "experiment.deleted" if after is Lifecycle.DELETED else "experiment.restored",
        experiment,
        runs=runs,
    )


def set_experiment_tag(db: Session, actor: Actor, experiment_id: str, key: str, value: str) -> None:
    """Put a tag on an experiment; `modelops.unit` moves it. Raises NotFound, NotAllowed, InvalidInput."""
    _checked_tag(key, value)
    experiment = queries.get_experiment(db, actor, experiment_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, experiment)
    _must_be_active(experiment)
    if key == UNIT:
        _move(db, actor, experiment, value)
    tag = db.get(ExperimentTag, (experiment.id, key))
    if tag is None:
        db.add(ExperimentTag(experiment_id=experiment.id, key=key, value=value))
    else:
        tag.value = value
    experiment.updated_ms = now_ms()


def _move(db: Session, actor: Actor, experiment: Experiment, named: str) -> None:
    unit = _unit_of(db, actor, named)
    actor.must(Permission.MANAGE_EXPERIMENTS, experiment)
    actor.must(Permission.LOG_RUNS, unit)
    if unit.id != experiment.unit_id:
        before, experiment.unit_id = experiment.unit_id, unit.id
        _move_files(db, experiment.id, unit.id)
        events.record(db, actor, "experiment.moved", experiment, unit={"from": before, "to": unit.id})


def _move_files(db: Session, experiment_id: str, unit_id: str) -> None:
    """Let the files of the experiment's runs be seen where it belongs now."""
    owners = select(Artifact.owner_kind, Artifact.owner_id).where(Artifact.experiment_id == experiment_id).distinct()
    holders: dict[str, set[str]] = {}
    for kind, owner_id in db.execute(owners):
        holders.setdefault(kind, set()).add(owner_id)
    artifacts.move_holds_of(db, holders, unit_id)


def delete_experiment_tag(db: Session, actor: Actor, experiment_id: str, key: str) -> None:
    """Take a tag off an experiment. Raises NotFound (the tag too), NotAllowed, InvalidInput."""
    experiment = queries.get_experiment(db, actor, experiment_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, experiment)
    _must_be_active(experiment)
    named = ExperimentTag.experiment_id == experiment.id, ExperimentTag.key == key
    if not count_changed(db, delete(ExperimentTag).where(*named)):
        raise NotFound(f"No tag with name: {key[:80]} in experiment with id {experiment.id}.", field="key")
    experiment.updated_ms = now_ms()


def _to_manage(db: Session, actor: Actor, experiment_id: str) -> Experiment:
    experiment = queries.get_experiment(db, actor, experiment_id, to_change=True)
    queries.must(actor, Permission.MANAGE_EXPERIMENTS, experiment)
    return experiment


def _must_be_active(experiment: Experiment) -> None:
    if experiment.lifecycle != Lifecycle.ACTIVE:
        raise InvalidInput(
            f"The experiment {experiment.id} must be in the 'active' state. Current state is {experiment.lifecycle}.",
            remedy="Restore it first.",
            field="experiment_id",
            value=experiment.id,
        )
