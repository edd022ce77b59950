"""JSON routes of the inventory."""

from . import aliases, data_sets, exports, fields, models, use_cases, versions

ROUTERS = [
    models.router,
    models.archived,
    versions.router,
    aliases.router,
    use_cases.router,
    data_sets.router,
    fields.router,
    fields.kinds,
    exports.router,
]
