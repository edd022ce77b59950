"""JSON routes of people, the organisation, rights and tokens."""

from typing import Annotated, Any

from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.cursors import Page
from modelops_platform.core.preferences import AS_WE_COME
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.requests import read_either
from modelops_platform.web.routing import api_router, public, tells
from modelops_platform.web.session import IfMatch, ReadDb, WriteDb

from . import exchange, queries, service
from .domain import Role
from .schemas import (
    ExchangedOut,
    ExchangeIn,
    GrantFilter,
    GrantIn,
    GrantOut,
    GroupMappingFilter,
    GroupMappingIn,
    GroupMappingOut,
    IdentityOut,
    LinkOut,
    MeOut,
    PeopleFilter,
    PersonOut,
    PreferencesIn,
    PreferencesOut,
    TokenFilter,
    TokenIn,
    TokenMadeOut,
    TokenOut,
    TrustRuleIn,
    TrustRuleOut,
    UnitIn,
    UnitOut,
    UnitPatch,
    UserFilter,
    UserIn,
    UserOut,
    UserPatch,
)
from .signin import CurrentActor, needs
from .tables import Grant, GroupMapping, ProviderIdentity, Token, TrustRule, Unit, User

me = api_router("/me", "identity")
people = api_router("/people", "identity")
users = api_router("/users", "identity")
units = api_router("/units", "identity")
grants = api_router("/grants", "identity")
tokens = api_router("/tokens", "identity")
mappings = api_router("/group-mappings", "identity")
identities = api_router("/identities", "identity")
rules = api_router("/trust-rules", "identity")
token_exchange = api_router("/token-exchange", "identity")
ROUTERS = [me, people, users, units, grants, tokens, mappings, identities, rules, token_exchange]


@me.get("", name="api_get_me", response_model=MeOut, openapi_extra=needs(Permission.VIEW))
def get_me(db: ReadDb, actor: CurrentActor) -> MeOut:
    """Return who you are, and what you may do."""
    return MeOut(
        id=actor.id,
        kind=actor.kind.value,
        name=actor.name,
        unit_id=actor.unit_id,
        roles=[{"role": g.role, "object_kind": g.object_kind, "object_id": g.object_id} for g in actor.grants],
        permissions=sorted(permission for permission in Permission if actor.may_somewhere(permission)),
    )


@me.get(
    "/preferences",
    name="api_get_preferences",
    response_model=PreferencesOut,
    openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT),
)
def get_preferences(db: ReadDb, actor: CurrentActor) -> Any:
    """Return how you want pages to be."""
    return queries.find_preferences(db, actor.id) or AS_WE_COME


@me.patch(
    "/preferences",
    name="api_edit_preferences",
    response_model=PreferencesOut,
    openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT),
)
def edit_preferences(db: WriteDb, actor: CurrentActor, wanted: PreferencesIn) -> Any:
    """Change how you want pages to be; what is left out stays."""
    return service.choose(db, actor, wanted)


@people.get("", name="api_list_people", response_model=PageOut[PersonOut], openapi_extra=needs(Permission.VIEW))
def list_people(db: ReadDb, actor: CurrentActor, wanted: Annotated[PeopleFilter, Query()]) -> Page[User]:
    """Suggest people who may be named on a record, by part of name or address."""
    return Page(queries.list_people(db, actor, q=wanted.q, limit=wanted.limit))


@users.get("", name="api_list_users", response_model=PageOut[UserOut], openapi_extra=needs(Permission.VIEW_AUDIT))
def list_users(db: ReadDb, actor: CurrentActor, wanted: Annotated[UserFilter, Query()]) -> Page[User]:
    """List the accounts whose rights you may look into, by name."""
    return queries.list_users(db, actor, **wanted.model_dump())


@users.post(
    "", name="api_create_user", status_code=201, response_model=UserOut, openapi_extra=needs(Permission.MANAGE_USERS)
)
def create_user(db: WriteDb, actor: CurrentActor, wanted: UserIn) -> User:
    """Add a person or a service account; roles are granted, and links or tokens made, afterwards."""
    return service.create_user(
        db, actor, email=wanted.email, name=wanted.name, kind=ActorKind(wanted.kind), unit_id=wanted.unit_id
    )


@users.get("/{user_id}", name="api_get_user", response_model=UserOut, openapi_extra=needs(Permission.VIEW_AUDIT))
def get_user(db: ReadDb, actor: CurrentActor, user_id: str) -> User:
    """Return one account."""
    return queries.get_visible_user(db, actor, user_id)


@users.patch(
    "/{user_id}", name="api_edit_user", response_model=UserOut, openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT)
)
def edit_user(db: WriteDb, actor: CurrentActor, user_id: str, wanted: UserPatch, if_match: IfMatch) -> User:
    """Change an account's name, address or home unit; everybody may change their own name."""
    return service.edit_user(db, actor, user_id, wanted, if_match=if_match)


@users.post(
    "/{user_id}/disable", name="api_disable_user", response_model=UserOut, openapi_extra=needs(Permission.MANAGE_USERS)
)
def disable_user(db: WriteDb, actor: CurrentActor, user_id: str) -> User:
    """Take an account out of use: its sessions end and its tokens are revoked at once."""
    return service.disable_user(db, actor, user_id)


@users.post(
    "/{user_id}/enable", name="api_enable_user", response_model=UserOut, openapi_extra=needs(Permission.MANAGE_USERS)
)
def enable_user(db: WriteDb, actor: CurrentActor, user_id: str) -> User:
    """Let an account be used again, with the roles it has."""
    return service.enable_user(db, actor, user_id)


@users.post(
    "/{user_id}/erase", name="api_erase_user", response_model=UserOut, openapi_extra=needs(Permission.MANAGE_USERS)
)
def erase_user(db: WriteDb, actor: CurrentActor, user_id: str) -> User:
    """Take a person's name and address out of their account and out of the log, for good; what they did stays."""
    return service.erase_user(db, actor, user_id)


@users.post(
    "/{user_id}/sign-in-link",
    name="api_create_sign_in_link",
    status_code=201,
    response_model=LinkOut,
    openapi_extra={**needs(Permission.MANAGE_USERS), **tells("url")},
)
def create_sign_in_link(db: WriteDb, actor: CurrentActor, user_id: str) -> LinkOut:
    """Make a link that signs the person in once; the log says who made it."""
    secret = service.create_sign_in_link(db, actor, queries.get_visible_user(db, actor, user_id))
    return LinkOut(url=f"/login?link={secret}")


@units.get("", name="api_list_units", response_model=PageOut[UnitOut], openapi_extra=needs(Permission.VIEW))
def list_units(db: ReadDb, actor: CurrentActor) -> Page[Unit]:
    """List all units by name; `parent_id` makes them a tree."""
    return Page(queries.list_units(db, actor))


@units.post(
    "", name="api_create_unit", status_code=201, response_model=UnitOut, openapi_extra=needs(Permission.MANAGE_USERS)
)
def create_unit(db: WriteDb, actor: CurrentActor, wanted: UnitIn) -> Unit:
    """Add a unit."""
    return service.create_unit(db, actor, wanted.name, wanted.parent_id)


@units.get("/{unit_id}", name="api_get_unit", response_model=UnitOut, openapi_extra=needs(Permission.VIEW))
def get_unit(db: ReadDb, actor: CurrentActor, unit_id: str) -> Unit:
    """Return one unit."""
    return queries.get_unit(db, actor, unit_id)


@units.patch("/{unit_id}", name="api_edit_unit", response_model=UnitOut, openapi_extra=needs(Permission.MANAGE_USERS))
def edit_unit(db: WriteDb, actor: CurrentActor, unit_id: str, wanted: UnitPatch, if_match: IfMatch) -> Unit:
    """Rename a unit, move it with all below it, or name its head."""
    return service.edit_unit(db, actor, unit_id, wanted, if_match=if_match)


@grants.get("", name="api_list_grants", response_model=PageOut[GrantOut], openapi_extra=needs(Permission.VIEW))
def list_grants(db: ReadDb, actor: CurrentActor, wanted: Annotated[GrantFilter, Query()]) -> Page[Grant]:
    """List roles: your own, and those on objects whose rights you may look into."""
    return queries.page_grants(db, actor, **wanted.model_dump())


@grants.post(
    "", name="api_grant_role", status_code=201, response_model=GrantOut, openapi_extra=needs(Permission.MANAGE_USERS)
)
def grant_role(db: WriteDb, actor: CurrentActor, wanted: GrantIn) -> Grant:
    """Give a user a role on the workspace, a unit with all below it, or a model; it acts at once."""
    user = queries.get_user(db, actor, wanted.user_id)
    object_id = wanted.object_id or (actor.workspace_id if wanted.object_kind == "workspace" else "")
    return service.grant_role(db, actor, user, Role(wanted.role), wanted.object_kind, object_id)


@grants.post(
    "/{grant_id}/revoke", name="api_revoke_grant", status_code=204, openapi_extra=needs(Permission.MANAGE_USERS)
)
def revoke_grant(db: WriteDb, actor: CurrentActor, grant_id: str) -> None:
    """Take a role away; it acts at once."""
    service.revoke_grant(db, actor, grant_id)


@tokens.get("", name="api_list_tokens", response_model=PageOut[TokenOut], openapi_extra=needs(Permission.VIEW))
def list_tokens(db: ReadDb, actor: CurrentActor, wanted: Annotated[TokenFilter, Query()]) -> Page[Token]:
    """List your tokens, or those of somebody whose rights you may look into."""
    return Page(queries.list_tokens(db, actor, wanted.user_id or actor.id))


@tokens.post(
    "",
    name="api_create_token",
    status_code=201,
    response_model=TokenMadeOut,
    openapi_extra={**needs(Permission.MANAGE_OWN_ACCOUNT), **tells("secret")},
)
def create_token(db: WriteDb, actor: CurrentActor, wanted: TokenIn) -> dict[str, Any]:
    """Make a token for yourself or for a service account that you manage; its secret is told once."""
    user = _owner(db, actor, wanted)
    token, secret = service.create_token(db, actor, user, wanted.name, scope=wanted.scope, expires_at=wanted.expires_at)
    return {**TokenOut.model_validate(token).model_dump(), "secret": secret}


def _owner(db: WriteDb, actor: Actor, wanted: TokenIn) -> User:
    if wanted.user_id in (None, actor.id):
        return queries.get_user(db, actor, actor.id)
    return queries.get_visible_user(db, actor, wanted.user_id or "")


@tokens.post(
    "/{token_id}/revoke",
    name="api_revoke_token",
    response_model=TokenOut,
    openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT),
)
def revoke_token(db: WriteDb, actor: CurrentActor, token_id: str) -> Token:
    """End a token at once."""
    return service.revoke_token(db, actor, token_id)


@mappings.get(
    "",
    name="api_list_group_mappings",
    response_model=PageOut[GroupMappingOut],
    openapi_extra=needs(Permission.VIEW_AUDIT),
)
def list_group_mappings(
    db: ReadDb, actor: CurrentActor, wanted: Annotated[GroupMappingFilter, Query()]
) -> Page[GroupMapping]:
    """List which groups of the company give which roles."""
    return queries.page_group_mappings(db, actor, **wanted.model_dump())


@mappings.post(
    "",
    name="api_add_group_mapping",
    status_code=201,
    response_model=GroupMappingOut,
    openapi_extra=needs(Permission.MANAGE_USERS),
)
def add_group_mapping(db: WriteDb, actor: CurrentActor, wanted: GroupMappingIn) -> GroupMapping:
    """Let members of a group get a role, from their next sign-in on."""
    return service.add_group_mapping(
        db, actor, wanted.group, wanted.role, unit_id=wanted.unit_id, is_home=wanted.is_home
    )


@mappings.post(
    "/{mapping_id}/remove",
    name="api_remove_group_mapping",
    status_code=204,
    openapi_extra=needs(Permission.MANAGE_USERS),
)
def remove_group_mapping(db: WriteDb, actor: CurrentActor, mapping_id: str) -> None:
    """End a mapping; roles that only it gave end with it."""
    service.remove_group_mapping(db, actor, mapping_id)


@identities.get(
    "", name="api_list_identities", response_model=PageOut[IdentityOut], openapi_extra=needs(Permission.VIEW)
)
def list_identities(db: ReadDb, actor: CurrentActor, wanted: Annotated[TokenFilter, Query()]) -> Page[ProviderIdentity]:
    """List who you, or somebody whose rights you may look into, are to identity providers."""
    return Page(queries.list_identities(db, actor, wanted.user_id or actor.id))


@identities.post(
    "/{identity_id}/remove",
    name="api_remove_identity",
    status_code=204,
    openapi_extra=needs(Permission.MANAGE_USERS),
)
def remove_identity(db: WriteDb, actor: CurrentActor, identity_id: str) -> None:
    """Part an account from an identity, which may then be linked anew."""
    service.remove_identity(db, actor, identity_id)


@rules.get(
    "", name="api_list_trust_rules", response_model=PageOut[TrustRuleOut], openapi_extra=needs(Permission.VIEW_AUDIT)
)
def list_trust_rules(db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Page[TrustRule]:
    """List whose tokens are exchanged for tokens of service accounts."""
    return queries.page_trust_rules(db, actor, cursor=wanted.cursor, limit=wanted.limit)


@rules.post(
    "",
    name="api_add_trust_rule",
    status_code=201,
    response_model=TrustRuleOut,
    openapi_extra=needs(Permission.MANAGE_USERS),
)
def add_trust_rule(db: WriteDb, actor: CurrentActor, wanted: TrustRuleIn) -> TrustRule:
    """Trust tokens of an issuer that fit, and exchange them for one of a service account's."""
    return service.add_trust_rule(db, actor, wanted)


@rules.post(
    "/{rule_id}/remove", name="api_remove_trust_rule", status_code=204, openapi_extra=needs(Permission.MANAGE_USERS)
)
def remove_trust_rule(db: WriteDb, actor: CurrentActor, rule_id: str) -> None:
    """End a rule; tokens that were exchanged by it end now."""
    service.remove_trust_rule(db, actor, rule_id)


_EXCHANGE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": ExchangeIn.model_json_schema()}
            for kind in ("application/x-www-form-urlencoded", "application/json")
        },
    }
}


@token_exchange.post(
    "",
    name="api_exchange_token",
    response_model=ExchangedOut,
    openapi_extra={**public(), **tells("access_token"), **_EXCHANGE_BODY},
)
async def exchange_token(request: Request) -> Response:
    """Exchange a pipeline's own signed token for a short-lived one (RFC 8693), as a form or as JSON.

    A trust rule must fit its issuer, audience and claims; an administrator writes these.
    """
    wanted = await read_either(request, ExchangeIn)
    state = request.app.state
    address = request.client.host if request.client else None
    made = await run_in_threadpool(exchange.exchange, state.database, state.providers, wanted, address=address)
    return Response(made.model_dump_json(), media_type="application/json")
