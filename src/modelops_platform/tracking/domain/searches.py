"""What the searches of runs and experiments know."""

from .filters import LISTED, NULLS, NUMERIC, TEXT, Attribute, Entity, Grammar, Op

_MAYBE_TEXT = Attribute("", TEXT | NULLS, sorts=True)


def _text(name: str, *more: Op, sorts: bool = True) -> Attribute:
    return Attribute(name, TEXT | frozenset(more), sorts=sorts)


def _number(name: str) -> Attribute:
    return Attribute(name, NUMERIC, is_number=True, sorts=True)


_RUN_NAME = _text("run_name")
_RUN = Entity(
    "attribute",
    {
        "run_id": _text("run_id", Op.IN, Op.NOT_IN),
        **dict.fromkeys(("run_name", "run name", "Run name", "Run Name"), _RUN_NAME),
        "status": _text("status"),
        "user_id": _text("user_id"),
        "artifact_uri": _text("artifact_uri"),
        **dict.fromkeys(("start_time", "created", "Created"), _number("start_time")),
        "end_time": _number("end_time"),
    },
)
METRIC = Entity("metric", any=Attribute("", NUMERIC, is_number=True, sorts=True))
PARAM = Entity("param", any=_MAYBE_TEXT)
TAG = Entity("tag", any=_MAYBE_TEXT)
_OF_DATA = TEXT | {Op.IN}
_DATA_SET = Entity("dataset", {key: Attribute(key, _OF_DATA) for key in ("name", "digest", "context")})

RUNS = Grammar(
    {
        **dict.fromkeys(("metric", "metrics"), METRIC),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), PARAM),
        **dict.fromkeys(("tag", "tags"), TAG),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), _RUN),
        **dict.fromkeys(("dataset", "datasets"), _DATA_SET),
    },
    _RUN,
)

_EXPERIMENT = Entity(
    "attribute",
    {
        "name": _text("name"),
        "experiment_id": Attribute("experiment_id", frozenset({Op.EQ, Op.NE}) | LISTED, sorts=True),
        "creation_time": _number("creation_time"),
        "last_update_time": _number("last_update_time"),
    },
)
EXPERIMENTS = Grammar(
    {
        **dict.fromkeys(("attribute", "attributes", "attr"), _EXPERIMENT),
        **dict.fromkeys(("tag", "tags"), Entity("tag", any=Attribute("", TEXT | NULLS))),
    },
    _EXPERIMENT,
)
