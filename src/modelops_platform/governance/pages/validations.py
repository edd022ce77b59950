"""Pages of validation: the plan, the report part by part, the sign-off."""

from typing import Annotated

from fastapi import Form, Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.queries import granted
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs import queries as jobs
from modelops_platform.jobs.tables import Job
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import EmptyIsNone, In
from modelops_platform.web.render import redirect, redirect_to, render, url_for
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb
from modelops_platform.web.static import asset

from .. import queries, service
from ..defaults import report_form
from ..domain.findings import Category
from ..domain.known import Opinion, Severity
from ..domain.validation import OPINION_WORDS, STATEMENT
from ..schemas import CallOffIn, ConditionIn, PartsIn, SignIn, ValidationIn
from .shown import version_options

router = page_router()
SEE = needs(Permission.VIEW)
VALIDATE = needs(Permission.VALIDATE)
ASSIGN = needs(Permission.REQUEST_APPROVAL)
OPINION_TONES = {"fit": "pass", "fit_with_conditions": "warn", "not_fit": "fail"}


class ValidationQuery(In):
    """Which version to plan for."""

    version: Annotated[Annotated[int, Field(ge=1, le=2**31 - 1)] | None, EmptyIsNone] = None


class ReportQuery(In):
    """The job that prints the report, to be watched; how often it had been written when its validator came back."""

    pdf: Annotated[Annotated[str, Field(max_length=36)] | None, EmptyIsNone] = None
    written: Annotated[Annotated[int, Field(ge=1, le=2**31 - 1)] | None, EmptyIsNone] = None


@router.get("/models/{name}/validation", openapi_extra=SEE)
def show_model_validation(
    request: Request, db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[ValidationQuery, Query()]
) -> Response:
    header = registry.get_header(db, actor, name)
    rows = queries.list_validations(db, actor, header.model.id)
    number = wanted.version or header.model.last_version
    version = registry.get_version(db, actor, name, number) if number else None
    validators = queries.find_validators(db, version) if version is not None else []
    scope = report_form().scope_for(queries.tier_of(db, header.model))
    named = {id for row in rows for id in (row.validator_id, row.assigned_by)}
    return render(
        request,
        "governance/validation.html",
        header=header,
        rows=rows,
        current={row.id: queries.is_current(row) for row in rows},
        version=version,
        version_options=version_options(header.model),
        validators=validators,
        scope=scope,
        scopes=report_form().scopes,
        names=identity.names_of(db, {*named, *validators}),
        opinion_words=OPINION_WORDS,
        opinion_tones=OPINION_TONES,
        refusal=registry.why_not(actor, Permission.REQUEST_APPROVAL, header.model),
    )


@router.post("/models/{name}/validation", openapi_extra=ASSIGN)
def assign_validation(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[ValidationIn, Form()]
) -> Response:
    made = service.assign_validation(db, actor, name, wanted)
    return redirect(request, "show_validation", validation_id=made.id, toast="The validation is assigned.")


@router.get("/validations/{validation_id}", openapi_extra=SEE)
def show_validation(
    request: Request, db: ReadDb, actor: CurrentActor, validation_id: str, wanted: Annotated[ReportQuery, Query()]
) -> Response:
    validation = queries.get_validation(db, actor, validation_id)
    history: dict[str, int] = {}
    for entry in validation.entries:
        history[entry.part] = history.get(entry.part, 0) + 1
    return render(
        request,
        "governance/report.html",
        **queries.printed(db, actor, validation),
        may_write=queries.may_write(actor, validation),
        may_call_off=actor.may(Permission.REQUEST_APPROVAL, validation.model),
        history=history,
        categories=list(Category),
        severities=list(Severity),
        opinions=list(Opinion),
        opinion_tones=OPINION_TONES,
        statement=STATEMENT,
        pdf=jobs.get_job(db, actor, wanted.pdf, granted(Job, actor)) if wanted.pdf else None,
    )


@router.get("/validations/{validation_id}/print", openapi_extra=SEE)
def show_print(request: Request, db: ReadDb, actor: CurrentActor, validation_id: str) -> Response:
    validation = queries.get_validation(db, actor, validation_id)
    shown = queries.printed(db, actor, validation)
    return render(request, "governance/report_print.html", style_url=asset("report.css"), **shown)


@router.post("/validations/{validation_id}/print", openapi_extra=SEE)
def print_validation(request: Request, db: WriteDb, actor: CurrentActor, validation_id: str) -> Response:
    job = service.print_validation(db, actor, validation_id)
    return redirect(request, "show_validation", validation_id=validation_id, pdf=job.id)


@router.post("/validations/{validation_id}/parts", openapi_extra=VALIDATE)
def write_parts(
    request: Request, db: WriteDb, actor: CurrentActor, validation_id: str, wanted: Annotated[PartsIn, Form()]
) -> Response:
    written = len(service.write_parts(db, actor, validation_id, wanted.written()).entries)
    # The count makes each address new: to one that differs by its fragment alone a browser scrolls and loads nothing.
    shown = url_for(request.app, "show_validation", validation_id=validation_id, written=written)
    return redirect_to(request, f"{shown}#part-{wanted.at}" if wanted.at else shown)


@router.post("/validations/{validation_id}/findings", openapi_extra=VALIDATE)
def raise_condition(
    request: Request, db: WriteDb, actor: CurrentActor, validation_id: str, wanted: Annotated[ConditionIn, Form()]
) -> Response:
    service.raise_condition(db, actor, validation_id, wanted)
    return redirect(request, "show_validation", validation_id=validation_id, toast="The finding is raised.")


@router.post("/validations/{validation_id}/sign", openapi_extra=VALIDATE)
def sign_validation(
    request: Request, db: WriteDb, actor: CurrentActor, validation_id: str, wanted: Annotated[SignIn, Form()]
) -> Response:
    service.sign_validation(db, actor, validation_id, wanted)
    return redirect(request, "show_validation", validation_id=validation_id, toast="The report is signed.")


@router.post("/validations/{validation_id}/call-off", openapi_extra=ASSIGN)
def call_off_validation(
    request: Request, db: WriteDb, actor: CurrentActor, validation_id: str, wanted: Annotated[CallOffIn, Form()]
) -> Response:
    made = service.call_off_validation(db, actor, validation_id, wanted)
    return redirect(request, "show_model_validation", name=made.model.name, toast="The validation is called off.")
