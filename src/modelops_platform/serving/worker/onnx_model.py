"""ONNX models, run by onnxruntime."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from .loading import Answers, BadTable, CannotLoad, arrange, plain

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class OnnxModel:
    """A session over one graph; its columns are one matrix or one input each."""

    def __init__(self, data: bytes) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self.inputs = self.session.get_inputs()
        self.classes = _classes(data)
        for wanted in self.inputs:
            if wanted.type not in _TYPES:
                raise CannotLoad(f"The model's input {wanted.name!r} is a {wanted.type}, not a table.")

    def answer(self, columns: list[str], rows: list[list[Any]]) -> Answers:
        """Answer each row; the first output is the prediction, a second with a value per class the probabilities."""
        first, *others = self.session.run(None, self._feed(columns, rows))
        predictions = np.asarray(first)
        if predictions.ndim == 2 and predictions.shape[1] == 1:
            predictions = predictions[:, 0]
        if not others:
            return Answers(plain(predictions))
        second = others[0]
        if isinstance(second, list):
            classes = list(second[0]) if second else []
            table = [[row[name] for name in classes] for row in second]
            return Answers(plain(predictions), plain(np.asarray(table, dtype=float)), classes)
        probabilities = np.asarray(second)
        if probabilities.ndim != 2 or len(probabilities) != len(rows):
            return Answers(plain(predictions))
        fits = self.classes is not None and len(self.classes) == probabilities.shape[1]
        return Answers(plain(predictions), plain(probabilities), self.classes if fits else None)

    def _feed(self, columns: list[str], rows: list[list[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Return the table as the inputs of the graph. Raises BadTable."""
        only = self.inputs[0]
        if len(self.inputs) == 1 and (only.name not in columns or len(columns) > 1):
            width = only.shape[-1] if len(only.shape) == 2 else None
            if isinstance(width, int) and width != len(columns):
                raise BadTable(f"The table has {len(columns)} columns, the model takes {width}.")
            return {only.name: _array(rows, only)}
        names = [wanted.name for wanted in self.inputs]
        ordered = arrange(names, columns, rows)
        return {
            wanted.name: _array([[row[place]] for row in ordered], wanted) for place, wanted in enumerate(self.inputs)
        }


def _array(rows: list[list[Any]], wanted: Any) -> npt.NDArray[Any]:
    """Return rows as the type that an input takes. Raises BadTable."""
    kind = _TYPES[wanted.type]
    cells = [cell for row in rows for cell in row]
    if kind is np.object_:
        if not all(isinstance(cell, str) for cell in cells):
            raise BadTable(f"The model takes text for {wanted.name!r}.")
    elif any(isinstance(cell, str) for cell in cells):
        raise BadTable(f"The model takes numbers for {wanted.name!r}, the table has text.")
    elif not issubclass(kind, np.floating) and any(cell is None for cell in cells):
        raise BadTable(f"The model takes no missing values for {wanted.name!r}.")
    try:
        return np.asarray(rows, dtype=kind)
    except (ValueError, OverflowError, TypeError) as problem:
        raise BadTable(f"The table does not fit {wanted.name!r}: {problem}.") from None


def _classes(data: bytes) -> list[Any] | None:
    """Return the labels of a classifier, where one of its nodes carries them."""
    for node in onnx.load_from_string(data).graph.node:
        for attribute in node.attribute:
            if attribute.name in ("classlabels_ints", "classlabels_int64s") and attribute.ints:
                return list(attribute.ints)
            if attribute.name == "classlabels_strings" and attribute.strings:
                return [label.decode() for label in attribute.strings]
    return None


def load(data: bytes, _: dict[str, Any]) -> OnnxModel:
    """Load an ONNX model from its bytes."""
    return OnnxModel(data)
