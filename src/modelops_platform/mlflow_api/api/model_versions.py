"""Versions of registered models: the versions of the inventory."""

from typing import Any

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.registry import queries, service
from modelops_platform.registry.domain.protocol import checked_number, stage_named
from modelops_platform.tracking.queries import StoredFile

from ..gate import judged
from ..routes import Family
from ..wire import Int64, KeyValue, Message, Text
from .artifacts import asked, get_file_at, send
from .experiments import checked_limit

family = Family()
READ, ADD, DOWNLOAD = Permission.VIEW, Permission.ADD_VERSION, Permission.DOWNLOAD_FILE
MOST_VERSIONS = 200_000


def _one(db: Session, actor: Actor, name: str, number: int) -> bytes:
    return b'{"model_version":%b}' % queries.get_version_document(db, actor, name, number)


class CreateVersion(Message, kw_only=True):
    """A version to make of a source."""

    name: Text
    source: Text
    run_id: str | None = None
    model_id: str | None = None
    tags: list[KeyValue] = []
    run_link: str | None = None
    description: str = ""


@family.post("model-versions/create", permission=ADD, writes=True)
def create_version(db: Session, actor: Actor, wanted: CreateVersion) -> bytes:
    """Make a version; it is ready at once."""
    made = service.add_logged_version(
        db,
        actor,
        wanted.name,
        wanted.source,
        run_id=wanted.run_id,
        logged_model_id=wanted.model_id,
        description=wanted.description,
        run_link=wanted.run_link,
        tags=[(tag.key, tag.value) for tag in wanted.tags],
    )
    return _one(db, actor, wanted.name, made.number)


class OfVersion(Message, kw_only=True):
    """Names a version."""

    name: Text
    version: Text

    @property
    def number(self) -> int:
        """The version's number. Raises InvalidInput."""
        return checked_number(self.version)


@family.get("model-versions/get", permission=READ)
def get_version(db: Session, actor: Actor, wanted: OfVersion) -> bytes:
    """Return a version."""
    return _one(db, actor, wanted.name, wanted.number)


class UpdateVersion(OfVersion, kw_only=True):
    """What is said of a version; without a description nothing changes."""

    description: str | None = None


@family.on("PATCH", "model-versions/update", permission=ADD, writes=True)
def update_version(db: Session, actor: Actor, wanted: UpdateVersion) -> bytes:
    """Describe a version."""
    if wanted.description is not None:
        service.describe_version(db, actor, wanted.name, wanted.number, wanted.description)
    return _one(db, actor, wanted.name, wanted.number)


@family.on("DELETE", "model-versions/delete", permission=Permission.ARCHIVE_MODEL, writes=True)
def delete_version(db: Session, actor: Actor, wanted: OfVersion) -> None:
    """Delete a version; its number is not used again."""
    service.archive_version(db, actor, wanted.name, wanted.number)


class MoveVersion(OfVersion, kw_only=True):
    """A stage for a version."""

    stage: Text
    archive_existing_versions: bool = False


@family.post("model-versions/transition-stage", permission=Permission.SET_ALIAS, writes=True)
def move_version(db: Session, actor: Actor, wanted: MoveVersion) -> bytes:
    """Move a version to a stage, if the gate agrees."""
    stage = stage_named(wanted.stage)
    with judged(wanted.name, wanted.number):
        service.set_stage(db, actor, wanted.name, wanted.number, stage, archive_others=wanted.archive_existing_versions)
    return _one(db, actor, wanted.name, wanted.number)


class SearchVersions(Message, kw_only=True):
    """A search for versions."""

    filter: str | None = None
    order_by: list[str] = []
    max_results: Int64 = MOST_VERSIONS
    page_token: str | None = None


@family.get("model-versions/search", permission=READ)
@family.post("model-versions/search", permission=READ)
def search_versions(db: Session, actor: Actor, wanted: SearchVersions) -> dict[str, Any]:
    """Return a page of the versions that match."""
    found, token = queries.search_versions(
        db,
        actor,
        text=wanted.filter,
        order_by=wanted.order_by,
        limit=checked_limit(wanted.max_results, MOST_VERSIONS),
        token=wanted.page_token,
    )
    answer: dict[str, Any] = {"model_versions": found} if found else {}
    return answer | {"next_page_token": token} if token else answer


@family.get("model-versions/get-download-uri", permission=READ)
def get_download_uri(db: Session, actor: Actor, wanted: OfVersion) -> dict[str, str]:
    """Return where a version's files are."""
    return {"artifact_uri": queries.get_storage_uri(db, actor, wanted.name, wanted.number)}


class TagVersion(OfVersion, kw_only=True):
    """A tag for a version."""

    key: Text
    value: str = ""


@family.post("model-versions/set-tag", permission=ADD, writes=True)
def set_tag(db: Session, actor: Actor, wanted: TagVersion) -> None:
    """Put a tag on a version."""
    service.put_version_tag(db, actor, wanted.name, wanted.number, wanted.key, wanted.value)


class VersionTagNamed(OfVersion, kw_only=True):
    """Names a tag of a version."""

    key: Text


@family.on("DELETE", "model-versions/delete-tag", permission=ADD, writes=True)
def delete_tag(db: Session, actor: Actor, wanted: VersionTagNamed) -> None:
    """Take a tag off a version."""
    service.drop_version_tag(db, actor, wanted.name, wanted.number, wanted.key)


@family.stream("GET", "/model-versions/get-artifact", permission=DOWNLOAD, is_bare=True)
async def download_of_version(request: Request) -> Response:
    """Send a file of a version, as it was when the version was made."""
    name, version, path = asked(request, "name"), asked(request, "version"), asked(request, "path")
    number = checked_number(version)

    def find(db: Session, actor: Actor) -> StoredFile:
        return get_file_at(db, actor, queries.get_storage_uri(db, actor, name, number), path)

    return await run_in_threadpool(send, request, find)
