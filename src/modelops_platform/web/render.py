"""Pages: Jinja2 templates, of which htmx gets just the block named like its target."""

import functools
import math
import re
import shlex
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, date, datetime, tzinfo
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.paths import project_folder
from modelops_platform.core.preferences import AS_WE_COME

from .drawing import line
from .flash import LASTS_SECONDS, read_toast, write_toast
from .frame import Entry, Frame, ShownActor, ShownEntry, Undo
from .static import asset

PRODUCT = "ModelOps"
_zone: ContextVar[tzinfo] = ContextVar("zone", default=UTC)
"""The time zone of whoever the page under way is for; the filters of times read it."""


def render(request: Request, template: str, *, status_code: int = 200, **context: Any) -> Response:
    """Return the page, or the one block of it that htmx asks for by its target's id."""
    environment: Environment = request.app.state.templates
    page = environment.get_template(template)
    context["url_for"] = functools.partial(url_for, request.app)
    context["query"] = dict(request.query_params)
    context["actor"] = actor = getattr(request.state, "actor", None)
    _zone.set(actor.preferences.zone if actor is not None else UTC)
    block = _wanted_block(request)
    if block is not None and block in page.blocks:
        context["frame"] = None
        scope = page.new_context(context)
        return HTMLResponse("".join(page.blocks[block](scope)), status_code, headers={"vary": "HX-Request"})
    context["frame"] = make_frame(request)
    response = HTMLResponse(page.render(context), status_code, headers={"vary": "HX-Request"})
    if "flash" in request.cookies:
        response.delete_cookie("flash")
    return response


def _wanted_block(request: Request) -> str | None:
    if request.headers.get("hx-request-type", "partial") != "partial":
        return None
    target = request.headers.get("hx-target")
    return target.rpartition("#")[2] if target else None


def redirect(
    request: Request, name: str, /, *, toast: str | None = None, undo: Undo | None = None, **params: Any
) -> Response:
    """Send the browser on after a form was taken (303), with a word about what was done and maybe the way back."""
    response = redirect_to(request, url_for(request.app, name, **params))
    if toast:
        value = write_toast(toast, undo, key=request.app.state.flash_key, person=_person(request))
        response.set_cookie("flash", value, max_age=LASTS_SECONDS, httponly=True, samesite="lax", path="/")
    return response


def _person(request: Request) -> str:
    actor: Actor | None = getattr(request.state, "actor", None)
    return actor.id if actor is not None else ""


def undo(request: Request, name: str, /, fields: Mapping[str, str] | None = None, **params: Any) -> Undo:
    """Return the way back: a route that posts, the parameters of its path, and what its form holds."""
    return Undo(url_for(request.app, name, **params), dict(fields or {}))


def redirect_to(request: Request, url: str) -> Response:
    """Send the browser to an address of this site (303), also when htmx asks."""
    if request.headers.get("hx-request") == "true":  # else the next page would be swapped into the form
        return Response(status_code=204, headers={"hx-redirect": url})
    return RedirectResponse(url, 303)


def url_for(app: Starlette, name: str, /, **params: Any) -> str:
    """Return the root-relative address of a route; what its path does not use becomes the query.

    Raises KeyError for a name that no route has.
    """
    path, names = app.state.paths[name]
    filled = path.format(**{key: quote(str(params.pop(key)), safe="") for key in names})
    wanted = {key: value for key, value in params.items() if value is not None}
    return f"{filled}?{urlencode(wanted, doseq=True)}" if wanted else filled


def name_paths(app: Starlette) -> dict[str, tuple[str, list[str]]]:
    """Return every named route's path and parameters, for `url_for`."""
    paths: dict[str, tuple[str, list[str]]] = {}
    for route in app.routes:
        if isinstance(route, Route):
            paths[route.name] = (_PARAMETER.sub(r"{\1}", route.path), _PARAMETER.findall(route.path))
    return paths


def make_frame(request: Request) -> Frame:
    """Return what stands around the page for this caller."""
    app = request.app
    actor: Actor | None = getattr(request.state, "actor", None)
    toast = read_toast(request.cookies.get("flash"), key=app.state.flash_key, person=_person(request))
    return Frame(
        product=PRODUCT,
        version=app.version,
        workspace=PRODUCT,  # until there are two, a workspace leaves no trace on pages
        actor=_shown_actor(actor),
        entries=_shown_entries(request, [entry for entry in app.state.frame_entries if _is_for(actor, entry)]),
        home_url=url_for(app, "home"),
        sign_in_url=url_for(app, "show_sign_in"),
        sign_out_url=url_for(app, "sign_out"),
        search_url=url_for(app, "search_all"),
        profile_url=url_for(app, "show_profile"),
        help_url=url_for(app, "show_help", page=request.url.path),
        search=request.query_params.get("q", "") if request.url.path in ("/models", "/search") else "",
        notice=app.state.settings.notice or None,
        toasts=[toast] if toast else [],
        preferences=actor.preferences if actor is not None else AS_WE_COME,
        theme_url=url_for(app, "choose_theme"),
        bell_url=url_for(app, "list_notifications"),
        bell_count_url=url_for(app, "count_notifications"),
        ask_url=url_for(app, "show_request_access"),
        path=request.url.path[:300],
    )


def _shown_actor(actor: Actor | None) -> ShownActor | None:
    if actor is None:
        return None
    return ShownActor(actor.name, ", ".join(sorted({grant.role for grant in actor.grants})) or None)


def _is_for(actor: Actor | None, entry: Entry) -> bool:
    return actor is not None and actor.may_somewhere(entry.permission)


def _shown_entries(request: Request, entries: list[Entry]) -> list[ShownEntry]:
    """Return the side bar; of several entries above this page the nearest one is marked."""
    urls = [url_for(request.app, entry.route) for entry in entries]
    path = request.url.path
    roots = [(root, url) for entry, url in zip(entries, urls, strict=True) for root in (url, *entry.covers)]
    above = [(root, url) for root, url in roots if path == root or (root != "/" and path.startswith(f"{root}/"))]
    _, here = max(above, key=lambda found: len(found[0]), default=("", None))
    return [
        ShownEntry(
            label=entry.label,
            url=url,
            section=entry.section,
            active=url == here,
            count_url=url_for(request.app, entry.count_route) if entry.count_route else None,
            key=entry.key,
        )
        for entry, url in zip(entries, urls, strict=True)
    ]


def make_templates() -> Environment:
    """Return the template engine: undefined names fail, everything is escaped."""
    folder = project_folder("templates")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters.update(
        ago=ago,
        day=day,
        exact=exact,
        moment=moment,
        bytes=size,
        figure=figure,
        line=line,
        shell=shlex.quote,
        iso=lambda at: at.isoformat(timespec="seconds"),
    )
    environment.globals["asset"] = asset
    environment.globals["ui"] = _components(environment)
    return environment


def _components(environment: Environment) -> SimpleNamespace:
    """Expose every macro of templates/components as `ui.<file name>`."""
    components = SimpleNamespace()
    environment.globals["ui"] = components  # macros may use each other
    for path in sorted((project_folder("templates") / "components").glob("*.html")):
        setattr(components, path.stem, _macro(environment, path.stem))
    return components


# Stand in every row of a list and show words and numbers only, no times: made once for each set of arguments.
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
_KEPT = frozenset({"badge", "light", "person", "state", "tier"})
_KEPT_AT_MOST = 2000


def _macro(environment: Environment, name: str) -> Callable[..., Markup]:
    @functools.cache
    def load() -> Any:
        return getattr(environment.get_template(f"components/{name}.html").module, name)

    def call(*args: Any, **options: Any) -> Markup:
        return Markup(load()(*args, **options))  # noqa: S704 - made by an escaping template

    # By type as well: text that is safe already equals the same text that is not.
    return functools.lru_cache(_KEPT_AT_MOST, typed=True)(call) if name in _KEPT else call


def moment(at: datetime | str) -> datetime:
    """Return a time as one, also where it was kept as text: in a summary, or in a decision."""
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def ago(at: datetime) -> str:
    """Return the time in words relative to now: "2 days ago", "in 3 hours"."""
    seconds = (clock.now() - at).total_seconds()
    words = _span(abs(seconds))
    if words is None:
        return "just now"
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def _span(seconds: float) -> str | None:
    for length, unit in ((31_557_600, "year"), (2_629_800, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return None


def day(at: date) -> str:
    """Return the date as 3 May 2026; of a moment the one in the reader's time zone."""
    here = at.astimezone(_zone.get()) if isinstance(at, datetime) else at
    return f"{here.day} {here:%B %Y}"


def exact(at: datetime) -> str:
    """Return date and time in the reader's time zone as 3 May 2026, 14:05:09 UTC."""
    return f"{day(at)}, {at.astimezone(_zone.get()):%H:%M:%S %Z}"


def size(count: int) -> str:
    """Return a number of bytes as people read it: 1.4 MB."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000  # type: ignore[assignment]
    return ""


def figure(value: float | None, digits: int = 4) -> str:
    """Return a number with at most so many significant digits; nothing is "no data"."""
    if value is None:
        return "no data"
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.{digits}g}"
