"""Registered models: the models of the inventory, and prompts."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.registry import queries, service
from modelops_platform.registry.domain.protocol import checked_number, stage_named
from modelops_platform.registry.queries import FoundModels

from ..gate import judged
from ..routes import Afterwards, Family
from ..wire import Int64, KeyValue, Message, Text
from .experiments import checked_limit

family = Family()
READ, REGISTER, EDIT = Permission.VIEW, Permission.REGISTER_MODEL, Permission.EDIT_MODEL
MOST_MODELS, MOST_KEPT = 1_000, 200


class CreateModel(Message, kw_only=True):
    """A model, or prompt, to register."""

    name: Text
    description: str = ""
    tags: list[KeyValue] = []


@family.post("registered-models/create", permission=REGISTER, writes=True)
def create_model(db: Session, actor: Actor, wanted: CreateModel) -> bytes:
    """Register a model."""
    tags = [(tag.key, tag.value) for tag in wanted.tags]
    made = service.register_named(db, actor, wanted.name, wanted.description, tags)
    return _one(queries.get_model_document(db, actor, made.name))


def _one(found: FoundModels) -> bytes:
    return b'{"registered_model":%b}' % found.documents[0]


class OfModel(Message, kw_only=True):
    """Names a registered model."""

    name: Text


@family.get("registered-models/get", permission=READ)
def get_model(db: Session, actor: Actor, wanted: OfModel) -> bytes | Afterwards:
    """Return a registered model."""
    found = queries.get_model_document(db, actor, wanted.name)
    return _kept(_one(found), found)


def _kept(answer: bytes, found: FoundModels) -> bytes | Afterwards:
    """Return the answer; documents that had to be made are kept afterwards."""
    if not found.unkept:
        return answer
    unkept = found.unkept[:MOST_KEPT]
    return Afterwards(answer, lambda db: queries.keep_model_documents(db, unkept))


class UpdateModel(OfModel, kw_only=True):
    """What is said of a registered model; without a description nothing changes."""

    description: str | None = None


@family.on("PATCH", "registered-models/update", permission=EDIT, writes=True)
def update_model(db: Session, actor: Actor, wanted: UpdateModel) -> bytes:
    """Describe a registered model."""
    if wanted.description is not None:
        service.describe_model(db, actor, wanted.name, wanted.description)
    return _one(queries.get_model_document(db, actor, wanted.name))


class RenameModel(OfModel, kw_only=True):
    """A new name for a registered model."""

    new_name: Text


@family.post("registered-models/rename", permission=EDIT, writes=True)
def rename_model(db: Session, actor: Actor, wanted: RenameModel) -> bytes:
    """Rename a registered model."""
    return _one(queries.get_model_document(db, actor, service.rename_model(db, actor, wanted.name, wanted.new_name)))


@family.on("DELETE", "registered-models/delete", permission=Permission.ARCHIVE_MODEL, writes=True)
def delete_model(db: Session, actor: Actor, wanted: OfModel) -> None:
    """Delete a registered model: it is archived, and its name is free."""
    service.delete_model(db, actor, wanted.name)


class SearchModels(Message, kw_only=True):
    """A search for registered models."""

    filter: str | None = None
    order_by: list[str] = []
    max_results: Int64 = 100
    page_token: str | None = None


@family.get("registered-models/search", permission=READ)
@family.post("registered-models/search", permission=READ)
def search_models(db: Session, actor: Actor, wanted: SearchModels) -> bytes | Afterwards:
    """Return a page of the registered models, or prompts, that match."""
    found = queries.search_models(
        db,
        actor,
        text=wanted.filter,
        order_by=wanted.order_by,
        limit=checked_limit(wanted.max_results, MOST_MODELS),
        token=wanted.page_token,
    )
    if not found.documents:
        return b"{}"
    token = b',"next_page_token":"%b"' % found.next_token.encode() if found.next_token else b""
    return _kept(b'{"registered_models":[%b]%b}' % (b",".join(found.documents), token), found)


class LatestVersions(OfModel, kw_only=True):
    """Names stages of a registered model."""

    stages: list[str] = []


@family.get("registered-models/get-latest-versions", permission=READ)
@family.post("registered-models/get-latest-versions", permission=READ)
def get_latest_versions(db: Session, actor: Actor, wanted: LatestVersions) -> dict[str, Any]:
    """Return the newest version of each stage."""
    stages = [stage_named(stage) for stage in wanted.stages]
    found = queries.get_latest_versions(db, actor, wanted.name, stages)
    return {"model_versions": found} if found else {}


class TagModel(OfModel, kw_only=True):
    """A tag for a registered model."""

    key: Text
    value: str = ""


@family.post("registered-models/set-tag", permission=EDIT, writes=True)
def set_tag(db: Session, actor: Actor, wanted: TagModel) -> None:
    """Put a tag on a registered model."""
    service.put_tag(db, actor, wanted.name, wanted.key, wanted.value)


class ModelTagNamed(OfModel, kw_only=True):
    """Names a tag of a registered model."""

    key: Text


@family.on("DELETE", "registered-models/delete-tag", permission=EDIT, writes=True)
def delete_tag(db: Session, actor: Actor, wanted: ModelTagNamed) -> None:
    """Take a tag off a registered model."""
    service.drop_tag(db, actor, wanted.name, wanted.key)


class SetAlias(OfModel, kw_only=True):
    """An alias, and the version that it names from now on."""

    alias: Text
    version: Text


@family.post("registered-models/alias", permission=Permission.SET_ALIAS, writes=True)
def set_alias(db: Session, actor: Actor, wanted: SetAlias) -> None:
    """Let an alias name a version, if the gate agrees."""
    number = checked_number(wanted.version)
    with judged(wanted.name, number):
        service.put_alias(db, actor, wanted.name, wanted.alias, number)


class AliasNamed(OfModel, kw_only=True):
    """Names an alias."""

    alias: Text


@family.get("registered-models/alias", permission=READ)
def get_by_alias(db: Session, actor: Actor, wanted: AliasNamed) -> bytes:
    """Return the version that an alias names."""
    number = queries.find_number_of_alias(db, actor, wanted.name, wanted.alias)
    if number is None:
        raise InvalidInput(
            f"Registered model alias {wanted.alias[:80]} not found.", field="alias", value=wanted.alias[:80]
        )
    return b'{"model_version":%b}' % queries.get_version_document(db, actor, wanted.name, number)


@family.on("DELETE", "registered-models/alias", permission=Permission.SET_ALIAS, writes=True)
def delete_alias(db: Session, actor: Actor, wanted: AliasNamed) -> None:
    """End an alias."""
    service.drop_alias(db, actor, wanted.name, wanted.alias)
