"""Recipes and runs as rules: who may, one at a time, and what the log keeps."""

import pytest
from sqlalchemy.orm import Session

from modelops_platform.core.db import Database
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, NotFound, Stale
from modelops_platform.core.revisions import etag
from modelops_platform.pipelines import queries, service
from modelops_platform.pipelines.domain.reading import read_recipe
from modelops_platform.pipelines.domain.states import RunState, state_of
from modelops_platform.pipelines.schemas import RecipeForm, RecipeIn, RecipePatch
from tests.factories import Cast, count_events, last_event
from tests.pipelines.conftest import Shop


def test_a_runs_state_is_that_of_its_job_and_survives_it() -> None:
    assert state_of("dead", has_version=False) is RunState.FAILED
    assert state_of("running", has_version=False).is_unfinished
    assert state_of(None, has_version=True) is RunState.SUCCEEDED
    assert state_of(None, has_version=False) is RunState.CANCELLED


def test_a_recipe_counts_its_revisions_and_not_its_runs(
    shop: Shop, cast: Cast, database: Database, db: Session
) -> None:
    actor = cast.actor(shop.person)
    with database.write() as write_db:
        recipe = service.create_recipe(write_db, actor, RecipeIn(name="weekly", model="iris", document=shop.document()))
        before = etag(recipe)
        service.start_run(write_db, actor, recipe.id)
    with database.write() as write_db:
        same = service.edit_recipe(write_db, actor, recipe.id, RecipePatch(document=shop.document()), before)
        assert (same.revision, same.last_run) == (1, 1), "the same document again changes nothing"
        changed = service.edit_recipe(write_db, actor, recipe.id, RecipePatch(document=shop.document(metrics=["f1"])))
        write_db.flush()
        assert changed.revision == 2
        with pytest.raises(Stale):
            service.edit_recipe(write_db, actor, recipe.id, RecipePatch(name="daily"), before)
    assert count_events(db, "recipe.changed") == 1
    assert last_event(db, "recipe.changed")["data"] == {
        "fields": ["document"], "revision": 2, "data_set": recipe.data_set_id,
        "estimator": "LogisticRegression", "target": "species",
    }  # fmt: skip


def test_one_run_of_a_recipe_waits_at_a_time(shop: Shop, cast: Cast, write_db: Session) -> None:
    actor = cast.actor(shop.person)
    recipe = service.create_recipe(write_db, actor, RecipeIn(name="weekly", model="iris", document=shop.document()))
    other = service.create_recipe(write_db, actor, RecipeIn(name="other", model="iris", document=shop.document()))
    run = service.start_run(write_db, actor, recipe.id)
    with pytest.raises(AlreadyExists) as refused:
        service.start_run(write_db, actor, recipe.id)
    assert refused.value.details["run"] == run.id
    assert service.start_run(write_db, actor, other.id).number == 1
    service.cancel_run(write_db, actor, run.id)
    assert service.start_run(write_db, actor, recipe.id).number == 2


def test_who_may_not_see_the_model_does_not_find_the_recipe_and_who_only_sees_may_not_run(
    shop: Shop, cast: Cast, database: Database
) -> None:
    stranger, viewer = cast.person("contributor", unit="Cards"), cast.person("viewer", unit="Plants")
    recipe = shop.recipe()
    with database.write() as db:
        with pytest.raises(NotFound):
            service.start_run(db, cast.actor(stranger), recipe["id"])
        with pytest.raises(NotAllowed):
            service.start_run(db, cast.actor(viewer), recipe["id"])
        with pytest.raises(NotAllowed):
            service.edit_recipe(db, cast.actor(viewer), recipe["id"], RecipePatch(name="mine"))
        with pytest.raises(NotAllowed):
            service.archive_recipe(db, cast.actor(viewer), recipe["id"])
        assert not queries.list_recipes(db, cast.actor(stranger)).items
        assert len(queries.list_recipes(db, cast.actor(viewer)).items) == 1


def test_data_that_is_gone_refuses_the_run_with_words(shop: Shop, cast: Cast, database: Database) -> None:
    recipe = shop.recipe()
    assert shop.client.post("/api/v1/data-sets/iris/archive").status_code == 200
    with database.write() as db, pytest.raises(InvalidInput, match="no data set"):
        service.start_run(db, cast.actor(shop.person), recipe["id"])


def test_an_archived_recipe_takes_its_schedule_along_and_frees_its_name(shop: Shop, db: Session) -> None:
    recipe = shop.recipe()
    shop.client.put(f"/api/v1/recipes/{recipe['id']}/schedule", json={"cron": "0 5 * * *"})
    assert shop.client.post(f"/api/v1/recipes/{recipe['id']}/archive").status_code == 200
    assert count_events(db, "schedule.deleted") == 1
    assert shop.recipe()["id"] != recipe["id"]


def test_the_owner_is_who_takes_it_over(shop: Shop, cast: Cast, database: Database, db: Session) -> None:
    colleague = cast.person("contributor", unit="Plants")
    recipe = shop.recipe()
    with database.write() as write_db:
        taken = service.take_over_recipe(write_db, cast.actor(colleague), recipe["id"])
        assert taken.owner.id == colleague.id
    assert count_events(db, "recipe.taken_over") == 1


def test_the_form_sends_the_document_that_it_was_filled_from() -> None:
    form = RecipeForm.model_validate(
        {
            "name": "weekly",
            "model": "iris",
            "data_set": "7",
            "target": "y",
            "features": ["a", "b"],
            "estimator": "RandomForestRegressor",
            "metrics": ["mae"],
            "split": "ordered",
            "test_share": "0.2",
            "seed": "3",
            "by": "day",
            "lags": "1, 2 12",
            "parameters.n_estimators": "50",
            "parameters.max_depth": "none",
            "parameters.max_features": "None",
            "parameters.min_samples_leaf": "",
        }
    )
    document = form.to_document()
    assert document["parameters"] == {"n_estimators": 50, "max_depth": None, "max_features": None}
    assert (document["split"], document["lags"]) == (
        {"kind": "ordered", "test_share": 0.2, "seed": 3, "by": "day"}, [1, 2, 12],
    )  # fmt: skip
    recipe = read_recipe(document)
    assert RecipeForm.of("weekly", "iris", recipe).to_document() == {**document, "task": recipe.task}


def test_the_form_passes_on_what_it_cannot_read_so_that_the_recipe_refuses_it() -> None:
    form = RecipeForm.model_validate({"estimator": "Ridge", "parameters.alpha": "much", "seed": "1.5", "data_set": "7"})
    document = form.to_document()
    assert (document["parameters"], document["split"]["seed"]) == ({"alpha": "much"}, "1.5")
    with pytest.raises(InvalidInput):
        RecipeForm.model_validate({"colour": "red"}).to_document()
