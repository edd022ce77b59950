"""Pages of operations: people and rights, the log, the queue."""

from . import admin, audit, jobs

ROUTERS = [admin.router, audit.router, jobs.router]
