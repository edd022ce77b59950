"""Where a training run stands."""

from enum import StrEnum


class RunState(StrEnum):
    """Where a training run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_unfinished(self) -> bool:
        """Tell whether the run still waits or runs."""
        return self in (RunState.QUEUED, RunState.RUNNING)


def state_of(job_state: str | None, *, has_version: bool) -> RunState:
    """Tell where a run stands by its job; jobs that went well or were cancelled are cleared away some day."""
    if job_state is None:
        return RunState.SUCCEEDED if has_version else RunState.CANCELLED
    return RunState.FAILED if job_state == "dead" else RunState(job_state)
