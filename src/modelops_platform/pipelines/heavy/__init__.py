"""Trains a recipe; runs in a spawned child, because it needs numeric libraries and reads foreign files."""

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..domain.recipes import Recipe
from .learning import Measured, answer, fit, measure, split
from .reading import Column, read_rows
from .resampling import with_errors
from .writing import Written, signature, write_model

Progress = Callable[[float, str], None]

EXAMPLE_ROWS = 5
LIBRARIES = ("numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "scipy", "skl2onnx", "skops")


@dataclass(frozen=True)
class TrainingResult:
    """What a training left in its folder; the same for the same recipe and data."""

    model: Written
    signature: dict[str, Any]
    metrics: tuple[Measured, ...]
    input_example: list[dict[str, Any]]
    environment: dict[str, Any]
    rows_learned: int
    rows_held_out: int
    notes: tuple[str, ...]


def train(
    recipe: Recipe, data: Path, folder: Path, progress: Progress = lambda share, sentence: None
) -> TrainingResult:
    """Train `recipe` on the CSV or Parquet file `data` and write the model and its papers to `folder`.

    Writes `model.onnx` or `model.skops`, `signature.json`, `input_example.json`, `metrics.json`,
    `environment.json` and `recipe.json`. `progress` hears the share done (0 to 1) and a sentence.
    Raises InvalidInput that names the column and row, or the part of the recipe, that is wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress(0.0, "Reading the data set.")
    rows = read_rows(recipe, data)
    parts = split(recipe, rows)
    learned, held_out = len(parts.learned), len(parts.held_out)
    progress(0.2, f"Learning from {learned:,} rows of {len(rows.columns)} columns with {recipe.estimator}.")
    pipeline, warned = fit(recipe, rows.columns, parts)
    progress(0.7, f"Measuring on {held_out:,} rows held out.")
    answers = answer(recipe, pipeline, parts.held_out)
    measured, undefined = measure(recipe, answers, parts.held_out_target)
    progress(0.75, "Resampling the hold-out for standard errors.")
    measured = with_errors(recipe, measured, answers, parts.held_out_target)
    progress(0.8, "Writing the model and comparing its answers.")
    model = write_model(recipe, pipeline, rows.columns, held_out=parts.held_out, answers=answers, folder=folder)
    result = TrainingResult(
        model=model,
        signature=signature(recipe, rows.columns, answers),
        metrics=measured,
        input_example=_example(parts.learned, rows.columns),
        environment={
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: version(name) for name in LIBRARIES},
        },
        rows_learned=learned,
        rows_held_out=held_out,
        notes=(*rows.notes, *warned, *undefined),
    )
    _write_papers(recipe, result, folder)
    progress(1.0, f"Trained: {model.file.name}, {learned:,} rows learned, {held_out:,} held out.")
    return result


def _example(inputs: pd.DataFrame, columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """Return the first rows as plain JSON values of the signature's types."""
    plain: dict[str, Callable[[Any], Any]] = {"string": str, "double": float, "long": int, "boolean": bool}
    return [
        {
            column.name: plain[column.type](value) if column.is_text or not np.isnan(value) else None
            for column, value in zip(columns, row, strict=True)
        }
        for row in inputs.head(EXAMPLE_ROWS).itertuples(index=False, name=None)
    ]


def _write_papers(recipe: Recipe, result: TrainingResult, folder: Path) -> None:
    papers = {
        "recipe": recipe.to_document(),
        "signature": result.signature,
        "input_example": result.input_example,
        "environment": result.environment,
        "metrics": [asdict(measured) for measured in result.metrics],
    }
    for name, paper in papers.items():
        text = json.dumps(paper, ensure_ascii=False, indent=2, allow_nan=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
