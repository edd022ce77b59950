"""Pages of tests and validation: what they show, and their forms without JavaScript."""

import re
import time
from typing import Any

import pytest

from modelops_platform.core.db import Database
from modelops_platform.governance.jobs import HANDLERS
from modelops_platform.jobs.runner import Worker

from .setting import Setting

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PUSHED = [
    {"test": "discrimination", "outcome": "pass", "value": 0.81, "low": 0.79, "high": 0.83, "rows": 5_000},
    {"test": "impact", "segment": "sex=f", "outcome": "pass", "value": 0.75, "rows": 900, "check": "fairness"},
    {"test": "own-smoke", "title": "Smoke <b>test</b>", "outcome": "fail"},
]


def push(bank: Setting) -> str:
    version = bank["robot"].get(f"/api/v1/models/{bank.model}/versions/1").json()
    body = {"suite": "tier-1", "digest": version["manifest_digest"], "results": PUSHED, "link": "javascript:alert(1)"}
    made = bank["robot"].post(f"/api/v1/models/{bank.model}/versions/1/test-results", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def page(bank: Setting, path: str, *, by: str = "viewer") -> str:
    answer = bank[by].get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.text


def post(bank: Setting, path: str, *, by: str, **form: Any) -> str:
    answer = bank[by].post(path, data=form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_the_tab_shows_last_results_with_limits_rows_and_source(bank: Setting) -> None:
    empty = page(bank, f"/models/{bank.model}/tests")
    assert "v1 was never tested" in empty
    run = push(bank)
    shown = page(bank, f"/models/{bank.model}/tests")
    assert "2 of 3 results do not pass." in shown
    assert "fails below 0.6, warns below 0.7" in shown
    assert "5,000" in shown
    assert "(0.79 to 0.83)" in shown
    assert shown.count("pipeline</span>") >= 3
    assert "Smoke &lt;b&gt;test" in shown
    told = page(bank, f"/test-runs/{run}")
    assert "A pipeline says so; the platform computed none of it." in told
    assert "by the suite it is fail" in told
    assert "javascript:" not in told
    assert bank["viewer"].get("/test-runs/none").status_code == 404
    assert bank["viewer"].get(f"/models/{bank.model}/tests?version=9").status_code == 404


def test_the_form_starts_a_run_and_says_what_is_wrong(bank: Setting) -> None:
    form = {"version": 1, "suite": "tier-4", "data_set": "none", "segments": "a, b"}
    refused = bank["author"].post(f"/models/{bank.model}/tests", data=form)
    assert refused.status_code == 422
    assert "There is no such data set" in refused.text
    stored = bank["author"].put("/api/v1/files?name=d.csv", content=b"a,b,y\n1,2,0\n")
    record = {"name": "d", "digest": stored.json()["sha256"], "file_name": "d.csv"}
    assert bank["author"].post("/api/v1/data-sets", json=record).status_code == 201
    where = post(bank, f"/models/{bank.model}/tests", by="author", **{**form, "data_set": "d", "target": "y"})
    assert "It goes on when you leave this page." in page(bank, where, by="author")
    assert bank["viewer"].post(f"/models/{bank.model}/tests", data=form).status_code == 403
    for wrong in ({"task": "guess"}, {"against": "x"}, {"suite": "<b>"}):
        assert bank["author"].post(f"/models/{bank.model}/tests", data={**form, **wrong}).status_code == 422


def test_suites_are_shown_and_published(bank: Setting) -> None:
    assert "Full test programme for critical models" in page(bank, "/test-suites")
    shown = page(bank, "/test-suites/tier-1")
    assert "Only risk officers and administrators publish" in shown
    assert "The four-fifths line" in shown
    text = bank["risk"].get("/api/v1/test-suites/tier-4").json()["document"].replace("version: 1", "version: 2")
    assert "version: 2" in page(bank, "/suite-editor?id=tier-4")
    draft = bank["viewer"].post(
        "/suite-editor", data={"document": text.replace("least_rows: 200", "least_rows: 250", 1)}
    )
    assert "What it would mean" in draft.text
    assert "diff-after" in draft.text
    where = post(bank, "/test-suites", by="risk", document=text, reason="Clearer.")
    assert where.endswith("/test-suites/tier-4")
    assert "replaced by v2" in page(bank, f"{where}?version=1")


def test_a_report_is_planned_written_and_signed_by_forms(bank: Setting) -> None:
    push(bank)
    tab = f"/models/{bank.model}/validation"
    assert "Nobody has validated a version of this model." in page(bank, tab)
    assert "Validator Example" in page(bank, tab, by="owner")
    where = post(
        bank, tab, by="owner", version=1, validator=bank.person("validator").id, scope="", due="", note="Look."
    )
    path = where.partition("?")[0]
    mine = page(bank, path, by="validator")
    assert "4 parts to be written" in mine
    assert "no test of this kind ran" in mine.lower()
    assert "0.81 (0.79 to 0.83), fails below 0.6" in mine
    assert "/test-runs/" in mine
    others = page(bank, path)
    assert "signs this report" in others
    assert "<textarea" not in others
    for part in ("conceptual", "sensitivity", "limits", "monitoring"):
        words = {"part": part, "text": f"On {part}.\nSecond line."}
        assert post(bank, f"{path}/parts", by="validator", at=part, **words).endswith(f"#part-{part}")
    kept = page(bank, path, by="validator")
    both = {"part": ["limits", "monitoring", "data"], "text": ["On limits.\r\nSecond line.", "On monitoring.", ""]}
    post(bank, f"{path}/parts", by="validator", **both)
    mine = page(bank, path, by="validator")
    assert kept.count("written 2 times") == 0
    assert mine.count("written 2 times") == 1, "the part that reads as before, and the empty one, are not kept anew"
    assert bank["validator"].post(f"{path}/parts", data={"part": ["limits"], "text": ["a", "b"]}).status_code == 422
    form = {"title": "Young data", "description": "One year.", "category": "data", "severity": "medium", "due": ""}
    post(bank, f"{path}/findings", by="validator", **form)
    mine = page(bank, path, by="validator")
    assert "Young data" in mine
    hidden = dict(re.findall(r'name="(covers|digest)" value="([0-9a-f]*)"', mine))
    word = {"opinion": "fit_with_conditions", "sentence": "It is sound.", **hidden}
    stale = bank["validator"].post(f"{path}/sign", data={**word, "covers": "0" * 64})
    assert stale.status_code == 412
    post(bank, f"{path}/sign", by="validator", **word)
    signed = page(bank, path)
    assert "fit with conditions" in signed
    assert "On limits.\nSecond line." in signed
    assert "kept exactly as it was signed" in signed
    printed = page(bank, f"{path}/print")
    assert "Signed by Validator Example" in printed
    assert "On monitoring." in printed
    assert "<script" not in printed
    assert "fit with conditions" in page(bank, tab)


@pytest.mark.usefixtures("pango")
def test_a_report_is_printed_as_pdf_and_is_the_askers_own_file(bank: Setting, database: Database) -> None:
    tab = f"/models/{bank.model}/validation"
    form = {"version": 1, "validator": bank.person("validator").id, "scope": "", "due": "", "note": ""}
    path = post(bank, tab, by="owner", **form).partition("?")[0]
    where = post(bank, f"{path}/print", by="owner")
    worker = Worker(database, {kind: HANDLERS[kind] for kind in ("governance.print_validation",)})
    deadline = time.monotonic() + 60
    while "Download the PDF" not in (shown := page(bank, where, by="owner")):
        assert time.monotonic() < deadline
        worker.turn()
        time.sleep(0.1)
    link = re.search(r'href="(/files/[^"]*)" download', shown)
    assert link is not None
    assert bank["owner"].get(link[1].replace("&amp;", "&")).content.startswith(b"%PDF")
    assert bank["viewer"].get(link[1].replace("&amp;", "&")).status_code == 404
