"""Who may do what with experiments and their runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotAllowed, NotFound
from modelops_platform.identity.queries import granted

from ..domain.words import DEFAULT_EXPERIMENT
from ..tables import Experiment
from .statements import Statement, marks

MOST_EXPERIMENTS = 10_000


class OfExperiment(Protocol):
    """An experiment, or what belongs to one."""

    @property
    def unit_id(self) -> str: ...


def may(actor: Actor, permission: Permission, thing: OfExperiment) -> bool:
    """Say whether the actor may; the default experiment is open to whoever may anywhere in its workspace."""
    return actor.may(permission, thing) or (
        permission is not Permission.MANAGE_EXPERIMENTS and _is_open(thing) and actor.may_somewhere(permission)
    )


def must(actor: Actor, permission: Permission, thing: OfExperiment) -> None:
    """Raise NotAllowed unless the actor may."""
    if not may(actor, permission, thing):
        raise NotAllowed(
            f"{actor.name} may not {permission.replace('_', ' ')} here.",
            remedy="Ask an administrator for a role on the experiment.",
            permission=permission.value,
        )


def _is_open(thing: Any) -> bool:
    experiment_id = thing.id if getattr(thing, "object_kind", "") == "experiment" else thing.experiment_id
    return bool(experiment_id == DEFAULT_EXPERIMENT)


def is_visible(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on experiments that the actor may see."""
    condition = granted(Experiment, actor)
    if actor.may_somewhere(Permission.VIEW):
        return or_(condition, Experiment.id == DEFAULT_EXPERIMENT)
    return condition


def visible_to(actor: Actor) -> Select[Experiment]:
    """Return the experiments this actor may see, deleted ones too, as a statement to narrow further."""
    return select(Experiment).where(Experiment.workspace_id == actor.workspace_id, is_visible(actor))


@dataclass(slots=True)
class RunHead:
    """What every write to a run needs to know of it."""

    id: str
    experiment_id: str
    unit_id: str
    name: str
    status: str
    lifecycle: str
    created_by: str
    has_document: bool
    object_kind: str = "run"


def no_run(run_id: str) -> NotFound:
    """Return the refusal for a run that is not there for the caller."""
    return NotFound(f"Run with id={run_id[:80]} not found.", field="run_id", value=run_id[:80])


def no_experiment(experiment_id: str) -> NotFound:
    """Return the refusal for an experiment that is not there for the caller."""
    return NotFound(
        f"No Experiment with id={experiment_id[:80]} exists.", field="experiment_id", value=experiment_id[:80]
    )


def keep_visible(connection: Connection, actor: Actor, experiment_ids: Sequence[str]) -> list[str]:
    """Return those of the experiments that exist and that the actor may see."""
    wanted = list(dict.fromkeys(one for one in experiment_ids if one.isascii() and one.isdecimal()))
    if not wanted:
        return []
    if len(wanted) > MOST_EXPERIMENTS:
        raise InvalidInput(f"At most {MOST_EXPERIMENTS:,} experiments are searched at once.", field="experiment_ids")
    asked = f"SELECT id, unit_id FROM experiments WHERE workspace_id = ? AND id IN ({marks(len(wanted))})"
    rows = Statement(asked).all(connection, actor.workspace_id, *wanted)
    return [row[0] for row in rows if may(actor, Permission.VIEW, _Place(row[0], row[1]))]


class _Place(NamedTuple):
    """Where a run would be."""

    experiment_id: str
    unit_id: str
