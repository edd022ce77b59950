"""Searching runs: any filter and order gives what a plain evaluation over the same runs gives, page by page."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from modelops_platform.core.db import Database
from modelops_platform.tracking import queries, service
from modelops_platform.tracking.domain.filters import Clause, Op, Order, parse_filter, parse_order
from modelops_platform.tracking.domain.searches import RUNS
from modelops_platform.tracking.domain.words import RunStatus, View
from tests.factories import SYSTEM

NUMBERS = [0.0, 0.5, -1.0, 2.0, math.inf, -math.inf, math.nan]
TEXTS = ["a", "A", "ab", "b%", "_b", "z*", "é", ""]
METRICS, PARAMS, TAGS = ["loss", "a b"], ["lr", "x/y"], ["team", "dotted.tag"]


@dataclass
class PlainRun:
    """A run as a plain evaluation sees it."""

    values: dict[tuple[str, str], Any] = field(default_factory=dict)


@pytest.fixture
def runs(database: Database) -> list[PlainRun]:
    """Thirty runs with ties, gaps, NaN and infinities in experiment 0."""
    made = []
    for number in range(30):
        run = PlainRun({("attribute", "start_time"): 1000 + number % 4})
        with database.write() as db:
            start, name = run.values["attribute", "start_time"], f"run {TEXTS[number % 7]}"
            document = msgspec.json.decode(service.create_run(db, SYSTEM, "0", name=name, start_ms=start))
            run_id = document["info"]["run_id"]
            run.values |= {("attribute", "run_id"): run_id, ("attribute", "run_name"): name}
            run.values |= {("attribute", "user_id"): "", ("tag", "mlflow.runName"): name}
            run.values["attribute", "artifact_uri"] = document["info"]["artifact_uri"]
            status = list(RunStatus)[number % 3]
            end_ms = None if number % 3 else 2000 + number % 5
            service.update_run(db, SYSTEM, run_id, status=status, end_ms=end_ms)
            run.values |= {("attribute", "status"): status.value, ("attribute", "end_time"): end_ms}
            points: list[service.Point] = []
            params: list[tuple[str, str]] = []
            tags: list[tuple[str, str]] = []
            for position, key in enumerate(METRICS):
                if (number + position) % 5:
                    value = NUMBERS[(number * 3 + position) % 7]
                    points.append(service.Point(key, value, 1))
                    run.values["metric", key] = value
            for into, entity, keys in ((params, "param", PARAMS), (tags, "tag", TAGS)):
                for position, key in enumerate(keys):
                    if (number + position) % 4:
                        into.append((key, TEXTS[(number + position) % 8]))
                        run.values[entity, key] = into[-1][1]
            service.log_batch(db, SYSTEM, run_id, points=points, params=params, tags=tags)
        made.append(run)
    return made


def holds(clause: Clause, run: PlainRun) -> bool:
    """Evaluate one clause plainly."""
    found = run.values.get((clause.entity, clause.key))
    if clause.op in (Op.IS_NULL, Op.IS_NOT_NULL):
        return (found is None) is (clause.op is Op.IS_NULL)
    if found is None:
        return False
    value: Any = clause.value
    match clause.op:
        case Op.EQ:
            return bool(found == value)
        case Op.NE:
            return bool(found != value)
        case Op.LT:
            return bool(found < value)
        case Op.LE:
            return bool(found <= value)
        case Op.GT:
            return bool(found > value)
        case Op.GE:
            return bool(found >= value)
        case Op.IN:
            return found in value
        case Op.NOT_IN:
            return found not in value
    pattern = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in value)
    return re.fullmatch(pattern, found, re.DOTALL | (re.IGNORECASE if clause.op is Op.ILIKE else 0)) is not None


def compare(orders: Sequence[Order], one: PlainRun, other: PlainRun) -> int:
    """Compare two runs plainly: missing last, NaN before it, then the newest, then by id."""
    for order in orders:
        keys = [_rank(run.values.get((order.entity, order.key))) for run in (one, other)]
        if keys[0][0] != keys[1][0]:
            return keys[0][0] - keys[1][0]
        if keys[0][1] != keys[1][1]:
            return (1 if keys[0][1] > keys[1][1] else -1) * (-1 if order.descending else 1)
    return 0


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return 2, 0
    return (1, 0) if value != value else (0, value)


def expected(runs: list[PlainRun], text: str, order_by: list[str]) -> list[str]:
    clauses, orders = parse_filter(text, RUNS), list(parse_order(order_by, RUNS))
    orders += [Order("attribute", "start_time", True), Order("attribute", "run_id")]
    found = [run for run in runs if all(holds(clause, run) for clause in clauses)]
    found.sort(key=cmp_to_key(lambda one, other: compare(orders, one, other)))
    return [run.values["attribute", "run_id"] for run in found]


def found_by_pages(db: Session, text: str, order_by: list[str], limit: int) -> list[str]:
    ids, token = [], None
    while True:
        page = queries.search_runs(
            db,
            SYSTEM,
            experiment_ids=["0"],
            text=text,
            order_by=order_by,
            view=View.ACTIVE_ONLY,
            limit=limit,
            token=token,
        )
        assert len(page.documents) <= limit
        ids += [msgspec.json.decode(document)["info"]["run_id"] for document in page.documents]
        token = page.next_token
        if token is None:
            return ids


def quoted(text: str) -> str:
    return f"'{text}'"


texts = st.sampled_from([*TEXTS, "run a", "%", "%b", "_", "a%", "%B%", "RUNNING"]).map(quoted)
text_keys = st.sampled_from(
    [
        "params.lr",
        "params.`x/y`",
        'tags."team"',
        "tags.dotted.tag",
        "run_name",
        "attributes.status",
        "tag.mlflow.runName",
    ]
)
number_keys = st.sampled_from(["metrics.loss", "metric.`a b`", "start_time", "attribute.end_time"])
clauses = st.one_of(
    st.tuples(text_keys, st.sampled_from(["=", "!=", "LIKE", "ilike"]), texts).map(" ".join),
    st.tuples(
        number_keys,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.sampled_from(["0.5", "-1", "2e0", "1001", "2002"]),
    ).map("".join),
    st.sampled_from(["params.lr IS NULL", "tags.team is not null", "params.`x/y` IS NOT NULL"]),
)
filters = st.lists(clauses, max_size=3).map(" AND ".join)
order_keys = [
    "metrics.loss", "metrics.`a b`", "params.lr", "tags.team", "start_time", "end_time", "run_name", "status", "run_id",
]  # fmt: skip
orders = st.lists(st.sampled_from(order_keys), max_size=3, unique=True).flatmap(
    lambda keys: st.tuples(*(st.sampled_from([key, f"{key} DESC", f"{key} asc"]) for key in keys)).map(list)
)


def test_any_search_gives_what_a_plain_evaluation_gives(database: Database, runs: list[PlainRun]) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(filters, orders, st.sampled_from([3, 7, 100]))
    def check(text: str, order_by: list[str], limit: int) -> None:
        with database.read() as db:
            assert found_by_pages(db, text, order_by, limit) == expected(runs, text, order_by)

    check()
