"""One model as its JSON shows it, read past the ORM: everybody asks for it, and hot verbs answer with it."""

from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import String, bindparam
from sqlalchemy.orm import Session, aliased

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import table_of
from modelops_platform.core.statements import Prepared
from modelops_platform.identity.tables import Unit, User

from ..tables import Model, ModelSummary, UseCase
from .models import everything_visible, living, no_model, note_similar_names, of_workspace


@dataclass(frozen=True, slots=True)
class Named:
    """Something else, by id and name."""

    id: str
    name: str


@dataclass(slots=True)
class ShownSummary:
    """What the summary says."""

    tier: int | None
    state: str
    light: str
    light_at: datetime | None
    live_environments: list[Any]
    approvals_waiting: int
    open_findings: int
    next_review: date | None
    tags: list[Any]
    aliases: list[Any]
    has_look_alikes: bool


@dataclass(slots=True)
class ShownModel:
    """A living model with the names that its record points to."""

    object_kind: ClassVar[str] = "model"

    id: str
    unit_id: str
    name: str
    skeleton: str
    kind: str
    purpose: str
    eu_class: str | None
    affects_people: bool
    fields: dict[str, Any]
    last_version: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    revision: int
    validator_named_by: str | None
    summary: ShownSummary
    unit: Named
    use_case: Named | None
    owner: Named
    developer: Named | None
    validator: Named | None
    similar_names: list[str] = field(default_factory=list)

    @property
    def tags(self) -> dict[str, str]:
        """The tags with their values."""
        return dict(self.summary.tags)

    @property
    def aliases(self) -> dict[str, int]:
        """Which version each alias names now."""
        return dict(self.summary.aliases)

    def note_similar(self, names: list[str]) -> None:
        """Keep the similar names that a query found."""
        self.similar_names = names


_MODELS, _SUMMARIES = table_of(Model), table_of(ModelSummary)
_OWNER, _DEVELOPER, _VALIDATOR = aliased(User), aliased(User), aliased(User)
_OWN = [_MODELS.c[one.name] for one in fields(ShownModel) if one.name in _MODELS.c]
_SUMMARY = [_SUMMARIES.c[one.name] for one in fields(ShownSummary)]
_NAMED = [part for other in (Unit, UseCase, _OWNER, _DEVELOPER, _VALIDATOR) for part in (other.id, other.name)]


def _shown(models: Any) -> Any:
    return (
        models.with_only_columns(*_OWN, *_SUMMARY, *_NAMED, maintain_column_froms=True)
        .join(_SUMMARIES, _SUMMARIES.c.model_id == Model.id)
        .join(Unit, Unit.id == Model.unit_id)
        .join(_OWNER, _OWNER.id == Model.owner_id)
        .outerjoin(UseCase, UseCase.id == Model.use_case_id)
        .outerjoin(_DEVELOPER, _DEVELOPER.id == Model.developer_id)
        .outerjoin(_VALIDATOR, _VALIDATOR.id == Model.validator_id)
        .where(Model.name == bindparam("wanted"))
    )


# For those who see the whole workspace it is built once, because building it costs more than running it.
_OF_WORKSPACE = _shown(living(of_workspace(bindparam("workspace", type_=String))))
_BY_NAME, _BY_NAME_TO_CHANGE = Prepared(_OF_WORKSPACE), Prepared(_OF_WORKSPACE.with_for_update(of=Model))


def get_shown(db: Session, actor: Actor, name: str, *, to_change: bool = False) -> ShownModel:
    """Return the living model with this name. Raises NotFound, also when the actor may not see it.

    With `to_change` whoever wants to change the same model waits until this transaction ends.
    """
    db.flush()
    if actor.covers_workspace(Permission.VIEW):
        prepared = _BY_NAME_TO_CHANGE if to_change else _BY_NAME
        rows = prepared.all(db.connection(), workspace=actor.workspace_id, wanted=name)
    else:
        statement = _shown(living(everything_visible(actor)))
        statement = statement.with_for_update(of=Model) if to_change else statement
        rows = list(db.connection().execute(statement, {"wanted": name}))
    if not rows:
        raise no_model(name)
    model = _from_row(tuple(rows[0]))
    note_similar_names(db, actor, [model])
    return model


def _from_row(row: tuple[Any, ...]) -> ShownModel:
    own, summary = len(_OWN), len(_OWN) + len(_SUMMARY)
    named = row[summary:]
    others = (Named(*named[n : n + 2]) if named[n] else None for n in range(0, len(named), 2))
    values: list[Any] = [*row[:own], ShownSummary(*row[own:summary]), *others]
    return ShownModel(*values)
