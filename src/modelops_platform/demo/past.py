"""The months before the demonstration begins: a server in a process of its own, whose clock stands where it is set."""

import multiprocessing
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

from modelops_platform.client import ClientError
from modelops_platform.core import clock
from modelops_platform.core.logging import configure_logging

DAYS = 131.0
READY_WITHIN_SECONDS = 30.0


def live_through(tokens: Mapping[str, str]) -> None:
    """Have people do what they did in the months before, day by day. Raises RuntimeError."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        pool.submit(_in_child, dict(tokens)).result()


def _in_child(tokens: dict[str, str]) -> None:
    from .story import Story

    configure_logging("WARNING")
    today = clock.now()
    with _server() as url:
        story = Story(url, tokens, print)
        try:
            for act in sorted(story.past(), key=lambda act: -act.days_ago):
                with clock.frozen(today - timedelta(days=act.days_ago)):
                    act.do()
        except ClientError as error:
            raise RuntimeError(str(error)) from None
        finally:
            story.close()


@contextmanager
def _server() -> Iterator[str]:
    """Serve the application from a thread, so that its clock is the one of this process."""
    import uvicorn

    from modelops_platform.cli.processes import bind
    from modelops_platform.main import create_app
    from modelops_platform.web.connections import Connection

    listening = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        create_app(), loop="asyncio", http=Connection, ws="none", log_config=None, access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="the past")
    thread.start()
    try:
        until = time.monotonic() + READY_WITHIN_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > until:
                raise RuntimeError("The server of the past did not start.")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
