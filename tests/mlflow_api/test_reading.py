"""Whatever a client of any age sends is read as it was meant, or refused in words."""

import math
from enum import StrEnum

import pytest

from modelops_platform.core.errors import InvalidInput
from modelops_platform.mlflow_api.reading import Reader
from modelops_platform.mlflow_api.wire import Int64, KeyValue, Message, Text


class Colour(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


class Point(Message, kw_only=True):
    key: Text
    value: float
    time_stamp: Int64 = 0


class Sent(Message, kw_only=True):
    run_id: Text
    points: list[Point] = []
    tags: list[KeyValue] = []
    colour: Colour | None = None
    is_big: bool = False
    user_name: str | None = None


READER = Reader(Sent)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"run_id":"a"}', Sent(run_id="a")),
        (b'{"runId":"a","userName":"u"}', Sent(run_id="a", user_name="u")),
        (b'{"run_id":"a","unknown":{"x":[1]},"user_name":null,"tags":null}', Sent(run_id="a")),
        (b'"{\\"run_id\\": \\"a\\"}"', Sent(run_id="a")),
        (b'{"run_id":"a","colour":"GREEN"}', Sent(run_id="a", colour=Colour.GREEN)),
        (b'{"run_id":"a","colour":2}', Sent(run_id="a", colour=Colour.GREEN)),
        (b'{"run_id":"a","colour":"1"}', Sent(run_id="a", colour=Colour.RED)),
        (b'{"run_id":"a","is_big":"True"}', Sent(run_id="a", is_big=True)),
        (b'{"run_id":"a","tags":[{"key":"k"}]}', Sent(run_id="a", tags=[KeyValue(key="k")])),
    ],
)  # fmt: skip
def test_every_spelling_means_the_same(body: bytes, expected: Sent) -> None:
    assert READER.read_body(body) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", 1.0),
        ('"1.5"', 1.5),
        ('"-1e3"', -1000.0),
        ("Infinity", math.inf),
        ('"-Infinity"', -math.inf),
        ("1e999", math.inf),
    ],
)
def test_numbers_in_every_form(value: str, expected: float) -> None:
    body = f'{{"run_id":"a","points":[{{"key":"k","value":{value},"timeStamp":"7"}}]}}'.encode()
    (point,) = READER.read_body(body).points
    assert (point.value, point.time_stamp) == (expected, 7)


@pytest.mark.parametrize("value", ["NaN", '"NaN"', '"nan"'])
def test_nan_in_every_form(value: str) -> None:
    (point,) = READER.read_body(f'{{"run_id":"a","points":[{{"key":"k","value":{value}}}]}}'.encode()).points
    assert math.isnan(point.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Missing value for required parameter 'run_id'"),
        (b"{not json", "Missing value for required parameter 'run_id'"),
        (b'{"run_id":""}', "Missing value for required parameter 'run_id'"),
        (b'{"run_id":null}', "Missing value for required parameter 'run_id'"),
        (b'{"run_id":"a","runId":"b"}', "given twice"),
        (b'{"run_id":5}', "Invalid value 5 for parameter 'run_id'"),
        (b"[1]", "not a JSON object"),
        (b'{"run_id":"a","colour":"BLUE"}', "'colour'"),
        (b'{"run_id":"a","colour":3}', "'colour'"),
        (b'{"run_id":"a","points":[{"key":"k"}]}', "Missing value for required parameter 'points[0].value'"),
        (b'{"run_id":"a","points":[{"key":"k","value":"x"}]}', "Invalid value \"x\" for parameter 'points[0].value'"),
        (b'{"run_id":"a","points":7}', "'points'"),
        (b'{"run_id":"a\\u0000"}', "U+0000"),
        (b'{"run_id":"\\ud800"}', "U+D800"),
        (b'{"run_id":"a","points":[{"key":"k","value":1,"time_stamp":99999999999999999999}]}', "64 bits"),
        (b'{"run_id":"a","x":' + b"[" * 40 + b"]" * 40 + b"}", "deeper"),
        (b'{"run_id":"a","x":' + b"[" * 100_000, "Missing"),
    ],
)
def test_what_cannot_be_read_is_said(body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        READER.read_body(body)
    assert words in refused.value.message


def test_a_query_repeats_lists_and_takes_the_last_of_the_rest() -> None:
    class Asked(Message, kw_only=True):
        name: Text
        order_by: list[str] = []
        max_results: Int64 = 5
        path: str = ""

    reader = Reader(Asked)
    found = reader.read_query(b"name=a&name=%C3%A9&order_by=x&order_by=y&max_results=7&zzz=1", {"path": "p"})
    assert found == Asked(name="é", order_by=["x", "y"], max_results=7, path="p")
    with pytest.raises(InvalidInput):
        reader.read_query(b"name=a&max_results=many")
