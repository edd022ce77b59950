from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from modelops_platform.demo import catalogue
from modelops_platform.demo.catalogue import ENTRIES, PEOPLE, UNITS
from modelops_platform.demo.material import Entry, Person, ReplayPlan, Shift, Threshold
from modelops_platform.pipelines.domain.recipes import Recipe, Split
from modelops_platform.registry.domain.kinds import EuClass, ModelKind
from modelops_platform.registry.kinds import kind_fields

AVOIDED = {"ccard", "heart", "fair"}  # their authors keep rights


def total(answers: dict[str, int]) -> float:
    """Repeat the default questionnaire's arithmetic: blocks scaled to 100, weighted 0.5, 0.2 and 0.3."""
    share = {
        block: 100 * sum(value for key, value in answers.items() if key[0] == block) / (4 * count)
        for block, count in (("I", 6), ("C", 5), ("R", 4))
    }
    return 0.5 * share["I"] + 0.2 * share["C"] + 0.3 * share["R"]


def test_kinds_units_and_people_are_many_and_known() -> None:
    assert {entry.kind for entry in ENTRIES} == {"ml", "statistical", "rules", "spreadsheet", "llm", "agent", "vendor"}
    assert {entry.unit for entry in ENTRIES} == set(UNITS)
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    assert len([entry for entry in ENTRIES if entry.recipes]) >= 12
    known = {person.key for person in PEOPLE}
    for entry in ENTRIES:
        assert {entry.owner, entry.developer, entry.validator} <= known
        assert entry.validator not in (entry.owner, entry.developer)
    assert {"contributor", "validator", "risk", "executive"} <= {person.role for person in PEOPLE}


def test_answers_are_complete_and_spread_over_the_tiers() -> None:
    scores = [total(dict(entry.answers)) for entry in ENTRIES]
    assert all(len(entry.answers) == 15 and set(entry.answers.values()) <= {0, 1, 2, 3, 4} for entry in ENTRIES)
    for low, high in ((60, 101), (40, 60), (20, 40), (0, 20)):
        assert sum(low <= score < high for score in scores) >= 2


def test_fields_are_those_of_the_kind() -> None:
    for entry in ENTRIES:
        known = {definition.key: definition for definition in kind_fields()[ModelKind(entry.kind)]}
        for key, value in entry.fields.items():
            assert known[key].read(value) == value
        assert EuClass(str(entry.facts["eu_class"]))


def test_no_data_set_with_rights_reserved_is_used() -> None:
    assert not AVOIDED & {entry.source for entry in ENTRIES}


def test_every_threshold_watches_a_metric_of_its_plan() -> None:
    for entry in ENTRIES:
        if entry.replay is None:
            continue
        given = {entry.replay.quality, f"psi_{entry.replay.watched}", "psi_score", "outside_range"}
        given |= {"group_gap"} if entry.replay.group else set()
        for threshold in entry.replay.thresholds:
            assert threshold.metric in given
            assert (threshold.fail > threshold.warn) == (threshold.bad == "above")


def test_the_files_name_no_field_that_nobody_reads() -> None:
    """A misspelt optional field would be left out in silence."""
    data = Path(catalogue.__file__).parent / "data"
    people, models = (
        yaml.safe_load((data / name).read_text(encoding="utf-8")) for name in ("people.yaml", "models.yaml")
    )
    plans = [model["replay"] for model in models if "replay" in model]
    recipes = [recipe for model in models for recipe in model.get("recipes", ())]
    shapes: list[tuple[Any, list[dict[str, Any]]]] = [
        (Person, people["people"]),
        (Entry, models),
        (Recipe, recipes),
        (Split, [recipe["split"] for recipe in recipes]),
        (ReplayPlan, plans),
        (Threshold, [threshold for plan in plans for threshold in plan["thresholds"]]),
        (Shift, [shift for plan in plans for shift in plan.get("shifts", ())]),
    ]
    for shape, found in shapes:
        assert found
        assert {key for one in found for key in one} <= {field.name for field in fields(shape)}, shape
