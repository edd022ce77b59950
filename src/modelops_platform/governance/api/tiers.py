"""What people decide about a model, as JSON: overrides of its tier, whether it is a model, its EU class, its card."""

from typing import Annotated, Any

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import IfMatch, ReadDb, WriteDb

from .. import queries, service
from ..domain.documents import read_yaml
from ..schemas import (
    CardIn,
    CardOut,
    CardPage,
    ClassificationIn,
    ClassificationOut,
    ClassificationsOut,
    DeterminationIn,
    DeterminationOut,
    DeterminationsOut,
    DocumentIn,
    DocumentOut,
    DocumentsOut,
    EndIn,
    OverrideIn,
    OverrideOut,
    OverridesOut,
)
from ..tables import EuClassification, ModelDetermination, QuestionnaireVersion, TierOverride

overrides = api_router("/models/{name}/overrides", "governance")
determinations = api_router("/models/{name}/determinations", "governance")
classes = api_router("/models/{name}/eu-classes", "governance")
cards = api_router("/models/{name}/card", "governance")
questionnaire = api_router("/questionnaire", "governance")
questionnaires = api_router("/questionnaires", "governance")

ROUTERS = [overrides, determinations, classes, cards, questionnaire, questionnaires]


@overrides.get("", name="api_list_overrides", response_model=OverridesOut, openapi_extra=needs(Permission.VIEW))
def list_overrides(db: ReadDb, actor: CurrentActor, name: str) -> dict[str, Any]:
    """List the overrides of a model's tier, the newest first: asked, in force and ended."""
    return {"items": queries.list_overrides(db, registry.get_model(db, actor, name).id)}


@overrides.post(
    "",
    name="api_ask_override",
    status_code=201,
    response_model=OverrideOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def ask_override(db: WriteDb, actor: CurrentActor, name: str, wanted: OverrideIn) -> TierOverride:
    """Ask that another tier counts for a while; somebody else confirms it."""
    return service.ask_override(db, actor, name, wanted)


@overrides.post(
    "/{override_id}/confirm",
    name="api_confirm_override",
    response_model=OverrideOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def confirm_override(db: WriteDb, actor: CurrentActor, name: str, override_id: str) -> TierOverride:
    """Bring an override into force until it expires. Only a risk officer of the model lowers its tier."""
    return service.confirm_override(db, actor, name, override_id)


@overrides.post(
    "/{override_id}/end",
    name="api_end_override",
    response_model=OverrideOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def end_override(db: WriteDb, actor: CurrentActor, name: str, override_id: str, wanted: EndIn) -> TierOverride:
    """Decline an override, take it back, or end it early."""
    return service.end_override(db, actor, name, override_id, wanted.reason)


@determinations.get(
    "", name="api_list_determinations", response_model=DeterminationsOut, openapi_extra=needs(Permission.VIEW)
)
def list_determinations(db: ReadDb, actor: CurrentActor, name: str) -> dict[str, Any]:
    """List what was determined, the newest first; the one without an end stands."""
    return {"items": queries.list_determinations(db, registry.get_model(db, actor, name).id)}


@determinations.post(
    "",
    name="api_determine",
    status_code=201,
    response_model=DeterminationOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def determine(db: WriteDb, actor: CurrentActor, name: str, wanted: DeterminationIn) -> ModelDetermination:
    """Write down whether this counts as a model at all."""
    return service.determine(db, actor, name, wanted)


@determinations.post(
    "/{determination_id}/confirm",
    name="api_confirm_determination",
    response_model=DeterminationOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def confirm_determination(db: WriteDb, actor: CurrentActor, name: str, determination_id: str) -> ModelDetermination:
    """Bring "this is no model" into force: as somebody independent who watches over risk there."""
    return service.confirm_determination(db, actor, name, determination_id)


@classes.get("", name="api_list_eu_classes", response_model=ClassificationsOut, openapi_extra=needs(Permission.VIEW))
def list_eu_classes(db: ReadDb, actor: CurrentActor, name: str) -> dict[str, Any]:
    """List the classes that the guide led to, the newest first, each with its trail."""
    return {"items": queries.list_classifications(db, registry.get_model(db, actor, name).id)}


@classes.post(
    "",
    name="api_classify",
    status_code=201,
    response_model=ClassificationOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def classify(db: WriteDb, actor: CurrentActor, name: str, wanted: ClassificationIn) -> EuClassification:
    """Keep the class to which the answers lead, and write it into the model's record."""
    return service.classify(db, actor, name, wanted)


@cards.get("", name="api_get_card", response_model=CardOut, openapi_extra=needs(Permission.VIEW))
def get_card(db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[CardPage, Query()]) -> object:
    """Return the card of a version, by default the last: field by field, and how complete it is for its tier.

    Its `ETag` is what an edit sends as `If-Match`.
    """
    return queries.show_card(db, actor, name, wanted.version)


@cards.patch("", name="api_write_card", response_model=CardOut, openapi_extra=needs(Permission.EDIT_MODEL))
def write_card(db: WriteDb, actor: CurrentActor, if_match: IfMatch, name: str, wanted: CardIn) -> object:
    """Write fields of the card that the platform cannot find by itself."""
    service.write_card(db, actor, name, wanted, if_match)
    return queries.show_card(db, actor, name)


@questionnaire.get("", name="api_get_questionnaire", response_model=dict, openapi_extra=needs(Permission.VIEW))
def get_questionnaire(db: ReadDb, actor: CurrentActor) -> object:
    """Return the risk questionnaire in force: blocks, questions with their answers, cut-offs, facts and floors."""
    return read_yaml(queries.questionnaire_row(db, actor.workspace_id).document)


@questionnaires.get(
    "", name="api_list_questionnaires", response_model=DocumentsOut, openapi_extra=needs(Permission.VIEW)
)
def list_questionnaires(db: ReadDb, actor: CurrentActor) -> dict[str, Any]:
    """List every version of every questionnaire; models are assessed by the one that was published last."""
    return {"items": queries.list_documents(db, QuestionnaireVersion, actor.workspace_id)}


@questionnaires.post(
    "",
    name="api_publish_questionnaire",
    status_code=201,
    response_model=DocumentOut,
    openapi_extra=needs(Permission.MANAGE_POLICIES),
)
def publish_questionnaire(db: WriteDb, actor: CurrentActor, wanted: DocumentIn) -> QuestionnaireVersion:
    """Publish a version of a questionnaire; what was assessed keeps the version that it was assessed by."""
    return service.publish_questionnaire(db, actor, wanted)


@questionnaires.get(
    "/{id}/versions/{number}",
    name="api_get_questionnaire_version",
    response_model=DocumentOut,
    openapi_extra=needs(Permission.VIEW),
)
def get_questionnaire_version(db: ReadDb, actor: CurrentActor, id: str, number: int) -> QuestionnaireVersion:
    """Return one version of a questionnaire."""
    return queries.get_document(db, QuestionnaireVersion, actor.workspace_id, id, number)
