"""Finding anything, and help on the page at hand; the palette and the drawer show the same in a part of a page."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.frame import Action, Entry
from modelops_platform.web.render import render, url_for
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb

from ..guide import guide
from ..queries.search import KINDS, Hit, find_things
from ..schemas.search import HelpIn, SearchIn

router = page_router()
SEE = needs(Permission.VIEW)
_PAGES = {
    "model": ("show_model", "name"),
    "version": ("show_version", "name"),
    "use_case": ("show_use_case", "name"),
    "data_set": ("show_data_set", "name"),
    "deployment": ("show_deployment", "deployment"),
    "recipe": ("show_recipe", "recipe_id"),
    "person": ("show_user", "user_id"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One result: where it leads, what it is called, what it is, and the keys that lead there too."""

    label: str
    url: str
    detail: str = ""
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Results of one kind."""

    id: str
    title: str
    lines: Sequence[Line]


@router.get("/search", openapi_extra=SEE)
def search_all(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[SearchIn, Query()]) -> Response:
    """Show what has the words in it, and what one can begin."""
    hits = find_things(db, actor, wanted.q)
    groups = [
        Group(kind, KINDS[kind], [_line(request, hit) for hit in some])
        for kind, some in itertools.groupby(hits, key=lambda hit: hit.kind)
    ]
    groups += [group for group in _commands(request, actor, wanted.q) if group.lines]
    themes = [theme for theme in ("light", "dark", "system") if _has_words(f"Theme: {theme} mode", wanted.q)]
    return render(request, "operations/search.html", q=wanted.q, groups=groups, themes=themes)


def _line(request: Request, hit: Hit) -> Line:
    route, parameter = _PAGES[hit.kind]
    place = {parameter: hit.key} | ({"number": hit.number} if hit.kind == "version" else {})
    label = f"{hit.name} v{hit.number}" if hit.kind == "version" else hit.name
    return Line(label, url_for(request.app, route, **place), hit.detail)


def _commands(request: Request, actor: Actor, q: str) -> list[Group]:
    """Return what can be begun, and where one can go, as far as one's rights reach."""
    actions: list[Action] = request.app.state.actions
    entries: list[Entry] = request.app.state.frame_entries
    begun = [
        Line(action.label, url_for(request.app, action.route))
        for action in actions
        if actor.may_somewhere(action.permission) and _has_words(action.label, q)
    ]
    gone = [
        Line(f"Go to {entry.label}", url_for(request.app, entry.route), keys=f"g {entry.key}" if entry.key else "")
        for entry in entries
        if actor.may_somewhere(entry.permission) and _has_words(f"Go to {entry.label}", q)
    ]
    return [Group("action", "Actions", begun), Group("go", "Go to", gone)]


def _has_words(text: str, q: str) -> bool:
    lowered = text.casefold()
    return all(word in lowered for word in q.casefold().split())


@router.get("/help", openapi_extra=SEE)
def show_help(request: Request, actor: CurrentActor, wanted: Annotated[HelpIn, Query()]) -> Response:
    """Show what a page is, which keys do what, and what the terms mean."""
    entries: list[Entry] = request.app.state.frame_entries
    return render(
        request,
        "operations/help.html",
        page=guide().page(wanted.page),
        glossary=guide().terms,
        go_to=[(entry.key, entry.label) for entry in entries if entry.key and actor.may_somewhere(entry.permission)],
    )
