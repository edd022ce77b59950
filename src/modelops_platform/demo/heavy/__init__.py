"""Prepares the demonstration's data, files and replay; runs in a child process, because it needs numeric libraries."""

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from modelops_platform.pipelines.domain.recipes import lag_name
from modelops_platform.serving.domain import Table

from ..catalogue import ENTRIES
from ..material import Answers, DataSetFile, Entry, Material, MetricPoint
from . import formulas
from .replay import hold_back, measure_windows, write_windows
from .results import pipeline_results, write_held_back
from .sources import SOURCES, Source

__all__ = ["answers_of", "pipeline_results", "prepare", "table_of", "window_metrics", "write_held_back"]

_FORMULA_TARGETS = {"member-risk-scorecard": "frequent", "affordability-rules": "foodexp"}
_AS_PARQUET = ("digits", "randhie")


def prepare(folder: Path, names: Collection[str] | None = None) -> list[Material]:
    """Write data sets, model files and replays of all (or the named) entries below `folder`; always the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    read: dict[str, pd.DataFrame] = {}
    return [_prepare(entry, folder / entry.name, read) for entry in ENTRIES if names is None or entry.name in names]


def answers_of(material: Material) -> Answers:
    """Answer the replay of a model that is a formula (scorecard, rules) from its own file."""
    assert material.replay is not None
    rows = pd.read_csv(material.replay.rows)
    text = material.files[0].read_text(encoding="utf-8")
    if material.entry.kind == "rules":
        return Answers(formulas.decide(yaml.safe_load(text), rows))
    card = json.loads(text)
    points = formulas.score(card, rows)
    risk = formulas.chance(card, points)
    return Answers(points.tolist(), np.column_stack([1 - risk, risk]).tolist())


def table_of(material: Material) -> Table:
    """Return all rows of a replay as one question for a model worker."""
    assert material.replay is not None
    rows = pd.read_csv(material.replay.rows, keep_default_na=False)
    return Table(tuple(rows.columns), tuple(tuple(row) for row in rows.astype(object).to_numpy().tolist()))


def window_metrics(material: Material, answers: Answers) -> list[MetricPoint]:
    """Compute the metric history of a replay from the answers to all of its rows."""
    return measure_windows(material, answers)


def _prepare(entry: Entry, folder: Path, read: dict[str, pd.DataFrame]) -> Material:
    if entry.source is None:
        return Material(entry, files=formulas.write_files(entry.name, None, folder))
    source = SOURCES[entry.source]
    if entry.source not in read:
        read[entry.source] = source.read()
    table = read[entry.source]
    learned, held = hold_back(table, entry.replay, source) if entry.replay else (table, table.iloc[:0])
    folder.mkdir(parents=True, exist_ok=True)
    files = () if entry.recipes else formulas.write_files(entry.name, learned, folder)
    material = Material(entry, _write_data_set(entry, source, learned, folder.parent / "data"), files)
    if entry.replay is None:
        return material
    if entry.recipes:
        recipe = entry.recipes[0]
        inputs, target, answered_by = recipe.inputs, recipe.target, "worker"
        lagged = table.assign(**{lag_name(target, lag): table[target].shift(lag) for lag in recipe.lags})
        lagged = lagged.iloc[max(recipe.lags, default=0) :]
        learned, held = lagged.loc[lagged.index.isin(learned.index)], lagged.loc[lagged.index.isin(held.index)]
    else:
        target, answered_by = _FORMULA_TARGETS[entry.name], "formula"
        inputs = tuple(name for name in table.columns if name not in ("person", "mdvis", "frequent"))
    replay = write_windows(entry, inputs, target, learned=learned, held=held, folder=folder / "replay")
    return Material(entry, material.data_set, files, replay, answered_by)


def _write_data_set(entry: Entry, source: Source, learned: pd.DataFrame, folder: Path) -> DataSetFile:
    """Write the rows a recipe may see; the rows held back for the replay are not among them."""
    name = entry.source if entry.replay else f"{entry.source}-whole"
    file = folder / f"{name}.{'parquet' if entry.source in _AS_PARQUET else 'csv'}"
    folder.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        learned.to_parquet(file, index=False)
    else:
        learned.to_csv(file, index=False)
    return DataSetFile(
        name=str(name),
        file=file,
        source=source.origin,
        licence=source.licence,
        rows=len(learned),
        preparation=source.preparation,
    )
