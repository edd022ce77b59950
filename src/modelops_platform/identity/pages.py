"""Pages of identity: sign-in, sign-out, home."""

from fastapi import Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.web.render import render
from modelops_platform.web.routing import page_router, public
from modelops_platform.web.session import ReadDb, WriteDb

from .signin import CurrentActor, needs

router = page_router()


@router.get("/", name="home", openapi_extra=needs(Permission.VIEW))
def home(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show what needs you."""
    return render(request, "registry/register.html", kinds=[])


@router.get("/login", openapi_extra=public())
def show_sign_in(request: Request, db: ReadDb) -> Response:
    """Show the sign-in form."""
    return render(request, "identity/sign_in.html")


@router.post("/logout", openapi_extra=public())
def sign_out(request: Request, db: WriteDb) -> Response:
    """End the browser's session."""
    return render(request, "identity/sign_in.html")
