"""JSON routes of aliases."""

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import AliasIn, AliasOut
from ..tables import Alias

router = api_router("/models/{name}/aliases", "aliases")


@router.get("", name="api_list_aliases", response_model=PageOut[AliasOut], openapi_extra=needs(Permission.VIEW))
def list_aliases(db: ReadDb, actor: CurrentActor, name: str) -> Page[Alias]:
    """List every interval of every alias, the newest first; one without an end holds now."""
    return Page(queries.alias_history(db, queries.get_model(db, actor, name).id))


@router.put("/{alias}", name="api_set_alias", response_model=AliasOut, openapi_extra=needs(Permission.SET_ALIAS))
def set_alias(db: WriteDb, actor: CurrentActor, name: str, alias: str, wanted: AliasIn) -> Alias:
    """Let the alias name a version from now on, if the policies agree."""
    return service.set_alias(db, actor, queries.get_model(db, actor, name), alias, wanted.version)


@router.delete("/{alias}", name="api_remove_alias", status_code=204, openapi_extra=needs(Permission.SET_ALIAS))
def remove_alias(db: WriteDb, actor: CurrentActor, name: str, alias: str) -> None:
    """End the alias; its history stays."""
    service.remove_alias(db, actor, queries.get_model(db, actor, name), alias)
