"""Reads of recipes and runs; all start from the models that the actor may see."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, desc, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload
from sqlalchemy.orm.interfaces import ORMOption

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.identity.tables import User
from modelops_platform.jobs import queries as jobs
from modelops_platform.jobs.tables import Job, Schedule
from modelops_platform.registry.tables import DataSet, Model, Version

from .tables import TrainingRecipe, TrainingRun

RUNS_DRAWN = 20
MOST_CHOICES = 500
_PERSON = (User.id, User.name, User.kind)
_DATA = (DataSet.id, DataSet.name, DataSet.unit_id, DataSet.digest, DataSet.archived_at)


def _names(recipe: type[TrainingRecipe] = TrainingRecipe) -> list[ORMOption]:
    """Load with a recipe what pages and answers show of it."""
    return [
        contains_eager(recipe.model).load_only(Model.id, Model.name, Model.unit_id),
        joinedload(recipe.data_set).load_only(*_DATA),
        joinedload(recipe.owner).load_only(*_PERSON),
    ]


def visible_to(actor: Actor) -> Select[TrainingRecipe]:
    """Return the living recipes of the living models this actor may see."""
    return (
        select(TrainingRecipe)
        .join(TrainingRecipe.model)
        .options(*_names())
        .where(
            TrainingRecipe.workspace_id == actor.workspace_id,
            TrainingRecipe.archived_at.is_(None),
            Model.archived_at.is_(None),
            granted(Model, actor),
        )
    )


def get_recipe(db: Session, actor: Actor, recipe_id: str) -> TrainingRecipe:
    """Return the living recipe with this id. Raises NotFound, also when the actor may not see its model."""
    recipe = db.scalars(visible_to(actor).where(TrainingRecipe.id == recipe_id)).one_or_none()
    if recipe is None:
        raise NotFound(
            f"There is no recipe {recipe_id[:80]!r}.",
            remedy="Look at the list of recipes.",
            field="recipe",
            value=recipe_id[:80],
        )
    return recipe


def list_recipes(
    db: Session,
    actor: Actor,
    *,
    q: str | None = None,
    model: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[TrainingRecipe]:
    """Return a page of recipes by name, maybe those of one model (by name or id) or with some text in a name."""
    statement = visible_to(actor)
    if q:
        statement = statement.where(
            TrainingRecipe.name.icontains(q, autoescape=True) | Model.name.icontains(q, autoescape=True)
        )
    if model:
        statement = statement.where((Model.name == model) | (Model.id == model))
    return paginate(db, statement, TrainingRecipe.name, TrainingRecipe.id, cursor=cursor, limit=limit)


def runs_visible_to(actor: Actor) -> Select[TrainingRun]:
    """Return the runs, of archived recipes too, of the living models this actor may see."""
    return (
        select(TrainingRun)
        .join(TrainingRun.recipe)
        .join(TrainingRecipe.model)
        .options(
            contains_eager(TrainingRun.recipe)
            .contains_eager(TrainingRecipe.model)
            .load_only(Model.id, Model.name, Model.unit_id),
            joinedload(TrainingRun.job),
            joinedload(TrainingRun.data_set).load_only(*_DATA),
            joinedload(TrainingRun.version).load_only(Version.id, Version.number, Version.manifest_digest),
            joinedload(TrainingRun.starter).load_only(*_PERSON),
        )
        .where(
            TrainingRun.workspace_id == actor.workspace_id,
            Model.archived_at.is_(None),
            granted(Model, actor),
        )
    )


def get_run(db: Session, actor: Actor, run_id: str) -> TrainingRun:
    """Return one run. Raises NotFound, also when the actor may not see its model."""
    run = db.scalars(runs_visible_to(actor).where(TrainingRun.id == run_id)).one_or_none()
    if run is None:
        raise NotFound(
            f"There is no training run {run_id[:80]!r}.",
            remedy="Look at the runs of its recipe.",
            field="run",
            value=run_id[:80],
        )
    return run


def get_any_run(db: Session, run_id: str) -> TrainingRun:
    """Return a run for the job that does it, which has no rights of its own; of an archived model too."""
    return db.scalars(
        select(TrainingRun)
        .where(TrainingRun.id == run_id)
        .options(
            joinedload(TrainingRun.recipe)
            .joinedload(TrainingRecipe.model)
            .load_only(Model.id, Model.name, Model.unit_id)
        )
    ).one()


def list_runs(
    db: Session, actor: Actor, recipe: TrainingRecipe, *, cursor: str | None = None, limit: int = 50
) -> Page[TrainingRun]:
    """Return a page of a recipe's runs, the newest first."""
    statement = runs_visible_to(actor).where(TrainingRun.recipe_id == recipe.id)
    return paginate(db, statement, desc(TrainingRun.number), cursor=cursor, limit=limit)


def find_origin(db: Session, actor: Actor, version_id: str) -> TrainingRun | None:
    """Return the run that made a version, if one did and the actor may see it."""
    return db.scalars(runs_visible_to(actor).where(TrainingRun.version_id == version_id)).one_or_none()


@dataclass(frozen=True, slots=True)
class Course:
    """How a recipe's runs went: the last one, and the first metric of those that ended well, the oldest first."""

    last: TrainingRun | None = None
    metric: str | None = None
    values: list[float] = field(default_factory=list)


def courses_of(db: Session, actor: Actor, recipes: Collection[TrainingRecipe]) -> dict[str, Course]:
    """Return how the runs of these recipes went, by recipe, in one statement."""
    place = func.row_number().over(partition_by=TrainingRun.recipe_id, order_by=desc(TrainingRun.number))
    wanted = TrainingRun.recipe_id.in_([recipe.id for recipe in recipes])
    numbered = select(TrainingRun.id, place.label("place")).where(wanted).subquery()
    newest = select(numbered.c.id).where(numbered.c.place <= RUNS_DRAWN)
    runs: dict[str, list[TrainingRun]] = {}
    for run in db.scalars(runs_visible_to(actor).where(TrainingRun.id.in_(newest)).order_by(TrainingRun.number)):
        runs.setdefault(run.recipe_id, []).append(run)
    return {recipe.id: _course(recipe, runs.get(recipe.id, [])) for recipe in recipes}


def _course(recipe: TrainingRecipe, runs: list[TrainingRun]) -> Course:
    metric = str(recipe.document["metrics"][0])
    found = (one["value"] for run in runs for one in run.metrics if one["name"] == metric)
    return Course(runs[-1] if runs else None, metric, list(found))


def find_schedule(db: Session, recipe: TrainingRecipe) -> Schedule | None:
    """Return when the recipe runs by itself, if it does."""
    return jobs.find_schedule(db, recipe.workspace_id, schedule_name(recipe.id))


def get_schedule(db: Session, actor: Actor, recipe_id: str) -> Schedule:
    """Return when the recipe runs by itself. Raises NotFound, also when it does not."""
    recipe = get_recipe(db, actor, recipe_id)
    schedule = find_schedule(db, recipe)
    if schedule is None:
        raise NotFound(
            f"{recipe.name!r} has no schedule: it runs only when asked.",
            remedy="Give it one.",
            field="schedule",
            value=recipe.id,
        )
    return schedule


def schedule_name(recipe_id: str) -> str:
    """Return the name of a recipe's schedule among all schedules."""
    return f"recipe.{recipe_id}"


def list_models(db: Session, actor: Actor) -> Sequence[Model]:
    """Return the models that the actor may write recipes for, by name."""
    return db.scalars(
        select(Model)
        .where(
            Model.workspace_id == actor.workspace_id,
            Model.archived_at.is_(None),
            granted(Model, actor),
            granted(Model, actor, Permission.MANAGE_RECIPES),
        )
        .order_by(Model.name, Model.id)
        .limit(MOST_CHOICES)
    ).all()


def list_data_sets(db: Session, actor: Actor) -> Sequence[DataSet]:
    """Return the data set records with a file here that the actor may see, by name."""
    return db.scalars(
        select(DataSet)
        .where(
            DataSet.workspace_id == actor.workspace_id,
            DataSet.archived_at.is_(None),
            DataSet.file_name.is_not(None),
            granted(DataSet, actor),
        )
        .order_by(DataSet.name, DataSet.id)
        .limit(MOST_CHOICES)
    ).all()


def may_watch(actor: Actor, job: Job) -> bool:
    """Say whether the actor may follow the job live: their own, or where they see jobs."""
    return job.created_by == actor.id or actor.may(Permission.VIEW_JOBS, job)
