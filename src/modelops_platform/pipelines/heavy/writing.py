"""Writes a fitted pipeline as ONNX where that gives the same answers, else as skops."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pandas as pd
import skops.io
from onnx.compose import add_prefix
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    NotImplemented,  # noqa: A004 - the library's name
    RuntimeException,
)
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from ..domain.estimators import Task
from ..domain.recipes import Recipe
from .learning import Answers
from .reading import Column

CLOSE = 1e-4
"""Largest difference between ONNX and scikit-learn, as a share of the answer where it is above one."""

_NOT_CONVERTED = (
    MissingConverter,
    MissingShapeCalculator,
    NameError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    onnx.checker.ValidationError,
)
_NOT_RUNNING = (Fail, InvalidArgument, InvalidGraph, NotImplemented, RuntimeException)
_SAFE = "input_{}"
_OUTPUTS = {Task.CLASSIFICATION: ("label", "probability"), Task.REGRESSION: ("prediction",)}


@dataclass(frozen=True)
class Written:
    """The model file, and how it came to its format.

    `difference` is the largest found against scikit-learn; `reason` says why it is not ONNX;
    `untrusted_types` are those that skops loads only when somebody trusts them.
    """

    file: Path
    format: str
    difference: float | None = None
    reason: str | None = None
    untrusted_types: tuple[str, ...] = ()


def write_model(
    recipe: Recipe,
    pipeline: Pipeline,
    columns: Sequence[Column],
    *,
    held_out: pd.DataFrame,
    answers: Answers,
    folder: Path,
) -> Written:
    """Write `model.onnx` when it answers the hold-out like `pipeline`, else `model.skops`."""
    difference = None
    try:
        model = _convert(recipe, pipeline, columns)
        difference = _difference(model, columns, held_out, answers)
    except _NOT_CONVERTED as error:
        reason = f"The converter to ONNX failed: {str(error).splitlines()[0][:120]}"
    except _NOT_RUNNING as error:
        reason = f"ONNX does not run: {str(error).splitlines()[0][:120]}"
    else:
        if difference <= CLOSE:
            file = folder / "model.onnx"
            file.write_bytes(model.SerializeToString())
            return Written(file, "onnx", difference)
        reason = f"ONNX answers differ by up to {difference:.2g}, more than {CLOSE:g}."
    file = folder / "model.skops"
    skops.io.dump(pipeline, file)
    return Written(file, "skops", difference, reason, tuple(skops.io.get_untrusted_types(file=file)))


def signature(recipe: Recipe, columns: Sequence[Column], answers: Answers) -> dict[str, Any]:
    """Describe what the model asks for and what it answers."""
    inputs = [{"name": column.name, "type": column.type, "is_required": not column.has_gaps} for column in columns]
    if answers.classes is None:
        return {"inputs": inputs, "outputs": [{"name": "prediction", "type": "double"}]}
    classes = answers.classes.tolist()
    return {
        "inputs": inputs,
        "outputs": [
            {"name": "label", "type": "long" if isinstance(classes[0], int) else "string"},
            {"name": "probability", "type": "double", "shape": [len(classes)], "classes": classes},
        ],
    }


def _convert(recipe: Recipe, pipeline: Pipeline, columns: Sequence[Column]) -> onnx.ModelProto:
    """Convert to ONNX with one input of shape (n, 1) for each column, named like it."""
    kinds = [
        (_SAFE.format(place), StringTensorType([None, 1]) if column.is_text else FloatTensorType([None, 1]))
        for place, column in enumerate(columns)
    ]
    options = {id(pipeline): {"zipmap": False}} if recipe.task is Task.CLASSIFICATION else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = convert_sklearn(pipeline, name="recipe", initial_types=kinds, options=options)
        # The converter mangles names with spaces and its inner names could meet a column's: rename last.
        model = add_prefix(model, "step/", rename_inputs=False, rename_outputs=False)
    names = {_SAFE.format(place): column.name for place, column in enumerate(columns)}
    names |= {output.name: name for output, name in zip(model.graph.output, _OUTPUTS[recipe.task], strict=True)}
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    onnx.checker.check_model(model)
    return model


class _WholeNumbers:
    """A converter's container that writes yes and no as 1 and 0.

    The library's own converter of histogram boosting hands over booleans, which ONNX's attributes refuse.
    """

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *where: Any, **attributes: Any) -> None:
        for name, values in attributes.items():
            if isinstance(values, list):
                attributes[name] = [int(value) if isinstance(value, bool) else value for value in values]
        self._container.add_node(*where, **attributes)


def _register(estimator: type[BaseEstimator]) -> None:
    """Let the library's converter of `estimator` write through `_WholeNumbers`."""
    alias = f"Sklearn{estimator.__name__}"
    known = get_converter(alias)

    def convert(scope: Any, step: Any, container: Any) -> None:
        known(scope, step, _WholeNumbers(container))

    switch = [True, False]
    options = {"zipmap": [*switch, "columns"], "nocl": switch, "output_class_labels": switch, "raw_scores": switch}
    update_registered_converter(
        estimator,
        alias,
        get_shape_calculator(alias),
        convert,
        overwrite=True,
        options=options if issubclass(estimator, ClassifierMixin) else None,
    )


_register(HistGradientBoostingClassifier)
_register(HistGradientBoostingRegressor)


def _difference(model: onnx.ModelProto, columns: Sequence[Column], inputs: pd.DataFrame, answers: Answers) -> float:
    """Return the largest difference between ONNX and scikit-learn on `inputs`; inf when a clear label differs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {
        column.name: inputs[[column.name]].to_numpy(dtype=object if column.is_text else np.float32)
        for column in columns
    }
    if answers.probability is None:
        return _scaled(session.run(["prediction"], feed)[0].ravel(), answers.value.astype(np.float64))
    labels, probability = session.run(["label", "probability"], feed)
    top = np.sort(answers.probability, axis=1)
    clear = top[:, -1] - top[:, -2] > CLOSE
    if np.any(np.asarray(labels)[clear] != answers.value[clear]):
        return float("inf")
    return _scaled(probability, answers.probability)


def _scaled(found: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]) -> float:
    gaps = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
    return float(np.max(np.where(np.isfinite(gaps), gaps, np.inf)))
