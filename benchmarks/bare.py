"""The least that takes and gives a file with its digest: what our own uploads and downloads are measured against.

Started as `python -m benchmarks.bare FOLDER`; prints its port.
"""

import hashlib
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn

PIECE = 1024**2
FOLDER = Path(sys.argv[-1])


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Hash and write the body of a PUT; read, hash and send the same bytes for a GET."""
    assert scope["type"] == "http"
    if scope["method"] == "PUT":
        await _take(receive)
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    path = max(FOLDER.iterdir())
    length = str(path.stat().st_size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _take(receive: Any) -> None:
    digest, more = hashlib.sha256(), True
    # A new file each time, as ours is: writing over an old one takes over its pages, which is half as dear.
    with (FOLDER / f"file-{time.time_ns()}").open("wb") as file:
        while more:
            message = await receive()
            piece, more = message.get("body", b""), message.get("more_body", False)
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def main() -> None:
    """Serve on a free port until ended."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off")).run([listening])


if __name__ == "__main__":
    main()
