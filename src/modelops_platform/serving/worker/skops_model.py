"""skops files: loaded when somebody trusted every type that skops does not trust by itself."""

from typing import Any

import skops.io

from .loading import CannotLoad
from .python_model import PythonModel


def load(data: bytes, question: dict[str, Any]) -> PythonModel:
    """Load a model from its bytes. Raises CannotLoad."""
    trusted = list(question["trusted_types"])
    missing = sorted(set(skops.io.get_untrusted_types(data=data)) - set(trusted))
    if missing:
        raise CannotLoad(f"The file needs types that nobody trusted for it: {', '.join(missing)[:400]}.")
    return PythonModel(skops.io.loads(data, trusted=trusted))
