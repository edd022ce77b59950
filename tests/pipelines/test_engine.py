"""Partitioned work in this process and on a real Dask cluster of two workers: the same figures, also after a loss."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.jobs import engine
from modelops_platform.jobs.domain.states import Retry
from modelops_platform.jobs.tables import Job
from modelops_platform.pipelines.domain.reading import read_recipe
from modelops_platform.pipelines.heavy.learning import Answers, measure
from modelops_platform.pipelines.heavy.resampling import RESAMPLES, with_errors
from tests.pipelines.conftest import Shop

Work = Callable[..., list[str]]
on_one = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATIENCE_SECONDS = 60


class DaskCluster:
    """A scheduler and two workers, in processes of their own on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"dask://127.0.0.1:{self.port}"
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start it unless it runs."""
        if self._processes:
            return
        self._run("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-jupyter")
        for name in ("one", "two"):
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--name", name)
            self._run("worker", f"tcp://127.0.0.1:{self.port}", *options)

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()

    def until_ready(self) -> None:
        from distributed import Client

        deadline = time.monotonic() + PATIENCE_SECONDS
        with Client(f"tcp://127.0.0.1:{self.port}", timeout=PATIENCE_SECONDS, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=max(1.0, deadline - time.monotonic()))

    def _run(self, command: str, *arguments: str) -> None:
        root = Path(__file__).resolve().parents[2]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
        with (self._folder / f"{command}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dask", command, *arguments],
                    cwd=self._folder,
                    env=variables,
                    stdout=log,
                    stderr=log,
                )
            )


@pytest.fixture(scope="module")
def any_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A cluster that runs or does not, as the test before left it: each start takes three processes seconds."""
    made = DaskCluster(tmp_path_factory.mktemp("dask"))
    try:
        yield made
    finally:
        made.kill()


@pytest.fixture
def cluster(any_cluster: DaskCluster) -> DaskCluster:
    """A cluster that runs."""
    any_cluster.start()
    any_cluster.until_ready()
    return any_cluster


def hold_out() -> tuple[Any, Answers, np.ndarray[Any, Any]]:
    """A recipe, what its model said to 400 rows, and what was true."""
    recipe = read_recipe(
        {
            "data_set_id": "x",
            "target": "y",
            "features": ["a"],
            "task": "classification",
            "estimator": "LogisticRegression",
            "parameters": {},
            "split": {"kind": "random", "test_share": 0.5, "seed": 5},
            "metrics": ["accuracy", "roc_auc"],
        }
    )
    random = np.random.default_rng(1)
    probability = random.uniform(size=400)
    truth = np.where(random.uniform(size=400) < probability, "yes", "no").astype(object)
    said = np.where(probability > 0.5, "yes", "no").astype(object)
    classes = np.array(["no", "yes"], dtype=object)
    return recipe, Answers(said, classes, np.column_stack([1 - probability, probability])), truth


def test_the_standard_error_of_a_share_is_that_of_the_binomial() -> None:
    recipe, answers, truth = hold_out()
    measured, _notes = measure(recipe, answers, truth)
    accuracy, auc = with_errors(recipe, measured, answers, truth)
    expected = np.sqrt(accuracy.value * (1 - accuracy.value) / len(truth))
    assert accuracy.standard_error == pytest.approx(expected, rel=4 / np.sqrt(2 * RESAMPLES))
    assert auc.standard_error is not None
    assert 0.01 < auc.standard_error < 0.04


def test_the_cluster_gives_what_this_process_gives(cluster: DaskCluster) -> None:
    recipe, answers, truth = hold_out()
    measured, _notes = measure(recipe, answers, truth)
    here = with_errors(recipe, measured, answers, truth)
    with engine.running_on(cluster.address) as there:
        assert isinstance(there, engine.Cluster)
        assert with_errors(recipe, measured, answers, truth) == here
    assert isinstance(engine.current(), engine.Local)


def test_what_a_partition_refuses_is_raised_by_the_cluster_too(cluster: DaskCluster) -> None:
    with engine.running_on(cluster.address) as there, pytest.raises(ValueError, match="invalid literal"):
        there.map(int, ["1", "two"])


def test_a_cluster_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(Retry, match="does not answer"), engine.running_on("dask://127.0.0.1:9"):
        pass


def test_a_cluster_lost_midway_is_tried_again(cluster: DaskCluster) -> None:
    loss = threading.Timer(1.0, cluster.kill)
    loss.start()
    with pytest.raises(Retry, match="was lost"), engine.running_on(cluster.address) as there:
        there.map(time.sleep, [PATIENCE_SECONDS, PATIENCE_SECONDS])
    loss.join()


@on_one
def test_a_job_whose_engine_is_lost_is_done_again_with_the_same_result(
    shop: Shop, work: Work, database: Database, any_cluster: DaskCluster
) -> None:
    cluster = any_cluster
    recipe = shop.recipe()
    here = shop.start(recipe)
    work()
    there = shop.start(recipe)
    cluster.kill()
    work(engine=cluster.address, until=lambda: shop.run(there)["error"] is not None)
    lost = shop.run(there)
    assert lost["state"] == "queued"
    assert "does not answer" in lost["error"]
    cluster.start()
    cluster.until_ready()
    with database.write() as db:
        db.execute(update(Job).values(run_at=clock.now()))
    work(engine=cluster.address)
    first, second = shop.run(here), shop.run(there)
    assert (second["state"], second["version_number"]) == ("succeeded", 2)
    assert second["metrics"] == first["metrics"]
    assert all(metric["standard_error"] > 0 for metric in second["metrics"])
