"""Testing a version: for real as a job, pushed by a pipeline, and as the gate reads it."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from sklearn.metrics import brier_score_loss, roc_auc_score
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.governance import queries
from modelops_platform.governance.domain.known import Source
from modelops_platform.governance.domain.work import WorkKind
from modelops_platform.governance.tables import TestResult
from modelops_platform.monitoring.domain.lights import Light
from modelops_platform.registry.tables import Version
from tests.factories import Cast, count_events, last_event

from .factories import policy_document
from .laboratory import Laboratory, by_test, material, onnx_model
from .setting import Setting

on_one = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def laboratory(app: FastAPI, cast: Cast, database: Database) -> Laboratory:
    """A model with a version that answers, and data to ask it about."""
    person = cast.person("contributor", unit="Cards")
    client = TestClient(app, headers={"authorization": f"Bearer {cast.token(person)}"}, follow_redirects=False)
    assert (
        client.post("/api/v1/models", json={"name": "loan-default", "kind": "ml", "unit": "Cards"}).status_code == 201
    )
    laboratory = Laboratory(client, database)
    laboratory.add_version(onnx_model())
    laboratory.add_data_set()
    return laboratory


def test_a_run_measures_what_sklearn_measures_and_keeps_what_each_figure_rests_on(
    laboratory: Laboratory, db: Session
) -> None:
    run = laboratory.run()
    assert (run["state"], run["failure"], run["report"]["task"]) == ("finished", "", "binary")
    found = by_test(run)

    x, y = material()
    rounded = np.array([[float(f"{cell:.6g}") for cell in row] for row in x])
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_model(), providers=["CPUExecutionProvider"])
    scores = session.run(None, {session.get_inputs()[0].name: rounded.astype(np.float32)})[1][:, 1]
    discrimination = found["discrimination", ""]
    assert discrimination["value"] == pytest.approx(roc_auc_score(y, scores))
    assert discrimination["low"] < discrimination["value"] < discrimination["high"]
    assert 0.005 < discrimination["noise"] < 0.03, "the standard error of an AUC of 800 rows"
    assert (discrimination["outcome"], discrimination["rows"], discrimination["source"]) == ("pass", 800, "platform")
    assert "fails below 0.6" in discrimination["limit"]
    bins = found["calibration", ""]["figures"]
    assert sum(one["rows"] for one in bins) == 800
    assert len(bins) == 10
    brier = sum((score - truth) ** 2 for score, truth in zip(scores, y, strict=True)) / 800
    assert brier == pytest.approx(brier_score_loss(y, scores))

    assert {segment for test, segment in found if test == "impact"} >= {"sex=d"}
    small = found["impact", "sex=d"]
    assert (small["outcome"], small["value"], small["rows"]) == ("too_few_rows", None, 12)
    assert found["challenger", ""]["outcome"] == "pass"
    assert found["challenger", ""]["value"] is None
    assert found["reproducible", ""]["value"] == 0
    assert found["scan", ""]["outcome"] == "pass"
    assert found["recorded", ""]["outcome"] == "no_data"
    assert {one["test"] for one in run["report"]["skipped"]} == {"accuracy", "fit"}
    version = laboratory.client.get("/api/v1/models/loan-default/versions/1").json()
    for one in run["results"]:
        assert (one["digest"], one["data_digest"]) == (version["manifest_digest"], run["data_digest"])
        assert one["artifact_digest"] == version["files"][0]["sha256"]
        assert (one["suite"], one["suite_version"], one["run_id"]) == ("tier-1", 1, run["id"])
    told = last_event(db, "tests.finished")["data"]
    assert isinstance(told, dict)
    assert told["outcomes"]["pass"] == sum(one["outcome"] == "pass" for one in run["results"])
    assert count_events(db, "tests.started") == 1


@on_one
def test_a_poor_challenger_fails_against_the_live_version_on_the_same_rows(
    laboratory: Laboratory, cast: Cast, app: FastAPI
) -> None:
    import onnx
    from onnx import TensorProto, helper

    flat = helper.make_graph(
        [
            helper.make_node(
                "Constant", [], ["w"], value=helper.make_tensor("w", TensorProto.FLOAT, [3, 1], [0.0, 1.0, 0.3])
            ),
            helper.make_node("MatMul", ["x", "w"], ["m"]),
            helper.make_node("Sigmoid", ["m"], ["p"]),
        ],
        "flat",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 1])],
    )
    poor = helper.make_model(flat, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(poor)
    number = laboratory.add_version(poor.SerializeToString())
    found = by_test(laboratory.run(version=number, against=1))
    challenger = found["challenger", ""]
    assert challenger["outcome"] == "fail"
    assert challenger["value"] < -0.02
    assert challenger["low"] < challenger["value"] < challenger["high"] < 0
    assert "of v1 on the same 800 rows" in challenger["detail"]


@on_one
def test_what_cannot_answer_is_an_error_and_says_why_and_the_rest_goes_on(laboratory: Laboratory) -> None:
    broken = laboratory.add_version(b"no model at all", path="broken.onnx")
    found = by_test(laboratory.run(version=broken))
    assert found["discrimination", ""]["outcome"] == "error"
    assert "Failed to load model" in found["discrimination", ""]["detail"]
    assert found["duplicates", ""]["outcome"] == "pass", "what needs no model is tested all the same"
    pickle = laboratory.add_version(b"\x80\x04N.", path="model.pkl", format="pickle")
    found = by_test(laboratory.run(version=pickle))
    assert "no stored file that a model worker loads" in found["reproducible", ""]["detail"]
    unclean = laboratory.add_version(onnx_model() + b"", path="again.onnx", verdict="dangerous")
    assert by_test(laboratory.run(version=unclean))["scan", ""]["outcome"] == "fail"


@on_one
def test_bad_data_fails_the_run_and_leaves_what_was_known(laboratory: Laboratory, db: Session) -> None:
    laboratory.add_data_set("noise", b"\xff\xfe\x00binary")
    run = laboratory.run(data_set="noise")
    assert run["state"] == "failed"
    assert "neither as Parquet nor as CSV" in run["failure"]
    assert run["results"] == []
    assert count_events(db, "tests.failed") == 1
    laboratory.add_data_set("narrow", b"income,age,paid\n1,2,0\n3,4,1\n")
    assert "no column 'debt'" in laboratory.run(data_set="narrow", time=None, segments=[], groups=[])["failure"]
    few = b"income,age,debt,paid\n" + b"".join(b"%d,2,3,%d\n" % (n, n % 2) for n in range(25))
    laboratory.add_data_set("few", few)
    found = by_test(laboratory.run(data_set="few", time=None, segments=[], groups=[]))
    assert found["discrimination", ""]["outcome"] == "too_few_rows"
    assert found["discrimination", ""]["value"] is None
    assert found["impact", ""]["outcome"] == "no_data"
    assert found["stable-over-time", ""]["detail"] == "The run names no time column."
    asked = {"suite": "tier-1", "data_set": "loans"}
    path = "/api/v1/models/loan-default/versions/1/test-runs"
    for wrong in ({"suite": "no-such"}, {"data_set": "no-such"}, {"suite": "1; DROP"}):
        assert laboratory.client.post(path, json={**asked, **wrong}).status_code == 422


@on_one
def test_one_run_at_a_time(laboratory: Laboratory) -> None:
    first = laboratory.start()
    body = {"suite": "tier-1", "data_set": "loans"}
    again = laboratory.client.post("/api/v1/models/loan-default/versions/1/test-runs", json=body)
    assert again.status_code == 409
    assert again.json()["run"] == first["id"]


def facts_of(database: Database, **later: Any) -> dict[tuple[str, str | None, Source], Light]:
    with database.read() as db:
        version = db.scalars(select(Version).where(Version.number == 1)).one()
        facts = queries.load_tests(db, {version.id: version}, clock.now() + timedelta(**later))[version.id]
    return {(one.test, one.segment, one.source): one.outcome for one in facts}


def test_a_pipeline_pushes_results_that_are_marked_and_never_replace_those_of_the_platform(
    bank: Setting, db: Session, database: Database
) -> None:
    path = f"/api/v1/models/{bank.model}/versions/1/test-results"
    digest = bank["robot"].get(f"/api/v1/models/{bank.model}/versions/1").json()["manifest_digest"]
    result = {"test": "discrimination", "outcome": "pass", "value": 0.8, "low": 0.78, "high": 0.82, "rows": 5_000}
    body = {"suite": "tier-1", "digest": digest, "key": "build-1", "results": [result]}
    assert bank["viewer"].post(path, json=body).status_code == 403
    wrong = bank["robot"].post(path, json={**body, "digest": "0" * 64})
    assert wrong.status_code == 422
    assert wrong.json()["field"] == "digest"
    made = bank["robot"].post(path, json=body)
    assert made.status_code == 201, made.text
    assert made.json()["results"][0]["source"] == "pipeline"
    again = bank["robot"].post(path, json=body)
    assert again.status_code == 201
    assert again.json()["id"] == made.json()["id"]
    other = bank["robot"].post(path, json={**body, "results": [{**result, "value": 0.9}]})
    assert other.status_code == 409
    assert count_events(db, "tests.pushed") == 1
    twice = bank["robot"].post(path, json={**body, "key": "b", "results": [result, result]})
    assert twice.status_code == 422

    claims = [
        {**result, "value": 0.5, "low": 0.48, "high": 0.52},
        {**result, "test": "equal-opportunity", "segment": "sex=f", "rows": 12, "value": 0.01, "check": "fairness"},
        {**result, "test": "calibration", "value": None, "low": None, "high": None},
        {"test": "own-test", "outcome": "pass", "check": "robustness"},
    ]
    judged = bank["robot"].post(path, json={**body, "key": "build-2", "results": claims}).json()["results"]
    assert [one["outcome"] for one in judged] == ["fail", "too_few_rows", "no_data", "pass"]
    assert "by the suite it is fail" in judged[0]["detail"]
    facts = facts_of(database)
    assert facts["discrimination", None, Source.PIPELINE] is Light.FAIL
    assert facts["own-test", None, Source.PIPELINE] is Light.PASS
    assert facts_of(database, days=-1) == {}, "as of yesterday nobody had tested it"
    assert facts_of(database, days=400)["own-test", None, Source.PIPELINE] is Light.STALE
    assert facts_of(database, days=400)["discrimination", None, Source.PIPELINE] is Light.FAIL


def test_results_are_never_changed(bank: Setting, database: Database) -> None:
    digest = bank["robot"].get(f"/api/v1/models/{bank.model}/versions/1").json()["manifest_digest"]
    body = {"suite": "own", "digest": digest, "results": [{"test": "smoke", "outcome": "fail"}]}
    assert bank["robot"].post(f"/api/v1/models/{bank.model}/versions/1/test-results", json=body).status_code == 201
    with pytest.raises(RuntimeError, match="never changed"), database.write() as db:
        db.scalars(select(TestResult)).one().outcome = "pass"


def test_a_suite_is_published_as_written_and_never_changed(bank: Setting) -> None:
    suites = bank["viewer"].get("/api/v1/test-suites").json()["items"]
    assert [one["document_id"] for one in suites] == ["tier-1", "tier-2", "tier-3", "tier-4"]
    text = suites[0]["document"]
    assert bank["author"].post("/api/v1/test-suites", json={"document": text, "reason": "x"}).status_code == 403
    same = bank["risk"].post("/api/v1/test-suites", json={"document": text, "reason": "Stricter."})
    assert same.status_code == 422
    assert same.json()["field"] == "version"
    stricter = text.replace("version: 1", "version: 2", 1).replace("warn_below: 0.7,", "warn_below: 0.75,", 1)
    made = bank["risk"].post("/api/v1/test-suites", json={"document": stricter, "reason": "Stricter."})
    assert made.status_code == 201
    assert made.json()["number"] == 2
    bad = stricter.replace("check: metric", "check: magic", 1).replace("version: 2", "version: 3")
    refused = bank["risk"].post("/api/v1/test-suites", json={"document": bad, "reason": "x"}).json()
    assert refused["field"] == "tests[0].check"
    assert "Line" in refused["detail"]


def test_a_suite_that_a_policy_looks_at_takes_a_second_person(bank: Setting, database: Database) -> None:
    document = policy_document(version=2)
    asked = {"id": "tested", "title": "Tested", "check": "tests", "suite": "tier-1", "remedy": "Run the suite."}
    document["requirements"].append(asked)
    sent = bank["risk"].post("/api/v1/policies", json={"document": document, "reason": "Tests count."})
    assert sent.status_code == 201, sent.text
    text = bank["viewer"].get("/api/v1/test-suites/tier-1").json()["document"]
    other = text.replace("version: 1", "version: 2", 1).replace("warn_below: 0.7,", "warn_below: 0.75,", 1)
    made = bank["risk"].post("/api/v1/test-suites", json={"document": other, "reason": "Agreed."}).json()
    assert (made["number"], made["is_in_force"]) == (2, False)
    assert bank["viewer"].get("/api/v1/test-suites/tier-1").json()["number"] == 1, "the one before counts"
    push = {"suite": "tier-1", "results": [{"test": "discrimination", "outcome": "pass", "value": 0.72, "rows": 900}]}
    push["digest"] = bank["robot"].get(f"/api/v1/models/{bank.model}/versions/1").json()["manifest_digest"]

    def pushed(number: int | None) -> tuple[int, Any]:
        body = {**push, "suite_version": number}
        answer = bank["robot"].post(f"/api/v1/models/{bank.model}/versions/1/test-results", json=body)
        told = answer.json()
        return answer.status_code, told["field"] if answer.status_code == 422 else (
            told["suite_version"],
            told["light"],
        )

    assert pushed(2) == (422, "suite_version"), "nobody has confirmed it"
    assert pushed(99) == (422, "suite_version"), "nobody has published it"
    assert pushed(None) == (201, (1, "pass"))

    def waiting(who: str) -> bool:
        with database.read() as db:
            work = queries.list_work(db, bank.cast.actor(bank.person(who)))
        return any(item.kind is WorkKind.SUITE for item in work)

    assert (waiting("admin"), waiting("risk"), waiting("author")) == (True, False, False)
    assert "somebody else confirms it" in bank["risk"].get("/test-suites/tier-1?version=2").text
    confirm, said = "/api/v1/test-suites/tier-1/versions/2/confirm", {"sentence": "As the minutes say."}
    assert [bank[who].post(confirm, json=said).status_code for who in ("risk", "author")] == [403, 403]
    assert bank["admin"].post(confirm, json=said).json()["is_in_force"] is True
    assert bank["admin"].post(confirm, json=said).status_code == 412
    assert bank["viewer"].get("/api/v1/test-suites/tier-1").json()["number"] == 2
    assert pushed(1) == (422, "suite_version"), "its limits were laxer"
    assert pushed(None) == (201, (2, "warn"))
    assert not waiting("admin")
    assert "As the minutes say." in bank["viewer"].get("/test-suites/tier-1").text
