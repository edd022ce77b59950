"""Pages of prompts: the list, and each with its versions' texts."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import OptionalText, PageIn
from modelops_platform.web.render import render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb

from ..queries import prompts

router = page_router()


class PromptPage(PageIn):
    """Which prompts."""

    q: OptionalText = Field(default=None, max_length=250)


@router.get("/prompts", openapi_extra=needs(Permission.VIEW))
def list_prompts(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PromptPage, Query()]) -> Response:
    page = prompts.page_prompts(db, actor, q=wanted.q, cursor=wanted.cursor, limit=wanted.limit)
    counts = prompts.count_prompt_versions(db, [prompt.id for prompt in page.items])
    address = str(request.base_url).rstrip("/")
    return render(request, "registry/prompts.html", page=page, counts=counts, wanted=wanted, address=address)


@router.get("/prompts/{name}", openapi_extra=needs(Permission.VIEW))
def show_prompt(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    prompt = prompts.get_prompt(db, actor, name)
    versions = prompts.list_prompt_versions(db, prompt)
    names = identity.names_of(db, {one.version.created_by for one in versions})
    return render(request, "registry/prompt.html", prompt=prompt, versions=versions, names=names)
