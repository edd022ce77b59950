"""Writes the files of a few of the demonstration's models below the job's folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import prepare

FOLDER = Path("samples")


def write_samples(given: dict[str, Any], progress: Callable[[float, str], None]) -> list[dict[str, Any]]:
    """Return what is to be registered of each named model, with its files by their paths in the working folder."""
    progress(0.1, "Reading the data sets that scikit-learn and statsmodels bring.")
    found = []
    for material in prepare(FOLDER, names=given["names"]):
        entry, data = material.entry, material.data_set
        assert data is not None
        found.append(
            {
                "name": entry.name,
                "kind": entry.kind,
                "purpose": entry.purpose,
                "use_case": entry.use_case,
                "affects_people": entry.affects_people,
                "fields": dict(entry.fields),
                "recipe": entry.recipes[0].to_document() if entry.recipes else None,
                "files": [str(file) for file in material.files],
                "data_set": {
                    "name": data.name,
                    "path": str(data.file),
                    "rows": data.rows,
                    "source": data.source,
                    "licence": data.licence,
                    "preparation": data.preparation,
                },
            }
        )
    return found
