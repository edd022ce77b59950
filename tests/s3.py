"""A server that really speaks S3, in a thread; what it holds is gone with it."""

import itertools
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer

KEYS = {"s3_access_key_id": "test", "s3_secret_access_key": "test"}
_numbers = itertools.count(1)


@contextmanager
def s3_server() -> Iterator[str]:
    """Run the server and give its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def fresh_bucket(endpoint: str) -> str:
    """Make an empty bucket and return its name."""
    name = f"blobs-{next(_numbers)}"
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT")):
        return name
