"""Pages of what people decide about a model: its class under the EU AI Act, its card, overrides, what it is."""

from datetime import date
from typing import Annotated, Any

from fastapi import Form, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.kinds import EU_WORDS
from modelops_platform.web.forms import In, filled
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..defaults import eu_guide
from ..domain.eu import walk
from ..schemas import CardIn, ClassificationIn, DeterminationIn, DocumentIn, DraftForm, EndIn, OverrideIn, Sentence
from ..tables import QuestionnaireVersion
from .editors import EditorKind, VersionQuery, open_draft, show_editor, why_not_publish

router = page_router()


class OverrideForm(In):
    """An override as the form asks for it: it ends as the day begins."""

    tier: int = Field(ge=1, le=4)
    reason: Sentence
    expires_on: date


class LooseForm(BaseModel):
    """A form whose fields come from a document: `a.QUESTION` or `card.FIELD`, and a reason."""

    model_config = ConfigDict(extra="allow", str_strip_whitespace=True)

    def read(self, prefix: str) -> tuple[dict[str, str], str]:
        """Return the fields below a prefix, and the reason. Raises InvalidInput for any other field."""
        given: dict[str, Any] = dict(self.model_extra or {})
        reason = str(given.pop("reason", ""))[:2000]
        for key in given:
            if not key.startswith(prefix):
                raise InvalidInput(
                    f"The form does not know {key[:80]!r}.", remedy="Use the form as it is.", field=key[:80]
                )
        return {key.removeprefix(prefix): str(value) for key, value in given.items()}, reason


@router.post("/models/{name}/overrides", openapi_extra=needs(Permission.ASSESS_RISK))
def ask_override(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[OverrideForm, Form()]
) -> Response:
    asked = filled(
        OverrideIn, tier=wanted.tier, reason=wanted.reason, expires_at=f"{wanted.expires_on.isoformat()}T00:00:00Z"
    )
    service.ask_override(db, actor, name, asked)
    return redirect(request, "show_model_governance", name=name, toast="You asked; somebody else confirms it.")


@router.post("/models/{name}/overrides/{override_id}/confirm", openapi_extra=needs(Permission.ASSESS_RISK))
def confirm_override(request: Request, db: WriteDb, actor: CurrentActor, name: str, override_id: str) -> Response:
    made = service.confirm_override(db, actor, name, override_id)
    return redirect(request, "show_model_governance", name=name, toast=f"Tier {made.tier} counts from now on.")


@router.post("/models/{name}/overrides/{override_id}/end", openapi_extra=needs(Permission.ASSESS_RISK))
def end_override(
    request: Request,
    db: WriteDb,
    actor: CurrentActor,
    name: str,
    override_id: str,
    wanted: Annotated[EndIn, Form()],
) -> Response:
    service.end_override(db, actor, name, override_id, wanted.reason)
    return redirect(request, "show_model_governance", name=name, toast="The override has ended.")


@router.post("/models/{name}/determinations", openapi_extra=needs(Permission.ASSESS_RISK))
def determine(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[DeterminationIn, Form()]
) -> Response:
    made = service.determine(db, actor, name, wanted)
    is_open = not made.is_model and made.reviewed_by is None
    told = "Proposed; somebody independent confirms it." if is_open else f"{name} counts as {made.name}."
    return redirect(request, "show_model_governance", name=name, toast=told)


@router.post("/models/{name}/determinations/{determination_id}/confirm", openapi_extra=needs(Permission.ASSESS_RISK))
def confirm_determination(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, determination_id: str
) -> Response:
    made = service.confirm_determination(db, actor, name, determination_id)
    return redirect(request, "show_model_governance", name=name, toast=f"{name} counts as {made.name}.")


@router.get("/models/{name}/eu-class", openapi_extra=needs(Permission.VIEW))
def show_eu_class(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = registry.get_header(db, actor, name)
    given = {key.removeprefix("a."): value for key, value in request.query_params.items() if key.startswith("a.")}
    come = walk(eu_guide(), given)
    history = queries.list_classifications(db, header.model.id)
    return render(
        request,
        "governance/eu_class.html",
        header=header,
        eu_words=EU_WORDS,
        guide=eu_guide(),
        come=come,
        before=dict(list(come.answers.items())[:-1]),
        history=history,
        names=identity.names_of(db, {row.decided_by for row in history}),
        refusal=registry.why_not(actor, Permission.ASSESS_RISK, header.model),
    )


@router.post("/models/{name}/eu-class", openapi_extra=needs(Permission.ASSESS_RISK))
def classify(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[LooseForm, Form()]
) -> Response:
    answers, reason = wanted.read("a.")
    made = service.classify(db, actor, name, filled(ClassificationIn, answers=answers, reason=reason))
    return redirect(request, "show_model_governance", name=name, toast=f"The class is kept: {made.name}.")


@router.get("/models/{name}/card", openapi_extra=needs(Permission.VIEW))
def show_card(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = registry.get_header(db, actor, name)
    shown = queries.show_card(db, actor, name) if header.model.last_version else None
    return render(
        request,
        "governance/card.html",
        header=header,
        shown=shown,
        written={entry.field: entry for entry in shown.written} if shown else {},
        names=identity.names_of(db, {entry.written_by for entry in shown.written} if shown else set()),
        refusal=registry.why_not(actor, Permission.EDIT_MODEL, header.model),
    )


@router.post("/models/{name}/card", openapi_extra=needs(Permission.EDIT_MODEL))
def write_card(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[LooseForm, Form()]
) -> Response:
    fields, _reason = wanted.read("card.")
    service.write_card(db, actor, name, filled(CardIn, fields=fields))
    return redirect(request, "show_card", name=name, toast="The card is saved.")


@router.get("/questionnaires", openapi_extra=needs(Permission.VIEW))
def list_questionnaires(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[VersionQuery, Query()]
) -> Response:
    in_force = queries.questionnaire_row(db, actor.workspace_id)
    asked = (QuestionnaireVersion, actor.workspace_id, in_force.document_id)
    rows = queries.list_versions_of_document(db, *asked)
    row = queries.get_document(db, *asked, wanted.version) if wanted.version else in_force
    return render(
        request,
        "governance/questionnaires.html",
        rows=rows,
        row=row,
        questionnaire=queries.parse_questionnaire(row.document),
        names=identity.names_of(db, {row.published_by for row in rows if row.published_by}),
        refusal=why_not_publish(actor, "questionnaires"),
    )


EDITOR = EditorKind(
    thing="questionnaire",
    things="questionnaires",
    lead="Models keep the version that they were assessed by, until they are assessed again.",
    template="governance/questionnaire_editor.html",
    home="list_questionnaires",
    preview="preview_questionnaire",
    publish="publish_questionnaire",
)


@router.get("/questionnaire-editor", openapi_extra=needs(Permission.VIEW))
def edit_questionnaire(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    return _show_editor(request, db, actor, open_draft(EDITOR, queries.questionnaire_row(db, actor.workspace_id)))


@router.post("/questionnaire-editor", openapi_extra=needs(Permission.VIEW))
def preview_questionnaire(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[DraftForm, Form()]
) -> Response:
    return _show_editor(request, db, actor, wanted)


def _show_editor(request: Request, db: ReadDb, actor: CurrentActor, wanted: DraftForm) -> Response:
    draft = queries.read_draft(db, actor, QuestionnaireVersion, queries.parse_questionnaire, wanted.document)
    return show_editor(
        request, actor, EDITOR, wanted, row=draft.row, problem=draft.problem, questionnaire=draft.document
    )


@router.post("/questionnaires", openapi_extra=needs(Permission.MANAGE_POLICIES))
def publish_questionnaire(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[DocumentIn, Form()]
) -> Response:
    made = service.publish_questionnaire(db, actor, wanted)
    return redirect(request, "list_questionnaires", toast=f"Published {made.name}.")
