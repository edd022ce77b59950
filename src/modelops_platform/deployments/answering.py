"""Inference over HTTP: rights first, then the body, then a model worker, with no session open meanwhile."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from modelops_platform.artifacts.store import open_store
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput, Unavailable
from modelops_platform.serving.domain import ScoreResult, Table
from modelops_platform.serving.protocols import mlflow_scoring, open_inference
from modelops_platform.web.requests import LimitedRequest, check_text, parse_json

from . import service
from .service import Answering

WAITING_PER_WORKER = 8
_JSON, _CSV = "application/json", "text/csv"


class ModelWorkers:
    """The model workers of this process: so many at a time; a few questions wait, more are sent away."""

    def __init__(self, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="model")
        self._most = at_once * (1 + WAITING_PER_WORKER)
        self._asked = 0  # counted by the event loop alone

    async def run(self, ask: Callable[..., ScoreResult], *arguments: Any) -> ScoreResult:
        """Run it when a worker is free. Raises Unavailable when too many wait already."""
        if self._asked >= self._most:
            raise Unavailable(
                f"{self._asked} questions are being answered or wait already.",
                remedy="Try again in a few seconds, or set MODELOPS_MODEL_WORKERS.",
                retry_after=5,
            )
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask, *arguments)
        finally:
            self._asked -= 1


@lru_cache(maxsize=4)
def _workers(at_once: int) -> ModelWorkers:
    return ModelWorkers(at_once)


async def infer(request: Request, deployment: str) -> Response:
    """Answer a question of the Open Inference Protocol."""
    answering = await run_in_threadpool(_find, request, deployment)
    body = await _body(request, (_JSON,))
    question = open_inference.read_question(parse_json(body), answering.signature)
    result = await _ask(request, answering, question.table)
    return _json(
        open_inference.write_answer(
            question, result, answering.signature, model=answering.deployment, version=answering.version
        )
    )


async def invoke(request: Request, deployment: str) -> Response:
    """Answer an invocation of MLflow's scoring protocol."""
    answering = await run_in_threadpool(_find, request, deployment)
    body = await _body(request, (_JSON, _CSV))
    if _type_of(request) == _CSV:
        table = mlflow_scoring.read_csv(_text(body), answering.signature)
    else:
        table = mlflow_scoring.read_json(parse_json(body), answering.signature)
    return _json(mlflow_scoring.write_predictions(await _ask(request, answering, table)))


def _find(request: Request, deployment: str) -> Answering:
    database: Database = request.app.state.database
    with database.read() as db:
        return service.find_answering(db, request.state.actor, deployment)


async def _ask(request: Request, answering: Answering, table: Table) -> ScoreResult:
    settings = request.app.state.settings
    return await _workers(settings.model_workers).run(service.ask, open_store(settings), answering, table)


async def _body(request: Request, types: tuple[str, ...]) -> bytes:
    """Return the body. Raises InvalidInput for another type, TooLarge."""
    assert isinstance(request, LimitedRequest)
    kind = _type_of(request)
    if kind not in types:
        raise InvalidInput(
            f"A body of type {kind[:80] or 'none'!r} is not taken here.",
            remedy=f"Send it as {' or '.join(types)}, and say so in Content-Type.",
            field="Content-Type",
            value=kind[:80],
        )
    return await request.whole()


def _type_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8.", remedy="Send text in UTF-8.", field="body") from None
    check_text(text, "body")
    return text


def _json(answer: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
