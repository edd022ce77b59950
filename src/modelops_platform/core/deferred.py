"""Libraries that few installations or requests need: loaded when something of them is first used.

Each would cost every process a megabyte or two and its start some hundredths of a second. Written so that types are
checked as ever:

    if TYPE_CHECKING:
        import obstore
    else:
        obstore = Deferred("obstore")
"""

import importlib
from typing import Any


class Deferred:
    """Stands for a module until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """Return what the module holds by this name."""
        return getattr(importlib.import_module(self._name), name)
