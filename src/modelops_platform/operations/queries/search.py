"""Finding anything by words: one statement over all kinds of things, each bounded by its own room's rights."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, select, union_all
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.deployments.queries import visible_to as deployments_visible_to
from modelops_platform.deployments.tables import Deployment, Environment
from modelops_platform.identity.queries import users_visible_to
from modelops_platform.identity.tables import User
from modelops_platform.pipelines.queries import visible_to as recipes_visible_to
from modelops_platform.pipelines.tables import TrainingRecipe
from modelops_platform.registry.queries import data_sets_visible_to, use_cases_visible_to, visible_to
from modelops_platform.registry.tables import DataSet, Model, ModelSummary, UseCase, Version

MOST_WORDS = 8
LONGEST_DETAIL = 120
_VERSION = re.compile(r"(?P<model>.+?)[\s/]+(?:v|version )?(?P<number>\d{1,9})", re.IGNORECASE)
KINDS = {
    "model": "Models",
    "version": "Versions",
    "use_case": "Use cases",
    "data_set": "Data sets",
    "deployment": "Deployments",
    "recipe": "Recipes",
    "person": "People",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found; `key` is what its page's address needs, `number` a version's."""

    kind: str
    key: str
    name: str
    detail: str
    number: str


def find_things(db: Session, actor: Actor, q: str, *, of_each: int = 6) -> list[Hit]:
    """Return what has all the words in its name (a model also elsewhere on its record), the closest names first."""
    words = q.casefold().split()[:MOST_WORDS]
    if not words:
        return []
    parts = [select(part.subquery()) for part in _parts(actor, q.strip(), words, of_each)]
    found = db.execute(union_all(*parts)).all()
    kinds = list(KINDS)
    ranked = sorted(found, key=lambda row: (kinds.index(row.kind), row.rank, row.name.casefold()))
    return [Hit(row.kind, row.key, row.name, _short(row.detail or ""), row.number) for row in ranked]


def _short(detail: str) -> str:
    return detail if len(detail) <= LONGEST_DETAIL else f"{detail[: LONGEST_DETAIL - 1].rstrip()}\u2026"


def _parts(actor: Actor, q: str, words: Sequence[str], limit: int) -> list[Select[Any]]:
    in_record = [ModelSummary.search_text.contains(word, autoescape=True) for word in words]
    models = visible_to(actor).join(Model.summary).where(*in_record)
    deployments = deployments_visible_to(actor).where(Deployment.archived_at.is_(None))
    parts = [
        _part("model", models, Model.name, q, key=Model.name, detail=Model.purpose, limit=limit),
        _named("use_case", use_cases_visible_to(actor), UseCase, words, q, detail=UseCase.purpose, limit=limit),
        _named("data_set", data_sets_visible_to(actor), DataSet, words, q, detail=DataSet.description, limit=limit),
        _named("deployment", deployments, Deployment, words, q, detail=Environment.name, limit=limit),
        _named("recipe", recipes_visible_to(actor), TrainingRecipe, words, q, detail=Model.name, limit=limit),
    ]
    if actor.may_somewhere(Permission.VIEW_AUDIT):
        parts.append(_named("person", users_visible_to(actor), User, words, q, detail=User.email, limit=limit))
    if version := _VERSION.fullmatch(q):
        parts.append(_versions(actor, version["model"].casefold().split()[:MOST_WORDS], int(version["number"]), limit))
    return parts


def _named(
    kind: str, things: Select[Any], table: Any, words: Sequence[str], q: str, *, detail: Any, limit: int
) -> Select[Any]:
    named = and_(*(table.name.icontains(word, autoescape=True) for word in words))
    key = table.name if kind in ("use_case", "data_set", "deployment") else table.id
    return _part(kind, things.where(named), table.name, q, key=key, detail=detail, limit=limit)


def _part(
    kind: str,
    things: Select[Any],
    name: Any,
    q: str,
    *,
    key: Any,
    detail: Any,
    limit: int,
    number: ColumnElement[Any] | None = None,
) -> Select[Any]:
    """Return the closest of the things: kind, key, name, detail, number, rank (0 is the very name)."""
    lowered = q.lower()
    rank = case(
        (func.lower(name) == lowered, 0),
        (func.lower(name).startswith(lowered, autoescape=True), 1),
        (func.lower(name).contains(lowered, autoescape=True), 2),
        else_=3,
    ).label("rank")
    columns = (
        literal(kind).label("kind"),
        cast(key, String).label("key"),
        name.label("name"),
        func.substr(detail, 1, LONGEST_DETAIL + 1).label("detail"),
        cast(number if number is not None else literal(""), String).label("number"),
        rank,
    )
    return things.with_only_columns(*columns, maintain_column_froms=True).order_by(rank, name).limit(limit)


def _versions(actor: Actor, words: Sequence[str], number: int, limit: int) -> Select[Any]:
    named = and_(*(Model.name.icontains(word, autoescape=True) for word in words))
    versions = visible_to(actor).join(Version, Version.model_id == Model.id)
    versions = versions.where(named, Version.number == number, Version.archived_at.is_(None))
    return _part(
        "version", versions, Model.name, " ".join(words), key=Model.name, detail=Version.description, limit=limit,
        number=Version.number.expression,
    )  # fmt: skip
