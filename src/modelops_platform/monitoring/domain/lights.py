"""Check results, and how they add up: from a point to its monitor, from monitors to a model, from models to a whole."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum


class Light(StrEnum):
    """What is known about a series or a model; `unknown` is the collective word for all but pass, warn and fail."""

    PASS = "pass"  # noqa: S105 - a result, no password
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    NO_DATA = "no_data"
    TOO_FEW_ROWS = "too_few_rows"
    STALE = "stale"
    NOT_MONITORED = "not_monitored"


WORST_FIRST = (
    Light.FAIL,
    Light.ERROR,
    Light.WARN,
    Light.STALE,
    Light.NO_DATA,
    Light.TOO_FEW_ROWS,
    Light.NOT_MONITORED,
    Light.PASS,
)
KNOWN = frozenset({Light.PASS, Light.WARN, Light.FAIL})
UNKNOWN = frozenset(Light) - KNOWN
ALARMING = frozenset({Light.WARN, Light.FAIL, Light.ERROR, Light.STALE})
_NOT_FORGOTTEN = frozenset({Light.FAIL, Light.ERROR})


def worst(lights: Iterable[Light]) -> Light:
    """Return the worst of the lights; of nothing it is `not_monitored`."""
    return min(lights, key=WORST_FIRST.index, default=Light.NOT_MONITORED)


def is_worse(light: Light, other: Light) -> bool:
    """Say whether the first light is worse than the second."""
    return WORST_FIRST.index(light) < WORST_FIRST.index(other)


def at_moment(light: Light, stale_at: datetime | None, now: datetime) -> Light:
    """Return the light as time has changed it: what is not renewed until `stale_at` is stale from then on.

    Silence never makes a light better: a failure or error stays one until something newer is told.
    """
    if stale_at is None or now < stale_at or light in _NOT_FORGOTTEN or light is Light.NOT_MONITORED:
        return light
    return Light.STALE


class Move(StrEnum):
    """What a change of a monitor's light does to its alert."""

    NOTHING = "nothing"
    RAISE = "raise"
    CHANGE = "change"
    CLOSE = "close"


def alert_move(open_state: Light | None, light: Light) -> Move:
    """Say what happens to the alert of a monitor whose light is this now.

    One alert stands open from the first alarming light to the next pass; repeats of the same light, and windows
    without an answer (no data, too few rows), leave it as it is. What is no longer monitored alarms nobody.

    Args:
        open_state: The light that the open alert tells of; none when none is open.
    """
    if open_state is None:
        return Move.RAISE if light in ALARMING else Move.NOTHING
    if light in (Light.PASS, Light.NOT_MONITORED):
        return Move.CLOSE
    return Move.CHANGE if light in ALARMING and light is not open_state else Move.NOTHING
