"""JSON routes of operations: the log, the queue, health, telemetry, the API's own description."""

from . import access, audit, health, jobs, search, storage

HEALTH = [health.health]
ROUTERS = [health.router, *HEALTH, access.router, *audit.ROUTERS, *jobs.ROUTERS, search.router, *storage.ROUTERS]
