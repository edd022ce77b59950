"""Spans as OpenTelemetry sends them (OTLP over HTTP, protobuf or JSON), and what is kept of them.

Both encodings are read into the same messages, so that a span is kept alike whichever way it came. What is kept is
the JSON that clients of the MLflow protocol read back, and beside it what searches and pages ask for.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from modelops_platform.core.deferred import Deferred
from modelops_platform.core.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from google.protobuf import json_format, message
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1 import trace_pb2
else:
    json_format, message = Deferred("google.protobuf.json_format"), Deferred("google.protobuf.message")
    trace_service_pb2 = Deferred("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    trace_pb2 = Deferred("opentelemetry.proto.trace.v1.trace_pb2")

MOST_BYTES, MOST_SPANS, MOST_TRACES, DEEPEST = 32_000_000, 10_000, 1_000, 60
LONGEST_ATTRIBUTE = 4_000  # of what a search compares
_LATEST_NS = 2**63 - 1
TYPE, INPUTS, OUTPUTS, USAGE, COSTS = (
    "mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.chat.tokenUsage", "mlflow.llm.cost",
)  # fmt: skip
TAG_PREFIX = "mlflow.traceTag."
_SESSIONS = ("mlflow.trace.session", "session.id", "gen_ai.conversation.id")
_USERS = ("mlflow.trace.user", "user.id")
# What other conventions call the same: OpenInference, and OpenTelemetry's own for generative models.
_TYPES = {"openinference.span.kind": {}, "gen_ai.operation.name": {"chat": "CHAT_MODEL", "execute_tool": "TOOL"}}
_GIVEN = (INPUTS, "input.value", "gen_ai.input.messages", "gen_ai.prompt", "traceloop.entity.input")
_TAKEN = (OUTPUTS, "output.value", "gen_ai.output.messages", "gen_ai.completion", "traceloop.entity.output")
_TOKENS = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
}
_STATUS = {1: "OK", 2: "ERROR"}


@dataclass(slots=True)
class ToldSpan:
    """A span that was sent."""

    trace_id: str
    id: str
    parent_id: str | None
    name: str
    status: str
    start_ns: int
    end_ns: int | None
    attributes: dict[str, Any]
    resource: dict[str, Any] = field(default_factory=dict)
    content: str = ""

    @property
    def type(self) -> str:
        """What kind of step it is, UNKNOWN if it does not say."""
        told = self.attributes.get(TYPE)
        for key, names in _TYPES.items():
            if told is None and isinstance(other := self.attributes.get(key), str):
                told = names.get(other, other.upper())
        return str(told)[:250] if told else "UNKNOWN"

    @property
    def inputs(self) -> Any:
        """What the step was given, None if it does not say."""
        return _first(self.attributes, _GIVEN)

    @property
    def outputs(self) -> Any:
        """What the step gave, None if it does not say."""
        return _first(self.attributes, _TAKEN)

    @property
    def session(self) -> str | None:
        """The conversation it belongs to."""
        return _text_of(_first(self.attributes, _SESSIONS))

    @property
    def user(self) -> str | None:
        """Whom it was done for."""
        return _text_of(_first(self.attributes, _USERS))

    def comparable(self) -> str:
        """Return the attributes as searches compare them: texts as they are, all else as JSON."""
        found = {key: value if isinstance(value, str) else _json(value) for key, value in self.attributes.items()}
        return _json({key: value[:LONGEST_ATTRIBUTE] for key, value in found.items()})

    def usage(self) -> dict[str, float]:
        """Return the tokens that the step took, {} if it does not say."""
        told = numbers_of(self.attributes.get(USAGE))
        if not told:
            told = numbers_of({key: _first(self.attributes, names) for key, names in _TOKENS.items()})
            if told:
                told["total_tokens"] = sum(told.values())
        return told

    def cost(self) -> dict[str, float]:
        """Return what the step cost, {} if it does not say."""
        return numbers_of(self.attributes.get(COSTS))


def numbers_of(value: Any) -> dict[str, float]:
    """Return the numbers in a mapping, or in the JSON text of one."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return {}
    if not isinstance(value, dict):
        return {}
    found = {str(key): _number_of(number) for key, number in value.items()}
    return {key: number for key, number in found.items() if number is not None}


def _number_of(value: Any) -> float | None:
    """Return a number, or one that was kept as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        return int(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 1e15 else None


def total_of(nodes: Iterable[tuple[str, str | None, dict[str, float]]]) -> dict[str, float]:
    """Add up what spans (id, parent, numbers) tell, each number once: a parent that tells speaks for those below."""
    told = {span_id: (parent, numbers) for span_id, parent, numbers in nodes}
    total: dict[str, float] = {}
    for span_id, (parent, numbers) in told.items():
        seen = {span_id}
        while numbers and parent in told and parent not in seen:
            seen.add(parent)
            parent, above = told[parent]
            if above:
                numbers = {}
        for key, number in numbers.items():
            total[key] = total.get(key, 0) + number
    return total


def unpack(body: bytes, encoding: str) -> bytes:
    """Return the body without its compression. Raises InvalidInput, TooLarge."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise InvalidInput(
            f"The Content-Encoding {encoding[:40]!r} is not known.", remedy="Send gzip, or plain.", field="body"
        )
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        unpacker = zlib.decompressobj(bits)
        try:
            found = unpacker.decompress(body, MOST_BYTES)
        except zlib.error:
            continue
        if unpacker.unconsumed_tail:
            raise TooLarge(
                f"Unpacked, the body is larger than {MOST_BYTES:,} bytes.", remedy="Send less at once.", field="body"
            )
        if unpacker.eof:
            return found
    raise InvalidInput(f"The body is not {encoding}.", field="body")


def read_spans(body: bytes, *, is_json: bool) -> list[ToldSpan]:
    """Return the spans of an OTLP request. Raises InvalidInput."""
    request = trace_service_pb2.ExportTraceServiceRequest()
    try:
        if is_json:
            json_format.ParseDict(
                _with_base64(json.loads(body)), request, ignore_unknown_fields=True, max_recursion_depth=DEEPEST
            )
        else:
            request.ParseFromString(body)
    except (message.DecodeError, json_format.Error, ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidInput(
            "Invalid OpenTelemetry format.",
            remedy="Send an ExportTraceServiceRequest as protobuf or JSON.",
            field="body",
        ) from None
    found = list(_spans(request))
    if len(found) > MOST_SPANS or len({span.trace_id for span in found}) > MOST_TRACES:
        raise InvalidInput(
            f"At most {MOST_SPANS:,} spans of {MOST_TRACES:,} traces are taken at once.",
            remedy="Send smaller batches.",
            field="resource_spans",
        )
    return found


def _with_base64(request: Any) -> Any:
    """Return the JSON with its ids, which OTLP writes in hex, as protobuf's own JSON has them."""
    for resource in _listed(request, "resourceSpans", "resource_spans"):
        for scope in _listed(resource, "scopeSpans", "scope_spans"):
            for span in _listed(scope, "spans", "spans"):
                for named in (span, *_listed(span, "links", "links")):
                    for name in ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"):
                        if named.get(name):
                            named[name] = base64.b64encode(bytes.fromhex(named[name])).decode()
    return request


def _listed(holder: Any, *names: str) -> Any:
    return next((holder[name] for name in names if holder.get(name)), ())


def _spans(request: "trace_service_pb2.ExportTraceServiceRequest") -> Iterator[ToldSpan]:
    for resource in request.resource_spans:
        about = {_plain(pair.key): _value(pair.value) for pair in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _span(span, about)


def _span(span: "trace_pb2.Span", resource: dict[str, Any]) -> ToldSpan:
    if len(span.trace_id) != 16 or len(span.span_id) != 8 or len(span.parent_span_id) not in (0, 8):
        raise InvalidInput(
            "A span's trace_id has 16 bytes, its span_id and parent_span_id 8.",
            field="resource_spans.scope_spans.spans",
        )
    end = min(span.end_time_unix_nano, _LATEST_NS) or None
    return ToldSpan(
        trace_id=f"tr-{span.trace_id.hex()}",
        id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=_plain(span.name),
        status=_STATUS.get(span.status.code, "UNSET"),
        start_ns=min(span.start_time_unix_nano, _LATEST_NS),
        end_ns=end,
        attributes={_plain(pair.key): _value(pair.value) for pair in span.attributes},
        resource=resource,
        content=_json(_printed(span)),
    )


def _printed(span: "trace_pb2.Span") -> dict[str, Any]:
    """Return the span as the protocol's JSON has it."""
    found: dict[str, Any] = {"trace_id": _base64(span.trace_id), "span_id": _base64(span.span_id)}
    if span.trace_state:
        found["trace_state"] = _plain(span.trace_state)
    if span.parent_span_id:
        found["parent_span_id"] = _base64(span.parent_span_id)
    found["name"] = _plain(span.name)
    if span.kind:
        found["kind"] = trace_pb2.Span.SpanKind.Name(span.kind) if span.kind <= 5 else 0
    found["start_time_unix_nano"] = min(span.start_time_unix_nano, _LATEST_NS)
    if span.end_time_unix_nano:
        found["end_time_unix_nano"] = min(span.end_time_unix_nano, _LATEST_NS)
    found["attributes"] = _pairs(span.attributes)
    if span.events:
        found["events"] = [
            {
                "time_unix_nano": min(event.time_unix_nano, _LATEST_NS),
                "name": _plain(event.name),
                "attributes": _pairs(event.attributes),
            }
            for event in span.events
        ]
    if span.links:
        found["links"] = [
            {
                "trace_id": _base64(link.trace_id),
                "span_id": _base64(link.span_id),
                "attributes": _pairs(link.attributes),
            }
            for link in span.links
        ]
    status: dict[str, Any] = {}
    if span.status.message:
        status["message"] = _plain(span.status.message)
    if span.status.code in _STATUS:
        status["code"] = f"STATUS_CODE_{_STATUS[span.status.code]}"
    found["status"] = status
    return found


def _pairs(pairs: "Iterable[KeyValue]") -> list[dict[str, Any]]:
    return [{"key": _plain(pair.key), "value": _any(pair.value)} for pair in pairs]


def _any(value: "AnyValue") -> dict[str, Any]:
    """Return a value as the protocol's JSON has it."""
    match value.WhichOneof("value"):
        case "string_value":
            return {"string_value": _plain(value.string_value)}
        case "bool_value":
            return {"bool_value": value.bool_value}
        case "int_value":
            return {"int_value": value.int_value}
        case "double_value":
            return {"double_value": _double(value.double_value)}
        case "bytes_value":
            return {"bytes_value": _base64(value.bytes_value)}
        case "array_value":
            return {"array_value": {"values": [_any(one) for one in value.array_value.values]}}
        case "kvlist_value":
            return {"kvlist_value": {"values": _pairs(value.kvlist_value.values)}}
        case _:
            return {}


def _value(value: "AnyValue") -> Any:
    """Return a value as Python has it."""
    match value.WhichOneof("value"):
        case "string_value":
            return _plain(value.string_value)
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return _double(value.double_value)
        case "bytes_value":
            return _base64(value.bytes_value)
        case "array_value":
            return [_value(one) for one in value.array_value.values]
        case "kvlist_value":
            return {_plain(pair.key): _value(pair.value) for pair in value.kvlist_value.values}
        case _:
            return None


def _double(value: float) -> float | str:
    if value != value:
        return "NaN"
    return value if abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


def _plain(text: str) -> str:
    """Return a text without the one character that databases do not keep."""
    return text.replace("\x00", "") if "\x00" in text else text


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _first(attributes: dict[str, Any], names: Iterable[str]) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def _text_of(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


_encode = msgspec.json.Encoder().encode


def _json(value: Any) -> str:
    return _encode(value).decode()


def preview_of(value: Any, most: int) -> str | None:
    """Return the beginning of inputs or outputs as text."""
    if value is None:
        return None
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."
