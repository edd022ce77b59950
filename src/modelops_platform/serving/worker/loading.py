"""What every kind of model offers to the worker."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class CannotLoad(Exception):
    """The bytes are no model that this worker can or may load."""


class BadTable(Exception):
    """The table is not what the model takes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model says about a table, as plain lists."""

    predictions: list[Any]
    probabilities: list[Any] | None = None
    classes: list[Any] | None = None


class Loaded(Protocol):
    """A model in memory."""

    def answer(self, columns: list[str], rows: list[list[Any]]) -> Answers:
        """Answer each row. Raises BadTable."""
        ...


def plain(values: npt.ArrayLike) -> list[Any]:
    """Return an array as nested lists of JSON values; a number that is not finite becomes None."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        array = array.astype(object)
        array[~finite] = None
    elif array.dtype.kind not in "biuUO":
        array = array.astype(str)
    listed: list[Any] = np.atleast_1d(array).tolist()
    return listed


def arrange(wanted: list[str], columns: list[str], rows: list[list[Any]]) -> list[list[Any]]:
    """Return the rows with their columns in the order the model wants. Raises BadTable."""
    missing = [name for name in wanted if name not in columns]
    extra = [name for name in columns if name not in wanted]
    if missing or extra:
        parts = [f"lacks {', '.join(map(repr, missing))}"] if missing else []
        parts += [f"has {', '.join(map(repr, extra))}, which the model does not know"] if extra else []
        raise BadTable(f"The table {' and '.join(parts)}.")
    order = [columns.index(name) for name in wanted]
    return [[row[place] for place in order] for row in rows]
