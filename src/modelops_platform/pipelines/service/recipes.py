"""Verbs on recipes and on when they run by themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotFound, Stale
from modelops_platform.core.revisions import must_match
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.tables import Schedule
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.names import checked_name
from modelops_platform.registry.tables import DataSet, Model

from .. import queries
from ..domain.reading import read_recipe
from ..domain.recipes import Recipe
from ..schemas import RecipeIn, RecipePatch, ScheduleIn
from ..tables import TrainingRecipe

START = "pipelines.start"
LONGEST_COLUMN = 250
_LONGEST_SHOWN = 200


def create_recipe(db: Session, actor: Actor, wanted: RecipeIn) -> TrainingRecipe:
    """Write down a recipe for a model. Raises InvalidInput, NotAllowed, AlreadyExists."""
    model = _model_of(db, actor, wanted.model)
    actor.must(Permission.MANAGE_RECIPES, model)
    recipe, data_set = _checked(db, actor, wanted.document)
    record = TrainingRecipe(
        workspace_id=actor.workspace_id,
        model=model,
        data_set=data_set,
        name=checked_name(wanted.name),
        document=recipe.to_document(),
        owner_id=actor.id,
        created_by=actor.id,
    )
    with _unique_name(db, record.name):
        db.add(record)
    events.record(db, actor, "recipe.created", record, **_facts(record))
    return queries.get_recipe(db, actor, record.id)


def edit_recipe(
    db: Session, actor: Actor, recipe_id: str, wanted: RecipePatch, if_match: str | None = None
) -> TrainingRecipe:
    """Change what the patch names; each change counts a revision. Raises NotFound, NotAllowed, InvalidInput, Stale."""
    record = queries.get_recipe(db, actor, recipe_id)
    actor.must(Permission.MANAGE_RECIPES, record)
    must_match(record, if_match)
    name = checked_name(wanted.name) if wanted.name is not None else record.name
    document, data_set = record.document, record.data_set
    if wanted.document is not None:
        recipe, data_set = _checked(db, actor, wanted.document)
        document = recipe.to_document()
    changed = [
        field for field, before, after in (("name", record.name, name), ("document", record.document, document))
        if before != after
    ]  # fmt: skip
    if not changed:
        return record
    with _unique_name(db, name):
        record.name, record.document, record.data_set = name, document, data_set
    events.record(db, actor, "recipe.changed", record, fields=changed, **_facts(record))
    return record


def take_over_recipe(db: Session, actor: Actor, recipe_id: str) -> TrainingRecipe:
    """Become the owner, in whose name scheduled runs are done. Raises NotFound, NotAllowed."""
    record = queries.get_recipe(db, actor, recipe_id)
    actor.must(Permission.MANAGE_RECIPES, record)
    if record.owner_id != actor.id:
        before, record.owner = record.owner_id, identity.get_user(db, actor, actor.id)
        events.record(db, actor, "recipe.taken_over", record, before=before, owner=actor.id)
    return record


def archive_recipe(db: Session, actor: Actor, recipe_id: str) -> TrainingRecipe:
    """Take a recipe and its schedule out of use; its runs stay. Raises NotFound, NotAllowed."""
    record = queries.get_recipe(db, actor, recipe_id)
    actor.must(Permission.MANAGE_RECIPES, record)
    if (schedule := queries.find_schedule(db, record)) is not None:
        jobs.delete_schedule(db, actor, schedule)
    record.archived_at = clock.now()
    events.record(db, actor, "recipe.archived", record, last_run=record.last_run)
    return record


def _model_of(db: Session, actor: Actor, reference: str) -> Model:
    for get in (registry.get_model, registry.get_model_by_id):
        try:
            model = get(db, actor, reference)
        except NotFound:
            continue
        if model.archived_at is None:
            return model
    raise InvalidInput(
        f"There is no model {reference[:80]!r}.", remedy="Register it first.", field="model", value=reference[:80]
    )


def _checked(db: Session, actor: Actor, document: Mapping[str, Any]) -> tuple[Recipe, DataSet]:
    """Read the document and find its data, by id or name. Raises InvalidInput naming the part that is wrong."""
    try:
        recipe = read_recipe(document)
    except InvalidInput as error:
        raise _shortened(error) from None
    for column in (recipe.target, *recipe.features, *filter(None, [recipe.split.by])):
        if len(column) > LONGEST_COLUMN or column != column.strip():
            raise InvalidInput(
                f"The column {column[:80]!r} is longer than {LONGEST_COLUMN} characters or has spaces around it.",
                remedy="Rename it in the data set.",
                field="features",
                value=column[:80],
            )
    data_set = data_set_of(db, actor, recipe.data_set_id)
    _check_columns(recipe, data_set)
    return recipe.for_data_set(data_set.id), data_set


def _shortened(error: InvalidInput) -> InvalidInput:
    """Return the refusal without a copy of everything that was sent."""
    value = error.details.get("value")
    if isinstance(value, str | list | tuple | dict) and len(str(value)) > _LONGEST_SHOWN:
        error.details["value"] = f"{str(value)[:_LONGEST_SHOWN]}…"
    if len(error.message) > 5 * _LONGEST_SHOWN:
        error.message = f"{error.message[: 5 * _LONGEST_SHOWN]}…"
    return error


def data_set_of(db: Session, actor: Actor, reference: str) -> DataSet:
    """Return the data set with this name or id. Raises InvalidInput unless the actor sees it and its file is here."""
    data_set = registry.find_data_set(db, actor, reference)
    if data_set is None:
        raise InvalidInput(
            f"There is no data set {reference[:80]!r} that you may see.",
            remedy="Choose another, or record it first.",
            field="data_set_id",
            value=reference[:80],
        )
    if data_set.file_name is None:
        raise InvalidInput(
            f"The file of {data_set.name!r} is not kept here, so nothing can be learned from it.",
            remedy="Upload the file, and record the data set with it.",
            field="data_set_id",
            value=reference[:80],
        )
    return data_set


def _check_columns(recipe: Recipe, data_set: DataSet) -> None:
    known = [column["name"] for column in data_set.columns]
    parts = [("target", recipe.target), *(("features", name) for name in recipe.features)]
    if recipe.split.by is not None:
        parts.append(("split.by", recipe.split.by))
    for field, column in parts if known else ():
        if column not in known:
            raise InvalidInput(
                f"The data set {data_set.name!r} has no column {column!r}.",
                remedy=f"It has {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}.",
                field=field,
                value=column,
            )


@contextmanager
def _unique_name(db: Session, name: str) -> Iterator[None]:
    """Write in a savepoint. Raises AlreadyExists when the model has a recipe of this name, Stale for a lost race."""
    taken = AlreadyExists(
        f"The model already has a recipe named {name!r}.",
        remedy="Choose another name, or edit that recipe.",
        field="name",
        value=name,
    )
    try:
        with conflicts_as(db, taken):
            yield
    except StaleDataError:
        raise Stale(
            "Somebody else changed it at the same moment.", remedy="Read it again, then repeat the edit."
        ) from None


def _facts(record: TrainingRecipe) -> dict[str, Any]:
    return {
        "revision": record.revision,
        "data_set": record.data_set_id,
        "estimator": record.document["estimator"],
        "target": record.document["target"],
    }


def schedule_recipe(db: Session, actor: Actor, recipe_id: str, wanted: ScheduleIn) -> Schedule:
    """Have the recipe run by itself, in the name of its owner. Raises NotFound, NotAllowed, InvalidInput."""
    record = queries.get_recipe(db, actor, recipe_id)
    actor.must(Permission.MANAGE_RECIPES, record)
    rhythm = Rhythm(cron=wanted.cron, every_seconds=wanted.every_seconds, timezone=wanted.timezone)
    return jobs.set_schedule(
        db,
        actor,
        queries.schedule_name(record.id),
        START,
        {"recipe_id": record.id},
        rhythm,
        title=f"Train {record.model.name} by {record.name}"[:200],
        unit_id=record.unit_id,
        model_id=record.model_id,
    )


def unschedule_recipe(db: Session, actor: Actor, recipe_id: str) -> None:
    """Let the recipe run only when asked. Raises NotFound, also when it has no schedule, and NotAllowed."""
    actor.must(Permission.MANAGE_RECIPES, queries.get_recipe(db, actor, recipe_id))
    jobs.delete_schedule(db, actor, queries.get_schedule(db, actor, recipe_id))
