"""Threads that answer requests: one hop there and one back, at half of what the standard executor takes for them."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Asked = tuple[Callable[..., Any], tuple[Any, ...], asyncio.AbstractEventLoop | None, "asyncio.Future[Any] | None"]


class Threads:
    """Some threads, started as they are needed, that call functions in the order in which they were asked to."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._asked: SimpleQueue[_Asked] = SimpleQueue()
        self._lock = threading.Lock()
        self._started = self._under_way = 0

    async def call(self, function: Callable[..., T], *values: Any) -> T:
        """Call the function in a thread and return what it returns. Who stops waiting does not stop it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._ask((function, values, loop, future))
        return await future

    def start(self, function: Callable[[], object]) -> None:
        """Have a thread call the function, which raises nothing."""
        self._ask((function, (), None, None))

    def _ask(self, asked: _Asked) -> None:
        with self._lock:
            self._under_way += 1
            if self._under_way > self._started and self._started < self._most:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        self._asked.put(asked)

    def _work(self) -> None:
        while True:
            self._answer(*self._asked.get())

    def _answer(
        self,
        function: Callable[..., Any],
        values: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop | None,
        future: "asyncio.Future[Any] | None",
    ) -> None:
        result, error = None, None
        try:
            result = function(*values)
        except BaseException as raised:  # noqa: BLE001 - it belongs to whoever waits
            error = raised
        with self._lock:
            self._under_way -= 1
        if loop is not None and future is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_tell, future, result, error)


def _tell(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
