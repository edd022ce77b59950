"""The OpenAPI as it is told: every refusal is a problem document, and callers show a token."""

from typing import Any

from fastapi import FastAPI

_PROBLEM = {
    "type": "object",
    "description": "What was refused, and what to do about it (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "The kind of refusal, for programs."},
        "detail": {"type": "string", "description": "What was wrong, with which value."},
        "remedy": {"type": "string", "description": "What to do."},
        "field": {"type": "string", "description": "The field, parameter or header that was wrong."},
    },
}
_REFUSED = {
    "description": "Refused; `code` and `field` say why, `remedy` what to do.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application, made once."""
    if app.openapi_schema is None:
        found = app.openapi()
        for operation in (operation for path in found["paths"].values() for operation in path.values()):
            operation["responses"].pop("422", None)  # the framework's shape, which is never sent
            operation["responses"]["default"] = _REFUSED
        components = found.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for name in _FRAMEWORKS_OWN:
            schemas.pop(name, None)
        schemas["Problem"] = _PROBLEM
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        app.openapi_schema = found
    return app.openapi_schema


def answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Declare, as `responses` of a route, that it answers 200 with text of these types."""
    return {200: {"content": {kind: {"schema": {"type": "string"}} for kind in media_types}}}
