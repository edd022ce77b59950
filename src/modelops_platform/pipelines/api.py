"""JSON routes of recipes and their runs."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs.tables import Schedule
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import IfMatch, ReadDb, WriteDb

from . import queries, service
from .schemas import (
    Estimators,
    RecipeIn,
    RecipeOut,
    RecipePage,
    RecipePatch,
    RunOut,
    ScheduleIn,
    ScheduleOut,
    describe_estimators,
)
from .tables import TrainingRecipe, TrainingRun

recipes = api_router("/recipes", "recipes")
runs = api_router("/training-runs", "recipes")
estimators = api_router("/estimators", "recipes")
ROUTERS = (recipes, runs, estimators)

SEE = needs(Permission.VIEW)
WRITE = needs(Permission.MANAGE_RECIPES)


@estimators.get("", name="api_list_estimators", response_model=Estimators, openapi_extra=SEE)
def list_estimators(actor: CurrentActor) -> Estimators:
    """Return what a recipe's document may choose from: estimators with their parameters, metrics, splits."""
    return describe_estimators()


@recipes.post("", name="api_create_recipe", status_code=201, response_model=RecipeOut, openapi_extra=WRITE)
def create_recipe(db: WriteDb, actor: CurrentActor, wanted: RecipeIn) -> TrainingRecipe:
    """Write down a recipe for a model; the file of its data set must be kept here."""
    return service.create_recipe(db, actor, wanted)


@recipes.get("", name="api_list_recipes", response_model=PageOut[RecipeOut], openapi_extra=SEE)
def list_recipes(db: ReadDb, actor: CurrentActor, wanted: Annotated[RecipePage, Query()]) -> Page[TrainingRecipe]:
    """List the recipes of the models you may see, by name."""
    return queries.list_recipes(db, actor, q=wanted.q, model=wanted.model, cursor=wanted.cursor, limit=wanted.limit)


@recipes.get("/{recipe_id}", name="api_get_recipe", response_model=RecipeOut, openapi_extra=SEE)
def get_recipe(db: ReadDb, actor: CurrentActor, recipe_id: str) -> TrainingRecipe:
    """Return one recipe; its `ETag` is what an edit sends as `If-Match`."""
    return queries.get_recipe(db, actor, recipe_id)


@recipes.patch("/{recipe_id}", name="api_edit_recipe", response_model=RecipeOut, openapi_extra=WRITE)
def edit_recipe(
    db: WriteDb, actor: CurrentActor, if_match: IfMatch, recipe_id: str, wanted: RecipePatch
) -> TrainingRecipe:
    """Change a recipe's name or document. Send `If-Match` to be refused (412) when it changed meanwhile."""
    return service.edit_recipe(db, actor, recipe_id, wanted, if_match)


@recipes.post("/{recipe_id}/archive", name="api_archive_recipe", response_model=RecipeOut, openapi_extra=WRITE)
def archive_recipe(db: WriteDb, actor: CurrentActor, recipe_id: str) -> TrainingRecipe:
    """Take a recipe and its schedule out of use; its runs stay."""
    return service.archive_recipe(db, actor, recipe_id)


@recipes.post("/{recipe_id}/take-over", name="api_take_over_recipe", response_model=RecipeOut, openapi_extra=WRITE)
def take_over_recipe(db: WriteDb, actor: CurrentActor, recipe_id: str) -> TrainingRecipe:
    """Become the recipe's owner, in whose name scheduled runs are done."""
    return service.take_over_recipe(db, actor, recipe_id)


@recipes.get("/{recipe_id}/schedule", name="api_get_recipe_schedule", response_model=ScheduleOut, openapi_extra=SEE)
def get_schedule(db: ReadDb, actor: CurrentActor, recipe_id: str) -> Schedule:
    """Return when the recipe runs by itself; 404 when it does not."""
    return queries.get_schedule(db, actor, recipe_id)


@recipes.put("/{recipe_id}/schedule", name="api_schedule_recipe", response_model=ScheduleOut, openapi_extra=WRITE)
def schedule_recipe(db: WriteDb, actor: CurrentActor, recipe_id: str, wanted: ScheduleIn) -> Schedule:
    """Have the recipe run by itself, in the name of its owner."""
    return service.schedule_recipe(db, actor, recipe_id, wanted)


@recipes.delete("/{recipe_id}/schedule", name="api_unschedule_recipe", status_code=204, openapi_extra=WRITE)
def unschedule_recipe(db: WriteDb, actor: CurrentActor, recipe_id: str) -> None:
    """Let the recipe run only when asked."""
    service.unschedule_recipe(db, actor, recipe_id)


@recipes.get("/{recipe_id}/runs", name="api_list_training_runs", response_model=PageOut[RunOut], openapi_extra=SEE)
def list_runs(db: ReadDb, actor: CurrentActor, recipe_id: str, page: Annotated[PageIn, Query()]) -> Page[TrainingRun]:
    """List a recipe's runs, the newest first."""
    recipe = queries.get_recipe(db, actor, recipe_id)
    return queries.list_runs(db, actor, recipe, cursor=page.cursor, limit=page.limit)


@recipes.post(
    "/{recipe_id}/runs",
    name="api_start_training_run",
    status_code=201,
    response_model=RunOut,
    openapi_extra=needs(Permission.RUN_RECIPE),
)
def start_run(db: WriteDb, actor: CurrentActor, recipe_id: str) -> TrainingRun:
    """Ask for a training; 409 with the id of the `run` that is on its way already."""
    return service.start_run(db, actor, recipe_id)


@runs.get("/{run_id}", name="api_get_training_run", response_model=RunOut, openapi_extra=SEE)
def get_run(db: ReadDb, actor: CurrentActor, run_id: str) -> TrainingRun:
    """Return one run: where it stands, and the version that came of it."""
    return queries.get_run(db, actor, run_id)


@runs.post(
    "/{run_id}/cancel",
    name="api_cancel_training_run",
    response_model=RunOut,
    openapi_extra=needs(Permission.MANAGE_JOBS),
)
def cancel_run(db: WriteDb, actor: CurrentActor, run_id: str) -> TrainingRun:
    """Cancel a run: a waiting one at once, a running one as soon as it notices."""
    return service.cancel_run(db, actor, run_id)
