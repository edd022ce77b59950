"""What the gate says, in the words of the protocol."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from modelops_platform.core.errors import TransitionRefused


@contextmanager
def judged(name: str, number: int) -> Iterator[None]:
    """Let a refusal by the gate carry what is unmet, and where the evidence is looked at."""
    try:
        yield
    except TransitionRefused as refusal:
        decision = refusal.details.get("decision")
        if isinstance(decision, dict):
            judgements = {one["requirement_id"]: one for one in decision.get("judgements", ())}
            refusal.details["unmet"] = [
                {"requirement": id_, "label": _words(judgements.get(id_, {}), id_)} for id_ in decision.get("unmet", ())
            ]
        page = f"/models/{quote(name, safe='')}/versions/{number}/evidence"
        refusal.remedy = f"{refusal.remedy or ''} The evidence is at {page}.".strip()
        raise


def _words(judgement: dict[str, object], fallback: str) -> str:
    return str(judgement.get("title") or judgement.get("label") or fallback)
