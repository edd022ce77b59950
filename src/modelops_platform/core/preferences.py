"""How one person wants pages to be shown: a value object that every room understands."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

THEMES = ("system", "light", "dark")
DENSITIES = ("comfortable", "compact")


@dataclass(frozen=True, slots=True)
class Preferences:
    """Theme, density, time zone, whether single keys do anything, and whether the set-up may be left for later."""

    theme: str = "system"
    density: str = "comfortable"
    time_zone: str = "UTC"
    has_shortcuts: bool = True
    skips_set_up: bool = False

    @property
    def zone(self) -> ZoneInfo:
        """The time zone; UTC where this machine does not know the chosen one."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo("UTC")


AS_WE_COME = Preferences()
"""What holds until somebody chooses otherwise."""
