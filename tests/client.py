"""A client of the application in this process."""

from typing import Any

import httpx2
from starlette.testclient import TestClient


class Client(TestClient):
    """A test client that hands a question to the application's event loop once, and has the whole answer back.

    The way of its parent, part by part, costs as much as many an answer; it stays for bodies that are made on the way.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, follow_redirects=False, **options)
        self._transport = _OneHop(self, self._transport)


class _OneHop(httpx2.BaseTransport):
    def __init__(self, client: TestClient, otherwise: httpx2.BaseTransport) -> None:
        self._client, self._otherwise = client, otherwise
        self._application = httpx2.ASGITransport(client.app, client=("testclient", 50000))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._client.portal is None or not isinstance(request.stream, httpx2.AsyncByteStream):
            return self._otherwise.handle_request(request)
        return self._client.portal.call(self._answer, request)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._application.handle_async_request(request)
        body = b"".join([part async for part in answer.aiter_raw()])
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=httpx2.ByteStream(body))
