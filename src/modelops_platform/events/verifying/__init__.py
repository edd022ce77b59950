"""Checking the log where it is kept: both databases by their bare drivers, in as many processes as there are cores."""

from .exporting import export_log
from .reading import Source, source_of
from .whole import Checkpoint, verify_log

__all__ = ["Checkpoint", "Source", "export_log", "source_of", "verify_log"]
