"""Events as people read them: one entry of the log, and the words for what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event with its content parsed; names of people are looked up by the caller."""

    id: str
    at: datetime
    kind: str
    actor_id: str
    actor_kind: str
    object_kind: str
    object_id: str
    object_name: str | None
    unit_id: str | None
    model_id: str | None
    data: Mapping[str, Any]
    personal: Mapping[str, Any] = field(default_factory=dict)
    place: int | None = None
    workspace_id: str = ""

    @property
    def people(self) -> set[str]:
        """Ids of those whose names the words need."""
        named = {self.actor_id}
        if self.object_kind == "user":
            named.add(self.object_id)
        return named


def people_in(entries: "list[LogEntry] | tuple[LogEntry, ...]") -> set[str]:
    """Return the ids of everybody whom these entries name, to be looked up at once."""
    return set().union(*(entry.people for entry in entries)) if entries else set()


def who(entry: LogEntry, names: Mapping[str, str]) -> str:
    """Return who did it: "Maria Silva", "The platform", "Somebody"."""
    if entry.actor_kind == "system":
        return "The platform"
    if entry.actor_kind == "nobody":
        return "Somebody"
    return names.get(entry.actor_id, "Somebody who left")


# The part after who did it. `{object}` is the thing's name, `{data}` what the event carries.
_SENTENCES = {
    "access.declined": "declined a request for access",
    "access.granted": "gave the role {data[role]} that was asked for",
    "access.requested": "asked for access",
    "access.denied": "was refused: {data[message]}",
    "alert.acknowledged": "answered the alert on {object}",
    "alert.changed": "saw {object} get worse",
    "alert.closed": "closed the alert on {object}",
    "alert.raised": "raised an alert on {object}",
    "approval.applied": "did what was approved: {data[outcome]}",
    "approval.commented": "commented on {object}",
    "approval.escalated": "asked those above about {object}: nobody decided in time",
    "approval.not_applied": "could not do what was approved: {data[outcome]}",
    "approval.reminded": "reminded of {object}",
    "approval.timed_out": "closed the time for {object}",
    "card.written": "wrote into the card of {object}",
    "delegation.ended": "ended a delegation of votes",
    "delegation.made": "delegated their votes",
    "determination.confirmed": "confirmed that it is {object}",
    "determination.recorded": "determined that it is {object}: {data[reason]}",
    "emergency.answered": "answered the emergency change {object}",
    "emergency.applied": "made the emergency change {object}",
    "emergency.begun": "let the emergency change {object} pass",
    "emergency.denied": "denied the emergency change {object}",
    "emergency.missed": "found that {object} was not made good in time",
    "emergency.not_applied": "could not make the emergency change {object}",
    "emergency.requested": "asked for the emergency change {object}",
    "emergency.settled": "found that {object} meets the full gate",
    "eu_class.determined": "classified it under the EU AI Act as {object}",
    "evidence.added": "added evidence: {object}",
    "evidence.expired": "noted that {object} has expired",
    "evidence.withdrawn": "withdrew {object}",
    "finding.closed": "closed the finding {object}",
    "finding.due_asked": "asked for another due date of {object}",
    "finding.due_kept": "kept the due date of {object}",
    "finding.due_moved": "moved the due date of {object}",
    "finding.escalated": "told those above that {object} is late",
    "finding.moved": "moved the finding {object} to {data[state]}",
    "finding.raised": "raised the finding {object}",
    "finding.rated": "rated the finding {object}",
    "finding.reopened": "opened the finding {object} again",
    "finding.risk_accepted": "accepted the risk of {object}",
    "finding.submitted": "asked for verification of {object}",
    "life_cycle.published": "published the life cycle {object}",
    "life_cycle.transferred": "took {object} on under the life cycle {data[life_cycle][to]}",
    "model.approved": "saw {object} approved",
    "model.kept": "kept {object} after all: {data[reason]}",
    "model.moved": "saw {object} become {data[state][to]}",
    "model.put_on_hold": "put {object} on hold: {data[reason]}",
    "model.reconsidered": "took {object} up for another look: {data[reason]}",
    "model.rejected": "rejected {object}: {data[reason]}",
    "model.restricted": "restricted the use of {object}: {data[reason]}",
    "model.restriction_lifted": "lifted the restriction of {object}: {data[reason]}",
    "model.resumed": "resumed {object}: {data[reason]}",
    "model.retired": "retired {object}: {data[reason]}",
    "model.retiring": "began to retire {object}: {data[reason]}",
    "model.started": "started the development of {object}",
    "model.suspended": "suspended {object}: {data[reason]}",
    "model.taken_up": "took {object} up again",
    "questionnaire.published": "published the questionnaire {object}",
    "review.due": "reminded that {object} is due for review",
    "review.overdue": "noted that the review of {object} is overdue",
    "risk.due": "saw the assessment ({object}) fall due",
    "risk.reopened": "re-opened the assessment ({object}): {data[because]}",
    "tier.overridden": "let {object} count: {data[reason]}",
    "tier.override_asked": "asked for {object}: {data[reason]}",
    "tier.override_ended": "ended the override ({object}): {data[reason]}",
    "tier.override_expired": "saw the override ({object}) expire",
    "trusted_key.added": "trusts the key {object}",
    "trusted_key.ended": "trusts the key {object} no more",
    "version.approved": "saw {object} approved",
    "version.failed": "saw {object} fail: {data[reason]}",
    "version.moved": "saw {object} become {data[state][to]}",
    "version.revoked": "revoked {object}: {data[reason]}",
    "version.submitted": "submitted {object}",
    "version.taken_back": "took {object} back to draft",
    "version.validated": "saw {object} validated",
    "version.validating": "began to validate {object}",
    "waiver.answered": "answered the {object}",
    "waiver.denied": "denied the {object}",
    "waiver.ending": "announced that the {object} ends soon",
    "waiver.expired": "noted that the {object} has ended",
    "waiver.granted": "granted the {object}",
    "waiver.requested": "asked for a {object}",
    "waiver.revoked": "revoked the {object}",
    "approval.denied": "rejected {object}",
    "approval.granted": "gave the last approval of {object}",
    "approval.invalidated": "voided the approval of {object}: what it covers was edited",
    "approval.requested": "asked for approval of {object}",
    "approval.voted": "voted on {object}: {data[answer]}",
    "approval.withdrawn": "took back the request for {object}",
    "deployment.activated": "put v{data[version]} live as {object}",
    "deployment.created": "recorded the deployment {object}",
    "deployment.digest_drifted": "reported other bytes than approved at {object}",
    "deployment.digest_reported": "reported that {object} runs what was approved",
    "deployment.ended": "took {object} out of service",
    "enforcement.changed": "set the gate to {data[mode][to]}: {data[reason]}",
    "evaluation_set.created": "made the evaluation data set {object}",
    "evaluation_set.deleted": "deleted the evaluation data set {object}",
    "gate.asked": "asked whether {object} may go to {data[to]}: {data[outcome]}",
    "gate.observed": "took {object} to {data[to]}, which the gate would have refused",
    "gate.passed": "took {object} to {data[to]} through the gate",
    "gate.refused": "was refused to take {object} to {data[to]}",
    "password.changed": "changed their password",
    "policy.published": "published the policy {object}",
    "risk.assessed": "assessed the risk as tier {data[tier][to]}, {data[total]} of 100",
    "risk.confirmed": "confirmed the risk as tier {data[tier]}",
    "log.tampered": "found an event in the log that it did not write",
    "log.verified": "verified the log: {data[outcome]}",
    "monitor.created": "watches {object}",
    "recipe.failed": "could not finish run {data[number]} of the recipe {object}: {data[words]}",
    "recipe.started": "started run {data[number]} of the recipe {object}",
    "recipe.taken_over": "took over the recipe {object}",
    "suite.published": "published {object}",
    "tests.started": "asked for the tests {data[suite]} on v{data[version]}",
    "tests.finished": "tested v{data[version]} by {data[suite]}: {data[light]}",
    "tests.failed": "could not test v{data[version]} by {data[suite]}",
    "tests.pushed": "pushed results of {data[suite]} on v{data[version]}: {data[light]}",
    "validation.assigned": "assigned the {object}",
    "validation.started": "began the {object}",
    "validation.completed": "signed the {object}: {data[opinion]}",
    "validation.called_off": "called off the {object}",
    "validation.reopened": "opened the {object} again, as what it covers was edited",
    "recipe.trained": "trained v{data[version]} by run {data[number]} of the recipe {object}",
    "samples.added": "brought in the sample data",
    "seal_key.rotated": "signs the log with the key {data[to]} from now on",
    "role.granted": "gave {object} the role {data[role]} on {data[on][name]}",
    "role.revoked": "took the role {data[role]} on {data[on][name]} from {object}",
    "signin.ended": "signed out",
    "signin.failed": "failed to sign in",
    "signin.succeeded": "signed in",
    "signin_link.created": "made a one-time sign-in link for {object}",
    "traces.deleted": "deleted {data[traces]} traces of {object}",
    "user.erased": "erased a person; what they did stays",
    "webhook.created": "made the webhook {object}",
    "webhook.deleted": "deleted the webhook {object}",
    "webhook.edited": "changed the webhook {object}",
    "workspace.created": "made the workspace",
}


def describe(entry: LogEntry, names: Mapping[str, str] | None = None) -> str:
    """Return what was done, to follow the name of who did it: "registered model churn".

    A kind without a sentence of its own is `thing.happened`, which reads as "happened thing name".
    """
    name = (names or {}).get(entry.object_id) or entry.object_name or ""
    sentence = _SENTENCES.get(entry.kind)
    if sentence is not None:
        try:
            return sentence.format(object=name or "somebody", data={**entry.personal, **entry.data})
        except (KeyError, TypeError):
            pass  # an event written before the sentence: the kind's own words are always true
    thing, _, happened = entry.kind.rpartition(".")
    words = f"{happened} {thing}".replace("_", " ").replace(".", " ")
    return f"{words} {name}".strip()


def tone(kind: str) -> str:
    """Return how the event looks in a list: refusals stand out, the rest is quiet."""
    if kind in ("access.denied", "signin.failed"):
        return "warn"
    return "fail" if kind.endswith((".refused", ".failed", ".tampered")) else "neutral"
