"""The story of an alert, told from the log."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from modelops_platform.events.domain import LogEntry


class Chapter(NamedTuple):
    """A line of the story."""

    at: datetime
    text: str
    detail: str | None = None
    who: str | None = None
    tone: str = "neutral"


def story_of(entries: Iterable[LogEntry], names: Mapping[str, str]) -> list[Chapter]:
    """Tell what happened to an alert, in the order of the entries."""
    return [_chapter(entry, entry.data, names) for entry in entries]


def _chapter(entry: LogEntry, data: Mapping[str, Any], names: Mapping[str, str]) -> Chapter:
    match entry.kind:
        case "alert.raised":
            return Chapter(
                entry.at, f"The light became: {_word(data['light'])}.", data["why"], tone=_tone(data["light"])
            )
        case "alert.changed":
            before, now = data["light"]
            words = f"The light went from {_word(before)} to {_word(now)}."
            return Chapter(entry.at, words, data["why"], tone=_tone(now))
        case "alert.acknowledged":
            return Chapter(entry.at, "answered.", data["reason"], who=names.get(entry.actor_id, "Somebody who left"))
        case _:
            return Chapter(entry.at, "Closed.", data.get("reason"), tone="pass")


def _word(light: str) -> str:
    return {"warn": "warning"}.get(light, light.replace("_", " "))


def _tone(light: str) -> str:
    return "fail" if light in ("fail", "error") else "warn"
