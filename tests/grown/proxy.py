"""A small reverse proxy: connections go to the servers in turn, past those that refuse them."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_CHUNK = 65_536


class Proxy:
    """Listens on loopback, in a thread of its own; `servers` may be changed while it runs."""

    def __init__(self, servers: Sequence[int]) -> None:
        self.servers = list(servers)
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        """Stop listening and let go of all connections."""
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        for _try in range(2 * len(self.servers)):
            self._turn += 1
            port = self.servers[self._turn % len(self.servers)]
            try:
                server, ask = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            await asyncio.gather(_pass_on(client, ask), _pass_on(server, answer))
            return
        answer.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
    with suppress(ConnectionError, OSError):
        target.close()
