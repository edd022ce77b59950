"""What the editors of policies, suites, questionnaires and life cycles share: one page, one way to say no."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Annotated, Any

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.web.forms import EmptyIsNone, In
from modelops_platform.web.render import render

from ..queries import Problem
from ..schemas import DraftForm
from ..tables import PublishedText

MOST_CHANGES = 60
MOST_LINES = 2_000  # of a text that is compared line by line


@dataclass(frozen=True, slots=True)
class EditorKind:
    """What an editor is for: what people call it, how its text begins, and its routes."""

    thing: str
    things: str
    lead: str
    template: str
    home: str
    preview: str
    publish: str
    new: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A line that differs from the version in force, as a diff shows it."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Editor:
    """A draft in its editor; `row` is the version in force, None for a new document."""

    kind: EditorKind
    row: PublishedText | None
    text: str
    reason: str
    problem: Problem | None
    refusal: str | None

    @property
    def excerpt(self) -> list[tuple[int, str, bool]]:
        """The lines around the one that is wrong, with their numbers."""
        line = self.problem.line if self.problem else None
        if line is None:
            return []
        lines = list(enumerate(self.text.splitlines(), start=1))
        return [(number, text, number == line) for number, text in lines[max(line - 4, 0) : line + 3]]

    @property
    def changes(self) -> list[Changed]:
        """The lines that differ from the version in force."""
        return list(_changed(self.row.document, self.text))[:MOST_CHANGES] if self.row else []


class EditorQuery(In):
    """Which document the editor opens in its next version; by default it begins a new one."""

    id: Annotated[Annotated[str, Field(max_length=100)] | None, EmptyIsNone] = None


class VersionQuery(In):
    """Which version of a document to show; by default the one in force."""

    version: Annotated[Annotated[int, Field(ge=1, le=1_000_000)] | None, EmptyIsNone] = None


def open_draft(kind: EditorKind, row: PublishedText | None) -> DraftForm:
    """Return the text an editor begins with: the next version of what is in force, or a new document."""
    return DraftForm(document=next_text(row) if row else kind.new)


def show_editor(
    request: Request,
    actor: Actor,
    kind: EditorKind,
    draft: DraftForm,
    *,
    row: PublishedText | None,
    problem: Problem | None,
    **meaning: Any,
) -> Response:
    """Show a draft, what is wrong with it, and what it would mean."""
    refusal = why_not_publish(actor, kind.things)
    editor = Editor(kind, row, draft.document, draft.reason, problem, refusal)
    return render(request, kind.template, editor=editor, **meaning)


def next_text(row: PublishedText) -> str:
    """Return the text of what was published with the number of its next version."""
    number = rf'(?m)^(version:|\s*"version":)\s*{row.number}\b'  # as YAML or as JSON
    return re.sub(number, rf"\g<1> {row.number + 1}", row.document, count=1)


def why_not_publish(actor: Actor, things: str) -> str | None:
    """Say why somebody cannot publish such documents; None when they can."""
    if actor.may(Permission.MANAGE_POLICIES):
        return None
    return f"Only risk officers and administrators publish {things}."


def _changed(before: str, after: str) -> Iterator[Changed]:
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST_LINES:
        return
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if tag == "equal":
            continue
        for was, becomes, number in zip_longest(old[i1:i2], new[j1:j2], range(j1 + 1, j2 + 1)):
            yield Changed(f"Line {number}" if number else f"After line {j2}", was, becomes)
