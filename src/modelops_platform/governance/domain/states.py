"""States of versions and models. They are derived from records, never stored, so they cannot disagree with them."""

from dataclasses import dataclass
from enum import StrEnum


class VersionState(StrEnum):
    """How far a version has come."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    FAILED = "failed"
    APPROVED = "approved"
    DEPLOYED = "deployed"
    SUPERSEDED = "superseded"
    ARCHIVED = "archived"


class ModelState(StrEnum):
    """How far a model has come."""

    PROPOSED = "proposed"
    IN_DEVELOPMENT = "in_development"
    IN_VALIDATION = "in_validation"
    APPROVED = "approved"
    IN_PRODUCTION = "in_production"
    RETIRING = "retiring"
    RETIRED = "retired"


class RequestState(StrEnum):
    """How an approval request stands. `void`: what it covered was changed after it was granted."""

    OPEN = "open"
    GRANTED = "granted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What is recorded about a version: its latest approval request, and where it runs or ran."""

    request: RequestState | None = None
    is_live: bool = False
    was_live: bool = False
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What is recorded about a model."""

    versions: tuple[VersionRecord, ...] = ()
    is_assessed: bool = False
    is_retired: bool = False


def version_state(version: VersionRecord) -> VersionState:
    """Derive the state of a version. What runs is deployed, whatever else is written about it."""
    if version.is_live:
        return VersionState.DEPLOYED
    if version.is_archived:
        return VersionState.ARCHIVED
    if version.was_live:
        return VersionState.SUPERSEDED
    match version.request:
        case RequestState.OPEN:
            return VersionState.SUBMITTED
        case RequestState.GRANTED:
            return VersionState.APPROVED
        case RequestState.REJECTED:
            return VersionState.FAILED
        case RequestState.WITHDRAWN | RequestState.VOID | None:
            return VersionState.DRAFT


def model_state(model: ModelRecord) -> ModelState:
    """Derive the state of a model from its versions: the furthest of them counts, until it is retired."""
    states = {version_state(version) for version in model.versions}
    if model.is_retired:
        return ModelState.RETIRING if VersionState.DEPLOYED in states else ModelState.RETIRED
    if VersionState.DEPLOYED in states:
        return ModelState.IN_PRODUCTION
    if VersionState.APPROVED in states:
        return ModelState.APPROVED
    if VersionState.SUBMITTED in states:
        return ModelState.IN_VALIDATION
    if model.versions or model.is_assessed:
        return ModelState.IN_DEVELOPMENT
    return ModelState.PROPOSED
