"""The frame around pages: which entries the side bar has, registered by the entry points."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.preferences import AS_WE_COME, Preferences


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the side bar, shown to those who hold its permission on something.

    It is marked on its own page and those below, and on the pages at and below the paths that it `covers`.
    """

    label: str
    route: str
    section: str = ""
    permission: Permission = Permission.VIEW
    count_route: str | None = None  # answers a number as plain text, loaded after the page
    key: str | None = None  # pressed after `g` it goes there
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be begun from anywhere: a line of the palette for those who hold its permission somewhere."""

    label: str
    route: str
    permission: Permission = Permission.VIEW


@dataclass(frozen=True, slots=True)
class ThingPage:
    """Where things of a kind have their page, and the query that finds one; what it does not find has no page."""

    route: str
    parameter: str | None = None  # of its path, takes the id
    get: Callable[[Session, Actor, str], object] | None = None


@dataclass(frozen=True, slots=True)
class Tab:
    """A view of one thing at an address of its own, registered by the entry points; any room may add one."""

    label: str
    route: str


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry as the page needs it."""

    label: str
    url: str
    section: str
    active: bool
    count_url: str | None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class ShownActor:
    """Who is signed in, in two lines."""

    name: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Undo:
    """The verb that takes the last action back: where its form posts, and what."""

    url: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Toast:
    """A short message about the last action, maybe with the way back."""

    text: str
    tone: str = "info"
    undo: Undo | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that base.html shows around the content."""

    product: str
    version: str
    workspace: str
    actor: ShownActor | None
    entries: list[ShownEntry]
    home_url: str
    sign_in_url: str
    sign_out_url: str
    search_url: str | None
    profile_url: str | None
    help_url: str | None
    search: str
    notice: str | None
    toasts: list[Toast] = field(default_factory=list)
    preferences: Preferences = AS_WE_COME
    theme_url: str | None = None
    bell_url: str | None = None
    bell_count_url: str | None = None
    ask_url: str | None = None
    path: str = ""
