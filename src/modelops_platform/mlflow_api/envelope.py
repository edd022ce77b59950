"""How the protocol tells of errors: a code, a message, and the status that clients know for the code.

Its Python client retries 408, 429, 500, 502, 503 and 504 for minutes, so that a mistake of the caller, or something
that is not offered, is never answered with one of them.
"""

from typing import Any

import msgspec
from starlette.responses import Response

from modelops_platform.core.errors import PlatformError

PREFIXES = ("/api/2.0/", "/api/3.0/", "/ajax-api/", "/v1/traces", "/get-artifact", "/model-versions/get-artifact")
# What a problem's code is in the protocol, and its status; the rest goes by the status it has.
_CODES = {
    "not_found": ("RESOURCE_DOES_NOT_EXIST", 404),
    "already_exists": ("RESOURCE_ALREADY_EXISTS", 400),
    "invalid_input": ("INVALID_PARAMETER_VALUE", 400),
    "too_large": ("INVALID_PARAMETER_VALUE", 400),
    "not_allowed": ("PERMISSION_DENIED", 403),
    "not_signed_in": ("UNAUTHENTICATED", 401),
    "transition_refused": ("PERMISSION_DENIED", 403),
    "stale": ("RESOURCE_CONFLICT", 409),
    "conflict": ("RESOURCE_CONFLICT", 409),
    "too_many": ("REQUEST_LIMIT_EXCEEDED", 429),
    "unavailable": ("TEMPORARILY_UNAVAILABLE", 503),
    "not_offered": ("NOT_IMPLEMENTED", 501),
    "internal": ("INTERNAL_ERROR", 500),
}
_BY_STATUS = {400: "INVALID_PARAMETER_VALUE", 404: "ENDPOINT_NOT_FOUND", 403: "PERMISSION_DENIED"}


class NotOffered(PlatformError):
    """The protocol knows it, this installation does not do it."""

    code = "not_offered"


def show_error(problem: dict[str, Any], headers: dict[str, str]) -> Response:
    """Return a problem in the protocol's shape."""
    found = _CODES.get(problem["code"])
    # "No such page" carries the code of things that are not there; it has no field that names a thing.
    if found is None or (problem["status"] == 404 and problem["detail"].startswith("Nothing is at ")):
        status = problem["status"]
        code = _BY_STATUS.get(status, "BAD_REQUEST")
    else:
        code, status = found
        if problem["status"] == 416:  # a range beyond the end
            status = 416
    message = " ".join(part for part in (problem["detail"], _unmet(problem), problem.get("remedy")) if part)
    body = msgspec.json.encode({"error_code": code, "message": message})
    return Response(body, status, headers, "application/json")


def _unmet(problem: dict[str, Any]) -> str:
    """Return the requirements that a gate found unmet, in words."""
    unmet = problem.get("unmet")
    if not isinstance(unmet, list):
        return ""
    words = [
        str(one.get("label") or one.get("requirement") or one) if isinstance(one, dict) else str(one) for one in unmet
    ]
    return f"Unmet: {'; '.join(words)}." if words else ""
