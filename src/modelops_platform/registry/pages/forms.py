"""The one form for models of every kind: to register and to edit."""

from typing import Annotated, Any

from fastapi import Form, Request
from pydantic import ConfigDict, model_validator
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.revisions import etag
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.kinds import EU_WORDS, KIND_WORDS, ModelKind
from ..schemas import ModelIn, ModelPatch, ValidatorIn
from .choices import choices

router = page_router()


def gather_fields(values: Any) -> Any:
    """Bring the form's `fields.key` inputs together, as the JSON API has them."""
    if not isinstance(values, dict):
        return values
    plain = {key: value for key, value in values.items() if not key.startswith("fields.")}
    fields = {key.removeprefix("fields."): value for key, value in values.items() if key.startswith("fields.")}
    return {**plain, "fields": fields} if fields else plain


class RegisterForm(ModelIn):
    """The form of a new model."""

    model_config = ConfigDict(extra="forbid")
    _gathered = model_validator(mode="before")(gather_fields)


class EditForm(ModelPatch):
    """The form of a model that exists; what is left empty is taken away."""

    revision: str
    affects_people: bool = False
    _gathered = model_validator(mode="before")(gather_fields)

    def to_patch(self) -> ModelPatch:
        """Return what the form says as a patch: every field that the form shows is named."""
        shown = self.model_fields_set | {"affects_people", "developer", "validator", "use_case", "eu_class"}
        return ModelPatch(**self.model_dump(include=shown - {"revision"}))


@router.get("/register", openapi_extra=needs(Permission.REGISTER_MODEL))
def show_register(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    return _form(request, db, actor, dict(request.query_params))


@router.post("/register", openapi_extra=needs(Permission.REGISTER_MODEL))
def register_model(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[RegisterForm, Form()]
) -> Response:
    model = service.register_model(db, actor, wanted)
    return redirect(
        request, "show_add_version", name=model.name, toast=f"Registered {model.name}. Now its first version."
    )


@router.get("/models/{name}/edit", openapi_extra=needs(Permission.EDIT_MODEL))
def show_edit_model(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = queries.get_header(db, actor, name)
    model = header.model
    values = {
        "name": model.name,
        "kind": model.kind,
        "purpose": model.purpose,
        "unit": model.unit_id,
        "use_case": model.use_case_id,
        "owner": model.owner_id,
        "developer": model.developer_id,
        "validator": model.validator_id,
        "eu_class": model.eu_class,
        "affects_people": model.affects_people,
        **{f"fields.{key}": _as_typed(value) for key, value in model.fields.items()},
        **dict(request.query_params),
    }
    return _form(request, db, actor, values, header=header)


def _as_typed(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


@router.post("/models/{name}/edit", openapi_extra=needs(Permission.EDIT_MODEL))
def edit_model(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[EditForm, Form()]
) -> Response:
    model = service.edit_model(db, actor, name, wanted.to_patch(), wanted.revision)
    return redirect(request, "show_model", name=model.name, toast="Saved.")


@router.get("/models/{name}/name-validator", openapi_extra=needs(Permission.NAME_VALIDATOR))
def show_name_validator(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = queries.get_header(db, actor, name)
    return render(
        request, "registry/name_validator.html", header=header, people=choices(identity.list_people(db, actor))
    )


@router.post("/models/{name}/name-validator", openapi_extra=needs(Permission.NAME_VALIDATOR))
def name_validator(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[ValidatorIn, Form()]
) -> Response:
    model = service.name_validator(db, actor, name, wanted.validator)
    assert model.validator is not None, "somebody was named"
    return redirect(request, "show_model", name=name, toast=f"{model.validator.name} checks {name} independently.")


def _form(
    request: Request, db: Session, actor: Actor, values: dict[str, Any], header: queries.Header | None = None
) -> Response:
    kind = ModelKind(values["kind"]) if values.get("kind") in set(ModelKind) else ModelKind.ML
    return render(
        request,
        "registry/model_form.html",
        header=header,
        values=values,
        kind=kind,
        kinds=[(one.value, words) for one, words in KIND_WORDS.items()],
        fields=queries.definitions_for(db, actor.workspace_id, kind),
        units=choices(identity.list_units(db, actor)),
        people=choices(identity.list_people(db, actor)),
        use_cases=choices(queries.list_use_cases(db, actor, limit=200).items),
        eu_classes=[(one.value, words) for one, words in EU_WORDS.items()],
        revision=etag(header.model) if header else None,
        home_unit=actor.unit_id,
    )
