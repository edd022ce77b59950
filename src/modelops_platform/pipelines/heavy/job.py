"""The training as a job does it: what goes in and comes out is JSON, files stand in the job's folder."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modelops_platform.core.errors import InvalidInput

from ..domain.reading import read_recipe
from . import train

RESULT = "result"


def run(prepared: dict[str, Any], progress: Callable[[float | None, str], None]) -> dict[str, Any]:
    """Train in the working folder, and return what the version needs.

    Args:
        prepared: `document` (the recipe) and `data` (the path of the data set's file).
    Raises: InvalidInput whose words also say what can be done, as the job's page shows nothing else.
    """
    recipe, folder = read_recipe(prepared["document"]), Path(RESULT)
    try:
        result = train(recipe, Path(prepared["data"]), folder, progress)
    except InvalidInput as error:
        raise InvalidInput(" ".join(filter(None, (error.message, error.remedy))), **error.details) from error
    return {
        "metrics": [asdict(measured) for measured in result.metrics],
        "signature": result.signature,
        "environment": result.environment,
        "report": {
            "format": result.model.format,
            "reason": result.model.reason,
            "difference": _finite(result.model.difference),
            "untrusted_types": list(result.model.untrusted_types),
            "rows_learned": result.rows_learned,
            "rows_held_out": result.rows_held_out,
            "notes": list(result.notes),
        },
    }


def _finite(number: float | None) -> float | None:
    """Return the number, or nothing where JSON has no word for it."""
    return number if number is not None and math.isfinite(number) else None
