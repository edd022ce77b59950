"""Where a version comes from, where it ran, and how it is watched."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Self

from modelops_platform.monitoring.domain.lights import Light
from modelops_platform.monitoring.domain.limits import Measure

from ..documents import Fields, invalid
from ..facts import Facts
from ..judging import Evidence, Found, LinkKind, Status, count, few, join, worst
from ..known import LineageFact, MonitorFact, StayFact
from ..policies import Policy


class Origin(StrEnum):
    """What may be known of where a version comes from."""

    RUN = "run"
    COMMIT = "commit"
    DATA_SET = "data_set"
    DATA_DIGEST = "data_digest"
    PARAMETERS = "parameters"
    ENVIRONMENT = "environment"


_KNOWS: dict[Origin, Callable[[LineageFact], bool]] = {
    Origin.RUN: lambda lineage: bool(lineage.run_id),
    Origin.COMMIT: lambda lineage: bool(lineage.commit),
    Origin.DATA_SET: lambda lineage: bool(lineage.data_set),
    Origin.DATA_DIGEST: lambda lineage: bool(lineage.data_digest),
    Origin.PARAMETERS: lambda lineage: lineage.has_parameters,
    Origin.ENVIRONMENT: lambda lineage: lineage.has_environment,
}


@dataclass(frozen=True, slots=True)
class LineageKnown:
    """It is recorded where the version comes from."""

    name: ClassVar[str] = "lineage"
    cites: ClassVar[frozenset[str]] = frozenset({"lineage"})
    knows: frozenset[Origin]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        found = fields.choices("knows", Origin)
        if not found:
            raise invalid(fields.place("knows"), None, "is missing", f"Use some of: {', '.join(Origin)}.")
        return cls(found)

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"It is recorded from which {_spoken(self.knows)} the version comes."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at what the version was registered with."""
        if facts.lineage is None:
            return Found(Status.UNKNOWN, "Nobody knows where the version comes from.", LinkKind.ADD_VERSION)
        missing = frozenset(origin for origin in self.knows if not _KNOWS[origin](facts.lineage))
        evidence = (Evidence("version", facts.version_id),)
        if missing:
            detail = f"Not recorded: {_spoken(missing)}."
            return Found(Status.NOT_MET, detail, LinkKind.ADD_VERSION, evidence)
        return Found(Status.MET, f"Recorded: {_spoken(self.knows)}.", LinkKind.ADD_VERSION, evidence)


def _spoken(words: Iterable[str]) -> str:
    return join([word.replace("_", " ") for word in sorted(words)])


@dataclass(frozen=True, slots=True)
class Ran:
    """These very files ran for some hours where less can happen."""

    name: ClassVar[str] = "deployed"
    cites: ClassVar[frozenset[str]] = frozenset({"stays", "digest"})
    environment: str | None
    hours: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(fields.text_or_none("environment"), fields.integer("hours", 0, 24 * 3660))

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        where = f"in {self.environment}" if self.environment else "in an environment that is not protected"
        return f"These very files ran {where} for at least {count(self.hours, 'hour')}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Add up how long these files ran there."""
        if facts.stays is None:
            return Found(Status.UNKNOWN, "Nobody knows where this ran.", LinkKind.DEPLOY)
        stays = [stay for stay in facts.stays if self._counts(stay) and stay.digest == facts.digest]
        if not stays:
            where = self.environment or "an environment that is not protected"
            return Found(Status.NOT_MET, f"These files never ran in {where}.", LinkKind.DEPLOY)
        spent = sum(((stay.to_at or facts.now) - stay.from_at for stay in stays), timedelta())
        hours = int(spent / timedelta(hours=1))
        names = join(sorted({stay.environment for stay in stays}))
        evidence = tuple(Evidence("revision", stay.revision_id) for stay in stays)
        is_met = spent >= timedelta(hours=self.hours)
        detail = f"Ran {count(hours, 'hour')} in {names}" + ("." if is_met else f", wanted are {self.hours}.")
        status = Status.MET if is_met else Status.NOT_MET
        return Found(status, detail, LinkKind.DEPLOY, evidence, max(stay.from_at for stay in stays))

    def _counts(self, stay: StayFact) -> bool:
        return not stay.is_protected if self.environment is None else stay.environment == self.environment


@dataclass(frozen=True, slots=True)
class Monitored:
    """The model is watched: enough monitors are switched on, of the sorts named."""

    name: ClassVar[str] = "monitored"
    cites: ClassVar[frozenset[str]] = frozenset({"monitors"})
    measures: frozenset[Measure]
    at_least: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        measures = fields.choices("measures", Measure) or frozenset()
        return cls(measures, fields.integer_or_none("at_least", 1, 1000) or max(len(measures), 1))

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        named = f", among them one each for {_spoken(self.measures)}" if self.measures else ""
        return f"The model is watched by at least {count(self.at_least, 'monitor')}{named}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the monitors that are switched on."""
        if facts.monitors is None:
            return Found(Status.UNKNOWN, "Nobody knows how the model is watched.", LinkKind.SHOW_MONITORS)
        evidence = tuple(Evidence("monitor", one.id) for one in facts.monitors)
        missing = self.measures - {one.measures for one in facts.monitors}
        if missing:
            detail = f"Nothing watches {_spoken(missing)}."
            return Found(Status.NOT_MET, detail, LinkKind.SHOW_MONITORS, evidence)
        number = len(facts.monitors)
        detail = f"{count(number, 'monitor')} switched on"
        if number < self.at_least:
            detail = f"{detail}, wanted are {self.at_least}."
            return Found(Status.NOT_MET, detail, LinkKind.SHOW_MONITORS, evidence)
        return Found(Status.MET, f"{detail}.", LinkKind.SHOW_MONITORS, evidence)


@dataclass(frozen=True, slots=True)
class Healthy:
    """No monitor fails or is stale; one that knows nothing is unknown."""

    name: ClassVar[str] = "healthy"
    cites: ClassVar[frozenset[str]] = frozenset({"monitors"})
    measures: frozenset[Measure]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(fields.choices("measures", Measure) or frozenset())

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        which = f" of {_spoken(self.measures)}" if self.measures else ""
        return f"No monitor{which} fails or is stale, and each knows how things stand."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the lights."""
        if facts.monitors is None:
            return Found(Status.UNKNOWN, "Nobody knows how the model is watched.", LinkKind.SHOW_MONITORS)
        watched = [one for one in facts.monitors if not self.measures or one.measures in self.measures]
        if not watched:
            return Found(Status.UNKNOWN, "No monitor is switched on.", LinkKind.SHOW_MONITORS)
        status = worst([_of_light(one.light) for one in watched])
        told = [_lit(one) for one in watched if _of_light(one.light) is status]
        evidence = tuple(Evidence("monitor", one.id) for one in watched)
        at = min((one.at for one in watched if one.at is not None), default=None)
        detail = f"{count(len(watched), 'monitor')} well." if status is Status.MET else f"{few(told)}."
        return Found(status, detail, LinkKind.SHOW_MONITORS, evidence, at)


def _of_light(light: Light) -> Status:
    match light:
        case Light.PASS | Light.WARN:
            return Status.MET
        case Light.FAIL | Light.STALE:
            return Status.NOT_MET
        case _:
            return Status.UNKNOWN


def _lit(monitor: MonitorFact) -> str:
    return f"{monitor.name}: {monitor.light.replace('_', ' ')}"
