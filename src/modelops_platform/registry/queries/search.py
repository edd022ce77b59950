"""Finding models: by text, by facets, in pages or whole, always bounded by what the actor may see."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    desc,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, contains_eager

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Key, Page, paginate
from modelops_platform.identity.tables import Unit, UnitAncestor, User

from ..domain.facets import Facet, FacetOption
from ..domain.kinds import KIND_WORDS, ModelKind
from ..domain.search import UNKNOWN_LIGHTS, Term, parse_search
from ..schemas import ModelFilter, Sort
from ..tables import Alias, Model, ModelEnvironment, ModelSummary, ModelTag, UseCase
from .models import WITH_NAMES, note_similar_names, visible_to

LIGHTS_BY_URGENCY = ("fail", "error", "warn", "stale", "no_data", "too_few_rows", "not_monitored", "pass")
OPTIONS_SHOWN = 12


def list_models(
    db: Session,
    actor: Actor,
    wanted: ModelFilter | None = None,
    *,
    sort: Sort = Sort.CHANGED_DOWN,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Model]:
    """Return a page of the models that match. Raises InvalidInput for a search or cursor that cannot be read."""
    statement = _loaded(_matching(actor, wanted or ModelFilter()))
    page = paginate(db, statement, *_keys(sort), cursor=cursor, limit=limit)
    note_similar_names(db, actor, page.items)
    return page


def export_models(db: Session, actor: Actor, wanted: ModelFilter, *, sort: Sort) -> Iterator[Model]:
    """Yield all models that match, in order."""
    statement = _loaded(_matching(actor, wanted)).order_by(*_keys(sort))
    yield from db.scalars(statement.execution_options(yield_per=500))


def _loaded(statement: Select[Model]) -> Select[Model]:
    return statement.options(contains_eager(Model.summary), *WITH_NAMES[1:])


def count_models(db: Session, actor: Actor, wanted: ModelFilter) -> int:
    """Count the models that match."""
    return db.scalar(_matching(actor, wanted).with_only_columns(func.count(), maintain_column_froms=True)) or 0


def _keys(sort: Sort) -> tuple[Key, ...]:
    columns: dict[str, ColumnElement[Any]] = {
        "changed": Model.updated_at.expression,
        "name": func.lower(Model.name),
        "tier": func.coalesce(ModelSummary.tier, 0),
        "light": case({light: rank for rank, light in enumerate(LIGHTS_BY_URGENCY)}, value=ModelSummary.light, else_=3),
    }
    column = columns[sort.value.removeprefix("-")]
    return (desc(column), desc(Model.id)) if sort.value.startswith("-") else (column, Model.id)


def _matching(actor: Actor, wanted: ModelFilter, *, without: str | None = None) -> Select[Model]:
    """Return the statement of the models that match; `without` leaves one facet's own choice out."""
    search = parse_search(wanted.q)
    facets = [Term(key, (value,)) for key, value in wanted.facets().items() if key != without]
    conditions = [_condition(actor, term) for term in (*search.terms, *search.words, *facets)]
    return visible_to(actor).join(Model.summary).where(*conditions)


def _condition(actor: Actor, term: Term) -> ColumnElement[bool]:
    holds = _holds(actor, term.key, term.values)
    return ~func.coalesce(holds, False) if term.is_excluded else holds


def _holds(actor: Actor, key: str, values: Sequence[str]) -> ColumnElement[bool]:
    match key:
        case "text":
            return ModelSummary.search_text.contains(values[0].casefold(), autoescape=True)
        case "kind":
            return Model.kind.in_([value.casefold() for value in values])
        case "tier":
            numbers = [int(value) for value in values if value.isdecimal() and len(value) < 5]
            unassessed = ModelSummary.tier.is_(None) if "none" in values else literal(False)
            return or_(ModelSummary.tier.in_(numbers), unassessed)
        case "state":
            return ModelSummary.state.in_([value.casefold().replace(" ", "_").replace("-", "_") for value in values])
        case "light":
            words = [value.casefold().replace("-", "_") for value in values]
            return ModelSummary.light.in_([*words, *(UNKNOWN_LIGHTS if "unknown" in words else ())])
        case "environment":
            return _exists(ModelEnvironment, _is_any(ModelEnvironment.name, values))
        case "alias":
            return _exists(Alias, and_(Alias.to_at.is_(None), _is_any(Alias.name, values)))
        case "tag":
            return _exists(ModelTag, or_(*(_has_tag(value) for value in values)))
        case "unit":
            below = (
                select(UnitAncestor.unit_id)
                .join(Unit, Unit.id == UnitAncestor.ancestor_id)
                .where(Unit.workspace_id == actor.workspace_id, or_(Unit.id.in_(values), _is_any(Unit.name, values)))
            )
            return Model.unit_id.in_(below)
        case "use_case":
            named = or_(UseCase.id.in_(values), _is_any(UseCase.name, values))
            return func.coalesce(Model.use_case_id.in_(select(UseCase.id).where(named)), False)
        case _:
            return Model.owner_id.in_(_owners(actor, values))


def _exists(
    table: type[ModelEnvironment] | type[Alias] | type[ModelTag], condition: ColumnElement[bool]
) -> ColumnElement[bool]:
    return select(table.model_id).where(table.model_id == Model.id, condition).exists()


def _is_any(column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    """Compare without regard to case, as far as the database folds it."""
    return or_(column.in_(values), func.lower(column).in_([value.lower() for value in values]))


def _has_tag(value: str) -> ColumnElement[bool]:
    key, equals, wanted = value.partition("=")
    named = ModelTag.key == value
    return or_(named, and_(ModelTag.key == key, ModelTag.value == wanted)) if equals else named


def _owners(actor: Actor, values: Sequence[str]) -> Select[str]:
    asked = [actor.id if value == "me" else value for value in values]
    parts = [func.lower(User.name).contains(value.lower(), autoescape=True) for value in asked]
    named = or_(User.id.in_(asked), User.email.in_([value.lower() for value in asked]), *parts)
    return select(User.id).where(User.workspace_id == actor.workspace_id, named)


FACETS = {
    "kind": "Kind", "tier": "Tier", "state": "State", "light": "Light", "environment": "Live in",
    "unit": "Unit", "owner": "Owner", "tag": "Tag",
}  # fmt: skip


def count_facets(db: Session, actor: Actor, wanted: ModelFilter) -> tuple[int, list[Facet]]:
    """Count all models that match, and those behind each facet's values, in one statement.

    A facet's own choice does not narrow its own counts, so that one sees what else could be chosen.
    """
    chosen = wanted.facets()
    bases: dict[str | None, Any] = {}

    def base(key: str | None) -> Any:
        own = key if key in chosen else None
        if own not in bases:
            columns = (
                Model.id,
                Model.kind,
                Model.unit_id,
                Model.owner_id,
                ModelSummary.tier,
                ModelSummary.state,
                ModelSummary.light,
            )
            bases[own] = (
                _matching(actor, wanted, without=own).with_only_columns(*columns).cte(f"matching_{own or 'all'}")
            )
        return bases[own]

    total = select(literal("total"), literal(""), literal(""), func.count()).select_from(base(None))
    parts = [total, *(select(_counted(key, base(key)).subquery()) for key in FACETS)]
    found = db.execute(union_all(*parts)).all()
    counts: dict[str, list[tuple[str, str, int]]] = {}
    for key, value, label, count in found:
        counts.setdefault(key, []).append((value, label, count))
    return counts.pop("total")[0][2], [
        Facet(key, label, _options(key, counts.get(key, []), chosen)) for key, label in FACETS.items()
    ]


def _counted(key: str, base: Any) -> Select[Any]:
    """Return (facet, value, label, count) of the most frequent values of one facet."""
    value: Any
    label: Any = null()
    statement = select(literal(1)).select_from(base)
    match key:
        case "unit":
            value, label = base.c.unit_id, Unit.name
            statement = statement.join(Unit, Unit.id == value)
        case "owner":
            value, label = base.c.owner_id, User.name
            statement = statement.join(User, User.id == value)
        case "tag":
            value = ModelTag.key
            statement = statement.join(ModelTag, ModelTag.model_id == base.c.id)
        case "environment":
            value = ModelEnvironment.name
            statement = statement.join(ModelEnvironment, ModelEnvironment.model_id == base.c.id)
        case "tier":
            value = func.coalesce(cast(base.c.tier, String), "none")
        case _:
            value = base.c[key]
    count = func.count().label("count")
    grouped = [value] if key in ("tag", "environment", "tier", "kind", "state", "light") else [value, label]
    columns = (literal(key).label("facet"), value.label("value"), cast(label, String).label("label"), count)
    return (
        statement.with_only_columns(*columns, maintain_column_froms=True)
        .group_by(*grouped)
        .order_by(desc(count), value)
        .limit(OPTIONS_SHOWN)
    )


def _options(key: str, counts: Sequence[tuple[str, str, int]], chosen: Mapping[str, str]) -> list[FacetOption]:
    active = chosen.get(key)
    options = [FacetOption(v, label or _in_words(key, v), n, v == active) for v, label, n in counts]
    if active is not None and not any(option.active for option in options):
        options.append(FacetOption(active, _in_words(key, active), 0, True))
    if key == "tier":
        options.sort(key=lambda option: option.value)
    if key == "light":
        options.sort(key=lambda option: (*LIGHTS_BY_URGENCY, option.value).index(option.value))
    return options


def _in_words(key: str, value: str) -> str:
    if key == "kind":
        return KIND_WORDS.get(ModelKind(value), value) if value in set(ModelKind) else value
    if key == "tier":
        return "Not assessed" if value == "none" else f"Tier {value}"
    if value == "warn":
        return "Warning"
    if key in ("state", "light"):
        return value.replace("_", " ").capitalize()
    return value
