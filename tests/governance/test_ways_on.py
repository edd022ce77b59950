"""From each page to the next: why a tier, what a line rests on, where a waiver is asked for, what comes up by day."""

import re

import pytest

from modelops_platform.governance import queries

from .setting import RESEARCH, Setting
from .test_compliance import next_version
from .test_pages import page

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the pages are no matter of SQL


@ON_SQLITE
def test_the_header_says_what_it_is_and_why_its_tier(bank: Setting) -> None:
    path = f"/models/{bank.model}"
    assert "Nobody has assessed this model." in page(bank, "viewer", f"{path}/tier")
    bank.assess(RESEARCH)
    shown = bank["viewer"].get(path).text
    assert f'hx-get="{path}/tier"' in shown
    assert "Machine learning" in shown
    assert "EU AI Act: minimal risk" in shown
    asked = bank["viewer"].get(f"{path}/tier", headers={"hx-request": "true", "hx-target": "div#why_tier"}).text
    assert "which is tier 4" in asked
    assert "<nav" not in asked


@ON_SQLITE
def test_each_line_of_the_evidence_leads_on(bank: Setting) -> None:
    bank.assess(RESEARCH)
    published = bank["risk"].post("/policies", data={"document": next_version(), "reason": "Stricter."})
    assert published.status_code == 303, published.text
    path = f"/models/{bank.model}/versions/1/evidence?to=production"
    seen = bank["author"].get(path).text
    assert re.search(rf'<a href="/models/{bank.model}/[^"]*">Risk tier assessed', seen)
    [asked] = set(re.findall(r'href="(/request-waiver[^"]*)"', seen))
    assert "Ask for a waiver" in seen
    assert "requirement=approvals" not in seen  # never waived
    assert "/request-waiver?requirement" not in bank["viewer"].get(path).text
    form = bank["author"].get(asked.replace("&amp;", "&")).text
    assert re.search(r'value="[a-z-]+" selected>Good enough', form)
    assert 'name="version" value="1"' in form


@ON_SQLITE
def test_a_refusal_leads_to_what_is_missing(bank: Setting) -> None:
    bank.assess()
    refused = bank["admin"].post(f"/models/{bank.model}/aliases", data={"alias": "champion", "version": "1"})
    assert refused.status_code == 409
    assert f'href="/models/{bank.model}/versions/1/evidence?to=alias%3Achampion"' in refused.text


@ON_SQLITE
def test_what_comes_up_is_listed_by_day_and_narrowed(bank: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nothing ends and nothing is due" in page(bank, "viewer", "/coming-up")
    bank.assess()
    finding = {"model": bank.model, "title": "Thin data", "description": "Few.", "severity": "low", "category": "data"}
    made = bank["risk"].post("/api/v1/findings", json=finding | {"source": "audit", "likelihood": "low"})
    assert made.status_code == 201, made.text
    year = page(bank, "viewer", "/coming-up?days=366")
    assert "Thin data" in year
    assert "Review or assessment" in year
    assert "Thin data" not in page(bank, "viewer", "/coming-up?days=366&kind=review")
    assert bank["viewer"].get("/coming-up?days=0").status_code == 422
    assert "more than can be listed" not in year
    monkeypatch.setattr(queries, "MOST_COMING", 1)
    assert "more than can be listed" in page(bank, "viewer", "/coming-up?days=366")
