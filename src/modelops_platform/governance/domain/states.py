"""How approval requests stand. Where models and versions stand is data: see `lifecycles`."""

from enum import StrEnum


class RequestState(StrEnum):
    """How an approval request stands. `void`: what it covered was changed; `expired`: nobody decided in time."""

    OPEN = "open"
    GRANTED = "granted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    VOID = "void"
    EXPIRED = "expired"
