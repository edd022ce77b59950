"""Results of tests: what ran on these very files passed, lately, by the platform or a pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from modelops_platform.monitoring.domain.lights import Light

from ..documents import Fields, invalid
from ..facts import Facts
from ..judging import Evidence, Found, LinkKind, Status, few, join, worst
from ..known import Source, TestFact
from ..policies import Policy
from ..suites import Suite
from .ages import is_within

_MACHINES = frozenset({Source.PLATFORM, Source.PIPELINE})


class Warned(StrEnum):
    """What a warning means."""

    PASSES = "passes"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TestsPassed:
    """The tests of a suite, or those named, or those of these kinds passed; whatever is not known is unknown."""

    __test__ = False
    name: ClassVar[str] = "tests"
    cites: ClassVar[frozenset[str]] = frozenset({"tests", "digest"})
    suite: str | None
    tests: tuple[str, ...]
    kinds: tuple[str, ...]
    sources: frozenset[Source]
    max_age_days: int | None
    same_digest: bool
    warn: Warned

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        suite, tests, kinds = fields.text_or_none("suite"), fields.texts("tests"), fields.texts("kinds")
        if suite is None and not tests and not kinds:
            raise invalid(fields.where, None, "names no tests", "Add suite, tests or kinds.")
        sources = fields.choices("from", Source)
        if sources is not None and Source.PERSON in sources:
            raise invalid(fields.place("from"), sorted(sources), "lets people state results", "Use platform, pipeline.")
        return cls(
            suite,
            tests,
            kinds,
            _MACHINES if sources is None else sources,
            fields.integer_or_none("max_age_days", 1, 3660),
            fields.flag("same_digest", default=True),
            fields.choice("warn", Warned, Warned.PASSES),
        )

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        what = [f"every test of the suite {self.suite}"] if self.suite and not self.tests and not self.kinds else []
        if self.tests:
            what.append(f"the tests {join(list(self.tests))}")
        if self.kinds:
            what.append(f"tests of {join([kind.replace('_', ' ') for kind in self.kinds])}")
        if self.suite and not what[0].startswith("every"):
            what.append(f"in the suite {self.suite}")
        said = " ".join(what) if len(what) < 3 else f"{what[0]} and {what[1]} {what[2]}"
        parts = [f"{said[0].upper()}{said[1:]} passed"]
        if self.same_digest:
            parts.append("on these very files")
        if self.sources != _MACHINES:
            parts.append(f"run by the {join(sorted(self.sources), 'or')}")
        if self.max_age_days:
            parts.append(f"at most {self.max_age_days} days ago")
        if self.warn is Warned.REFUSED:
            parts.append("without a warning")
        return f"{', '.join(parts)}."

    def may_look_at(self, suite: Suite) -> bool:
        """Tell whether results of this suite may meet it."""
        if self.suite is not None:
            return self.suite == suite.id
        return any(test.id in self.tests or test.check in self.kinds for test in suite.tests)

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the last result of each test."""
        if facts.tests is None:
            return Found(Status.UNKNOWN, "Nobody knows what was tested.", LinkKind.RUN_TESTS)
        mine = [one for one in facts.tests if one.source in self.sources and self.suite in (None, one.suite)]
        groups = [[one for one in mine if one.test == name] for name in self.tests]
        groups += [[one for one in mine if one.check == kind] for kind in self.kinds]
        if not groups:
            groups = [mine]
        names = [*self.tests, *self.kinds] or [str(self.suite)]
        judged: list[tuple[Status, str]] = []
        for name, group in zip(names, groups, strict=True):
            if not group:
                judged.append((Status.UNKNOWN, f"{name.replace('_', ' ')} never ran on this version"))
            judged += [self._judge(one, facts) for one in group]
        status = worst([each for each, _words in judged])
        told = [words for each, words in judged if each is status]
        results = [one for group in groups for one in group]
        ids = dict.fromkeys(one.id for one in results)
        evidence = tuple(Evidence("test_result", id) for id in ids)
        at = min((one.at for one in results), default=None)
        return Found(status, self._tell(status, told, results), LinkKind.RUN_TESTS, evidence, at)

    def _tell(self, status: Status, told: Sequence[str], results: Sequence[TestFact]) -> str:
        if status is Status.MET:
            pushed = sum(one.source is Source.PIPELINE for one in results)
            by = f", {pushed} pushed by a pipeline" if pushed else ""
            return f"{len(results)} of {len(results)} passed{by}."
        return f"{few(list(told))}."

    def _judge(self, result: TestFact, facts: Facts) -> tuple[Status, str]:
        label = f"{result.test} in {result.segment}" if result.segment else result.test
        if self.same_digest and result.digest != facts.digest:
            return Status.UNKNOWN, f"{label} ran on other files"
        if not is_within(result.at, facts.now, days=self.max_age_days):
            return Status.UNKNOWN, f"{label} is {(facts.now - result.at).days} days old, at most {self.max_age_days}"
        match result.outcome:
            case Light.PASS:
                return Status.MET, label
            case Light.WARN if self.warn is Warned.PASSES:
                return Status.MET, label
            case Light.FAIL | Light.WARN:
                limit = f", wanted {result.limit}" if result.limit else ""
                shown = "" if result.value is None else f" with {result.value:.6g}{limit}"
                verb = "failed" if result.outcome is Light.FAIL else "warned"
                return Status.NOT_MET, f"{label} {verb}{shown}"
            case _:
                return Status.UNKNOWN, f"{label}: {result.outcome.replace('_', ' ')}"
