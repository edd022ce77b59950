"""Pages of life cycles: the documents drawn, and where models and versions stand in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi import Path as PathParameter
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core.actor import SYSTEM_ID, Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.drawing import draw
from ..domain.lifecycles import LifeCycle, Scope, who_words
from ..queries.cases import SeenCase
from ..schemas import DocumentIn, DraftForm, MoveIn
from ..tables import LifeCycleVersion
from .editors import EditorKind, EditorQuery, VersionQuery, open_draft, show_editor, why_not_publish

router = page_router()
NEW_LIFE_CYCLE = """\
id: light
version: 1
title: A light life cycle
about: model
applies_to: {tiers: [4]}
states:
  - {id: proposed, title: Proposed}
  - {id: in_development, title: In development}
  - {id: in_use, title: In use}
  - {id: stopped, title: Stopped, barred: true}
transitions:
  - {id: begin, title: A version is there, from: [proposed], to: in_development, when: [has_version]}
  - {id: use, title: Put to use, from: [in_development, stopped], to: in_use, who: [owner], needs: [assessed]}
  - {id: stop, title: Stop, from: [in_use], to: stopped, who: [owner, risk], reason: true, event: model.suspended}
"""
Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]


@dataclass(frozen=True, slots=True)
class ShownLifeCycle:
    """A life cycle as people read it."""

    row: LifeCycleVersion
    cycle: LifeCycle
    scope: str
    count: int


def describe_scope(cycle: LifeCycle) -> str:
    """Say which models a life cycle is for."""
    scope: Scope = cycle.scope
    what = "Models" if cycle.about == "model" else "Versions of models"
    parts = []
    if scope.tiers:
        parts.append(f"of tier {' or '.join(str(int(tier)) for tier in sorted(scope.tiers))}")
    if scope.kinds:
        parts.append(f"of kind {' or '.join(sorted(scope.kinds))}")
    if scope.units:
        parts.append(f"in {' or '.join(sorted(unit.title() for unit in scope.units))} and below")
    return f"{what} {', '.join(parts)}." if parts else f"{what}, unless another life cycle is for them."


@router.get("/life-cycles", openapi_extra=needs(Permission.VIEW))
def list_life_cycles(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    counts = queries.count_cases(db, actor.workspace_id)
    newest: dict[str, LifeCycleVersion] = {}
    on_its_way: dict[str, int] = {}
    for row in queries.list_documents(db, LifeCycleVersion, actor.workspace_id):
        newest.setdefault(row.document_id, row)
        on_its_way[row.document_id] = on_its_way.get(row.document_id, 0) + counts.get(row.id or "", 0)
    shown = []
    for id, row in newest.items():
        cycle = queries.parse_life_cycle(row.document)
        shown.append(ShownLifeCycle(row, cycle, describe_scope(cycle), on_its_way[id]))
    return render(
        request,
        "governance/life_cycles.html",
        shown=shown,
        names=identity.names_of(db, {one.row.published_by for one in shown if one.row.published_by}),
        refusal=why_not_publish(actor, "life cycles"),
    )


@router.get("/life-cycles/{id}", openapi_extra=needs(Permission.VIEW))
def show_life_cycle(
    request: Request, db: ReadDb, actor: CurrentActor, id: str, wanted: Annotated[VersionQuery, Query()]
) -> Response:
    rows = queries.list_versions_of_document(db, LifeCycleVersion, actor.workspace_id, id)
    row = queries.get_document(db, LifeCycleVersion, actor.workspace_id, id, wanted.version)
    cycle = queries.parse_life_cycle(row.document)
    counts = queries.count_cases(db, actor.workspace_id)
    return render(
        request,
        "governance/life_cycle.html",
        row=row,
        rows=rows,
        cycle=cycle,
        scope=describe_scope(cycle),
        drawing=draw(cycle),
        who={one.id: who_words(one) for one in cycle.transitions},
        counts={one.number: f"{counts.get(one.id or '', 0)} on their way." for one in rows},
        names=identity.names_of(db, {one.published_by for one in rows if one.published_by}),
        refusal=why_not_publish(actor, "life cycles"),
    )


EDITOR = EditorKind(
    thing="life cycle",
    things="life cycles",
    lead="It is for what begins after it is published. What is on its way stays under its version.",
    template="governance/life_cycle_editor.html",
    home="list_life_cycles",
    preview="preview_life_cycle",
    publish="publish_life_cycle",
    new=NEW_LIFE_CYCLE,
)


@router.get("/life-cycle-editor", openapi_extra=needs(Permission.VIEW))
def edit_life_cycle(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[EditorQuery, Query()]
) -> Response:
    row = queries.get_document(db, LifeCycleVersion, actor.workspace_id, wanted.id) if wanted.id else None
    return _show_editor(request, db, actor, open_draft(EDITOR, row))


@router.post("/life-cycle-editor", openapi_extra=needs(Permission.VIEW))
def preview_life_cycle(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[DraftForm, Form()]
) -> Response:
    return _show_editor(request, db, actor, wanted)


def _show_editor(request: Request, db: ReadDb, actor: CurrentActor, wanted: DraftForm) -> Response:
    draft = queries.read_draft(db, actor, LifeCycleVersion, queries.parse_life_cycle, wanted.document)
    cycle = draft.document
    return show_editor(
        request,
        actor,
        EDITOR,
        wanted,
        row=draft.row,
        problem=draft.problem,
        cycle=cycle,
        drawing=draw(cycle) if cycle else None,
        scope=describe_scope(cycle) if cycle else None,
    )


@router.post("/life-cycles", openapi_extra=needs(Permission.MANAGE_POLICIES))
def publish_life_cycle(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[DocumentIn, Form()]
) -> Response:
    made = service.publish_life_cycle(db, actor, wanted)
    return redirect(request, "show_life_cycle", id=made.document_id, toast=f"Published {made.name}.")


@router.get("/models/{name}/life-cycle", openapi_extra=needs(Permission.VIEW))
def show_model_life_cycle(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = registry.get_header(db, actor, name)
    seen = queries.look_at_case(db, actor, header.model)
    versions = registry.list_versions(db, header.model, limit=50).items
    standings = queries.find_standings(db, header.model.id)
    return render(
        request,
        "governance/model_life_cycle.html",
        header=header,
        versions=[(version, standings.get(version.id)) for version in versions],
        **case_context(db, seen),
    )


@router.get("/models/{name}/versions/{number}/life-cycle", openapi_extra=needs(Permission.VIEW))
def show_version_life_cycle(request: Request, db: ReadDb, actor: CurrentActor, name: str, number: Number) -> Response:
    header = registry.get_version_header(db, actor, name, number)
    seen = queries.look_at_case(db, actor, header.model, header.version)
    return render(request, "governance/version_life_cycle.html", header=header, **case_context(db, seen))


def case_context(db: Session, seen: SeenCase | None) -> dict[str, Any]:
    """Return what templates need to show a case: itself, its picture, and the names of who moved it."""
    if seen is None:
        return {"seen": None, "drawing": None, "movers": {}}
    return {
        "seen": seen,
        "drawing": draw(seen.standing.cycle),
        "movers": _movers(db, seen),
    }


def _movers(db: Session, seen: SeenCase) -> Mapping[str, str]:
    ids = {stay.entered_by for stay in seen.stays} | {seen.standing.stay.entered_by}
    return {**identity.names_of(db, ids - {SYSTEM_ID}), SYSTEM_ID: "The platform"}


@router.post("/models/{name}/move", openapi_extra=needs(Permission.MOVE_LIFE_CYCLE))
def move_model(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[MoveIn, Form()]
) -> Response:
    moved = service.move_model(db, actor, name, wanted)
    return redirect(request, "show_model_life_cycle", name=name, toast=f"{name} is {moved.state.title.lower()}.")


@router.post("/models/{name}/versions/{number}/move", openapi_extra=needs(Permission.MOVE_LIFE_CYCLE))
def move_version(
    request: Request,
    db: WriteDb,
    actor: CurrentActor,
    name: str,
    number: Number,
    wanted: Annotated[MoveIn, Form()],
) -> Response:
    moved = service.move_version(db, actor, name, number, wanted)
    told = f"v{number} is {moved.state.title.lower()}."
    return redirect(request, "show_version_life_cycle", name=name, number=number, toast=told)
