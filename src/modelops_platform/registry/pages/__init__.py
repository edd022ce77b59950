"""Pages of the inventory."""

from . import archived, compare, data_sets, fields, files, forms, holds, models, prompts, use_cases, versions

ROUTERS = [
    models.router,
    forms.router,
    versions.router,
    compare.router,
    use_cases.router,
    data_sets.router,
    archived.router,
    fields.router,
    files.router,
    holds.router,
    prompts.router,
]
