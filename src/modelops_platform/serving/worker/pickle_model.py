"""Pickle and joblib files: loaded only where somebody allowed it, for they may do anything a process may do."""

import io
import pickle
import warnings
from typing import Any

import joblib

from .loading import CannotLoad
from .python_model import PythonModel


def load(data: bytes, question: dict[str, Any]) -> PythonModel:
    """Load a model from its bytes. Raises CannotLoad, or whatever the pickle raises."""
    if not question["allow_pickle"]:
        raise CannotLoad("Loading a pickle runs code of whoever made the file, and nobody allowed it.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if question["format"] == "joblib":
            return PythonModel(joblib.load(io.BytesIO(data)))
        return PythonModel(pickle.loads(data))  # noqa: S301 - allowed for this file, in a process that may do nothing
