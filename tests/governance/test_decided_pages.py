"""The pages of tiers, classes, cards and life cycles, read and filled in as people do it without JavaScript."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.governance import service
from modelops_platform.governance.defaults import default_life_cycle_texts

from .setting import RESEARCH, RETAIL_CREDIT, Setting
from .test_tiers import MINIMAL

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # pages are no matter of SQL


def page(bank: Setting, by: str, path: str) -> str:
    answer = bank[by].get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def send(bank: Setting, by: str, path: str, **data: Any) -> str:
    answer = bank[by].post(f"/models/{bank.model}{path}", data=data)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def follow(database: Database) -> None:
    with database.write() as db:
        events.seal_events(db)
        service.catch_up(db, DEFAULT_WORKSPACE, 0)


def test_an_override_is_asked_for_confirmed_and_told_on_the_governance_page(bank: Setting) -> None:
    home = f"/models/{bank.model}/governance"
    bank.assess(RETAIL_CREDIT)
    until = (clock.now() + timedelta(days=90)).date().isoformat()
    assert send(bank, "author", "/overrides", tier="2", expires_on=until, reason="People decide.") == home
    waiting = page(bank, "owner", home)
    assert "asked just now for tier 2 instead of 1" in waiting
    assert "Only a risk officer of this model lowers its tier." in page(bank, "validator", home)
    override = bank["viewer"].get(f"/api/v1/models/{bank.model}/overrides").json()["items"][0]["id"]
    send(bank, "risk", f"/overrides/{override}/confirm")
    told = page(bank, "viewer", home)
    assert "Overridden until" in told
    assert "The answers give tier 1. Author Example asked for tier 2, Risk Example confirmed it" in told
    send(bank, "risk", f"/overrides/{override}/end", reason="Enough.")
    assert "Overridden until" not in page(bank, "viewer", home)


def test_a_tool_says_so_and_a_reopened_assessment_says_why(bank: Setting) -> None:
    home = f"/models/{bank.model}/governance"
    bank.assess(RESEARCH)
    bank["owner"].patch(f"/api/v1/models/{bank.model}", json={"affects_people": True})
    assert "The answer to whether it affects people changed since then from no to yes." in page(bank, "viewer", home)
    send(bank, "author", "/determinations", is_model="false", reason="It adds up numbers.")
    assert "Proposed: a tool" in page(bank, "viewer", home)
    found = bank["viewer"].get(f"/api/v1/models/{bank.model}/determinations").json()["items"][0]["id"]
    send(bank, "risk", f"/determinations/{found}/confirm")
    assert "Determined to be no model." in page(bank, "viewer", home)


def test_the_guide_walks_on_and_back_and_keeps_the_trail(bank: Setting) -> None:
    path, given = f"/models/{bank.model}/eu-class", dict[str, str]()
    for question, answer in MINIMAL.items():
        html = bank["compliance"].get(f"{path}?{urlencode(given)}").text
        assert f'name="a.{question}"' in html
        assert "To be confirmed against the original" in html
        for name, value in given.items():
            assert f'name="{name}" value="{value}"' in html
        given[f"a.{question}"] = answer
    result = page(bank, "compliance", f"{path}?{urlencode(given)}")
    assert "The answers lead to Minimal risk" in result
    assert "Your role" in page(bank, "viewer", f"{path}?{urlencode(given)}")
    send(bank, "compliance", "/eu-class", **given, reason="Asked by audit.")
    assert "8 answers" in page(bank, "viewer", path)
    assert bank["compliance"].post(path, data={"a.ai-system": "yes"}).status_code == 422
    assert bank["compliance"].get(f"{path}?a.nonsense=yes").status_code == 422


def test_a_card_is_filled_in_and_links_where_the_rest_is(bank: Setting) -> None:
    path = f"/models/{bank.model}/card"
    assert f'href="/models/{bank.model}/edit"' in bank["owner"].get(path).text
    send(bank, "owner", "/card", **{"card.limits": "Not for firms, nor abroad.", "card.licence": ""})
    assert "Not for firms, nor abroad." in page(bank, "viewer", path)
    assert "of what its tier wants is filled in, for v1." in page(bank, "viewer", f"/models/{bank.model}/governance")
    assert bank["owner"].post(path, data={"limits": "x"}).status_code == 422
    bank.model = "idea"
    bank.register()
    assert "This model has no version yet." in page(bank, "owner", f"/models/{bank.model}/card")


def test_life_cycles_are_drawn_and_moved(bank: Setting, database: Database) -> None:
    follow(database)
    listed = page(bank, "viewer", "/life-cycles")
    assert "Life of a model" in listed
    assert "Only risk officers and administrators publish life cycles." in listed
    drawn = bank["risk"].get("/life-cycles/model").text
    assert drawn.count('<g class="place') == 11
    assert "A risk officer, with a reason, not who brought it there." in page(bank, "risk", "/life-cycles/model")
    path = f"/models/{bank.model}/life-cycle"
    assert "Only a risk officer may do this." in page(bank, "owner", path)
    send(bank, "risk", "/move", to="suspended", state="in_development", reason="Odd results.")
    story = page(bank, "viewer", path)
    assert "Nothing new goes live" in story
    assert "Risk Example brought it to “Suspended” Odd results." in story
    assert "The platform brought it to “In development” It has a version." in story
    version = f"/models/{bank.model}/versions/1"
    moved = bank["owner"].post(f"{version}/move", data={"to": "submitted", "state": "draft", "reason": ""})
    assert moved.headers["location"] == f"{version}/life-cycle"
    assert "Owner Example brought it to “Submitted”" in page(bank, "viewer", f"{version}/life-cycle")
    made = bank["risk"].post("/life-cycles", data={"document": "id: x", "reason": "Try."})
    assert made.status_code == 422


def test_the_editor_draws_what_is_written_or_names_the_line(bank: Setting) -> None:
    assert "version: 2" in bank["risk"].get("/life-cycle-editor?id=model").text
    blank = bank["risk"].get("/life-cycle-editor").text
    assert blank.count('<g class="place') == 4
    draft = {"document": default_life_cycle_texts()[1].replace("to: validated\n", "to: nowhere\n", 1)}
    wrong = bank["risk"].post("/life-cycle-editor", data=draft)
    assert wrong.status_code == 200
    assert re.search(r"Line \d+: transitions\[10\].to is not a state", wrong.text)
    viewer = page(bank, "viewer", "/life-cycle-editor")
    assert "Only risk officers and administrators publish life cycles." in viewer


def test_the_questionnaire_can_be_read_and_published(bank: Setting) -> None:
    shown = page(bank, "viewer", "/questionnaires")
    assert "15 questions in 3 blocks" in shown
    assert "Only risk officers and administrators publish questionnaires." in shown
    document = bank["viewer"].get("/api/v1/questionnaires").json()["items"][0]["document"]
    form = {"document": document.replace("version: 1", "version: 2", 1), "reason": "Yearly review."}
    draft = bank["viewer"].post("/questionnaire-editor", data={**form, "document": document}).text
    assert "the next version of &#39;default&#39; is 2" in draft
    assert "From total to tier" in bank["viewer"].post("/questionnaire-editor", data=form).text
    assert bank["risk"].post("/questionnaires", data=form).status_code == 303
    assert "published v2" in page(bank, "viewer", "/questionnaires")
    assert "replaced by v2" in page(bank, "viewer", "/questionnaires?version=1")
