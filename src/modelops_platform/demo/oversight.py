"""What the demonstration's second line does: findings, waivers, an emergency change, attestations, a review."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from modelops_platform.client import Client

ENDS_SOON_DAYS = 12
FINDINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "validator",
        {
            "title": "Unstable for very small lesions",
            "description": "Below the fifth percentile of size the score changes by a third when one value changes.",
            "recommendation": "Say in the card that such lesions go to a person, or fit the feature monotonically.",
            "source": "audit",
            "category": "performance",
            "severity": "medium",
        },
    ),
    (
        "risk",
        {
            "title": "The fallback was never tried",
            "description": "Nobody has switched the model off to see whether readers keep their pace without it.",
            "category": "use",
            "severity": "low",
        },
    ),
)
NOTED = {"sentence": "Agreed with the owner; the card will say it."}


def oversee(people: Mapping[str, Client], model: str) -> None:
    """Raise, work on and set aside what the second line finds about a model.

    Args:
        people: A client for each of owner, developer, validator, risk and executive.
    """
    raised = [people[function].post("/findings", {"model": model, **finding})["id"] for function, finding in FINDINGS]
    for step in ("accept", "start", "submit"):
        people["owner"].post(f"/findings/{raised[0]}/steps/{step}", NOTED)
    ends = (datetime.now(UTC) + timedelta(days=ENDS_SOON_DAYS)).date().isoformat()
    accepted = {"model": model, "finding": raised[1], "until": ends}
    waiver = people["developer"].post(
        "/waivers", {**accepted, "reason": "The drill is planned.", "control": "Readers work without it on Fridays."}
    )
    for seat in waiver["seats"]:
        people[seat].post(f"/waivers/{waiver['id']}/answers", {"agree": True, **NOTED})
    asked = {"model": model, "requirement": "card-complete", "control": "The validator read the draft."}
    people["developer"].post("/waivers", {**asked, "reason": "Two fields wait for the clinic."})
    urgent = {"model": model, "version": 1, "to": "alias:champion"}
    if people["developer"].get("/gate", **urgent)["outcome"] == "deny":
        people["developer"].post("/emergencies", {**urgent, "reason": "The one before has stopped answering."})
    place = f"/models/{quote(model, safe='')}"
    people["owner"].post(f"{place}/attestations", {"word": "owner attestation"})
    due = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
    looked = {"outcome": "continue_with_findings", "text": "Figures, use and findings were looked at.", "next_due": due}
    people["risk"].post(f"{place}/reviews", looked)
