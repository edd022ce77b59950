import json
import math
from typing import Any

import pytest

from modelops_platform.core.errors import InvalidInput
from modelops_platform.pipelines.domain.estimators import ESTIMATORS, Task
from modelops_platform.pipelines.domain.metrics import METRICS
from modelops_platform.pipelines.domain.reading import read_recipe
from modelops_platform.pipelines.domain.recipes import Recipe, SplitKind

CHURN: dict[str, Any] = {
    "data_set_id": "0190",
    "target": "left",
    "features": ["age", "größe m²"],
    "task": "classification",
    "estimator": "LogisticRegression",
    "parameters": {"C": 0.5, "class_weight": None},
    "metrics": ["roc_auc", "log_loss"],
}
LOAD: dict[str, Any] = {
    "data_set_id": "0191",
    "target": "load",
    "features": [],
    "lags": [1, 24],
    "task": "regression",
    "estimator": "Ridge",
    "split": {"kind": "ordered", "test_share": 0.2, "by": "hour"},
    "metrics": ["mae"],
}


def test_a_recipe_survives_the_way_through_json() -> None:
    for document in (CHURN, LOAD):
        recipe = read_recipe(document)
        assert read_recipe(json.loads(json.dumps(recipe.to_document()))) == recipe


def test_defaults_are_a_random_quarter_with_seed_zero() -> None:
    split = read_recipe(CHURN).split
    assert (split.kind, split.test_share, split.seed, split.by) == (SplitKind.RANDOM, 0.25, 0, None)


def test_lags_become_inputs_after_the_features() -> None:
    assert read_recipe(LOAD | {"features": ["holiday"]}).inputs == ("holiday", "load_lag_1", "load_lag_24")


def test_a_recipe_moves_to_another_data_set() -> None:
    assert read_recipe(CHURN).for_data_set("x").data_set_id == "x"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"estimator": "os.system"}, "estimator"),
        ({"estimator": "Ridge"}, "estimator"),
        ({"estimator": 7}, "estimator"),
        ({"parameters": {"n_jobs": 4}}, "parameters.n_jobs"),
        ({"parameters": {"C": 0}}, "parameters.C"),
        ({"parameters": {"C": True}}, "parameters.C"),
        ({"parameters": {"C": "1"}}, "parameters.C"),
        ({"parameters": {"C": math.nan}}, "parameters.C"),
        ({"parameters": {"C": 10**400}}, "parameters.C"),
        ({"parameters": {"max_iter": 10.5}}, "parameters.max_iter"),
        ({"parameters": {"class_weight": "all"}}, "parameters.class_weight"),
        ({"parameters": {"class_weight": []}}, "parameters.class_weight"),
        ({"parameters": {"fit_intercept": 1}}, "parameters.fit_intercept"),
        ({"parameters": [1]}, "parameters"),
        ({"features": []}, "features"),
        ({"features": ["age", "age"]}, "features"),
        ({"features": ["left"]}, "features"),
        ({"features": [" "]}, "features"),
        ({"features": ["label"]}, "features"),
        ({"features": "age"}, "features"),
        ({"features": [1]}, "features"),
        ({"features": [str(number) for number in range(1_001)]}, "features"),
        ({"target": ""}, "target"),
        ({"target": None}, "target"),
        ({"data_set_id": ""}, "data_set_id"),
        ({"task": "clustering"}, "task"),
        ({"task": ["regression"]}, "task"),
        ({"metrics": []}, "metrics"),
        ({"metrics": ["mae"]}, "metrics"),
        ({"metrics": ["f1", "f1"]}, "metrics"),
        ({"split": {"test_share": 0}}, "split.test_share"),
        ({"split": {"test_share": math.nan}}, "split.test_share"),
        ({"split": {"test_share": "0.2"}}, "split.test_share"),
        ({"split": {"seed": -1}}, "split.seed"),
        ({"split": {"seed": 2**32}}, "split.seed"),
        ({"split": {"seed": True}}, "split.seed"),
        ({"split": {"kind": "group"}}, "split.by"),
        ({"split": {"kind": "group", "by": "left"}}, "split.by"),
        ({"split": {"by": "age"}}, "split.by"),
        ({"split": {"kind": "sideways"}}, "split.kind"),
        ({"split": {"folds": 3}}, "folds"),
        ({"lags": [1]}, "lags"),
        ({"code": "print()"}, "code"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_recipe(CHURN | change)
    assert refused.value.details["field"] == field
    assert "value" in refused.value.details
    assert refused.value.remedy


@pytest.mark.parametrize(
    "change",
    [{"lags": [0]}, {"lags": [1, 1]}, {"lags": [1_001]}, {"lags": list(range(1, 62))}, {"features": ["load_lag_1"]}],
)
def test_impossible_lags_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_recipe(LOAD | change)
    assert refused.value.details["field"] == "lags"


@pytest.mark.parametrize("name", ["data_set_id", "target", "features", "task", "estimator", "metrics"])
def test_a_missing_part_is_named(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_recipe({key: value for key, value in CHURN.items() if key != name})
    assert refused.value.details["field"] == name


@pytest.mark.parametrize("document", [None, [], "recipe", {1: 2}])
def test_what_is_no_recipe_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput):
        read_recipe(document)


def test_every_refused_parameter_says_what_is_allowed() -> None:
    for name, estimator in ESTIMATORS.items():
        for parameter in estimator.parameters:
            with pytest.raises(InvalidInput) as refused:
                Recipe(
                    "0",
                    "y",
                    ("x",),
                    estimator.task,
                    name,
                    {parameter: "?"},
                    metrics=(next(iter(METRICS[estimator.task])),),
                )
            assert refused.value.remedy is not None
            assert refused.value.remedy.startswith("Give ")


def test_counts_are_wanted_where_the_loss_needs_them() -> None:
    boosted = Recipe(
        "0", "y", ("x",), Task.REGRESSION, "HistGradientBoostingRegressor", {"loss": "poisson"}, metrics=("mae",)
    )
    assert boosted.wants_counts
    assert not read_recipe(LOAD).wants_counts
