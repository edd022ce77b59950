"""Verbs of monitoring: permission, rule, write, event; a model's summary follows in the same transaction."""

from .alerts import acknowledge_alert
from .monitors import create_monitor, edit_monitor
from .points import post_points
from .standings import notice_stale

__all__ = ["acknowledge_alert", "create_monitor", "edit_monitor", "notice_stale", "post_points"]
