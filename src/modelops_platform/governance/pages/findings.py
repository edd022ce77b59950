"""Pages of findings: all of them, those of a model, one with what may be done about it, and raising one."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form, Query, Request
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import In, filled
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..defaults import finding_rules
from ..domain.findings import UNDER_WAY, Category, FindingSource, Likelihood, Verb, next_state, why_not
from ..domain.known import Severity
from ..schemas import DueAnswerIn, DueMoveIn, FindingIn, FindingPage, Name, RatingIn, Step, StepIn
from ..tables import Finding
from .shown import requirement_titles

router = page_router()
WORK = needs(Permission.WORK_ON_FINDING)
TONES = {"critical": "fail", "high": "fail", "medium": "warn", "low": "neutral"}
STEP_WORDS = {
    Step.OPEN: ("Open it", "It is told to its owner, and counts at the gate.", "Why now?"),
    Step.ACCEPT: ("Accept", "You agree that it is a weakness, and will remedy it.", "How will you remedy it?"),
    Step.START: ("Start", "The remedy is under way.", "What is being done?"),
    Step.SUBMIT: (
        "Ready for review",
        "Somebody else verifies that it is remedied.",
        "What was done, and where is it seen?",
    ),
    Step.CLOSE: ("Verify and close", "You looked at the evidence, and the weakness is gone.", "What proves it?"),
    Step.SEND_BACK: ("Send back", "It is not remedied yet.", "What is missing?"),
    Step.REJECT: ("Reject", "It is no weakness after all.", "Why not?"),
}


class RaiseQuery(In):
    """About which model a finding is to be raised."""

    model: Name = None


@router.get("/findings", openapi_extra=needs(Permission.VIEW))
def list_findings(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[FindingPage, Query()]
) -> Response:
    model = registry.get_model(db, actor, wanted.model) if wanted.model else None
    return render(
        request,
        "governance/findings.html",
        **_listed(db, actor, wanted, model.id if model else None),
        may_raise=actor.may_somewhere(Permission.RAISE_FINDING),
        model=model,
    )


@router.get("/models/{name}/findings", openapi_extra=needs(Permission.VIEW))
def show_model_findings(
    request: Request, db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[FindingPage, Query()]
) -> Response:
    header = registry.get_header(db, actor, name)
    waivers = queries.page_waivers(db, actor, model_id=header.model.id, limit=50)
    return render(
        request,
        "governance/model_findings.html",
        **_listed(db, actor, wanted, header.model.id),
        header=header,
        waivers=waivers.items,
        titles=requirement_titles(queries.policies_in_force(db, actor.workspace_id)),
        emergencies=queries.page_emergencies(db, actor, model_id=header.model.id, limit=20).items,
        refusal=registry.why_not(actor, Permission.RAISE_FINDING, header.model),
        waiver_refusal=registry.why_not(actor, Permission.REQUEST_WAIVER, header.model),
        emergency_refusal=registry.why_not(actor, Permission.REQUEST_APPROVAL, header.model),
    )


def _listed(db: Session, actor: Actor, wanted: FindingPage, model_id: str | None) -> dict[str, Any]:
    """Return what a list of findings shows."""
    asked = queries.FindingFilter(
        state=wanted.state,
        everything=wanted.all,
        severity=wanted.severity,
        is_overdue=wanted.overdue,
        owner_id=actor.id if wanted.mine else None,
        model_id=model_id,
    )
    page = queries.page_findings(db, actor, asked, cursor=wanted.cursor, limit=wanted.limit)
    counts = queries.count_findings(db, actor, model_id=model_id)
    names = identity.names_of(db, {row.owner_id for row in page.items})
    return {
        "page": page,
        "counts": counts,
        "facets": _facets(wanted, counts),
        "names": names,
        "today": clock.now().date(),
        "tones": TONES,
        "under_way": UNDER_WAY,
        "is_narrowed": bool(wanted.state or wanted.severity or wanted.overdue or wanted.mine),
    }


def _facets(wanted: FindingPage, counts: queries.FindingCounts) -> list[dict[str, Any]]:
    severities = [
        {
            "value": one.value,
            "label": one.value.capitalize(),
            "count": counts.by_severity[one.value],
            "active": wanted.severity is one,
        }
        for one in Severity
        if counts.by_severity.get(one.value)
    ]
    more = [
        {"value": "true", "label": "Overdue", "count": counts.overdue, "active": wanted.overdue},
    ]
    return [
        {"label": "Severity", "name": "severity", "options": severities},
        {"label": "Due", "name": "overdue", "options": more if counts.overdue else []},
    ]


@router.get("/raise-finding", openapi_extra=needs(Permission.RAISE_FINDING))
def show_raise_finding(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[RaiseQuery, Query()]
) -> Response:
    model = registry.get_model(db, actor, wanted.model) if wanted.model else None
    return render(
        request,
        "governance/raise_finding.html",
        model=model,
        sources=_words(source for source in FindingSource if source is not FindingSource.EMERGENCY),
        categories=_words(Category),
        severities=[
            (rule.severity.value, rule.severity.value.capitalize(), f"{rule.meaning} Due in {rule.due_days} days.")
            for rule in finding_rules().severities.values()
        ],
        likelihoods=_words(Likelihood),
        people=[(user.id, user.name) for user in identity.list_people(db, actor)],
    )


def _words(values: Any) -> list[tuple[str, str]]:
    return [(value.value, value.value.replace("_", " ").capitalize()) for value in values]


@router.post("/raise-finding", openapi_extra=needs(Permission.RAISE_FINDING))
def raise_finding(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[FindingIn, Form()]) -> Response:
    made = service.raise_finding(db, actor, wanted)
    return redirect(request, "show_finding", id=made.id, toast="You raised a finding.")


@router.get("/findings/{id}", openapi_extra=needs(Permission.VIEW))
def show_finding(request: Request, db: ReadDb, actor: CurrentActor, id: str) -> Response:
    finding = queries.get_finding(db, actor, id)
    people = {finding.owner_id, finding.raised_by, finding.remedied_by, finding.closed_by}
    people |= {interval.set_by for interval in finding.intervals}
    people |= {id for move in finding.moves for id in (move.asked_by, move.decided_by)}
    refusals = _refusals(actor, finding)
    steps = [
        (step, *STEP_WORDS[step], refusals[Verb(step.value)])
        for step in STEP_WORDS
        if next_state(Verb(step.value), queries.finding_case(finding).state) is not None
    ]
    may_raise = actor.may(Permission.RAISE_FINDING, finding.model)
    return render(
        request,
        "governance/finding.html",
        finding=finding,
        names=_named(identity.names_of(db, {person for person in people if person})),
        steps=[step for step in steps if step[4] is None],
        refused=next((step for step in steps if step[4] is not None), None),
        rate_refusal=refusals[Verb.RATE],
        move_refusal=refusals[Verb.MOVE_DUE],
        answer_refusal=refusals[Verb.ANSWER_MOVE],
        asked_move=next((move for move in finding.moves if move.decided_at is None), None),
        severities=[(one.value, one.value.capitalize()) for one in Severity if one.value != finding.severity],
        rule=finding_rules().severities[Severity(finding.severity)],
        is_overdue=finding.state in UNDER_WAY and finding.due < clock.now().date(),
        is_under_way=finding.state in UNDER_WAY,
        tones=TONES,
        may_raise=may_raise,
        waiver_refusal=registry.why_not(actor, Permission.REQUEST_WAIVER, finding.model),
        judges=identity.names_of(db, set(queries.find_function(db, finding))),
        others=[
            (other.id, other.title)
            for other in queries.page_findings(
                db, actor, queries.FindingFilter(model_id=finding.model_id), limit=100
            ).items
            if other.id != finding.id
        ],
    )


def _refusals(actor: Actor, finding: Finding) -> Mapping[Verb, str | None]:
    case, person = queries.finding_case(finding), queries.finding_person(actor, finding)
    may = actor.may(Permission.WORK_ON_FINDING, finding.model)
    none = None if may else "Your roles do not work on findings of this model."
    return {verb: why_not(verb, case, person) or none for verb in Verb}


def _named(names: Mapping[str, str]) -> dict[str, str]:
    return {**names, "system": "The platform"}


@router.post("/findings/{id}/steps/{step}", openapi_extra=WORK)
def take_step(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, step: Step, wanted: Annotated[StepIn, Form()]
) -> Response:
    finding = service.take_step(db, actor, id, step, wanted)
    return redirect(request, "show_finding", id=id, toast=f"The finding is {finding.state.replace('_', ' ')}.")


@router.post("/findings/{id}/rate", openapi_extra=WORK)
def rate_finding(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[RatingIn, Form()]
) -> Response:
    finding = service.rate_finding(db, actor, id, wanted)
    return redirect(request, "show_finding", id=id, toast=f"The finding is {finding.severity}.")


@router.post("/findings/{id}/due-date", openapi_extra=WORK)
def ask_due_move(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[DueMoveIn, Form()]
) -> Response:
    service.ask_due_move(db, actor, id, wanted)
    return redirect(request, "show_finding", id=id, toast="You asked for another due date.")


class DueAnswerForm(In):
    """The answer to another due date, as its buttons send it."""

    answer: Annotated[str, Field(pattern="^(yes|no)$")]
    sentence: Annotated[str, Field(min_length=1, max_length=2000)]


@router.post("/findings/{id}/due-date/answer", openapi_extra=WORK)
def answer_due_move(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[DueAnswerForm, Form()]
) -> Response:
    said = filled(DueAnswerIn, agree=wanted.answer == "yes", sentence=wanted.sentence)
    finding = service.answer_due_move(db, actor, id, said)
    return redirect(request, "show_finding", id=id, toast=f"It is due on {finding.due}.")
