"""Pages of what is logged."""

from . import evaluation, experiments, models

ROUTERS = [experiments.router, models.router, evaluation.router]
