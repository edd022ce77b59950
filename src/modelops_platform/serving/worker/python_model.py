"""Python objects with `predict`, as scikit-learn and its friends make them."""

import warnings
from typing import Any

import joblib
import numpy as np
import pandas as pd

from .loading import Answers, BadTable, CannotLoad, arrange, plain


class PythonModel:
    """Any object with `predict`, and `predict_proba` where it has one."""

    def __init__(self, model: Any) -> None:
        if not callable(getattr(model, "predict", None)):
            raise CannotLoad(f"The file holds a {type(model).__name__}, which has no predict.")
        self.model = model
        names = getattr(model, "feature_names_in_", None)
        self.names: list[str] | None = None if names is None else [str(name) for name in names]

    def answer(self, columns: list[str], rows: list[list[Any]]) -> Answers:
        """Answer each row, with probabilities where the model has them."""
        table = self._table(columns, rows)
        with warnings.catch_warnings(), joblib.parallel_config(backend="sequential"):
            warnings.simplefilter("ignore")
            predictions = plain(self.model.predict(table))
            if not hasattr(self.model, "predict_proba"):
                return Answers(predictions)
            probabilities = self.model.predict_proba(table)
        if isinstance(probabilities, list):  # a model with several outputs has a matrix for each; we return none
            return Answers(predictions)
        classes = getattr(self.model, "classes_", None)
        return Answers(predictions, plain(probabilities), None if classes is None else plain(classes))

    def _table(self, columns: list[str], rows: list[list[Any]]) -> Any:
        """Return the table as the model was trained: by name where it knows names, else by place."""
        if self.names is not None:
            return pd.DataFrame(arrange(self.names, columns, rows), columns=pd.Index(self.names))
        width = getattr(self.model, "n_features_in_", None)
        if isinstance(width, int) and width != len(columns):
            raise BadTable(f"The table has {len(columns)} columns, the model takes {width}.")
        if any(isinstance(cell, str) for row in rows for cell in row):
            return np.asarray(rows, dtype=object)
        return np.asarray(rows, dtype=float)
