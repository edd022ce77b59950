"""Messages of the protocol: how they are declared, and how answers are printed.

A request is a `Message`: required texts are `Text`, everything optional has a default. An answer is a `Reply`: what is
None or an empty list is left out, as protobuf prints it. `reading` reads the first, `printed` prints the second.
"""

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, Meta(min_length=1)]  # a required text: an empty one counts as missing


class Message(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a client sends. Unknown fields are ignored by the reader, which needs to notice them."""


class Reply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What we answer: fields with their default value are left out."""


class KeyValue(Message, kw_only=True):
    """A tag or a parameter as it is sent."""

    key: Text
    value: str = ""


class Pair(msgspec.Struct):
    """A tag or a parameter as it is answered; an empty value is printed."""

    key: str
    value: str


def number(value: float | None) -> float | str:
    """Return a double as JSON can carry it; None stands for NaN, which databases do not keep."""
    if value is None or math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


EMPTY = b"{}"
_encode = msgspec.json.Encoder().encode


def printed(value: Any) -> bytes:
    """Return an answer as compact JSON: bytes as they are, nothing as `{}`."""
    if value is None:
        return EMPTY
    return value if isinstance(value, bytes) else _encode(value)
