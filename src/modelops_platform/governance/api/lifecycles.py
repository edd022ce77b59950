"""Life cycles as JSON: the documents, where models and versions stand, and their moves."""

from typing import Annotated, Any

from fastapi import Path as PathParameter
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import DocumentIn, DocumentOut, DocumentsOut, MoveIn, StandingOut
from ..tables import LifeCycleVersion

life_cycles = api_router("/life-cycles", "governance")
of_model = api_router("/models/{name}", "governance")
of_version = api_router("/models/{name}/versions/{number}", "governance")

Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]

ROUTERS = [life_cycles, of_model, of_version]


@life_cycles.get("", name="api_list_life_cycles", response_model=DocumentsOut, openapi_extra=needs(Permission.VIEW))
def list_life_cycles(db: ReadDb, actor: CurrentActor) -> dict[str, Any]:
    """List every version of every life cycle, the newest of each first."""
    return {"items": queries.list_documents(db, LifeCycleVersion, actor.workspace_id)}


@life_cycles.post(
    "",
    name="api_publish_life_cycle",
    status_code=201,
    response_model=DocumentOut,
    openapi_extra=needs(Permission.MANAGE_POLICIES),
)
def publish_life_cycle(db: WriteDb, actor: CurrentActor, wanted: DocumentIn) -> LifeCycleVersion:
    """Publish a version of a life cycle; what is on its way keeps the version that it began under."""
    return service.publish_life_cycle(db, actor, wanted)


@life_cycles.get("/{id}", name="api_get_life_cycle", response_model=DocumentOut, openapi_extra=needs(Permission.VIEW))
def get_life_cycle(db: ReadDb, actor: CurrentActor, id: str) -> LifeCycleVersion:
    """Return the latest version of a life cycle."""
    return queries.get_document(db, LifeCycleVersion, actor.workspace_id, id)


@life_cycles.get(
    "/{id}/versions/{number}",
    name="api_get_life_cycle_version",
    response_model=DocumentOut,
    openapi_extra=needs(Permission.VIEW),
)
def get_life_cycle_version(db: ReadDb, actor: CurrentActor, id: str, number: int) -> LifeCycleVersion:
    """Return one version of a life cycle."""
    return queries.get_document(db, LifeCycleVersion, actor.workspace_id, id, number)


@of_model.get(
    "/life-cycle", name="api_get_model_standing", response_model=StandingOut, openapi_extra=needs(Permission.VIEW)
)
def get_model_standing(db: ReadDb, actor: CurrentActor, name: str) -> dict[str, Any]:
    """Say where a model stands in its life cycle, how it got there, and what moves are possible."""
    return _print(db, actor, name, None)


@of_model.post(
    "/move", name="api_move_model", response_model=StandingOut, openapi_extra=needs(Permission.MOVE_LIFE_CYCLE)
)
def move_model(db: WriteDb, actor: CurrentActor, name: str, wanted: MoveIn) -> dict[str, Any]:
    """Move a model to another state of its life cycle, if that and the gate agree."""
    service.move_model(db, actor, name, wanted)
    return _print(db, actor, name, None)


@of_version.get(
    "/life-cycle", name="api_get_version_standing", response_model=StandingOut, openapi_extra=needs(Permission.VIEW)
)
def get_version_standing(db: ReadDb, actor: CurrentActor, name: str, number: Number) -> dict[str, Any]:
    """Say where a version stands in its life cycle, how it got there, and what moves are possible."""
    return _print(db, actor, name, number)


@of_version.post(
    "/move", name="api_move_version", response_model=StandingOut, openapi_extra=needs(Permission.MOVE_LIFE_CYCLE)
)
def move_version(db: WriteDb, actor: CurrentActor, name: str, number: Number, wanted: MoveIn) -> dict[str, Any]:
    """Move a version to another state of its life cycle, if that and the gate agree."""
    service.move_version(db, actor, name, number, wanted)
    return _print(db, actor, name, number)


def _print(db: Session, actor: Actor, name: str, number: int | None) -> dict[str, Any]:
    model = registry.get_model(db, actor, name)
    version = registry.get_version(db, actor, name, number) if number is not None else None
    seen = queries.look_at_case(db, actor, model, version)
    if seen is None:
        raise NotFound(
            "Nothing of this kind has a life cycle.", remedy="Look at a model.", field="name", value=name[:80]
        )
    standing, cycle = seen.standing, seen.standing.cycle
    return {
        "about": standing.case.about,
        "subject_id": standing.case.subject_id,
        "state": standing.stay.state,
        "title": standing.state.title,
        "is_barred": standing.stay.is_barred,
        "since": standing.stay.from_at,
        "life_cycle": cycle.id,
        "life_cycle_version": cycle.version,
        "newer_version": seen.newer,
        "ways": [
            {
                "id": way.transition.id,
                "title": way.transition.title,
                "to": way.transition.to,
                "who": way.who,
                "wants_reason": way.transition.wants_reason,
                "refusal": way.refusal,
            }
            for way in seen.ways
        ],
        "stays": [
            {
                "state": stay.state,
                "title": cycle.state(stay.state).title,
                "transition": stay.transition,
                "reason": stay.reason,
                "entered_by": stay.entered_by,
                "decision_id": stay.decision_id,
                "from_at": stay.from_at,
                "to_at": stay.to_at,
            }
            for stay in seen.stays
        ],
    }
