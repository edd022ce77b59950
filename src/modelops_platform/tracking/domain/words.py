"""The states of experiments and runs, and the tags that mean something to clients."""

from enum import StrEnum


class Lifecycle(StrEnum):
    """Whether a thing is there, or was deleted and can be restored."""

    ACTIVE = "active"
    DELETED = "deleted"


class RunStatus(StrEnum):
    """How far a run is, in the order of the protocol's numbers."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


ENDED = frozenset({RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED})


class View(StrEnum):
    """Which lifecycles a search looks at, in the order of the protocol's numbers."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"


RUN_NAME = "mlflow.runName"
USER = "mlflow.user"
PARENT = "mlflow.parentRunId"
UNIT = "modelops.unit"
DATA_CONTEXT = "mlflow.data.context"
LOGGED_MODELS = "mlflow.log-model.history"
DEFAULT_EXPERIMENT = "0"
