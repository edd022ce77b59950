"""JSON routes of the inventory."""

from . import aliases, data_sets, exports, fields, holds, models, use_cases, versions

ROUTERS = [
    models.router,
    models.archived,
    versions.router,
    aliases.router,
    use_cases.router,
    use_cases.archived,
    data_sets.router,
    data_sets.archived,
    fields.router,
    fields.kinds,
    holds.router,
    exports.router,
]
