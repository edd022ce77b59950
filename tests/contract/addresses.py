"""The routes of the running application, and real values for the parameters in their paths."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from modelops_platform.core.actor import Permission
from modelops_platform.mlflow_api import envelope
from modelops_platform.web.routing import PERMISSION, PUBLIC

PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
NOTHING = {"number": "1", "path": "0/nothing-of-the-kind"}  # paths lead below experiment 0, which is open to all
READING = ("GET", "HEAD")
EXPERIMENT, TRACE, PROMPT = "trials", f"tr-{1:032x}", "greet"  # names that `furnished.log` gives
MLFLOW = envelope.PREFIXES
Get = Callable[[str], Any]  # a path below /api/v1 -> its JSON


@dataclass(frozen=True, eq=False)
class Asked:
    """One method of one route."""

    method: str
    route: APIRoute

    @property
    def path(self) -> str:
        return self.route.path

    @property
    def is_api(self) -> bool:
        roots = ("/api/", "/v2", "/healthz", "/readyz", "/metrics", *MLFLOW)
        return self.path.startswith(roots) or self.path.endswith("/invocations")

    @property
    def is_mlflow(self) -> bool:
        """Whether it speaks the MLflow protocol, whose errors and bodies have a shape of their own."""
        return self.path.startswith(MLFLOW)

    @property
    def writes(self) -> bool:
        if self.is_mlflow and self.permission == Permission.VIEW:
            return False  # the protocol asks some of its questions by POST
        return self.method not in READING

    @property
    def permission(self) -> str:
        """The permission that the route declares, or `public`."""
        extra = self.route.openapi_extra
        assert extra is not None
        return str(extra[PERMISSION])

    @property
    def is_public(self) -> bool:
        return self.permission == PUBLIC

    @property
    def is_form(self) -> bool:
        return any("Form" in type(p.field_info).__name__ for p in self.route.dependant.body_params)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the body, {} when there is none."""
        bodies = self.route.dependant.body_params
        if len(bodies) != 1 or "File" in type(bodies[0].field_info).__name__:
            return {}
        shape: Any = bodies[0].field_info.annotation
        return TypeAdapter(shape).json_schema()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes_of(app: FastAPI) -> list[Asked]:
    """Every method of every route of the application, the static files apart."""
    return [
        Asked(method, route)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


def dummy_path(path: str) -> str:
    """The path with something in each place that names nothing."""
    return PARAMETER.sub(lambda found: NOTHING.get(found[1], "nothing-of-the-kind"), path)


class Addresses:
    """Finds real things to put into the places of a path, by asking the JSON API for its lists."""

    def __init__(self, get: Get, model: str) -> None:
        self._get = get
        self.model = model

    def path(self, path: str) -> str:
        """The path with a real name, id or number in each place. Raises LookupError when there is no such thing."""
        return "".join(self._filled(path))

    def _filled(self, path: str) -> Iterator[str]:
        for segment in re.split(r"(?=/)", path):
            found = PARAMETER.search(segment)
            yield segment if found is None else segment.replace(found[0], str(self._value(path, segment, found[1])))

    def _value(self, path: str, segment: str, parameter: str) -> object:
        folder = path.partition(segment)[0].removeprefix("/api/v1").removeprefix("/administration")
        find = _FIND.get((folder, parameter))
        if find is None:
            raise LookupError(f"tests.contract.addresses knows no value for {{{parameter}}} in {path}")
        return find(self)

    def first(self, path: str, key: str = "id") -> Any:
        """What the first thing of a list is called."""
        items = self._get(path)["items"]
        if not items:
            raise LookupError(f"{path} is empty")
        return items[0][key]

    def of_model(self, path: str, key: str = "id") -> Any:
        return self.first(f"/models/{self.model}{path}", key)

    def experiment(self) -> Any:
        return self.first(f"/experiments?q={EXPERIMENT}")

    def version(self) -> Any:
        return self._get(f"/models/{self.model}/versions/1")

    def other_user(self) -> Any:
        """Somebody who holds a role and is not the one who asks."""
        me = self._get("/me")["id"]
        return next(grant["user_id"] for grant in self._get("/grants")["items"] if grant["user_id"] != me)


_MODEL = "/models/{name}"
_FIND: dict[tuple[str, str], Callable[[Addresses], Any]] = {
    ("/models", "name"): lambda at: at.model,
    (f"{_MODEL}/versions", "number"): lambda at: 1,
    (f"{_MODEL}/tags", "key"): lambda at: next(iter(at._get(f"/models/{at.model}")["tags"])),
    (f"{_MODEL}/aliases", "alias"): lambda at: at.of_model("/aliases", "name"),
    (f"{_MODEL}/assessments", "assessment_id"): lambda at: at.of_model("/assessments"),
    (f"{_MODEL}/risk", "assessment_id"): lambda at: at.of_model("/assessments"),
    (f"{_MODEL}/overrides", "override_id"): lambda at: at.of_model("/overrides"),
    (f"{_MODEL}/determinations", "determination_id"): lambda at: at.of_model("/determinations"),
    ("/life-cycles", "id"): lambda at: at.first("/life-cycles", "document_id"),
    ("/life-cycles/{id}/versions", "number"): lambda at: at.first("/life-cycles", "number"),
    ("/questionnaires", "id"): lambda at: at.first("/questionnaires", "document_id"),
    ("/questionnaires/{id}/versions", "number"): lambda at: 1,
    (f"{_MODEL}/monitors", "monitor"): lambda at: at.of_model("/monitors", "name"),
    (f"{_MODEL}/monitoring", "monitor"): lambda at: at.of_model("/monitors", "name"),
    ("/archived-models", "model_id"): lambda at: at.first("/archived-models"),
    ("/archived-use-cases", "use_case_id"): lambda at: at.first("/use-cases"),
    ("/archived-data-sets", "data_set_id"): lambda at: at.first("/data-sets"),
    ("/notifications", "notification_id"): lambda at: at.model,  # of nobody: they are told one by one
    ("/access-requests", "request_id"): lambda at: at.model,
    ("/use-cases", "name"): lambda at: at.first("/use-cases", "name"),
    ("/data-sets", "name"): lambda at: at.first("/data-sets", "name"),
    ("/fields", "key"): lambda at: at.first("/fields", "key"),
    ("/retention-rules", "rule_id"): lambda at: at.first("/retention-rules"),
    ("/storage/rules", "rule_id"): lambda at: at.first("/retention-rules"),
    ("/holds", "hold_id"): lambda at: at.first("/holds"),
    ("/uploads", "upload_id"): lambda at: at.first("/uploads"),
    ("/experiments", "experiment_id"): lambda at: at.experiment(),
    ("/traces", "trace_id"): lambda at: TRACE,
    ("/logged-models", "model_id"): lambda at: at.first(f"/experiments/{at.experiment()}/logged-models"),
    ("/evaluation-sets", "set_id"): lambda at: at.first("/evaluation-sets"),
    ("/prompts", "name"): lambda at: PROMPT,
    ("/webhooks", "webhook_id"): lambda at: at.first("/webhooks"),
    ("/runs", "run_id"): lambda at: at.first(f"/experiments/{at.experiment()}/runs"),
    ("/files", "sha256"): lambda at: at.version()["files"][0]["sha256"],
    ("/environments", "environment"): lambda at: at.first("/environments", "name"),
    ("/deployments", "deployment"): lambda at: at.first(f"/deployments?model={at.model}", "name"),
    ("/v2/models", "deployment"): lambda at: at.first(f"/deployments?model={at.model}", "name"),
    ("/points", "point_id"): lambda at: at.of_model(f"/monitors/{at.of_model('/monitors', 'name')}/points"),
    ("/alerts", "alert_id"): lambda at: at.first("/alerts"),
    ("/decisions", "id"): lambda at: at.first("/decisions"),
    ("/approvals", "id"): lambda at: at.first("/approvals"),
    ("/findings", "id"): lambda at: at.first("/findings"),
    ("/findings/{id}/steps", "step"): lambda at: "accept",
    ("/waivers", "id"): lambda at: at.first("/waivers"),
    ("/emergencies", "id"): lambda at: at.first("/emergencies"),
    ("/evidence", "id"): lambda at: at.of_model("/evidence"),
    ("/trusted-keys", "id"): lambda at: at.first("/trusted-keys"),
    ("/delegations", "id"): lambda at: at.model,  # of nobody who asks: they are one's own
    ("/policies", "id"): lambda at: at.first("/policies", "policy_id"),
    ("/policies/{id}/versions", "number"): lambda at: 1,
    ("/what-ifs", "id"): lambda at: at.first("/what-ifs"),
    ("/recipes", "recipe_id"): lambda at: at.first("/recipes"),
    ("/training-runs", "run_id"): lambda at: at.first(f"/recipes/{at.first('/recipes')}/runs"),
    ("/test-runs", "run_id"): lambda at: at.of_model("/test-runs"),
    ("/test-suites", "suite_id"): lambda at: at.first("/test-suites", "document_id"),
    ("/test-suites/{suite_id}/versions", "number"): lambda at: at.first("/test-suites", "number"),
    ("/validations", "validation_id"): lambda at: at.of_model("/validations"),
    ("/jobs", "job_id"): lambda at: at.first("/jobs"),
    ("/portfolio/reports", "job_id"): lambda at: at.first("/jobs?kind=reporting.print_portfolio"),
    ("/schedules", "schedule_id"): lambda at: at.first("/schedules"),
    ("/users", "user_id"): Addresses.other_user,
    ("/users/{user_id}/tokens", "token_id"): lambda at: at.first("/tokens"),
    ("/users/{user_id}/grants", "grant_id"): lambda at: at.first("/grants"),
    ("/units", "unit_id"): lambda at: at.first("/units"),
    ("/grants", "grant_id"): lambda at: at.first("/grants"),
    ("/tokens", "token_id"): lambda at: at.first("/tokens"),
    ("/profile/tokens", "token_id"): lambda at: at.first("/tokens"),
    ("/group-mappings", "mapping_id"): lambda at: at.first("/group-mappings"),
    ("/groups", "mapping_id"): lambda at: at.first("/group-mappings"),
    ("/trust-rules", "rule_id"): lambda at: at.first("/trust-rules"),
    ("/trust", "rule_id"): lambda at: at.first("/trust-rules"),
    ("/identities", "identity_id"): lambda at: at.first(f"/identities?user_id={at.other_user()}"),
    ("/users/{user_id}/identities", "identity_id"): lambda at: at.first(f"/identities?user_id={at.other_user()}"),
    ("/events", "event_id"): lambda at: at.first("/events"),
    ("/audit", "event_id"): lambda at: at.first("/events"),
}


def plain_body(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """The smallest value that a JSON schema takes, as far as the schema says it."""
    root = root or schema
    if "$ref" in schema:
        return plain_body(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for given in ("default", "const"):
        if given in schema:
            return schema[given]
    for choice in ("examples", "enum"):
        if schema.get(choice):
            return schema[choice][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return plain_body(schema[several][0], root)
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", ())
            return {name: plain_body(schema["properties"][name], root) for name in wanted}
        case "array":
            return [plain_body(schema["items"], root)] * max(1, schema.get("minItems", 1))
        case "string":
            if schema.get("format") == "date-time":
                return "2026-05-03T12:00:00Z"
            return "a" * max(3, schema.get("minLength", 0))
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
    return None
