"""Where heavy partitioned work runs: `map(function, partitions)`, in this process or on a Dask cluster.

A heavy function gets the engine of its job by `current()`. Functions are named by their module and must give the same
for the same partition, wherever they run: what is drawn at random takes its seed from the partition.
"""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from .domain.states import Retry

Partition = TypeVar("Partition")
Answer = TypeVar("Answer")

LOCAL = "local"
CLUSTER = "dask://"
CONNECT_SECONDS = 5.0
NO_WORKER_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 1.0


class Engine(Protocol):
    """Does a function for each partition of some work."""

    def map(self, function: Callable[[Partition], Answer], partitions: Sequence[Partition]) -> list[Answer]:
        """Return the answers in the order of the partitions.

        Raises what the function raises, and Retry when the engine is lost meanwhile: the job is done anew, from its
        beginning, when the engine is back.
        """


class Local:
    """One partition after the other, in this process: the platform decides how many jobs run side by side."""

    def map(self, function: Callable[[Partition], Answer], partitions: Sequence[Partition]) -> list[Answer]:
        """Return the answers in the order of the partitions."""
        return [function(partition) for partition in partitions]


class Cluster:
    """A Dask cluster; its workers have the same release of the platform installed."""

    def __init__(self, address: str, *, no_worker_seconds: float = NO_WORKER_SECONDS) -> None:
        self._dask: Any = importlib.import_module("distributed")  # an extra, and slow to load
        self._no_worker_seconds = no_worker_seconds
        self.address = address
        try:
            self._client = self._dask.Client(address.replace(CLUSTER, "tcp://", 1), timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise Retry(f"The engine {address} does not answer ({type(error).__name__}).") from error

    def close(self) -> None:
        """Leave the cluster."""
        self._client.close(timeout=2)

    def map(self, function: Callable[[Partition], Answer], partitions: Sequence[Partition]) -> list[Answer]:
        """Return the answers in the order of the partitions. Raises Retry when the cluster is lost meanwhile."""
        try:
            futures = self._client.map(function, partitions, pure=False)
            self._wait(futures)
            answers: list[Answer] = self._client.gather(futures)
        except self._losses() as error:
            raise Retry(f"The engine {self.address} was lost ({type(error).__name__}).") from error
        return answers

    def _wait(self, futures: Sequence[Any]) -> None:
        """Wait for the answers; a cluster that has no worker for a while is as good as lost."""
        worked_at = time.monotonic()
        while True:
            try:
                self._dask.wait(futures, timeout=_LOOK_EVERY_SECONDS)
            except TimeoutError:
                if self._client.status != "running":
                    raise ConnectionError("the scheduler is away") from None
                if self._client.scheduler_info()["workers"]:
                    worked_at = time.monotonic()
                elif time.monotonic() - worked_at > self._no_worker_seconds:
                    raise ConnectionError("there is no worker") from None
            else:
                return

    def _losses(self) -> tuple[type[BaseException], ...]:
        return (OSError, TimeoutError, CancelledError, self._dask.KilledWorker)


_current: Engine = Local()


def current() -> Engine:
    """Return the engine of the job that this process does."""
    return _current


@contextmanager
def running_on(address: str) -> Iterator[Engine]:
    """Have `current` give the engine with this address (`local`, `dask://host:port`) within the block."""
    global _current  # noqa: PLW0603 - one process, one job, one engine
    before = _current
    if not address.startswith(CLUSTER):
        yield before
        return
    cluster = Cluster(address)
    _current = cluster
    try:
        yield cluster
    finally:
        _current = before
        cluster.close()
