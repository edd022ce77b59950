"""Risk assessments as JSON."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import (
    AssessmentIn,
    AssessmentOut,
)
from ..tables import RiskAssessment

assessments = api_router("/models/{name}/assessments", "governance")

ROUTERS = [assessments]


@assessments.post(
    "",
    name="api_assess_model",
    status_code=201,
    response_model=AssessmentOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def assess_model(db: WriteDb, actor: CurrentActor, name: str, wanted: AssessmentIn) -> RiskAssessment:
    """Answer the risk questionnaire for a model; the answers before end now."""
    return service.assess_model(db, actor, name, wanted)


@assessments.post(
    "/{assessment_id}/confirm",
    name="api_confirm_assessment",
    response_model=AssessmentOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def confirm_assessment(db: WriteDb, actor: CurrentActor, name: str, assessment_id: str) -> RiskAssessment:
    """Bring a proposed tier into force: as somebody independent who watches over risk there."""
    return service.confirm_assessment(db, actor, name, assessment_id)


@assessments.get(
    "", name="api_list_assessments", response_model=PageOut[AssessmentOut], openapi_extra=needs(Permission.VIEW)
)
def list_assessments(
    db: ReadDb, actor: CurrentActor, name: str, page: Annotated[PageIn, Query()]
) -> Page[RiskAssessment]:
    """List the assessments of a model, the newest first; the one without an end is in force."""
    model = registry.get_model(db, actor, name)
    return queries.page_assessments(db, model.id, cursor=page.cursor, limit=page.limit)
