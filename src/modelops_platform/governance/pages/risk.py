"""Pages about a model's risk: the questionnaire, the tier and why, the governance tab."""

from typing import Annotated, Any

from fastapi import Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.kinds import EU_WORDS
from modelops_platform.web.forms import filled
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import AssessmentIn
from .lifecycles import case_context

router = page_router()
_YES_NO = {"true": True, "false": False}


class AssessmentForm(BaseModel):
    """The questionnaire as a form sends it: `answer.I1=2`, `fact.gdpr22=true`, `reason`; empty is unanswered."""

    model_config = ConfigDict(extra="allow", str_strip_whitespace=True)

    def read(self) -> AssessmentIn:
        """Return the answers as the service takes them. Raises InvalidInput."""
        given: dict[str, Any] = dict(self.model_extra or {})
        reason = str(given.pop("reason", ""))[:2000]
        answers: dict[str, int | None] = {}
        facts: dict[str, bool | str | None] = {}
        for key, value in given.items():
            kind, _, id = key.partition(".")
            if kind == "answer":
                answers[id] = _score(id, str(value))
            elif kind == "fact":
                facts[id] = _YES_NO.get(str(value), str(value)) if value != "" else None
            else:
                raise InvalidInput(
                    f"The form does not know {key[:80]!r}.", remedy="Use the form as it is.", field=key[:80]
                )
        return filled(AssessmentIn, answers=answers, facts=facts, reason=reason)


def _score(id: str, value: str) -> int | None:
    if value == "":
        return None
    if value not in {"0", "1", "2", "3", "4"}:
        raise InvalidInput(
            f"The answer to {id[:20]} is {value[:20]!r}.",
            remedy="Choose one of the answers.",
            field=f"answers.{id[:20]}",
            value=value[:20],
        )
    return int(value)


@router.get("/models/{name}/risk", openapi_extra=needs(Permission.VIEW))
def show_risk(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = registry.get_header(db, actor, name)
    current = queries.find_assessment(db, header.model.id)
    given = AssessmentIn(answers=current.answers, facts=current.facts) if current else AssessmentIn()
    return _render(request, db, actor, header, given, current.result if current else None)


@router.post("/models/{name}/risk/preview", openapi_extra=needs(Permission.ASSESS_RISK))
def preview_risk(
    request: Request, db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[AssessmentForm, Form()]
) -> Response:
    given = wanted.read()
    result = service.preview(db, actor, name, given).to_dict()
    return _render(request, db, actor, registry.get_header(db, actor, name), given, result, is_preview=True)


@router.post("/models/{name}/risk", openapi_extra=needs(Permission.ASSESS_RISK))
def assess_model(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[AssessmentForm, Form()]
) -> Response:
    made = service.assess_model(db, actor, name, wanted.read())
    is_in_force = queries.is_in_force(made.model, made)
    told = (
        f"{name} is tier {made.tier}." if is_in_force else f"Tier {made.tier} is proposed; somebody else confirms it."
    )
    return redirect(request, "show_model_governance", name=name, toast=told)


@router.post("/models/{name}/risk/{assessment_id}/confirm", openapi_extra=needs(Permission.ASSESS_RISK))
def confirm_assessment(request: Request, db: WriteDb, actor: CurrentActor, name: str, assessment_id: str) -> Response:
    confirmed = service.confirm_assessment(db, actor, name, assessment_id)
    return redirect(request, "show_model_governance", name=name, toast=f"{name} is tier {confirmed.tier}.")


def _render(
    request: Request,
    db: ReadDb,
    actor: CurrentActor,
    header: registry.Header,
    given: AssessmentIn,
    result: dict[str, Any] | None,
    *,
    is_preview: bool = False,
) -> Response:
    questionnaire = queries.questionnaire_in_force(db, actor.workspace_id)
    current = queries.find_assessment(db, header.model.id)
    return render(
        request,
        "governance/risk.html",
        is_proposed=current is not None and not queries.is_in_force(header.model, current),
        needs_confirmation=service.why_not_confirm(db, actor, header.model),
        header=header,
        questionnaire=questionnaire,
        given=given,
        result=result,
        is_preview=is_preview,
        refusal=registry.why_not(actor, Permission.ASSESS_RISK, header.model),
        eu_words=EU_WORDS,
        total_questions=len(questionnaire.questions),
    )


@router.get("/models/{name}/tier", openapi_extra=needs(Permission.VIEW))
def show_tier(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = registry.get_header(db, actor, name)
    current = queries.find_assessment(db, header.model.id)
    people = {id for id in (current.assessed_by, current.reviewed_by) if id} if current else set()
    return render(
        request,
        "governance/tier.html",
        header=header,
        current=current,
        is_proposed=current is not None and not queries.is_in_force(header.model, current),
        risk=queries.look_at_risk(db, header.model),
        names=identity.names_of(db, people),
    )


@router.get("/models/{name}/governance", openapi_extra=needs(Permission.VIEW))
def show_model_governance(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = registry.get_header(db, actor, name)
    model = header.model
    history = queries.assessment_history(db, model.id)
    requests = queries.page_requests(db, actor, model_id=model.id, limit=20).items
    decisions = queries.page_decisions(db, actor, model_id=model.id, limit=20)
    current = next((row for row in history if row.to_at is None), None)
    is_proposed = current is not None and not queries.is_in_force(model, current)
    reviewers = queries.find_reviewers(db, model) if is_proposed else []
    people = {row.assessed_by for row in history} | {row.asked_by for row in requests} | set(reviewers)
    people |= {row.reviewed_by for row in history if row.reviewed_by}
    people |= {row.asked_by for row in decisions.items}
    risk = queries.look_at_risk(db, model)
    involved = queries.find_involved(db, model)
    officers = queries.risk_officers(db, model, {*involved, *([risk.asked.asked_by] if risk.asked else [])})
    people |= risk.people | set(officers)
    return render(
        request,
        "governance/model.html",
        header=header,
        eu_words=EU_WORDS,
        history=history,
        current=current,
        is_proposed=is_proposed,
        reviewers=reviewers,
        why_not_confirm=service.why_not_confirm(db, actor, model) if is_proposed else None,
        requests=[(row, queries.state_of(row)) for row in requests],
        decisions=decisions,
        names=identity.names_of(db, people),
        refusal=registry.why_not(actor, Permission.ASSESS_RISK, model),
        mode=queries.enforcement_mode(db, actor.workspace_id),
        risk=risk,
        officers=officers,
        why_not_confirm_override=service.why_not_confirm_override(db, actor, model, risk.asked) if risk.asked else None,
        why_not_determine=service.why_not_confirm(db, actor, model),
        card=queries.show_card(db, actor, name) if model.last_version else None,
        **case_context(db, queries.look_at_case(db, actor, model)),
    )
