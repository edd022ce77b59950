"""Names for runs that were given none."""

import secrets

_HOW = (
    "able bold brave bright brisk calm clean clear clever crisp deft eager early exact fair fast firm fond fresh "
    "gentle glad grand handy honest keen kind light lively loyal lucid merry mild neat nimble open patient placid "
    "plain polite prompt proud quick quiet rapid ready sage sharp sleek smart smooth sober solid sound spry stable "
    "steady still stout sturdy subtle sunny sure swift tidy trim true upbeat vivid warm wise witty"
)
_WHO = (
    "alder aspen badger beaver birch bison cedar colt crane curlew deer dove eagle egret elm falcon fern finch fox "
    "grouse hare hawk hazel heron ibex jay kestrel larch lark linden lynx magpie maple marten mole moose newt oak "
    "orca osprey otter owl pine plover puffin quail raven robin rook salmon seal shrew stag starling stork swan "
    "tern thrush toad trout vole whale willow wolf wren yew"
)
_ADJECTIVES, _CREATURES = tuple(_HOW.split()), tuple(_WHO.split())


def make_name() -> str:
    """Return a name that people can tell from others and say aloud, such as `calm-otter-417`."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_CREATURES)}-{secrets.randbelow(900) + 100}"
