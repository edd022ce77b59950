"""Headers of transfers: no database, no server."""

import base64
import hashlib

import pytest

from modelops_platform.artifacts.headers import RangeNotSatisfiable, Span, attachment, expected_digest, wanted_span
from modelops_platform.core.errors import InvalidInput

DIGEST = hashlib.sha256(b"x")
HEX, BASE64 = DIGEST.hexdigest(), base64.b64encode(DIGEST.digest()).decode()
ETAG = '"abc"'


@pytest.mark.parametrize(
    "headers",
    [
        {"x-content-sha256": HEX.upper()},
        {"content-digest": f"sha-256=:{BASE64}:"},
        {"repr-digest": f"sha-512=:AAAA:, sha-256=:{BASE64}:"},
        {"digest": f"SHA-256={BASE64}"},
        {"digest": f"SHA-256={BASE64}", "x-content-sha256": HEX},
    ],
)
def test_a_digest_is_read_however_it_is_told(headers: dict[str, str]) -> None:
    assert expected_digest(headers) == HEX


@pytest.mark.parametrize("headers", [{}, {"digest": "md5=AAAA"}])
def test_no_digest_is_none(headers: dict[str, str]) -> None:
    assert expected_digest(headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"x-content-sha256": HEX[:-1]},
        {"x-content-sha256": ""},
        {"content-digest": "sha-256=:short:"},
        {"content-digest": "sha-256=:QUFB:"},
        {"digest": f"SHA-256={BASE64}", "x-content-sha256": "0" * 64},
    ],
)
def test_a_digest_that_is_none_or_two_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        expected_digest(headers)


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=10-", Span(10, 100)),
        ("bytes=-1", Span(99, 100)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes=90-1000", Span(90, 100)),
        ("bytes = 1 - 2", Span(1, 3)),
        ("bytes=2-1", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("rows=0-1", None),
        ("bytes=a-b", None),
        ("", None),
    ],
)
def test_a_range_is_a_part_or_the_whole(asked: str, span: Span | None) -> None:
    assert wanted_span({"range": asked}, ETAG, 100) == span


@pytest.mark.parametrize(("asked", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_a_range_beyond_the_end_is_told_apart(asked: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable):
        wanted_span({"range": asked}, ETAG, size)


def test_if_range_goes_on_only_with_the_same_file() -> None:
    assert wanted_span({"range": "bytes=5-", "if-range": ETAG}, ETAG, 9) == Span(5, 9)
    assert wanted_span({"range": "bytes=5-", "if-range": '"other"'}, ETAG, 9) is None


def test_a_name_is_told_in_ascii_and_as_it_is() -> None:
    assert attachment("folder/Modell für %.onnx") == (
        "attachment; filename=\"Modell f_r _.onnx\"; filename*=UTF-8''Modell%20f%C3%BCr%20%25.onnx"
    )
    assert attachment('a"\\\r\n;b') == "attachment; filename=\"a____;b\"; filename*=UTF-8''a%22%5C%0D%0A%3Bb"
