"""Administration: what groups of the company may do, and which pipelines elsewhere are trusted."""

from typing import Annotated

from fastapi import Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity import service
from modelops_platform.identity.domain import ROLE_WORDS, SCOPE_WORDS, Role, Scope
from modelops_platform.identity.schemas import GroupMappingFilter, GroupMappingIn, TrustRuleForm
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn
from modelops_platform.web.render import redirect, render, url_for
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

router = page_router("/administration")
_READ = needs(Permission.VIEW_AUDIT)
_WRITE = needs(Permission.MANAGE_USERS)


@router.get("/groups", openapi_extra=_READ)
def list_groups(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[GroupMappingFilter, Query()]
) -> Response:
    """Show which groups of the company give which roles, and how the provider is set up."""
    settings = request.app.state.settings
    page = identity.page_group_mappings(db, actor, **wanted.model_dump())
    return render(
        request,
        "operations/admin_groups.html",
        page=page,
        wanted=wanted,
        units={unit.id: unit.name for unit in identity.list_units(db, actor)},
        makers=identity.names_of(db, {mapping.created_by for mapping in page.items}),
        provider=settings.oidc_issuer or None,
        callback=f"{_base(request)}{url_for(request.app, 'finish_company_sign_in')}",
        groups_claim=settings.oidc_groups_claim,
        passwords=settings.local_passwords,
        links=settings.oidc_link_email,
        may_manage=actor.may_somewhere(Permission.MANAGE_USERS),
        role_options=[
            (role.value, f"{role.value.capitalize()}: {words}")
            for role, words in ROLE_WORDS.items()
            if role is not Role.SERVICE
        ],
    )


def _base(request: Request) -> str:
    return str(request.app.state.settings.public_url or str(request.base_url).rstrip("/"))


@router.post("/groups", openapi_extra=_WRITE)
def add_group_mapping(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[GroupMappingIn, Form()]
) -> Response:
    """Map a group to a role."""
    service.add_group_mapping(db, actor, wanted.group, wanted.role, unit_id=wanted.unit_id, is_home=wanted.is_home)
    return redirect(request, "list_groups", toast=f"Members of {wanted.group} get the role when they sign in.")


@router.post("/groups/{mapping_id}/remove", openapi_extra=_WRITE)
def remove_group_mapping(request: Request, db: WriteDb, actor: CurrentActor, mapping_id: str) -> Response:
    """End a mapping."""
    service.remove_group_mapping(db, actor, mapping_id)
    return redirect(request, "list_groups", toast="Removed the mapping.")


@router.get("/trust", openapi_extra=_READ)
def list_trust(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Response:
    """Show which tokens of pipelines elsewhere are exchanged for tokens of service accounts."""
    page = identity.page_trust_rules(db, actor, cursor=wanted.cursor, limit=wanted.limit)
    return render(
        request,
        "operations/admin_trust.html",
        page=page,
        accounts=identity.names_of(db, {rule.user_id for rule in page.items}),
        may_manage=actor.may_somewhere(Permission.MANAGE_USERS),
        account_options=_accounts(db, actor),
        scopes=[(scope.value, words) for scope, words in SCOPE_WORDS.items() if scope is not Scope.ALL],
        server=_base(request),
    )


def _accounts(db: Session, actor: Actor) -> list[tuple[str, str]]:
    found = identity.list_users(db, actor, kind=ActorKind.SERVICE, state="enabled", limit=200)
    return [(user.id, f"{user.name}, {user.email}") for user in found.items]


@router.post("/trust", openapi_extra=_WRITE)
def add_trust_rule(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[TrustRuleForm, Form()]
) -> Response:
    """Trust a pipeline."""
    rule = service.add_trust_rule(db, actor, wanted.as_rule())
    return redirect(request, "list_trust", toast=f"Added {rule.name}.")


@router.post("/trust/{rule_id}/remove", openapi_extra=_WRITE)
def remove_trust_rule(request: Request, db: WriteDb, actor: CurrentActor, rule_id: str) -> Response:
    """Trust it no longer."""
    service.remove_trust_rule(db, actor, rule_id)
    return redirect(request, "list_trust", toast="Removed the rule. Tokens made by it work no longer.")
