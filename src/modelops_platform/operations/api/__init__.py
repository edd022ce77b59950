"""JSON routes of operations: the log, the queue, health, telemetry, the API's own description."""

from . import audit, health, jobs

ROUTERS = [health.router, health.health, audit.router, *jobs.ROUTERS]
