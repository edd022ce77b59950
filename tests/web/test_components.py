"""The components hold what they promise: one macro a file, nothing inline, gaps as gaps, a decision told whole."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment

from modelops_platform.web.render import make_templates

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
COMPONENTS = sorted((TEMPLATES / "components").glob("*.html"))
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def ui() -> Any:
    environment: Environment = make_templates()
    return environment.globals["ui"]


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.stem)
def test_a_component_file_defines_the_macro_of_its_name_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(rf"{{% macro {path.stem}\(", text)
    assert text.startswith("{#")


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_no_template_holds_inline_styles_or_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\shx-on|\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*(?:src=|application/json))", text)


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_names_in_commands_to_copy_are_quoted_for_the_shell(path: Path) -> None:
    for name in re.findall(r"modelops (?:register|versions|gate) [\"'] ~ ([^~)]+)", path.read_text(encoding="utf-8")):
        assert name.strip().endswith("| shell"), name


def test_a_light_says_its_state_in_shape_and_word(ui: Any) -> None:
    shown = {state: ui.light(state) for state in ("pass", "warn", "fail", "error", "no_data", "stale", "not_monitored")}
    assert "Not monitored" in shown["not_monitored"]
    shapes = {re.sub(r".*<svg[^>]*>(.*)</svg>.*", r"\1", str(light)) for light in shown.values()}
    assert len(shapes) == len(shown)


def test_a_sparkline_draws_a_gap_as_a_gap(ui: Any) -> None:
    assert str(ui.sparkline([1, 2, None, 3, 4], "AUC")).count("M") == 2
    assert "no data" in ui.sparkline([None, None], "AUC")


def test_a_chart_cannot_break_out_of_its_data_block(ui: Any) -> None:
    data = {"kind": "line", "x": ["</script><b>"], "series": [{"name": "a", "values": [None]}]}
    shown = ui.chart("c", data, "Drift")
    assert shown.count("</script>") == 1
    assert "<b>" not in shown
    assert "no data" in shown


def test_sorting_again_turns_the_order_and_leaves_the_cursor(ui: Any) -> None:
    shown = ui.sort_header("Name", "name", "name", {"q": "a b", "sort": "name", "cursor": "xyz"})
    assert 'aria-sort="ascending"' in shown
    assert "sort=-name" in shown
    assert "cursor" not in shown


def test_a_heat_map_leads_from_each_number_to_its_rows(ui: Any) -> None:
    cells = [SimpleNamespace(impact=5, likelihood=4, count=3, url="/models?impact=5&likelihood=4")]
    shown = ui.heatmap(cells, "Risk")
    assert shown.count("<a ") == 1
    assert 'aria-label="3 with very high impact, high likelihood"' in shown


def test_a_decision_shows_what_is_unmet_first_with_its_way_out(ui: Any) -> None:
    def judged(number: str, status: str, remedy: str | None) -> SimpleNamespace:
        way_out = SimpleNamespace(text=remedy, who=None) if remedy else None
        return SimpleNamespace(
            requirement_id=number,
            title=f"Requirement {number}",
            status=status,
            detail="0.78 (n = 412)",
            evidence_at=NOW,
            weight="required",
            remedy=way_out,
        )

    decision = SimpleNamespace(
        is_allowed=False,
        sentence="No: 1 of 2 requirements is not met.",
        policy_title="Tier 1",
        policy_version=4,
        asked_at=NOW,
        judgements=[judged("a", "met", None), judged("b", "not_met", "Ask <Maria>")],
    )
    shown = ui.decision(decision, "May v7 go to production?", {"b": "/ask"})
    assert shown.index("Requirement b") < shown.index("Requirement a")
    assert '<a href="/ask">Ask &lt;Maria&gt;</a>' in shown
    assert "Not met" in shown
    assert "Tier 1 v4" in shown


def test_a_refused_action_stays_visible_and_says_why(ui: Any) -> None:
    shown = ui.action("Deploy", "/deploy", reason="Maria Silva may do it.")
    assert 'aria-disabled="true"' in shown
    assert "Maria Silva may do it." in shown
    assert "/deploy" not in shown


def test_a_field_ties_label_hint_and_error_together(ui: Any) -> None:
    shown = ui.field("name", "Name", value='"><i>', hint="Unique.", error="Taken.", required=True)
    assert 'for="field-name"' in shown
    assert 'aria-describedby="field-name-hint field-name-error"' in shown
    assert 'aria-invalid="true"' in shown
    assert "<i>" not in shown
