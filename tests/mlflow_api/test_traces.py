"""Traces, assessments and spans on the wire; on both databases."""

import base64
import gzip
import json
import os
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.tracking.domain.otlp import read_spans, total_of, unpack
from modelops_platform.tracking.domain.patterns import checked_pattern
from modelops_platform.tracking.domain.traces import print_duration, print_time, read_duration, read_time
from tests.factories import count_events, last_event

V2, V3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
START = 1_795_500_727_135


class Traces:
    """Tells of traces as raw clients do."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        made = client.post(f"{V2}/experiments/create", json={"name": f"traces {os.urandom(4).hex()}"})
        self.experiment = made.json()["experiment_id"]

    def ask(self, method: str, path: str, /, **body: Any) -> Any:
        answer = self.client.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def code(self, method: str, path: str, /, **body: Any) -> tuple[int, str]:
        answer = self.client.request(method, path, json=body)
        return answer.status_code, answer.json()["error_code"]

    def info(self, number: int = 1, /, **more: Any) -> dict[str, Any]:
        return {
            "trace_id": f"tr-{number:032x}",
            "trace_location": {
                "type": "MLFLOW_EXPERIMENT",
                "mlflow_experiment": {"experiment_id": self.experiment},
            },
            "request_time": print_time(START + number),
            "execution_duration": "0.098s",
            "state": "OK",
            **more,
        }

    def tell(self, number: int = 1, /, **more: Any) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("POST", f"{V3}/traces", trace={"trace_info": self.info(number, **more)})
        return dict(told["trace"]["trace_info"])

    def send(self, *spans: dict[str, Any], experiment: str | None = None, **headers: str) -> Any:
        return self.client.post(
            "/v1/traces",
            content=otlp(*spans).SerializeToString(),
            headers={
                "content-type": "application/x-protobuf",
                "x-mlflow-experiment-id": experiment or self.experiment,
                **headers,
            },
        )

    def found(self, text: str = "", /, **more: Any) -> list[int]:
        wanted = {"locations": [self.info()["trace_location"]], "filter": text, **more}
        answer = self.ask("POST", f"{V3}/traces/search", **wanted)
        return [int(one["trace_id"][3:], 16) for one in answer.get("traces", [])]


def otlp(*spans: dict[str, Any]) -> ExportTraceServiceRequest:
    """An exporter's request: spans given by trace, number, parent and attributes."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    pair = resource.resource.attributes.add()
    pair.key, pair.value.string_value = "service.name", "shop"
    scope = resource.scope_spans.add()
    for given in spans:
        span = scope.spans.add()
        span.trace_id = given.get("trace", 1).to_bytes(16, "big")
        span.span_id = given.get("id", 1).to_bytes(8, "big")
        if "parent" in given:
            span.parent_span_id = given["parent"].to_bytes(8, "big")
        span.name = given.get("name", "step")
        span.start_time_unix_nano = START * 1_000_000 + given.get("id", 1) * 1_000_000
        span.end_time_unix_nano = span.start_time_unix_nano + 5_000_000
        span.status.code = given.get("status", 1)
        for key, value in given.get("attributes", {}).items():
            pair = span.attributes.add()
            pair.key = key
            setattr(pair.value, "int_value" if isinstance(value, int) else "string_value", value)
    return request


@pytest.fixture
def traces(client_as: Callable[..., TestClient]) -> Traces:
    return Traces(client_as("contributor", unit="Cards"))


INVALID, UNKNOWN = (400, "INVALID_PARAMETER_VALUE"), (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_trace_is_told_with_its_words_and_read_back(traces: Traces) -> None:
    told = traces.tell(1, tags={"mlflow.traceName": "ask", "a": "1"}, trace_metadata={"mlflow.sourceRun": "r"},
                       request_preview="Why?", client_request_id="c-1")  # fmt: skip
    assert told["request_time"] == "2026-11-24T06:12:07.136Z"
    assert (told["execution_duration"], told["state"]) == ("0.098s", "OK")
    location = f"mlflow-artifacts:/{traces.experiment}/traces/{told['trace_id']}/artifacts"
    assert told["tags"] == {"mlflow.traceName": "ask", "a": "1", "mlflow.artifactLocation": location}
    read = traces.ask("GET", f"{V3}/traces/{told['trace_id']}")
    assert read == {"trace": {"trace_info": told}}
    traces.ask("PATCH", f"{V2}/traces/{told['trace_id']}/tags", key="b", value="2")
    traces.ask("DELETE", f"{V3}/traces/{told['trace_id']}/tags", key="a")
    assert traces.code("DELETE", f"{V2}/traces/{told['trace_id']}/tags", key="a") == UNKNOWN
    again = traces.tell(1, state="ERROR", tags={"c": "3"})
    assert (again["state"], {"b", "c"} <= set(again["tags"]), "a" in again["tags"]) == ("ERROR", True, False)
    assert traces.code("GET", f"{V3}/traces/get?trace_id={told['trace_id']}") == UNKNOWN  # no spans came yet
    partial = traces.client.get(f"{V3}/traces/get", params={"trace_id": told["trace_id"], "allow_partial": "True"})
    assert partial.json()["trace"]["trace_info"]["trace_id"] == told["trace_id"]


def test_what_is_wrong_with_a_trace_is_said(traces: Traces) -> None:
    assert traces.code("POST", f"{V3}/traces", trace={}) == INVALID
    for wrong in (
        {"trace_location": {"type": "INFERENCE_TABLE"}},
        {"request_time": "yesterday"},
        {"request_time": "9999-12-31T23:59:59.999-12:00"},
        {"execution_duration": "soon"},
        {"state": "GREAT"},
        {"trace_id": "x" * 251},
        {"tags": {"a\n": "b"}},
        {"tags": {"a": None}},
        {"assessments": [{"assessment_name": "q"}]},
    ):
        assert traces.code("POST", f"{V3}/traces", trace={"trace_info": traces.info(1, **wrong)}) == INVALID, wrong
    traces.experiment = "123456"
    assert traces.code("POST", f"{V3}/traces", trace={"trace_info": traces.info(1)}) == UNKNOWN


def test_spans_come_by_otlp_and_make_a_trace_that_nobody_told_of(traces: Traces) -> None:
    spans = [
        {"id": 1, "name": "agent", "attributes": {"mlflow.spanType": "AGENT", "mlflow.spanInputs": '{"q": 1}',
                                                  "mlflow.spanOutputs": "yes", "session.id": "s-1", "n": 7}},
        {"id": 2, "parent": 1, "name": "llm", "attributes": {"gen_ai.usage.input_tokens": 10,
                                                             "gen_ai.usage.output_tokens": 5}},
    ]  # fmt: skip
    for _ in range(2):  # the same again after a lost answer
        sent = traces.send(*spans)
        assert (sent.status_code, sent.content, sent.headers["content-type"]) == (200, b"", "application/x-protobuf")
    trace_id = f"tr-{1:032x}"
    trace = traces.ask("GET", f"{V3}/traces/get?trace_id={trace_id}")["trace"]
    info = trace["trace_info"]
    assert (info["state"], info["execution_duration"]) == ("OK", "0.006s")
    assert (info["request_preview"], info["response_preview"]) == ('{"q": 1}', "yes")
    assert info["tags"]["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert (info["tags"]["mlflow.traceName"], info["tags"]["service.name"]) == ("agent", "shop")
    assert info["trace_metadata"]["mlflow.trace.session"] == "s-1"
    tokens = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    assert json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"]) == tokens
    first, second = trace["spans"]
    assert base64.b64decode(second["parent_span_id"]) == base64.b64decode(first["span_id"]) == bytes(7) + b"\1"
    assert {"key": "n", "value": {"int_value": 7}} in first["attributes"]
    many = traces.client.get(f"{V3}/traces/batchGet", params={"trace_ids": [trace_id, "tr-none"]}).json()["traces"]
    assert [one["trace_info"] for one in many] == [info]
    infos = traces.ask("POST", f"{V3}/traces/batchGetInfos", trace_ids=["tr-none", trace_id])
    assert infos == {"trace_infos": [info]}
    traces.tell(1, request_preview="told", state="OK")
    traces.send({"id": 3, "parent": 1})
    after = traces.ask("GET", f"{V3}/traces/{trace_id}")["trace"]["trace_info"]
    assert (after["request_preview"], after["execution_duration"]) == ("told", "0.098s")


def test_otlp_takes_json_and_compression_and_refuses_the_rest(traces: Traces) -> None:
    span = {"traceId": f"{2:032x}", "spanId": f"{1:016x}", "name": "json", "kind": 2, "unknown": 1,
            "startTimeUnixNano": str(START * 1_000_000), "endTimeUnixNano": START * 1_000_000 + 1_000_000,
            "attributes": [{"key": "k", "value": {"arrayValue": {"values": [{"stringValue": "v\u0000"}]}}}],
            }  # fmt: skip
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    headers = {"content-type": "application/json; charset=utf-8", "x-mlflow-experiment-id": traces.experiment}
    for encoding, sent in (("", body), ("gzip", gzip.compress(body)), ("deflate", zlib.compress(body))):
        answer = traces.client.post("/v1/traces", content=sent, headers={**headers, "content-encoding": encoding})
        assert (answer.status_code, answer.json()) == (200, {})
    read = traces.ask("GET", f"{V3}/traces/get?trace_id=tr-{2:032x}")["trace"]["spans"][0]
    assert (read["name"], read["kind"]) == ("json", "SPAN_KIND_SERVER")
    assert read["attributes"][0]["value"] == {"array_value": {"values": [{"string_value": "v"}]}}
    protobuf = {**headers, "content-type": "application/x-protobuf"}
    deep = b'{"resourceSpans":' + b"[" * 50_000
    wrong: list[tuple[bytes, dict[str, str]]] = [
        (b"{", headers),
        (deep, headers),
        (b'{"resourceSpans": 7}', headers),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}', headers),
        (body.replace(b'"name": "json"', b'"name": "\\ud800"'), headers),
        (b"\xff\xff\xff", protobuf),
        (otlp({"id": 1}).SerializeToString()[:-3], protobuf),
        (b"no gzip", {**headers, "content-encoding": "gzip"}),
        (body, {**headers, "content-encoding": "br"}),
        (body, {**headers, "content-type": "text/plain"}),
        (body, {"content-type": "application/json"}),
        (body, {**headers, "x-mlflow-experiment-id": "x"}),
        (gzip.compress(bytes(40_000_000)), {**headers, "content-encoding": "gzip"}),
    ]
    for sent, given in wrong:
        answer = traces.client.post("/v1/traces", content=sent, headers=given)
        assert (answer.status_code, answer.json()["error_code"]) == INVALID, (sent[:60], given)
    assert traces.send({"id": 1}, experiment="77777").status_code == 404


def test_searches_speak_the_grammar(traces: Traces) -> None:
    for number, words in enumerate(("red apple", "green apple", "red pear"), 1):
        traces.tell(number, tags={"mlflow.traceName": words, "n": str(number)}, trace_metadata={"who": "a'b"[:number]},
                    execution_duration=f"{number}s", client_request_id=f"c{number}",
                    assessments=[{"assessment_name": "good", "feedback": {"value": number / 2}},
                                 {"assessment_name": "right", "expectation": {"value": number > 1}}])  # fmt: skip
    traces.send({"trace": 2, "id": 9, "name": "llm", "attributes": {"mlflow.spanType": "LLM", "model.x": "big"}})
    run = traces.ask("POST", f"{V2}/runs/create", experiment_id=traces.experiment)["run"]["info"]["run_id"]
    traces.ask("POST", f"{V2}/traces/link-to-run", run_id=run, trace_ids=[f"tr-{3:032x}"])
    traces.ask("POST", f"{V2}/traces/link-prompts", trace_id=f"tr-{1:032x}",
               prompt_versions=[{"name": "greet", "version": "4"}])  # fmt: skip
    for text, expected in {
        "": [3, 2, 1],
        "name = 'red apple'": [1],
        "trace.name LIKE 'red%'": [3, 1],
        "name ILIKE '%APPLE'": [2, 1],
        "name RLIKE '^r.*(ple|ear)$'": [3, 1],
        "name IN ('red pear', 'x')": [3],
        "name NOT IN ('red pear')": [2, 1],
        "tags.n != '2'": [3, 1],
        "tag.`n` IS NOT NULL AND tags.m IS NULL": [3, 2, 1],
        "metadata.who = 'a'": [1],
        'request_metadata.who = "a\'b"': [3],
        "execution_time > 1000 AND execution_time_ms <= 2000": [2],
        f"timestamp_ms >= {START + 2}": [3, 2],
        f"end_time < {START + 2000}": [1],
        "status = 'OK' AND attributes.status IN ('OK', 'ERROR')": [3, 2, 1],
        "client_request_id = 'c2'": [2],
        f"request_id = 'tr-{2:032x}'": [2],
        f"run_id = '{run}'": [3],
        f"attribute.run_id IN ('{run}')": [3],
        "prompt = 'greet/4'": [1],
        "span.name = 'llm' AND span.type = 'LLM' AND span.status = 'OK'": [2],
        "span.attributes.model.x LIKE 'b%'": [2],
        "span.attributes.`model.x` IN ('big', 'x')": [2],
        "span.content ILIKE '%BIG%'": [2],
        "trace.text LIKE '%big%'": [2],
        "feedback.good >= 1": [3, 2],
        "feedback.good = '1.5'": [3],
        "feedback.good > '1.2'": [3],
        "feedback.good = 0.5": [1],
        "expectation.right = 'true'": [3, 2],
        "feedback.none IS NULL": [3, 2, 1],
        "issue.id = 'i'": [],
    }.items():
        assert traces.found(text) == expected, text
    for wrong in (
        "name", "nothing = 'x'", "span.nothing = 'x'", "span.attributes. = 'x'", "prompt LIKE 'x'", "text = 'x'",
        "feedback.good > 'x'", "timestamp = 'x'", "name RLIKE '('", "name RLIKE '(a+)+$'", "name RLIKE '(?=a)'",
        "name = 'a' OR name = 'b'", "feedback.good LIKE 5",
    ):  # fmt: skip
        assert traces.code("POST", f"{V3}/traces/search", filter=wrong,
                           locations=[traces.info()["trace_location"]]) == INVALID, wrong  # fmt: skip


def test_pages_of_a_search_give_each_trace_once(traces: Traces) -> None:
    for number in range(1, 8):
        traces.tell(
            number, request_time=print_time(START + number // 3), tags={"t": "ab"[number % 2]} if number % 3 else {}
        )
    where = {"locations": [traces.info()["trace_location"]], "max_results": 2}
    for order in ([], ["execution_time ASC"], ["tags.t DESC"], ["timestamp"], ["name", "request_id DESC"], ["run_id"]):
        token, seen = "", []
        while True:
            page = traces.ask("POST", f"{V3}/traces/search", **where, order_by=order, page_token=token)
            seen += [one["trace_id"] for one in page["traces"]]
            token = page.get("next_page_token", "")
            if not token:
                break
            assert traces.code("POST", f"{V3}/traces/search", **where, order_by=["status"], page_token=token) == INVALID
        assert len(seen) == len(set(seen)) == 7, order
    assert traces.found("", order_by=["tags.t ASC"])[-2:] == [6, 3]  # the missing last
    assert traces.ask("POST", f"{V3}/traces/search", locations=[]) == {}
    wrongs: list[dict[str, Any]] = [{"max_results": 0}, {"max_results": 501}, {"page_token": "x"}]
    for wrong in wrongs:
        assert traces.code("POST", f"{V3}/traces/search", **{**where, **wrong}) == INVALID


def test_assessments_are_given_changed_overridden_and_taken_back(traces: Traces) -> None:
    path = f"{V3}/traces/{traces.tell(1)['trace_id']}/assessments"
    human = {"source_type": "HUMAN", "source_id": "carla"}
    first = traces.ask("POST", path, assessment={
        "assessment_name": "quality", "source": human, "feedback": {"value": {"score": [1, "x"]}},
        "rationale": "because", "metadata": {"a": "1"}, "span_id": "s"})["assessment"]  # fmt: skip
    assert (first["valid"], first["source"], first["feedback"]) == (True, human, {"value": {"score": [1, "x"]}})
    own = f"{path}/{first['assessment_id']}"
    assert traces.ask("GET", own) == {"assessment": first}
    changed = traces.ask("PATCH", own, assessment={"feedback": {"value": 3}, "metadata": {"b": "2"}, "rationale": "x"},
                         update_mask="feedback,metadata")["assessment"]  # fmt: skip
    assert (changed["feedback"], changed["rationale"]) == ({"value": 3}, "because")
    assert changed["metadata"] == {"a": "1", "b": "2"}
    renamed = traces.ask("PATCH", own, assessment={"assessment_name": "q"}, update_mask={"paths": ["assessmentName"]})
    assert renamed["assessment"]["assessment_name"] == "q"
    second = traces.ask("POST", path, assessment={
        "assessment_name": "q", "overrides": first["assessment_id"], "source": {"source_type": 2, "source_id": "judge"},
        "feedback": {"error": {"error_code": "E", "error_message": "none"}}})["assessment"]  # fmt: skip
    assert second["source"]["source_type"] == "LLM_JUDGE"
    assert traces.ask("GET", own)["assessment"]["valid"] is False
    traces.ask("DELETE", f"{path}/{second['assessment_id']}")
    traces.ask("DELETE", f"{path}/{second['assessment_id']}")
    assert traces.ask("GET", own)["assessment"]["valid"] is True
    serialized = {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a": 1}'}}
    expected = traces.ask("POST", path, assessment={"assessment_name": "e", "expectation": serialized})["assessment"]
    assert expected["expectation"] == serialized
    listed = traces.ask("GET", path.removesuffix("/assessments"))["trace"]["trace_info"]["assessments"]
    assert [one["assessment_name"] for one in listed] == ["q", "e"]
    for method, where, body in (
        ("POST", path, {"assessment": {"assessment_name": "x"}}),
        ("POST", path, {"assessment": {"feedback": {"value": 1}}}),
        ("POST", path, {"assessment": {"assessment_name": "x", "feedback": {}, "expectation": {}}}),
        (
            "POST",
            path,
            {"assessment": {"assessment_name": "x", "assessment_id": first["assessment_id"], "feedback": {}}},
        ),
        ("PATCH", own, {"assessment": {"expectation": {"value": 1}}, "update_mask": "expectation"}),
        ("PATCH", own, {"assessment": {}, "update_mask": "source"}),
        ("PATCH", own, {"assessment": {}, "update_mask": 7}),
    ):
        assert traces.code(method, where, **body) == INVALID, body
    nan = b'{"assessment": {"assessment_name": "x", "feedback": {"value": [NaN]}}}'
    deep = b'{"assessment": {"assessment_name": "x", "feedback": {"value": ' + b"[" * 90 + b"]" * 90 + b"}}}"
    for sent in (nan, deep):
        assert traces.client.post(path, content=sent, headers={"content-type": "application/json"}).status_code == 400
    assert traces.code("GET", f"{path}/a-none") == UNKNOWN


def test_traces_are_deleted_by_name_or_by_age_and_the_log_says_so(traces: Traces, db: Session) -> None:
    for number in range(1, 6):
        traces.tell(number, tags={"a": "b"}, assessments=[{"assessment_name": "q", "feedback": {"value": 1}}])
        traces.send({"trace": number, "id": 1})
    of = {"experiment_id": traces.experiment}
    delete = f"{V2}/traces/delete-traces"
    assert traces.ask("POST", delete, **of, request_ids=[f"tr-{5:032x}", "tr-none"]) == {"traces_deleted": 1}
    newer = f"{V3}/traces/delete-traces"
    assert traces.ask("POST", newer, **of, max_timestamp_millis=START + 3, max_traces=2) == {"traces_deleted": 2}
    assert traces.found() == [4, 3]
    assert traces.ask("POST", delete, **of, max_timestamp_millis=0) == {"traces_deleted": 0}
    assert count_events(db, "traces.deleted") == 2
    told: Any = last_event(db, "traces.deleted")
    assert told["data"]["traces"] == 2
    for wrong in ({}, {"request_ids": ["a"], "max_timestamp_millis": 1}, {"max_timestamp_millis": 1, "max_traces": 0}):
        assert traces.code("POST", delete, **of, **wrong) == INVALID


def test_somebody_without_rights_sees_and_changes_nothing(traces: Traces, client_as: Callable[..., TestClient]) -> None:
    trace_id = traces.tell(1)["trace_id"]
    traces.send({"trace": 1, "id": 1})
    mine = traces.experiment
    stranger, viewer = Traces(client_as("contributor", unit="Loans")), client_as("viewer", unit="Cards")
    stranger_own, stranger.experiment = stranger.experiment, mine
    assert stranger.found() == []
    assert stranger.ask("POST", f"{V3}/traces/batchGetInfos", trace_ids=[trace_id]) == {}
    one = f"{V3}/traces/{trace_id}"
    for method, path, body in (
        ("GET", one, {}),
        ("GET", f"{V2}/traces/{trace_id}/info", {}),
        ("GET", f"{V3}/traces/get?trace_id={trace_id}", {}),
        ("PATCH", f"{one}/tags", {"key": "a", "value": "b"}),
        ("POST", f"{one}/assessments", {"assessment": {"assessment_name": "q", "feedback": {"value": 1}}}),
        ("DELETE", f"{one}/assessments/a-1", {}),
        ("POST", f"{V2}/traces/link-prompts", {"trace_id": trace_id, "prompt_versions": []}),
        ("POST", f"{V3}/traces", {"trace": {"trace_info": stranger.info(2)}}),
        ("POST", f"{V2}/traces/delete-traces", {"experiment_id": mine, "request_ids": [trace_id]}),
    ):
        assert stranger.code(method, path, **body) == UNKNOWN, path
    assert stranger.send({"trace": 3, "id": 1}).status_code == 404
    stranger.experiment = stranger_own
    assert stranger.code("POST", f"{V3}/traces", trace={"trace_info": stranger.info(1)}) == INVALID  # the id is taken
    assert stranger.send({"trace": 1, "id": 1, "name": "forged"}).status_code == 404
    assert viewer.get(one).status_code == 200
    assert viewer.request("PATCH", f"{one}/tags", json={"key": "a", "value": "b"}).status_code == 403
    assert traces.ask("GET", f"{V3}/traces/get?trace_id={trace_id}")["trace"]["spans"][0]["name"] == "step"


def test_old_clients_begin_end_and_search(traces: Traces) -> None:
    begun = traces.ask("POST", f"{V2}/traces", experiment_id=traces.experiment, timestamp_ms=START,
                       tags=[{"key": "a", "value": "b"}])["trace_info"]  # fmt: skip
    assert (begun["status"], begun["timestamp_ms"]) == ("IN_PROGRESS", START)
    ended = traces.ask("PATCH", f"{V2}/traces/{begun['request_id']}", timestamp_ms=START + 50, status="OK",
                       request_metadata=[{"key": "k", "value": "v"}])["trace_info"]  # fmt: skip
    assert (ended["status"], ended["execution_time_ms"]) == ("OK", 50)
    assert traces.ask("GET", f"{V2}/traces/{begun['request_id']}/info") == {"trace_info": ended}
    listed = traces.client.get(f"{V2}/traces", params={"experiment_ids": traces.experiment, "filter": "tags.a = 'b'"})
    assert listed.json() == {"traces": [ended]}


def test_filters_are_correlated(traces: Traces) -> None:
    for number in range(1, 5):
        traces.tell(number, tags={"even": str(number % 2 == 0)}, state="ERROR" if number == 2 else "OK")
    told = traces.ask("POST", f"{V3}/traces/calculate-filter-correlation", experiment_ids=[traces.experiment],
                      filter_string1="tags.even = 'True'", filter_string2="status = 'ERROR'")  # fmt: skip
    counts = [told[f"{name}_count"] for name in ("filter1", "filter2", "joint", "total")]
    assert counts == [2, 1, 1, 4]
    assert told["npmi"] == pytest.approx(0.5)


def test_times_and_durations_are_written_as_the_protocol_does() -> None:
    assert [print_time(ms) for ms in (0, 1, -1, 1000)] == [
        "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.001Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:01Z",
    ]  # fmt: skip
    assert [read_time(print_time(ms), "t") for ms in (0, 1, -1, START)] == [0, 1, -1, START]
    assert [print_duration(ms) for ms in (0, 98, 1000, -1500)] == ["0s", "0.098s", "1s", "-1.500s"]
    assert [read_duration(text, "d") for text in ("0.098s", "2s", "-1.5s", "1.000000001s")] == [98, 2000, -1500, 1000]


def test_numbers_are_added_once_along_the_tree() -> None:
    nodes: list[tuple[str, str | None, dict[str, float]]] = [
        ("a", None, {}), ("b", "a", {"n": 10}), ("c", "b", {"n": 7}), ("d", "a", {"n": 1}), ("e", "e", {"n": 2}),
        ("f", "gone", {"n": 4}),
    ]  # fmt: skip
    assert total_of(nodes) == {"n": 17}


def test_both_encodings_of_a_span_are_kept_alike() -> None:
    given = otlp({"id": 1, "attributes": {"a": "b", "n": 2}})
    [span] = read_spans(given.SerializeToString(), is_json=False)
    sent = {"traceId": f"{1:032x}", "spanId": f"{1:016x}", "name": "step",
            "startTimeUnixNano": span.start_ns, "endTimeUnixNano": span.end_ns, "status": {"code": 1},
            "attributes": [{"key": "a", "value": {"stringValue": "b"}}, {"key": "n", "value": {"intValue": "2"}}],
            }  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [sent]}]}]}).encode()
    assert read_spans(unpack(body, "identity"), is_json=True) == [span]
    assert checked_pattern("^a|b{1,3}[c-d]$")
