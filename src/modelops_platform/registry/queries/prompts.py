"""Prompts: texts with versions, kept as models of their own kind and listed apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound

from ..tables import Alias, Model, Version, VersionTag
from .models import WITH_NAMES, prompts_visible_to

TEXT, TYPE, FORMAT = "mlflow.prompt.text", "_mlflow_prompt_type", "mlflow.prompt.response_format"
VERSIONS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A version of a prompt: its text, or the messages of a conversation."""

    version: Version
    text: str
    messages: Sequence[tuple[str, str]]
    response_format: str | None
    aliases: Sequence[str]


def page_prompts(
    db: Session, actor: Actor, *, q: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Model]:
    """Return a page of the prompts that the actor may see, by name."""
    statement = prompts_visible_to(actor).options(*WITH_NAMES)
    if q:
        statement = statement.where(Model.name.icontains(q, autoescape=True))
    return paginate(db, statement, Model.name, cursor=cursor, limit=limit)


def get_prompt(db: Session, actor: Actor, name: str) -> Model:
    """Return a prompt. Raises NotFound."""
    found = db.scalars(prompts_visible_to(actor).options(*WITH_NAMES).where(Model.name == name)).one_or_none()
    if found is None:
        raise NotFound(f"There is no prompt {name[:80]!r}.", remedy="Look for it in the list of prompts.")
    return found


def count_prompt_versions(db: Session, model_ids: Sequence[str]) -> dict[str, int]:
    """Count the versions of prompts, by prompt."""
    counted = (
        select(Version.model_id, func.count())
        .where(Version.model_id.in_(model_ids), Version.archived_at.is_(None))
        .group_by(Version.model_id)
    )
    return {row[0]: row[1] for row in db.execute(counted)}


def list_prompt_versions(db: Session, prompt: Model) -> list[PromptVersion]:
    """Return the newest versions of a prompt, the last first, with their texts."""
    wanted = select(Version).where(Version.model_id == prompt.id, Version.archived_at.is_(None))
    versions = db.scalars(wanted.order_by(Version.number.desc()).limit(VERSIONS_SHOWN)).all()
    ids = [version.id for version in versions]
    tags: dict[str, dict[str, str]] = {}
    for tag in db.scalars(select(VersionTag).where(VersionTag.version_id.in_(ids))):
        tags.setdefault(tag.version_id, {})[tag.key] = tag.value
    aliases: dict[str, list[str]] = {}
    for alias in db.scalars(select(Alias).where(Alias.version_id.in_(ids), Alias.to_at.is_(None)).order_by(Alias.name)):
        aliases.setdefault(alias.version_id, []).append(alias.name)
    return [_shown(one, tags.get(one.id, {}), aliases.get(one.id, [])) for one in versions]


def _shown(version: Version, tags: dict[str, str], aliases: Sequence[str]) -> PromptVersion:
    text = tags.get(TEXT, "")
    messages = _messages(text) if tags.get(TYPE) == "chat" else []
    return PromptVersion(version, text, messages, tags.get(FORMAT), aliases)


def _messages(text: str) -> list[tuple[str, str]]:
    """Return who says what in a conversation; none when it cannot be read."""
    try:
        told = msgspec.json.decode(text, type=list[dict[str, object]])
    except (msgspec.MsgspecError, RecursionError):
        return []
    return [(str(one.get("role", "")), str(one.get("content", ""))) for one in told]
