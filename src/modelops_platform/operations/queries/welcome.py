"""How far the set-up of an installation is, read from what exists."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import desc, func, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.events.tables import Event
from modelops_platform.identity import queries as identity
from modelops_platform.identity.service import ROOT_UNIT
from modelops_platform.identity.tables import Unit, User
from modelops_platform.jobs.domain.states import JobState
from modelops_platform.jobs.tables import Job
from modelops_platform.registry.queries import visible_to
from modelops_platform.registry.tables import Model

SAMPLES_ADDED = "samples.added"


@dataclass(frozen=True, slots=True)
class SetUp:
    """What exists already."""

    organisation: str
    units: Sequence[Unit]
    people: int
    models: int
    samples: int
    samples_job: Job | None

    @property
    def has_organisation(self) -> bool:
        """Say whether the organisation has a name of its own, or units."""
        return self.organisation != ROOT_UNIT or len(self.units) > 1

    @property
    def has_model(self) -> bool:
        """Say whether a model is registered that is no sample."""
        return self.models > 0

    @property
    def has_people(self) -> bool:
        """Say whether somebody else may sign in."""
        return self.people > 1

    @property
    def is_moving_samples(self) -> bool:
        """Say whether the sample data is on its way in or out."""
        return self.samples_job is not None and self.samples_job.state in (JobState.QUEUED, JobState.RUNNING)

    @property
    def is_done(self) -> bool:
        """Say whether every step is done."""
        return self.has_organisation and self.has_model and self.has_people


def get_set_up(db: Session, actor: Actor) -> SetUp:
    """Return how far the set-up is."""
    units = identity.list_units(db, actor)
    root = identity.find_root_unit(db, actor.workspace_id)
    people = select(func.count()).where(
        User.workspace_id == actor.workspace_id, User.kind == ActorKind.PERSON, User.disabled_at.is_(None)
    )
    return SetUp(
        organisation=root.name if root is not None else ROOT_UNIT,
        units=units,
        people=db.scalar(people) or 0,
        models=count_models(db, actor, sample=False),
        samples=count_models(db, actor, sample=True),
        samples_job=_last_samples_job(db, actor),
    )


def count_models(db: Session, actor: Actor, *, sample: bool | None) -> int:
    """Count the living models: those of the sample data, the others, or (None) all."""
    models = visible_to(actor)
    if sample is not None:
        is_sample = Model.id.in_(sample_ids(db, actor)["models"])
        models = models.where(is_sample if sample else ~is_sample)
    return db.scalar(models.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def sample_ids(db: Session, actor: Actor) -> dict[str, set[str]]:
    """Return what the sample data switch ever made, as the log tells: a tag or a name could be anybody's."""
    made: dict[str, set[str]] = {"models": set(), "data_sets": set(), "use_cases": set()}
    added = select(Event.content).where(Event.workspace_id == actor.workspace_id, Event.kind == SAMPLES_ADDED)
    for content in db.scalars(added):
        for kind, ids in json.loads(content)["data"].items():
            made[kind].update(ids)
    return made


def _last_samples_job(db: Session, actor: Actor) -> Job | None:
    """Return the last job that brought the sample data in or took it out, whatever became of it."""
    mine = select(Job).where(Job.workspace_id == actor.workspace_id, Job.kind.startswith("samples."))
    return db.scalars(mine.order_by(desc(Job.id)).limit(1)).first()
