"""The facts that policies may cite, in one table: where each stands, how it is kept, and what it is called.

Whatever is asked about the past must have been kept: frozen when it was made, held in intervals, or only ever added.
A policy that cites anything else is refused when it is read.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .conditions import Condition, FactValue, leaves
from .documents import invalid
from .facts import Facts


class Kept(StrEnum):
    """How a fact is kept, so that it can be asked for as it was at any moment."""

    FROZEN = "frozen when it was made"
    INTERVAL = "from one moment to another"
    APPENDED = "only ever added to"


@dataclass(frozen=True, slots=True)
class CitableFact:
    """A fact by name; one with `read` is a plain value that conditions may ask for."""

    kept: Kept
    words: str
    read: Callable[[Facts], FactValue | None] | None = None


def _owner_is_author(facts: Facts) -> bool | None:
    return None if facts.author is None or facts.owner is None else facts.author == facts.owner


FACTS: Mapping[str, CitableFact] = {
    # What conditions may ask for.
    "tier": CitableFact(Kept.INTERVAL, "the tier", lambda facts: int(facts.tier_in_force or 1)),
    "kind": CitableFact(Kept.INTERVAL, "the kind of model", lambda facts: facts.kind.value),
    "eu_class": CitableFact(Kept.INTERVAL, "the class under the EU AI Act", lambda facts: facts.eu_class),
    "people_affected": CitableFact(Kept.INTERVAL, "the answer to who is affected", lambda facts: facts.people_affected),
    "environment": CitableFact(Kept.FROZEN, "the environment asked about", lambda facts: facts.environment),
    "action": CitableFact(Kept.FROZEN, "the action asked about", lambda facts: str(facts.action)),
    "has_files": CitableFact(
        Kept.FROZEN,
        "the answer to whether it has files",
        lambda facts: None if facts.file_count is None else facts.file_count > 0,
    ),
    "has_metrics": CitableFact(
        Kept.FROZEN, "the answer to whether figures were recorded", lambda facts: bool(facts.metrics)
    ),
    "is_model": CitableFact(
        Kept.INTERVAL,
        "the determination as a model",
        lambda facts: facts.determination.is_model if facts.determination else None,
    ),
    "lifecycle_state": CitableFact(Kept.INTERVAL, "the state of its life cycle", lambda facts: facts.lifecycle_state),
    "owner_is_author": CitableFact(Kept.INTERVAL, "the answer to whether the owner made it", _owner_is_author),
    "has_champion": CitableFact(
        Kept.INTERVAL, "the answer to whether a version stands there", lambda facts: facts.champion is not None
    ),
    # What checks look at.
    "votes": CitableFact(Kept.APPENDED, "votes"),
    "metrics": CitableFact(Kept.FROZEN, "figures of the version"),
    "champion": CitableFact(Kept.INTERVAL, "the version that stands there"),
    "tests": CitableFact(Kept.APPENDED, "results of tests"),
    "validation": CitableFact(Kept.APPENDED, "signed validations"),
    "findings": CitableFact(Kept.INTERVAL, "findings"),
    "waivers": CitableFact(Kept.INTERVAL, "waivers"),
    "evidence": CitableFact(Kept.INTERVAL, "evidence"),
    "monitors": CitableFact(Kept.INTERVAL, "monitors and their points"),
    "stays": CitableFact(Kept.INTERVAL, "deployments"),
    "lineage": CitableFact(Kept.FROZEN, "lineage"),
    "card": CitableFact(Kept.INTERVAL, "the card"),
    "files": CitableFact(Kept.FROZEN, "files and their formats"),
    "digest": CitableFact(Kept.APPENDED, "digests and what comparing them found"),
    "scans": CitableFact(Kept.APPENDED, "scans of files"),
    "assessment": CitableFact(Kept.INTERVAL, "risk assessments"),
    "determination": CitableFact(Kept.INTERVAL, "determinations"),
    "people": CitableFact(Kept.INTERVAL, "owner, developer, validator and author"),
}

_READERS = {name: fact.read for name, fact in FACTS.items() if fact.read is not None}
FIELD = "field."


class Known(Mapping[str, FactValue | None]):
    """The plain facts by name, each read once, when first asked for; `field.KEY` is a field of the model's record."""

    __slots__ = ("_facts", "_found")

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._found: dict[str, FactValue | None] = {}

    def __getitem__(self, name: str) -> FactValue | None:
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def _read(self, name: str) -> FactValue | None:
        if name.startswith(FIELD):
            value = self._facts.fields.get(name.removeprefix(FIELD))
            return value if isinstance(value, bool | str | int | float) else None
        return _READERS[name](self._facts)

    def __iter__(self) -> Iterator[str]:
        return iter(_READERS)

    def __len__(self) -> int:
        return len(_READERS)


def may_cite(name: str) -> bool:
    """Tell whether a condition of a policy may ask for this."""
    return name in _READERS or (name.startswith(FIELD) and len(name) > len(FIELD))


def words_of(name: str) -> str:
    """Name a fact in words."""
    if name.startswith(FIELD):
        return f"the field {name.removeprefix(FIELD)}"
    return FACTS[name].words if name in FACTS else name


def check_cited(condition: Condition, place: str) -> None:
    """Refuse a condition over what is not kept. Raises InvalidInput."""
    for leaf in leaves(condition):
        name = getattr(leaf, "fact", None)
        if name is None or not may_cite(name):
            raise invalid(
                place,
                name or getattr(leaf, "question", None),
                "asks what a policy cannot know",
                f"Use the facts {', '.join(_READERS)} or {FIELD}KEY.",
            )
