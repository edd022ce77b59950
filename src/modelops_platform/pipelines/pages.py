"""Pages of recipes and their runs."""

from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi import Path as PathParameter
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.revisions import etag
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs import service as jobs
from modelops_platform.registry import queries as registry
from modelops_platform.tracking import queries as tracking
from modelops_platform.web.forms import PageIn
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .domain.estimators import ESTIMATORS
from .domain.metrics import METRICS
from .schemas import RecipeForm, RecipeIn, RecipePage, RecipePatch, ScheduleIn, describe
from .tables import TrainingRecipe

router = page_router()
SEE = needs(Permission.VIEW)
WRITE = needs(Permission.MANAGE_RECIPES)
RUN = needs(Permission.RUN_RECIPE)
Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]


@router.get("/recipes", openapi_extra=SEE)
def list_recipes(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[RecipePage, Query()]) -> Response:
    page = queries.list_recipes(db, actor, q=wanted.q, model=wanted.model, cursor=wanted.cursor, limit=wanted.limit)
    return render(
        request,
        "pipelines/list.html",
        page=page,
        courses=queries.courses_of(db, actor, page.items),
        wanted=wanted,
        may_create=actor.may_somewhere(Permission.MANAGE_RECIPES),
    )


@router.get("/models/{name}/recipes", openapi_extra=SEE)
def show_model_recipes(
    request: Request, db: ReadDb, actor: CurrentActor, name: str, page: Annotated[PageIn, Query()]
) -> Response:
    header = registry.get_header(db, actor, name)
    found = queries.list_recipes(db, actor, model=header.model.id, cursor=page.cursor, limit=page.limit)
    return render(
        request,
        "pipelines/model.html",
        header=header,
        page=found,
        courses=queries.courses_of(db, actor, found.items),
        refusal=_refusal(actor, Permission.MANAGE_RECIPES, header.model),
    )


@router.get("/models/{name}/versions/{number}/lineage", openapi_extra=SEE)
def show_lineage(request: Request, db: ReadDb, actor: CurrentActor, name: str, number: Number) -> Response:
    header = registry.get_version_header(db, actor, name, number)
    run = queries.find_origin(db, actor, header.version.id)
    tracked = tracking.find_shown_run(db, actor, header.version.run_id)
    return render(request, "pipelines/lineage.html", header=header, run=run, tracked=tracked)


# ---- writing a recipe -----------------------------------------------------------------------------------------------


@router.get("/create-recipe", openapi_extra=WRITE)
def show_create_recipe(
    request: Request, db: ReadDb, actor: CurrentActor, form: Annotated[RecipeForm, Query()]
) -> Response:
    return _show_form(request, db, actor, form)


@router.post("/create-recipe", openapi_extra=WRITE)
def create_recipe(request: Request, db: WriteDb, actor: CurrentActor, form: Annotated[RecipeForm, Form()]) -> Response:
    wanted = RecipeIn.model_construct(name=form.name, model=form.model, document=form.to_document())
    recipe = service.create_recipe(db, actor, wanted)
    return redirect(request, "show_recipe", recipe_id=recipe.id, toast=f"The recipe {recipe.name} is written down.")


@router.get("/recipes/{recipe_id}/edit", openapi_extra=WRITE)
def show_edit_recipe(
    request: Request, db: ReadDb, actor: CurrentActor, recipe_id: str, form: Annotated[RecipeForm, Query()]
) -> Response:
    recipe = queries.get_recipe(db, actor, recipe_id)
    actor.must(Permission.MANAGE_RECIPES, recipe)
    typed = form if form.model_fields_set else RecipeForm.of(recipe.name, recipe.model.name, recipe.recipe)
    return _show_form(request, db, actor, typed, recipe)


@router.post("/recipes/{recipe_id}/edit", openapi_extra=WRITE)
def edit_recipe(
    request: Request, db: WriteDb, actor: CurrentActor, recipe_id: str, form: Annotated[RecipeForm, Form()]
) -> Response:
    wanted = RecipePatch.model_construct(name=form.name, document=form.to_document())
    recipe = service.edit_recipe(db, actor, recipe_id, wanted, form.etag or None)
    return redirect(request, "show_recipe", recipe_id=recipe.id, toast=f"Saved as revision {recipe.revision}.")


def _show_form(
    request: Request, db: Session, actor: Actor, form: RecipeForm, recipe: TrainingRecipe | None = None
) -> Response:
    """Show the form with what was typed; htmx asks for its parts that depend on the data set or the estimator."""
    data_sets = queries.list_data_sets(db, actor)
    data_set = next((one for one in data_sets if form.data_set in (one.id, one.name)), None)
    columns = data_set.columns if data_set else []
    options = {
        "models": [] if recipe else [(model.name, model.name) for model in queries.list_models(db, actor)],
        "data_sets": [(one.id, one.name) for one in data_sets],
        "columns": _chosen_first(
            [(column["name"], column["name"], column.get("type", "")) for column in columns], form.features
        ),
        "targets": [(column["name"], column["name"]) for column in columns],
        "estimators": [(name, f"{name} ({estimator.task})") for name, estimator in ESTIMATORS.items()],
        "parameters": _parameter_fields(form),
        "metrics": _chosen_first(
            [(name, name, kind.meaning) for name, kind in METRICS[form.task].items()] if form.task else [], form.metrics
        ),
    }
    tag = etag(recipe) if recipe else ""
    return render(
        request, "pipelines/form.html", recipe=recipe, etag=tag, form=form, data_set=data_set, options=options
    )


def _chosen_first(options: list[tuple[str, str, str]], chosen: list[str]) -> list[tuple[str, str, str]]:
    """Order the options as chosen, the rest after: the order of features and metrics is part of a recipe."""
    place = {name: number for number, name in enumerate(chosen)}
    return sorted(options, key=lambda option: place.get(option[0], len(chosen)))


def _parameter_fields(form: RecipeForm) -> list[dict[str, Any]]:
    """Return the fields of the chosen estimator's parameters, as `ui.field` takes them."""
    estimator = ESTIMATORS.get(form.estimator)
    fields = []
    for name, allowed in estimator.parameters.items() if estimator else ():
        shown = describe(name, allowed)
        options = {
            "choice": [(word or "none", word or "none") for word in shown.words],
            "yes_no": [("true", "yes"), ("false", "no")],
        }.get(shown.kind)
        fields.append(
            {
                "name": f"parameters.{name}",
                "label": name,
                "type": "select" if options else "text",
                "options": options,
                "hint": None if options else shown.sentence.capitalize(),
                "value": form.parameter(name) or None,
            }
        )
    return fields


# ---- one recipe -----------------------------------------------------------------------------------------------------


@router.get("/recipes/{recipe_id}", openapi_extra=SEE)
def show_recipe(
    request: Request, db: ReadDb, actor: CurrentActor, recipe_id: str, page: Annotated[PageIn, Query()]
) -> Response:
    recipe = queries.get_recipe(db, actor, recipe_id)
    runs = queries.list_runs(db, actor, recipe, cursor=page.cursor, limit=page.limit)
    return render(
        request,
        "pipelines/recipe.html",
        recipe=recipe,
        plan=recipe.recipe,
        runs=runs,
        course=queries.courses_of(db, actor, [recipe])[recipe.id],
        schedule=queries.find_schedule(db, recipe),
        may_see_data=actor.may(Permission.VIEW, recipe.data_set),
        refusals={
            "manage": _refusal(actor, Permission.MANAGE_RECIPES, recipe),
            "run": _refusal(actor, Permission.RUN_RECIPE, recipe),
        },
        server=str(request.base_url).rstrip("/"),
    )


@router.post("/recipes/{recipe_id}/runs", openapi_extra=RUN)
def start_training_run(request: Request, db: WriteDb, actor: CurrentActor, recipe_id: str) -> Response:
    run = service.start_run(db, actor, recipe_id)
    return redirect(request, "show_training_run", run_id=run.id)


@router.post("/recipes/{recipe_id}/archive", openapi_extra=WRITE)
def archive_recipe(request: Request, db: WriteDb, actor: CurrentActor, recipe_id: str) -> Response:
    recipe = service.archive_recipe(db, actor, recipe_id)
    return redirect(request, "list_recipes", toast=f"The recipe {recipe.name} is archived; its runs stay.")


@router.post("/recipes/{recipe_id}/take-over", openapi_extra=WRITE)
def take_over_recipe(request: Request, db: WriteDb, actor: CurrentActor, recipe_id: str) -> Response:
    recipe = service.take_over_recipe(db, actor, recipe_id)
    return redirect(request, "show_recipe", recipe_id=recipe.id, toast="You are its owner now.")


@router.post("/recipes/{recipe_id}/schedule", openapi_extra=WRITE)
def schedule_recipe(
    request: Request, db: WriteDb, actor: CurrentActor, recipe_id: str, wanted: Annotated[ScheduleIn, Form()]
) -> Response:
    service.schedule_recipe(db, actor, recipe_id, wanted)
    return redirect(request, "show_recipe", recipe_id=recipe_id, toast="It runs by itself from now on.")


@router.post("/recipes/{recipe_id}/unschedule", openapi_extra=WRITE)
def unschedule_recipe(request: Request, db: WriteDb, actor: CurrentActor, recipe_id: str) -> Response:
    service.unschedule_recipe(db, actor, recipe_id)
    return redirect(request, "show_recipe", recipe_id=recipe_id, toast="It runs only when asked from now on.")


# ---- one run --------------------------------------------------------------------------------------------------------


@router.get("/training-runs/{run_id}", openapi_extra=SEE)
def show_training_run(request: Request, db: ReadDb, actor: CurrentActor, run_id: str) -> Response:
    run = queries.get_run(db, actor, run_id)
    return render(
        request,
        "pipelines/run.html",
        run=run,
        plan=run.plan,
        may_see_data=actor.may(Permission.VIEW, run.data_set),
        may_watch=run.job is not None and queries.may_watch(actor, run.job),
        may_cancel=run.job is not None and jobs.may_manage(actor, run.job),
        run_again=_refusal(actor, Permission.RUN_RECIPE, run),
    )


@router.post("/training-runs/{run_id}/cancel", openapi_extra=needs(Permission.MANAGE_JOBS))
def cancel_training_run(request: Request, db: WriteDb, actor: CurrentActor, run_id: str) -> Response:
    run = service.cancel_run(db, actor, run_id)
    words = "It stops as soon as it notices." if run.state.is_unfinished else "Cancelled."
    return redirect(request, "show_training_run", run_id=run.id, toast=words)


def _refusal(actor: Actor, permission: Permission, thing: Any) -> str | None:
    """Return why the actor may not, and who can help; none when they may."""
    if actor.may(permission, thing):
        return None
    verb = "run" if permission is Permission.RUN_RECIPE else "write"
    return f"Your role here does not let you {verb} recipes. Ask a contributor of the model's unit."
