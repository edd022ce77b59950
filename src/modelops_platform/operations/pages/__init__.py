"""Pages of operations: people and rights, the log, the queue."""

from . import access, admin, audit, jobs, search, sign_in, storage, welcome

ROUTERS = [
    access.router,
    admin.router,
    *audit.ROUTERS,
    jobs.router,
    search.router,
    sign_in.router,
    storage.router,
    welcome.router,
]
