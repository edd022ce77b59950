"""The demonstration's arithmetic, done in one child process: this one stays free of numeric libraries."""

import importlib
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelops_platform.artifacts.domain import Format
from modelops_platform.serving.domain import ModelFile, Table
from modelops_platform.serving.service import predict_batch

from .material import Answers, Material, MetricPoint

HEAVY = "modelops_platform.demo.heavy"


class Numbers:
    """Prepares data and files, and turns answers into metric histories."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def prepare(self, folder: Path) -> list[Material]:
        """Write all data sets, files and replays below the folder."""
        found: list[Material] = self._call("prepare", folder)
        return found

    def history(self, material: Material, model: Path, sha256: str) -> list[MetricPoint]:
        """Have the model answer all windows of its replay in one call, and measure each window.

        Raises RuntimeError when the model worker gives no answer.
        """
        table: Table = self._call("table_of", material)
        [result] = predict_batch(ModelFile(model, sha256, Format.ONNX), [table])
        if result.failure is not None:
            raise RuntimeError(f"{material.entry.name}: {result.failure.message}")
        return self._measure(material, Answers(result.predictions, result.probabilities))

    def history_by_formula(self, material: Material) -> list[MetricPoint]:
        """Measure the windows of a scorecard or rule set, answered by its own file."""
        answers: Answers = self._call("answers_of", material)
        return self._measure(material, answers)

    def write_held_back(self, material: Material, file: Path) -> int:
        """Write rows that no training saw, with what came true, as a data set to test on; return how many."""
        rows: int = self._call("write_held_back", material, file)
        return rows

    def pipeline_results(self, material: Material) -> list[dict[str, Any]]:
        """Measure a scorecard on the rows held back, as its pipeline does after each build."""
        results: list[dict[str, Any]] = self._call("pipeline_results", material)
        return results

    def _measure(self, material: Material, answers: Answers) -> list[MetricPoint]:
        points: list[MetricPoint] = self._call("window_metrics", material, answers)
        return points

    def _call(self, name: str, *args: Any) -> Any:
        return self._pool.submit(_in_child, name, args).result()


def _in_child(name: str, args: tuple[Any, ...]) -> Any:
    return getattr(importlib.import_module(HEAVY), name)(*args)


@contextmanager
def numbers() -> Iterator[Numbers]:
    """Start the child, and end it afterwards."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        yield Numbers(pool)
