"""Answers are compressed where they are made, in the thread that made them."""

import gzip

from starlette.requests import Request
from starlette.responses import Response

SMALLEST = 1400
_TEXT = ("text/", "application/json", "application/problem+json", "image/svg")


def compressed(request: Request, response: Response) -> Response:
    """Return the response gzipped, when it is large enough, is text, and the caller takes gzip."""
    body = getattr(response, "body", b"")
    if len(body) < SMALLEST or "gzip" not in request.headers.get("accept-encoding", ""):
        return response
    if "content-encoding" in response.headers or not response.headers.get("content-type", "").startswith(_TEXT):
        return response
    response.body = gzip.compress(body, compresslevel=3, mtime=0)
    response.headers["content-length"] = str(len(response.body))
    response.headers["content-encoding"] = "gzip"
    response.headers["vary"] = "Accept-Encoding"
    return response
