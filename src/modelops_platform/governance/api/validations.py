"""Validations as JSON."""

from typing import Any

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import (
    CallOffIn,
    ConditionIn,
    FindingOut,
    PartIn,
    ReportOut,
    SignIn,
    ValidationIn,
    ValidationOut,
    ValidationsOut,
)
from ..tables import Finding, Validation

of_model = api_router("/models/{name}/validations", "governance")
validations = api_router("/validations", "governance")

ROUTERS = [of_model, validations]


@of_model.get("", name="api_list_validations", response_model=ValidationsOut, openapi_extra=needs(Permission.VIEW))
def list_validations(db: ReadDb, actor: CurrentActor, name: str) -> dict[str, Any]:
    """List the validations of a model, the newest first."""
    return {"items": queries.list_validations(db, actor, registry.get_model(db, actor, name).id)}


@of_model.post(
    "",
    name="api_assign_validation",
    status_code=201,
    response_model=ValidationOut,
    openapi_extra=needs(Permission.REQUEST_APPROVAL),
)
def assign_validation(db: WriteDb, actor: CurrentActor, name: str, wanted: ValidationIn) -> Validation:
    """Have an independent person validate a version."""
    return service.assign_validation(db, actor, name, wanted)


@validations.get(
    "/{validation_id}", name="api_get_validation", response_model=ValidationOut, openapi_extra=needs(Permission.VIEW)
)
def get_validation(db: ReadDb, actor: CurrentActor, validation_id: str) -> Validation:
    """Return one validation, with its signature."""
    return queries.get_validation(db, actor, validation_id)


@validations.get(
    "/{validation_id}/report", name="api_get_report", response_model=ReportOut, openapi_extra=needs(Permission.VIEW)
)
def get_report(db: ReadDb, actor: CurrentActor, validation_id: str) -> dict[str, Any]:
    """Return the report: exactly as it was signed, else as it stands."""
    validation = queries.get_validation(db, actor, validation_id)
    signed = validation.signature
    if signed is not None:
        found = {"digest": signed.digest, "covers": signed.covers, "missing": [], "parts": signed.report["parts"]}
        return {"validation": validation, "is_signed": True, **found}
    report = queries.fill_report(db, actor, validation)
    return {
        "validation": validation,
        "is_signed": False,
        "digest": report.digest,
        "covers": report.covers,
        "missing": [part.id for part in report.missing],
        "parts": [part.to_dict() for part in report.parts],
    }


@validations.post(
    "/{validation_id}/parts",
    name="api_write_part",
    response_model=ValidationOut,
    openapi_extra=needs(Permission.VALIDATE),
)
def write_part(db: WriteDb, actor: CurrentActor, validation_id: str, wanted: PartIn) -> Validation:
    """Write one part of the report; what stood there before is kept."""
    return service.write_parts(db, actor, validation_id, [wanted])


@validations.post(
    "/{validation_id}/findings",
    name="api_raise_condition",
    status_code=201,
    response_model=FindingOut,
    openapi_extra=needs(Permission.VALIDATE),
)
def raise_condition(db: WriteDb, actor: CurrentActor, validation_id: str, wanted: ConditionIn) -> Finding:
    """Raise a rated finding of this validation, with its due date."""
    return service.raise_condition(db, actor, validation_id, wanted)


@validations.post(
    "/{validation_id}/sign",
    name="api_sign_validation",
    response_model=ValidationOut,
    openapi_extra=needs(Permission.VALIDATE),
)
def sign_validation(db: WriteDb, actor: CurrentActor, validation_id: str, wanted: SignIn) -> Validation:
    """Sign the report, as the independent person it is assigned to."""
    return service.sign_validation(db, actor, validation_id, wanted)


@validations.post(
    "/{validation_id}/call-off",
    name="api_call_off_validation",
    response_model=ValidationOut,
    openapi_extra=needs(Permission.REQUEST_APPROVAL),
)
def call_off(db: WriteDb, actor: CurrentActor, validation_id: str, wanted: CallOffIn) -> Validation:
    """End a validation without an opinion."""
    return service.call_off_validation(db, actor, validation_id, wanted)
