"""Traces and assessments through the unmodified client."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.contract.mlflow.conftest import Place

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def traced(mlflow: Any, experiment: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client, whose traces go to an experiment of their own, at once."""
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    mlflow.set_experiment(experiment_id=experiment)
    return mlflow


def answer_of(traced: Any, *, fails: bool = False) -> str:
    """Trace a call of an application with two steps, and return its id."""

    def retrieve(question: str) -> list[str]:
        return [question, "é"]

    retrieve = traced.trace(retrieve, name="retrieve", span_type="RETRIEVER", attributes={"k": 3})

    def answer(question: str) -> dict[str, Any]:
        found = retrieve(question)
        with traced.start_span("llm", span_type="LLM") as span:
            span.set_inputs({"messages": found})
            span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
            span.set_outputs({"text": "yes", "nan": [1.5, None, True]})
        if fails:
            raise ValueError("no answer")
        return {"answer": "yes"}

    answer = traced.trace(answer, name="answer")
    if fails:
        with pytest.raises(ValueError, match="no answer"):
            answer("why?")
    else:
        answer("why?")
    return str(traced.get_last_active_trace_id())


def test_a_traced_call_is_kept_with_its_steps(traced: Any) -> None:
    trace = traced.get_trace(answer_of(traced))
    assert (trace.info.state.value, trace.info.tags["mlflow.traceName"]) == ("OK", "answer")
    assert trace.info.tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert trace.info.execution_duration is not None
    assert trace.info.token_usage == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    by_name = {span.name: span for span in trace.data.spans}
    assert by_name["retrieve"].parent_id == by_name["llm"].parent_id == by_name["answer"].span_id
    assert (by_name["retrieve"].span_type, by_name["retrieve"].outputs) == ("RETRIEVER", ["why?", "é"])
    assert by_name["retrieve"].get_attribute("k") == 3
    assert by_name["llm"].outputs == {"text": "yes", "nan": [1.5, None, True]}
    assert (by_name["answer"].inputs, by_name["answer"].outputs) == ({"question": "why?"}, {"answer": "yes"})
    failed = traced.get_trace(answer_of(traced, fails=True))
    assert failed.info.state.value == "ERROR"
    root = next(span for span in failed.data.spans if span.parent_id is None)
    assert root.status.status_code.value == "ERROR"
    assert any(event.name == "exception" for event in root.events)


def test_traces_are_found_and_deleted(traced: Any, client: Any, experiment: str) -> None:
    first, second = answer_of(traced), answer_of(traced, fails=True)
    traced.set_trace_tag(first, "team", "cards")
    assert traced.get_trace(first).info.tags["team"] == "cards"

    def found(text: str | None = None, **more: Any) -> list[str]:
        hits = traced.search_traces(locations=[experiment], filter_string=text, return_type="list", **more)
        assert all(hit.data.spans for hit in hits)
        return [hit.info.trace_id for hit in hits]

    assert found() == [second, first]
    assert found(order_by=["timestamp_ms ASC"]) == [first, second]
    assert found("tags.team = 'cards'") == [first]
    assert found("status = 'ERROR'") == [second]
    assert found("trace.name = 'answer' AND span.type = 'LLM'", max_results=1) == [second]
    assert len(traced.search_traces(locations=[experiment])) == 2  # as a data frame
    page = client.search_traces(locations=[experiment], max_results=1, include_spans=False)
    assert [one.info.trace_id for one in page] == [second]
    rest = client.search_traces(locations=[experiment], max_results=1, page_token=page.token)
    assert ([one.info.trace_id for one in rest], rest.token) == ([first], None)
    traced.delete_trace_tag(first, "team")
    assert client.delete_traces(experiment_id=experiment, trace_ids=[first]) == 1
    assert found() == [second]
    assert client.delete_traces(experiment_id=experiment, max_timestamp_millis=int(time.time() * 1000) + 1000) == 1


def test_people_and_programs_assess(traced: Any) -> None:
    from mlflow.entities import AssessmentSource, Feedback

    trace_id = answer_of(traced)
    human = AssessmentSource(source_type="HUMAN", source_id="carla@example.org")
    good = traced.log_feedback(trace_id=trace_id, name="good", value=0.5, rationale="so", source=human)
    right = traced.log_expectation(trace_id=trace_id, name="right", value={"answer": ["yes"]}, source=human)
    assert traced.get_assessment(trace_id, right.assessment_id).expectation.value == {"answer": ["yes"]}
    traced.update_assessment(trace_id, good.assessment_id, Feedback(name="good", value=0.75, source=human))
    better = traced.override_feedback(trace_id=trace_id, assessment_id=good.assessment_id, value=1.0)
    assert traced.get_assessment(trace_id, good.assessment_id).valid is False
    told = {one.name: one.value for one in traced.get_trace(trace_id).info.assessments if one.valid is not False}
    assert told == {"good": 1.0, "right": {"answer": ["yes"]}}
    assert len(traced.search_traces(filter_string="feedback.good >= 1", return_type="list")) == 1
    traced.delete_assessment(trace_id, better.assessment_id)
    assert traced.get_assessment(trace_id, good.assessment_id).value == 0.75


def test_traces_belong_to_runs(traced: Any, client: Any, experiment: str) -> None:
    with traced.start_run() as run:
        inside = answer_of(traced)
    outside = answer_of(traced)
    client.link_traces_to_run([outside], run.info.run_id)
    hits = traced.search_traces(run_id=run.info.run_id, locations=[experiment], return_type="list")
    assert {hit.info.trace_id for hit in hits} == {inside, outside}


def test_a_second_person_sees_none_of_it(traced: Any, client: Any, experiment: str, place: Place,
                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from mlflow.exceptions import MlflowException

    trace_id = answer_of(traced)
    other = place.cast.token(place.cast.person("contributor", unit="Loans"))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", other)
    calls: list[Callable[[], Any]] = [
        lambda: client.get_trace(trace_id),
        lambda: client.set_trace_tag(trace_id, "a", "b"),
        lambda: client.delete_traces(experiment_id=experiment, trace_ids=[trace_id]),
        lambda: traced.log_feedback(trace_id=trace_id, name="a", value=1),
    ]
    for call in calls:
        with pytest.raises(MlflowException) as refused:
            call()
        assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert list(client.search_traces(locations=[experiment])) == []


def test_steps_that_were_stored_as_a_file_are_read_back(traced: Any, experiment: str, place: Place) -> None:
    """As clients do that do not speak OTLP."""
    told = traced.get_trace(answer_of(traced))
    info = {
        "trace_id": f"tr-{time.time_ns():032x}",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
        "request_time": "2026-05-03T12:00:00.5Z",
        "state": "OK",
    }
    headers = {"authorization": f"Bearer {place.token}"}
    with httpx2.Client(base_url=place.url, headers=headers) as raw:
        made = raw.post("/api/3.0/mlflow/traces", json={"trace": {"trace_info": info}}).json()["trace"]["trace_info"]
        where = made["tags"]["mlflow.artifactLocation"].removeprefix("mlflow-artifacts:/")
        stored = raw.put(
            f"/api/2.0/mlflow-artifacts/artifacts/{where}/traces.json", content=json.dumps(told.data.to_dict()).encode()
        )
        assert stored.status_code == 200, stored.text
    read = traced.get_trace(info["trace_id"])
    assert [span.name for span in read.data.spans] == [span.name for span in told.data.spans]
    assert traced.MlflowClient().delete_traces(experiment_id=experiment, trace_ids=[info["trace_id"]]) == 1
    with httpx2.Client(base_url=place.url, headers=headers) as raw:
        assert raw.get(f"/api/2.0/mlflow-artifacts/artifacts/{where}/traces.json").status_code == 404
