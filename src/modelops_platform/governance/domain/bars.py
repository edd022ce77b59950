"""What bars anything new from going live, whatever a policy says: a prohibited use, a state of a life cycle."""

from .facts import Facts, Verb
from .judging import Evidence, Found, LinkKind, Status

BARRED = "barred"
_MOVES = frozenset({Verb.ALIAS, Verb.STAGE, Verb.DEPLOYMENT})


def find_bars(facts: Facts) -> tuple[Found, ...]:
    """Name what bars it. Moving on in a life cycle is never barred: that is the way out."""
    if facts.action.verb not in _MOVES:
        return ()
    found = []
    if facts.eu_class == "prohibited":
        found.append(
            Found(
                Status.NOT_MET,
                "Its use is a prohibited practice under the EU AI Act (article 5).",
                LinkKind.SHOW_GOVERNANCE,
                (Evidence("model", facts.model_id),),
                remedy="Change what it is used for, and classify it anew.",
            )
        )
    found += [
        Found(
            Status.NOT_MET,
            sentence if sentence.endswith(".") else f"{sentence}.",
            LinkKind.SHOW_LIFE_CYCLE,
            (Evidence("version", facts.version_id),),
            remedy="Have it moved on in its life cycle.",
        )
        for sentence in (facts.standing.barred if facts.standing is not None else ())
    ]
    return tuple(found)
