"""What the search of traces knows."""

from dataclasses import dataclass

from .filters import LISTED, NULLS, NUMERIC, TEXT, Attribute, Entity, Grammar, Op

_WORDS = TEXT | {Op.RLIKE}
_LISTED_WORDS = _WORDS | LISTED
_MAYBE = _WORDS | NULLS


def _number(name: str) -> Attribute:
    return Attribute(name, NUMERIC, is_number=True, sorts=True)


_TIMES = {
    **dict.fromkeys(("timestamp", "timestamp_ms"), _number("timestamp_ms")),
    **dict.fromkeys(("execution_time", "execution_time_ms"), _number("execution_time_ms")),
    **dict.fromkeys(("end_time", "end_time_ms"), _number("end_time_ms")),
}
TRACE = Entity(
    "attribute",
    {
        **_TIMES,
        "status": Attribute("status", _LISTED_WORDS, sorts=True),
        **dict.fromkeys(("request_id", "trace_id"), Attribute("request_id", _LISTED_WORDS, sorts=True)),
        "client_request_id": Attribute("client_request_id", _LISTED_WORDS),
        "name": Attribute("name", _LISTED_WORDS | NULLS, sorts=True),
        "run_id": Attribute("run_id", _LISTED_WORDS | NULLS, sorts=True),
        "prompt": Attribute("prompt", frozenset({Op.EQ})),
        "text": Attribute("text", frozenset({Op.LIKE, Op.ILIKE})),
        "experiment_id": Attribute("experiment_id", frozenset({Op.EQ, Op.NE}) | LISTED, sorts=True),
    },
)
TAG = Entity("tag", any=Attribute("", _MAYBE, sorts=True))
METADATA = Entity("request_metadata", any=Attribute("", _MAYBE, sorts=True))
OF_ATTRIBUTE = "attributes."


@dataclass(frozen=True, slots=True)
class _Spans(Entity):
    """Spans have fixed keys, and any key behind `attributes.`."""

    def attribute(self, key: str) -> Attribute | None:
        if key.startswith(OF_ATTRIBUTE) and len(key) > len(OF_ATTRIBUTE):
            return Attribute(key, _LISTED_WORDS)
        return self.keys.get(key)


SPAN = _Spans(
    "span",
    {
        **{key: Attribute(key, _LISTED_WORDS) for key in ("name", "type", "status")},
        "content": Attribute("content", frozenset({Op.LIKE, Op.ILIKE})),
    },
)
_JUDGED = Attribute("", NUMERIC | _MAYBE, is_number=True, takes_text=True)
FEEDBACK, EXPECTATION = Entity("feedback", any=_JUDGED), Entity("expectation", any=_JUDGED)
ISSUE = Entity("issue", {"id": Attribute("id", frozenset({Op.EQ}))})

TRACES = Grammar(
    {
        **dict.fromkeys(("attribute", "attributes", "trace"), TRACE),
        **dict.fromkeys(("tag", "tags"), TAG),
        **dict.fromkeys(("metadata", "request_metadata"), METADATA),
        **dict.fromkeys(("span", "spans"), SPAN),
        "feedback": FEEDBACK,
        "expectation": EXPECTATION,
        "issue": ISSUE,
    },
    TRACE,
)
