"""Static files: served from memory, compressed once, cached for ever under the hash of their content."""

import functools
import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from modelops_platform.core.paths import project_folder

FOREVER = "public, max-age=31536000, immutable"
_COMPRESSIBLE = {".css", ".js", ".svg", ".json", ".txt"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    compressed: bytes | None
    kind: str
    digest: str


@functools.cache
def _load(path: str) -> Asset:
    """Read a file below static/. Raises FileNotFoundError, also for paths that lead elsewhere."""
    parts = PurePosixPath(path).parts
    if not parts or any(part in ("..", "/", "") or part.startswith(".") for part in parts) or "\\" in path:
        raise FileNotFoundError(path)
    file = project_folder("static").joinpath(*parts)
    if not file.is_file():
        raise FileNotFoundError(path)
    content = file.read_bytes()
    compressed = gzip.compress(content, 9, mtime=0) if file.suffix in _COMPRESSIBLE else None
    kind = {".woff2": "font/woff2", ".js": "text/javascript"}.get(file.suffix) or mimetypes.guess_type(file.name)[0]
    return Asset(content, compressed, kind or "application/octet-stream", hashlib.sha256(content).hexdigest()[:16])


def asset(path: str) -> str:
    """Return the address of a static file; it changes with the content. Raises FileNotFoundError."""
    return f"/static/{path}?v={_load(path).digest}"


async def serve_static(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer GET and HEAD for one file below static/."""
    request = Request(scope, receive)
    if request.method not in ("GET", "HEAD"):
        raise HTTPException(405, headers={"allow": "GET, HEAD"})
    try:
        found = _load(scope["path"].removeprefix(scope["root_path"]).removeprefix("/"))
    except FileNotFoundError:
        raise HTTPException(404) from None
    tag = f'"{found.digest}"'
    named = request.query_params.get("v") == found.digest
    headers = {"etag": tag, "cache-control": FOREVER if named else "public, max-age=300", "vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        response = Response(status_code=304, headers=headers)
    elif found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        response = Response(found.compressed, headers={**headers, "content-encoding": "gzip"}, media_type=found.kind)
    else:
        response = Response(found.content, headers=headers, media_type=found.kind)
    await response(scope, receive, send)
