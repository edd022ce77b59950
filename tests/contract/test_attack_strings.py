"""Attack strings in every text field of every form, sent as a browser sends them: refused, or kept and shown as typed.

The forms are read from the pages of the running application, so that a new form is attacked without a word here.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from tests.contract.addresses import routes_of
from tests.contract.furnished import House

ON_SQLITE = pytest.mark.parametrize(
    "database_url", ["sqlite"], indirect=True
)  # PostgreSQL has its turn in test_openapi
MARKUP = '<script>attack()</script><x-attack onattack="1">\'"> onattack=1 x=\''
STRINGS = {
    "markup": MARKUP,
    "languages": "=cmd|'/C calc'!A0 {{ 7777 * 7777 }}${7777*7777}<%= 7777*7777 %>{% raw %}'; DROP TABLE models; --%_\\",
    "address": "javascript:attack()//../../etc/passwd%00..\\",
    "direction": "a\u202eexe.tpircs\u202c\u200b\u2066b\u2069",
    "lines": "one\r\nset-cookie: attack=1\r\n\r\n<x-attack>",
}
ALIVE = ("<x-attack", "<script>attack", 'onattack="1"', 'javascript:attack()"')  # none of it, unescaped, in any page
PRODUCT = "60481729"  # of 7777 and 7777: what a template engine makes of the second string
UNKEEPABLE = {"NUL": "nul%00here", "half a pair": "half%ED%A0%80", "long": "a" * 10_000, "too long": "b" * 150_000}
READ = {"claims", "units", "metrics", "parameters"}  # fields whose lines are read, not kept
ENDING = ("/remove", "/lift", "/end", "/give-up")  # after these there is less to look at
_TYPED = {"text", "search", "email", "url", "tel", "password", "date", "datetime-local", "number"}
_EXAMPLES = {"email": "somebody@example.org", "number": "1", "date": "2026-05-03", "url": "https://example.org"}


@dataclass
class Form:
    """A form as a page shows it: where it goes, and what it holds before somebody types."""

    action: str
    method: str
    page: str
    values: dict[str, list[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.method} {urlsplit(self.action).path} of {self.page}"

    def send(self, client: TestClient, *, raw: str = "", **typed: str) -> Response:
        """Send it with these texts typed in; `raw` is an encoded text for every field."""
        filled = self.values | {name: [text] for name, text in typed.items()}
        body = "&".join(
            f"{quote(name)}={raw if raw and name in self.texts else quote(value)}"
            for name, values in filled.items()
            for value in values
        )
        if self.method == "get":
            return client.get(f"{urlsplit(self.action).path}?{body[:60_000]}")
        return client.post(self.action, content=body, headers={"content-type": "application/x-www-form-urlencoded"})


class Seen(HTMLParser):
    """What a browser makes of a page: its forms, its words, and whatever of an attack has come alive in it."""

    def __init__(self, page: str, path: str = "") -> None:
        super().__init__(convert_charrefs=True)
        self.path, self.forms, self.alive, self.words = path, list[Form](), list[str](), list[str]()
        self._form: Form | None = None
        self._select = self._area = ""
        self.feed(page)
        self.close()

    def shows(self, text: str) -> bool:
        return any(text in word for word in self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        leads = [given[name] for name in ("href", "src", "action", "hx-get", "hx-post") if name in given]
        if tag == "x-attack" or any(name.startswith("on") for name in given):
            self.alive.append(f"<{tag} {attrs}>")
        if any(address.strip().lower().startswith(("javascript:", "data:text")) for address in leads):
            self.alive.append(f"<{tag} {leads}>")
        if tag == "script" and not given.get("src") and given.get("type") != "application/json":
            self.alive.append("<script>")
        self.words += filter(None, given.values())
        if tag == "form":
            self._form = Form(given.get("action") or self.path, given.get("method", "get").lower(), self.path)
            self.forms.append(self._form)
        elif self._form is not None and "name" in given:
            self._control(self._form, tag, given["name"], given)
        elif self._form is not None and tag == "option" and self._select:
            chosen = self._form.values[self._select]
            if "selected" in given or (given.get("value") and not chosen):
                chosen[:] = [given.get("value", "")]

    def _control(self, form: Form, tag: str, name: str, given: dict[str, str]) -> None:
        kind = given.get("type", "text") if tag == "input" else tag
        self._select, self._area = (name if tag == which else "" for which in ("select", "textarea"))
        if kind in _TYPED or tag == "textarea":
            form.texts.append(name)
        if kind in ("checkbox", "radio"):
            if "checked" in given:
                form.values.setdefault(name, []).append(given.get("value", "on"))
        elif kind not in ("select", "file", "button"):
            example = _EXAMPLES.get(kind, "Something") if "required" in given else ""
            form.values[name] = [given.get("value") or example]
        elif tag == "select":
            form.values[name] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._form is not None and self._area:
            self._form.values[self._area] = [data.removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag in ("select", "textarea"):
            self._select = self._area = ""


def pages_of(app: FastAPI, house: House) -> Iterator[tuple[str, Response]]:
    """Every page that an administrator can open, and how it answers; what is gone meanwhile is left out."""
    for asked in routes_of(app):
        if asked.method == "GET" and not asked.is_api and asked.route.name != "watch_job":
            try:
                path = house.at.path(asked.path)
            except (LookupError, StopIteration):
                continue
            answer = house.admin.get(path)
            if _kind(answer).startswith("text/html"):
                yield path, answer


def forms_of(app: FastAPI, house: House) -> list[Form]:
    """Every form with a text field, once, as the first page shows it."""
    found: dict[Any, Form] = {}
    for path, answer in pages_of(app, house):
        for form in Seen(answer.text, path).forms:
            if form.texts:
                found.setdefault((form.method, urlsplit(form.action).path, tuple(form.values)), form)
    return list(found.values())


def wrongs(answer: Response, seen: Seen | None = None) -> list[str]:
    """What is wrong with an answer, whatever was sent."""
    found = [f"{raw} as it was sent" for raw in ALIVE if raw in answer.text] if "html" in _kind(answer) else []
    found += seen.alive if seen else []
    if answer.status_code >= 500:
        found.append(f"status {answer.status_code}")
    if PRODUCT in answer.text:
        found.append("a template was run")
    if any(value.startswith("attack=") for value in answer.headers.get_list("set-cookie")):
        found.append("a header was added")
    return found


def _kind(answer: Response) -> str:
    return answer.headers.get("content-type", "")


def texts(value: Any) -> Iterator[str]:
    """All texts of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


def is_kept(client: TestClient, form: Form, location: str, text: str) -> bool:
    """Say whether a text is found exactly as typed: where the browser is sent, around that, or in the log."""
    for path in (location, f"{location}/edit", urlsplit(location).path.rpartition("/")[0] or "/", form.page):
        if Seen(client.get(path).text).shows(text):
            return True
    return any(text in told for told in texts(client.get("/api/v1/events?limit=3").json()))


@ON_SQLITE
def test_no_field_of_any_form_lets_an_attack_through(app: FastAPI, house: House, tmp_path: Path) -> None:
    forms, wrong, taken = forms_of(app, house), dict[str, list[str]](), list[tuple[Form, str]]()
    with closing(sqlite3.connect(tmp_path / "modelops.db")) as live, closing(sqlite3.connect(":memory:")) as before:
        live.backup(before)
        live.execute("PRAGMA synchronous=OFF")
        for form in forms:
            for what, raw in UNKEEPABLE.items():
                wrong[f"{form}: {what}"] = wrongs(answer := form.send(house.admin, raw=raw))
                if answer.status_code == 303:
                    before.backup(live)  # each string meets the same house
                    if what == "NUL":
                        wrong[f"{form}: {what}"].append("taken")
            for name, (what, text) in ((name, one) for name in form.texts for one in STRINGS.items()):
                found = wrongs(answer := form.send(house.admin, **{name: text}))
                if answer.status_code == 303:
                    shown = house.admin.get(answer.headers["location"])
                    seen = Seen(shown.text)
                    found += wrongs(shown, seen)
                    shows = name in READ or "password" in name or seen.shows(text)
                    if not shows and not is_kept(house.admin, form, answer.headers["location"], text):
                        found.append(f"{text!r} is not kept as it was typed")
                    before.backup(live)
                    taken += [(form, name)] if what == "markup" else []
                elif form.method == "get" and answer.status_code == 200 and not Seen(answer.text).shows(text):
                    found.append(f"{text!r} is not shown as it was asked for")
                wrong[f"{form}: {name}: {what}"] = found
    assert not {where: found for where, found in wrong.items() if found}
    assert len(taken) > 30
    assert not shown_everywhere(app, house, taken)


def shown_everywhere(app: FastAPI, house: House, taken: list[tuple[Form, str]]) -> dict[str, list[str]]:
    """Keep the markup in every field that takes it, names last, and return the pages in which it came alive."""
    for form, name in sorted(taken, key=lambda one: one[1] == "name"):
        if not urlsplit(form.action).path.endswith(ENDING):
            form.send(house.admin, **{name: MARKUP})
    house.at.model = house.admin.get("/api/v1/models").json()["items"][0]["name"]
    return {path: found for path, answer in pages_of(app, house) if (found := wrongs(answer, Seen(answer.text)))}
