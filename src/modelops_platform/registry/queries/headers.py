"""What every page below a model shows around its content."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission

from ..domain.kinds import EU_WORDS, KIND_WORDS, EuClass, ModelKind
from ..tables import Model, Version
from .models import get_model
from .versions import get_version

_ACTIONS = {
    "edit": Permission.EDIT_MODEL,
    "archive": Permission.ARCHIVE_MODEL,
    "add_version": Permission.ADD_VERSION,
    "set_alias": Permission.SET_ALIAS,
    "name_validator": Permission.NAME_VALIDATOR,
}


@dataclass(frozen=True, slots=True)
class LiveVersion:
    """What runs in one environment, as the deployments tell it."""

    environment: str
    is_protected: bool
    version: int | None
    digest: str | None
    proof: str
    deployment: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Header:
    """A model as the top of its pages shows it. `refusals` says, by action, why the actor may not; none is: may."""

    model: Model
    refusals: Mapping[str, str | None]

    @property
    def kind_words(self) -> str:
        """What sort of model it is, in words."""
        return KIND_WORDS[ModelKind(self.model.kind)]

    @property
    def eu_words(self) -> str | None:
        """Its class under the EU AI Act in a word or two; None when nobody has classified it."""
        if self.model.eu_class is None:
            return None
        return re.split(r",| \(", EU_WORDS[EuClass(self.model.eu_class)])[0]

    @property
    def live(self) -> list[LiveVersion]:
        """What is live, by environment."""
        return [
            LiveVersion(
                environment=one["name"],
                is_protected=one.get("is_protected", False),
                version=one.get("version"),
                digest=one.get("digest"),
                proof=one.get("proof") or "not_reported",
                deployment=one.get("deployment"),
                since=datetime.fromisoformat(one["since"]) if one.get("since") else None,
            )
            for one in self.model.summary.live_environments
        ]


@dataclass(frozen=True, slots=True)
class VersionHeader(Header):
    """A version as the top of its pages shows it, with its model around."""

    version: Version

    @property
    def aliases(self) -> list[str]:
        """The aliases that name this version now."""
        return [name for name, number in self.model.aliases.items() if number == self.version.number]

    @property
    def live_in(self) -> list[str]:
        """The environments where this version is live."""
        live = self.model.summary.live_environments
        return [environment["name"] for environment in live if environment.get("version") == self.version.number]


def get_version_header(db: Session, actor: Actor, name: str, number: int, *, archived: bool = False) -> VersionHeader:
    """Return a version of a living model and what its pages show around it. Raises NotFound.

    Args:
        archived: Whether a version that was archived is meant, too.
    """
    header = get_header(db, actor, name)
    return VersionHeader(header.model, header.refusals, get_version(db, actor, name, number, archived=archived))


def get_header(db: Session, actor: Actor, name: str) -> Header:
    """Return the living model with this name and what its pages show around it. Raises NotFound."""
    model = get_model(db, actor, name)
    return Header(model, {action: why_not(actor, permission, model) for action, permission in _ACTIONS.items()})


def why_not(actor: Actor, permission: Permission, model: Model) -> str | None:
    """Return why the actor may not do this to the model, and who can help; none when they may."""
    if actor.may(permission, model):
        return None
    return f"Your role in {model.unit.name} does not allow it. Ask {model.owner.name}, who owns the model."
