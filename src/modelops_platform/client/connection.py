"""Calls to `/api/v1`: one method a verb, problem JSON as an exception with the server's own words."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import httpx2

from .files import files_below, hash_file, pieces

DEFAULT_URL = "http://127.0.0.1:8000"
_AWAY = frozenset({429, 502, 503, 504})


class ClientError(Exception):
    """The server could not be asked, or its answer could not be read."""


class Refused(ClientError):
    """The server refused; `problem` is its problem JSON and `status` its HTTP status."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        words = [str(problem.get(key) or "") for key in ("detail", "remedy")]
        super().__init__(" ".join(filter(None, words)) or f"The server answered {status}.")


class Client:
    """A connection to one server, with one token.

    Args:
        url: Address of the server; by default `MODELOPS_URL`, else http://127.0.0.1:8000.
        token: API token; by default `MODELOPS_TOKEN`.
        timeout: Seconds that one answer may take.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout: float = 60.0) -> None:
        self.url = (url or os.environ.get("MODELOPS_URL") or DEFAULT_URL).rstrip("/")
        token = token or os.environ.get("MODELOPS_TOKEN") or ""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            self._http = httpx2.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)
        except httpx2.InvalidURL as error:
            raise ClientError(f"{self.url} is no address: {error}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Any = None,
    ) -> httpx2.Response:
        """Send one request below `/api/v1` and return the answer. Raises Refused for 4xx and 5xx, ClientError."""
        given = {key: value for key, value in (params or {}).items() if value is not None}
        try:
            answer = self._http.request(
                method, f"/api/v1{path}", json=json, params=given, headers=dict(headers or {}), content=content
            )
        except httpx2.HTTPError as error:
            raise ClientError(f"{self.url} cannot be reached: {error}.") from error
        if answer.is_error:
            raise Refused(answer.status_code, _problem(answer))
        return answer

    def is_ready(self) -> None:
        """Return when the server can serve requests. Raises ClientError while it cannot."""
        try:
            answer = self._http.get("/readyz")
        except httpx2.HTTPError as error:
            raise ClientError(f"{self.url} cannot be reached: {error}.") from error
        if answer.is_error:
            raise Refused(answer.status_code, _problem(answer))

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON answer of a GET."""
        return _json(self.call("GET", path, params=params))

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """Return the JSON answer of a POST; sent again after a lost answer, it would not be done twice."""
        key = {"idempotency-key": str(uuid4())}
        return _json(self.call("POST", path, json=body if body is not None else {}, params=params, headers=key))

    def put(self, path: str, body: Any) -> Any:
        """Return the JSON answer of a PUT."""
        return _json(self.call("PUT", path, json=body))

    def items(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield every item of a list, page by page."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **params)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def models(self, query: str = "") -> Iterator[dict[str, Any]]:
        """Yield the models that match a search such as `kind:ml tier:1`."""
        return self.items("/models", q=query or None)

    def model(self, name: str) -> dict[str, Any]:
        """Return one model."""
        return dict(self.get(f"/models/{_segment(name)}"))

    def versions(self, model: str) -> Iterator[dict[str, Any]]:
        """Yield the versions of a model, the newest first."""
        return self.items(f"/models/{_segment(model)}/versions")

    def register(self, name: str, *, kind: str = "ml", purpose: str = "", **more: Any) -> dict[str, Any]:
        """Add a model to the inventory."""
        return dict(self.post("/models", {"name": name, "kind": kind, "purpose": purpose, **more}))

    def upload(self, path: Path, *, name: str | None = None) -> dict[str, Any]:
        """Send one file, checked against its digest on arrival, and return what the platform knows of it."""
        answer = self.call(
            "PUT",
            "/files",
            params={"name": name or path.name},
            headers={"x-content-sha256": hash_file(path), "content-type": "application/octet-stream"},
            content=pieces(path),
        )
        return dict(_json(answer))

    def add_version(self, model: str, path: Path | None = None, **more: Any) -> dict[str, Any]:
        """Upload a file or folder and make a version of it; without one, a version without files."""
        sent = [
            {"path": label, "sha256": self.upload(file, name=label)["sha256"]}
            for label, file in (files_below(path) if path else [])
        ]
        return dict(self.post(f"/models/{_segment(model)}/versions", {"files": sent, **more}))

    def set_alias(self, model: str, alias: str, version: int) -> dict[str, Any]:
        """Point an alias at a version, if the gate agrees. Raises Refused with the decision."""
        return dict(self.put(f"/models/{_segment(model)}/aliases/{_segment(alias)}", {"version": version}))

    def gate(self, model: str, version: int, *, to: str, form: str = "json") -> httpx2.Response:
        """Ask whether a version may go to an environment; the answer is kept, and comes as JSON, text or JUnit."""
        return self.call("POST", "/gate", json={"model": model, "version": version, "to": to}, params={"format": form})

    def wait_for_approvals(self, model: str, version: int, *, to: str, seconds: float) -> bool:
        """Look, ever more seldom, until the answer is not that approvals alone are missing; False when time is up.

        Looking leaves no trace, and a server that is away for a moment is asked again.
        """
        deadline, pause = time.monotonic() + seconds, 2.0
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 60.0)
            try:
                asked = {"model": model, "version": version, "to": to}
                answer = self.call("GET", "/gate", params=asked)
            except Refused as error:
                if error.status not in _AWAY:
                    raise
                continue
            except ClientError:
                continue
            if answer.headers.get("x-missing") != "approvals":
                return True
        return False

    def plan_policies(self, documents: Sequence[str]) -> list[dict[str, Any]]:
        """Return what publishing the documents would change, or why one is no policy, in their order."""
        return list(self.post("/policy-plans", {"documents": list(documents)})["items"])

    def version(self, model: str, number: int) -> dict[str, Any]:
        """Return one version of a model."""
        return dict(self.get(f"/models/{_segment(model)}/versions/{number}"))

    def push_test_results(self, model: str, number: int, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send what a pipeline's tests found about a version; marked as pushed wherever it is shown."""
        return dict(self.post(f"/models/{_segment(model)}/versions/{number}/test-results", dict(body)))

    def publish_policy(self, document: str, reason: str) -> dict[str, Any]:
        """Publish a version of a policy; it is never changed afterwards."""
        return dict(self.post("/policies", {"document": document, "reason": reason}))

    def ask_what_if(self, documents: Sequence[str], title: str = "") -> dict[str, Any]:
        """Ask which models would newly fail or pass under drafts of policies; `what_if` tells when it is known."""
        return dict(self.post("/what-ifs", {"documents": list(documents), "title": title}))

    def what_if(self, id: str) -> dict[str, Any]:
        """Return a question about drafts, with its counts once `done_at` is there."""
        return dict(self.get(f"/what-ifs/{_segment(id)}"))

    def post_metrics(self, model: str, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Send metric points of a model."""
        return dict(self.post(f"/models/{_segment(model)}/metrics", {"points": list(points)}))


def _segment(name: str) -> str:
    return quote(name, safe="")


def _json(answer: httpx2.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError as error:
        raise ClientError(f"The answer of {answer.url} is not JSON.") from error


def _problem(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {"detail": answer.text[:300]}
    return found if isinstance(found, dict) else {"detail": str(found)[:300]}
