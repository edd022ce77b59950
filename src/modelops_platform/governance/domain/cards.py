"""How complete a model's card is: which fields its tier wants, what counts as filled, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from .digests import digest_of
from .documents import Fields, as_text, unique
from .known import CardFact
from .questionnaire import Tier

SAYS_NOTHING = frozenset(
    {
        "-",
        "--",
        "?",
        "??",
        "...",
        "n/a",
        "na",
        "none yet",
        "tba",
        "tbc",
        "tbd",
        "test",
        "to be confirmed",
        "to be defined",
    }
    | {"to be determined", "to do", "todo", "unknown", "x", "xx", "xxx"}
)
LONGEST = 5000


@dataclass(frozen=True, slots=True)
class CardField:
    """One thing that a card says.

    `found` are the places where the platform looks for it, each a group of names that must all be filled; where none
    is, what somebody wrote into the card counts. `page` names the page on which it is filled.
    """

    id: str
    title: str
    group: str
    wanted_from: Tier | None  # None: it may be left out
    where_people: bool  # wanted too where people are affected
    weight: int
    found: tuple[tuple[str, ...], ...]
    page: str
    shortest: int
    hint: str

    def is_wanted(self, tier: Tier, *, people_affected: bool) -> bool:
        """Tell whether a card of this tier must say it."""
        return (self.wanted_from is not None and tier <= self.wanted_from) or (self.where_people and people_affected)


@dataclass(frozen=True, slots=True)
class CardForm:
    """Everything that a card may say, in its order."""

    id: str
    version: int
    title: str
    source: str
    fields: tuple[CardField, ...]


@dataclass(frozen=True, slots=True)
class FilledField:
    """A field as one card says it."""

    field: CardField
    is_wanted: bool
    is_filled: bool
    says: str
    is_written: bool  # by somebody into the card; otherwise the platform found it
    problem: str | None

    @property
    def id(self) -> str:
        """The field's word."""
        return self.field.id

    @property
    def title(self) -> str:
        """What the field is called."""
        return self.field.title

    @property
    def group(self) -> str:
        """Among which others it stands."""
        return self.field.group


@dataclass(frozen=True, slots=True)
class Card:
    """A card, field by field."""

    fields: tuple[FilledField, ...]

    @property
    def wanted(self) -> tuple[FilledField, ...]:
        """The fields that the tier wants."""
        return tuple(one for one in self.fields if one.is_wanted)

    @property
    def missing(self) -> tuple[FilledField, ...]:
        """The wanted fields that are empty or not valid."""
        return tuple(one for one in self.wanted if not one.is_filled)

    @property
    def share(self) -> Fraction:
        """The weighted share of the wanted fields that are filled and valid; a card that wants nothing is complete."""
        weights = [(one.field.weight, one.is_filled) for one in self.wanted]
        whole = sum(weight for weight, _is_filled in weights)
        return Fraction(sum(weight for weight, is_filled in weights if is_filled), whole) if whole else Fraction(1)

    @property
    def digest(self) -> str:
        """One digest of everything that the card says."""
        return digest_of({one.field.id: one.says for one in self.fields if one.is_filled})

    def to_fact(self) -> CardFact:
        """Return what a policy asks about."""
        return CardFact(self.share, tuple(one.field.title for one in self.missing), self.digest)


def fill_card(
    form: CardForm,
    known: Mapping[str, object],
    written: Mapping[str, str],
    *,
    tier: Tier,
    people_affected: bool,
    today: date,
) -> Card:
    """Fill a card with what the platform knows and what people wrote."""
    return Card(
        tuple(
            _fill(field, known, written, today, is_wanted=field.is_wanted(tier, people_affected=people_affected))
            for field in form.fields
        )
    )


def _fill(
    field: CardField, known: Mapping[str, object], written: Mapping[str, str], today: date, *, is_wanted: bool
) -> FilledField:
    problem: str | None = None
    for group in field.found:
        values = [known.get(name) for name in group]
        wrong = _why_not_all(values, today, field.shortest if len(group) == 1 else 1)
        if wrong is None:
            return FilledField(field, is_wanted, True, "; ".join(map(_says, values)), False, None)
        if wrong != EMPTY:
            problem = problem or wrong
    text = written.get(field.id, "")
    wrong = why_not_valid(text, today, field.shortest)
    if wrong is None:
        return FilledField(field, is_wanted, True, text, True, None)
    return FilledField(field, is_wanted, False, text, bool(text), wrong if text else problem or EMPTY)


EMPTY = "Nobody has filled it in."


def _why_not_all(values: Sequence[object], today: date, shortest: int) -> str | None:
    """Say why some of the values say nothing, what is wrong before what is missing; None when all say something."""
    wrong = [why for value in values if (why := why_not_valid(value, today, shortest)) is not None]
    return next((why for why in wrong if why != EMPTY), wrong[0] if wrong else None)


def why_not_valid(value: object, today: date, shortest: int = 1) -> str | None:
    """Say why a value says nothing; None when it does."""
    match value:
        case None:
            return EMPTY
        case str():
            return _why_not_text(value, today, shortest)
        case bool() | int() | float():
            return None
        case datetime():
            return _why_not_date(value.date(), today)
        case date():
            return _why_not_date(value, today)
        case list() | tuple() | dict() | frozenset():
            return None if value else EMPTY
    return None


def _why_not_text(value: str, today: date, shortest: int) -> str | None:
    text = " ".join(value.split())
    if not text:
        return EMPTY
    if text.casefold().strip(" .!") in SAYS_NOTHING or text.casefold() in SAYS_NOTHING:
        return f"“{text[:40]}” says nothing."
    if len(text) < shortest:
        return f"It is shorter than {shortest} characters."
    if not text[0].isdigit():
        return None
    try:
        return _why_not_date(date.fromisoformat(text), today)
    except ValueError:
        return None


def _why_not_date(value: date, today: date) -> str | None:
    return f"{value.isoformat()} lies in the future." if value > today else None


def _says(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{key}: {_short(inner)}" for key, inner in value.items())
        case list() | tuple():
            return ", ".join(_short(inner) for inner in value)
    return str(value)


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        named = value.get("name")
        told = value.get("value", value.get("type"))
        return f"{named} {told}" if named is not None and told is not None else str(named or dict(value))[:120]
    return str(value)[:200]


def read_card_form(data: object) -> CardForm:
    """Read the form of the card from a document. Raises InvalidInput."""
    fields = Fields(data, "")
    form = CardForm(
        id=fields.id(),
        version=fields.integer("version", 1, 1_000_000),
        title=fields.text("title"),
        source=fields.text("source"),
        fields=fields.mappings("fields", _read_field),
    )
    fields.done()
    unique((field.id for field in form.fields), "fields")
    return form


def _read_field(fields: Fields) -> CardField:
    return CardField(
        id=fields.id(),
        title=fields.text("title"),
        group=fields.text("group"),
        wanted_from=Tier(fields.integer("wanted_from", 1, 4)) if fields.has("wanted_from") else None,
        where_people=fields.has("where_people") and fields.value("where_people") is True,
        weight=fields.integer("weight", 1, 10) if fields.has("weight") else 1,
        found=tuple(tuple(one.split(" + ")) for one in fields.list("found", as_text)) if fields.has("found") else (),
        page=fields.id("page") if fields.has("page") else "card",
        shortest=fields.integer("shortest", 1, 500) if fields.has("shortest") else 3,
        hint=fields.text("hint") if fields.has("hint") else "",
    )
