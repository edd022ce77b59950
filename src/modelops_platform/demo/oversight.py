"""What people do under the policies: classes, cards, findings, waivers, reviews, validations, tests and decisions.

What is told in `data/governance.yaml` is done by the people it names; `ago` is how many days before today.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modelops_platform.client import Client
from modelops_platform.core import clock
from modelops_platform.events.proof.seals import key_id, to_pem, version_text

from .catalogue import GOVERNANCE, SHORT_LIFE_CYCLE, SUITES
from .material import Entry

ADMIN = "admin"
RISK, COMPLIANCE, EXECUTIVE, VALIDATOR = "karim.haddad", "lena.fischer", "grace.novak", "emi.tanaka"
SEATS = {"risk": RISK, "executive": EXECUTIVE, "compliance": COMPLIANCE, "validator": VALIDATOR}
_WAY = {"ai-system": "yes", "union": "yes", "excluded": "no", "practices": "no", "general-purpose": "no"}
_PEOPLE = {"Retail credit": "credit", "Insurance pricing": "insurance"}
_PARTS = {
    "conceptual": "The method is of the simplest kind that fits this question; alternatives were fitted and gained "
    "nothing that their opacity would be worth. Its assumptions hold on the rows looked at.",
    "sensitivity": "Each input was moved by one deviation, alone and together with its neighbours; no answer turned "
    "over that a reader would not expect to turn.",
    "limits": "It knows one source and one period. Where it is unsure it must be left to a person, and those who use "
    "it are told so in the manual of the use case.",
    "monitoring": "What is watched, how often and within which limits is adequate: the error once it is known, and "
    "until then the drift of the inputs.",
    "generative": "Forty cases are read side by side with the source; instructions hidden in the text were tried.",
}
AGREED = "Read with the owner; the reasons are good enough for this time."


@dataclass(frozen=True)
class Act:
    """Something that somebody did some days ago."""

    days_ago: float
    do: Callable[[], None]


class Oversight:
    """Does what the second line, owners and developers do about models.

    Args:
        people: The client of each person by key.
        ids: Their ids by key.
        entries: The models by name.
    """

    def __init__(self, people: Mapping[str, Client], ids: Mapping[str, str], entries: Iterable[Entry]) -> None:
        self._people, self._ids = people, ids
        self._entries = {entry.name: entry for entry in entries}
        self._key = Ed25519PrivateKey.generate()
        self._raised: dict[int, str] = {}

    # ---- before today, and today ---------------------------------------------------------------------------------

    def acts(self) -> list[Act]:
        """Return everything that is told with its day, today's with 0."""
        found: list[Act] = []
        for number, told in enumerate(GOVERNANCE["findings"]):
            found.append(Act(told["ago"], partial(self._raise, number, told)))
            found += [Act(step[0], partial(self._step, number, told, step)) for step in told.get("steps", ())]
        found += [Act(told["ago"], partial(self._waive, told)) for told in GOVERNANCE["waivers"]]
        found += [Act(told["ago"], partial(self._review, told)) for told in GOVERNANCE["reviews"]]
        return found

    def _raise(self, number: int, told: Mapping[str, Any]) -> None:
        names = ("model", "title", "description", "recommendation", "source", "category", "severity", "is_draft")
        body = {name: told[name] for name in names if name in told}
        made = self._people[told["by"]].post("/findings", body)
        self._raised[number] = made["id"]
        if "accepted_for" in told:
            self._waive({**told["waiver"], "model": told["model"], "finding": made["id"], "days": told["accepted_for"]})

    def _step(self, number: int, told: Mapping[str, Any], step: list[Any]) -> None:
        _ago, who, verb, sentence = step
        self._as(who, told["model"]).post(f"/findings/{self._raised[number]}/steps/{verb}", {"sentence": sentence})

    def _waive(self, told: Mapping[str, Any]) -> None:
        names = ("model", "requirement", "finding", "reason", "control")
        until = (clock.now() + timedelta(days=told["days"])).date().isoformat()
        body = {name: told[name] for name in names if name in told} | {"until": until}
        made = self._as("developer", told["model"]).post("/waivers", body)
        for seat in () if told.get("undecided") else made["seats"]:
            word = {"agree": True, "sentence": AGREED}
            self._as(SEATS.get(seat, seat), told["model"]).post(f"/waivers/{made['id']}/answers", word)

    def _review(self, told: Mapping[str, Any]) -> None:
        due = (clock.now() + timedelta(days=told["lasts"])).date().isoformat()
        body = {"outcome": told["outcome"], "text": told["text"], "next_due": due}
        self._as(told["by"], told["model"]).post(f"{_at(told['model'])}/reviews", body)

    # ---- what a model is ----------------------------------------------------------------------------------------

    def determine(self, entry: Entry) -> None:
        """Say whether it is a model, and under which class its use falls."""
        is_tool = entry.kind == "spreadsheet"
        reason = (
            "Adds up figures that the frequency model gives; it estimates nothing by itself."
            if is_tool
            else "Its results are estimates, and people act on them."
        )
        made = self._people[entry.developer].post(
            f"{_at(entry.name)}/determinations", {"is_model": not is_tool, "reason": reason}
        )
        if is_tool:
            self._people[RISK].post(f"{_at(entry.name)}/determinations/{made['id']}/confirm")
        answers = _answers(entry)
        if answers is not None:
            self._people[entry.developer].post(f"{_at(entry.name)}/eu-classes", {"answers": answers})

    def prepare(self) -> None:
        """Publish the suites and the second life cycle."""
        for document in SUITES:
            said = {"document": document, "reason": "Agreed by the risk committee."}
            made = self._people[RISK].post("/test-suites", said)
            if not made["is_in_force"]:
                confirm = f"/test-suites/{made['document_id']}/versions/{made['number']}/confirm"
                self._people[ADMIN].post(confirm, {"sentence": "The limits are those of the committee's minutes."})
        shorter = {"document": SHORT_LIFE_CYCLE, "reason": "Workbooks and rules go a shorter way."}
        self._people[RISK].post("/life-cycles", shorter)

    def ask_what_if(self) -> None:
        """Ask who would newly fail under a draft that has an executive approve models of tier 2, too."""
        document = self._people[RISK].get("/policies/tier-2")["document"]
        changes = {
            "\nversion: 2\n": "\nversion: 3\n",
            "roles: [owner, validator, risk]": "roles: [owner, validator, risk, executive]",
        }
        for now, then in changes.items():
            document = document.replace(now, then)
        self._people[RISK].post("/what-ifs", {"documents": [document], "title": "An executive approves tier 2, too"})

    def trust_key(self) -> None:
        """Trust the key of the release pipeline."""
        self._people["admin"].post(
            "/trusted-keys", {"name": "Release pipeline", "public_key": to_pem(self._key.public_key())}
        )

    # ---- what a version shows -----------------------------------------------------------------------------------

    def fill_card(self, entry: Entry) -> None:
        """Write into the card what its tier wants and nobody can find elsewhere."""
        if entry.name in GOVERNANCE["left_empty"]:
            return
        client = self._people[entry.developer]
        named = {"use_case": entry.use_case, "name": entry.name}
        texts = GOVERNANCE["cards"] | ({"limits": entry.limits} if entry.limits else {})
        card = client.get(f"{_at(entry.name)}/card")
        missing = {one["id"] for one in card["fields"] if one["is_wanted"] and not one["is_filled"]}
        fields = {id: text.format(**named) for id, text in texts.items() if id in missing}
        client.call("PATCH", f"{_at(entry.name)}/card", json={"fields": fields})

    def sign_files(self, entry: Entry) -> None:
        """Sign the digest of the first version with the key of the release pipeline."""
        digest = self._people[entry.developer].get(f"{_at(entry.name)}/versions/1")["manifest_digest"]
        signature = self._key.sign(version_text(digest).encode()).hex()
        body = {"version": 1, "key": key_id(self._key.public_key()), "signature": signature}
        self._people[entry.developer].post(f"{_at(entry.name)}/signatures", body)

    def push_results(self, entry: Entry, suite: str, results: list[dict[str, Any]]) -> None:
        """Hand in what the pipeline of a unit measured, about the very files of the first version."""
        client = self._people[entry.developer]
        digest = client.get(f"{_at(entry.name)}/versions/1")["manifest_digest"]
        body = {"suite": suite, "digest": digest, "key": f"build-{suite}", "results": results}
        client.post(f"{_at(entry.name)}/versions/1/test-results", body)

    def push_recorded(self, entry: Entry, suite: str) -> None:
        """Hand in how much the version explains, as its training recorded it on rows that it had not seen."""
        version = self._people[entry.developer].get(f"{_at(entry.name)}/versions/1")
        figure = next(one for one in version["metrics"] if one["name"] == "r2")
        reach = 1.96 * figure["standard_error"]
        result = {
            "test": "fit",
            "outcome": "pass",
            "value": figure["value"],
            "low": figure["value"] - reach,
            "high": figure["value"] + reach,
            "rows": figure["n"],
            "method": f"On {figure['data_set']}, with its bootstrap error",
        }
        self.push_results(entry, suite, [result])

    def validate(self, entry: Entry) -> None:
        """Have an independent validator write a report and sign it, or begin one."""
        told = GOVERNANCE["validations"].get(entry.name)
        note = GOVERNANCE["left_open"].get(entry.name, "")
        if told is None and not note:
            return
        validator = self._people[entry.validator]
        assigned = self._people[entry.owner].post(f"{_at(entry.name)}/validations", {"version": 1, "note": note})
        place = f"/validations/{assigned['id']}"
        missing = validator.get(f"{place}/report")["missing"]
        for part in missing[:1] if told is None else missing:
            validator.post(f"{place}/parts", {"part": part, "text": _PARTS[part]})
        if told is None:
            return
        for finding in told.get("findings", ()):
            validator.post(f"{place}/findings", finding)
        report = validator.get(f"{place}/report")
        said = {name: told[name] for name in ("opinion", "sentence")}
        validator.post(f"{place}/sign", said | {name: report[name] for name in ("covers", "digest")})

    def attest(self, entry: Entry) -> None:
        """Have the second line attest its reviews, and the owner the drill and the entry."""
        if entry.name in GOVERNANCE["reviewed"]:
            for word in ("explainability review", "security review"):
                self._people[COMPLIANCE].post(f"{_at(entry.name)}/attestations", {"version": 1, "word": word})
            self._people[entry.owner].post(f"{_at(entry.name)}/attestations", {"version": 1, "word": "rollback drill"})
        if entry.name in GOVERNANCE["owners_attest"]:
            self._people[entry.owner].post(f"{_at(entry.name)}/attestations", {"word": "owner attestation"})

    # ---- decisions ----------------------------------------------------------------------------------------------

    def decide(self) -> None:
        """Leave requests in every state, one emergency, an override, a restriction, a suspension and a retirement."""
        self._ask_and("card-fraud-screen", "production", self._reject)
        self._ask_and("solar-activity-outlook", "alias:champion", self._withdraw)
        self._ask_and("supplier-invoice-agent", "production", self._void)
        urgent = {"model": "form-digit-reader", "version": 1, "to": "alias:champion"}
        reason = "The scanner's new glass needs the version that was fitted to it; forms pile up since Monday."
        change = self._as("developer", "form-digit-reader").post("/emergencies", {**urgent, "reason": reason})
        for voter in (VALIDATOR, RISK):
            word = {"agree": True, "sentence": "Agreed; the full gate follows within its days."}
            self._people[voter].post(f"/emergencies/{change['id']}/answers", word)
        self._move("travel-mode-choice", RISK, "suspended", "Waiting times fell out of the range it was trained on.")
        self._move("affordability-rules", "owner", "restricted", "Until the finding of the validation is closed.")
        self._move("area-crime-context", "owner", "retiring", "Underwriters no longer look at regions by crime.")
        self._move("area-crime-context", RISK, "retired", "No deployment was ever made; the record is kept.")

    def override(self) -> None:
        """Let a stricter tier count for a while, asked by the owner and confirmed by risk."""
        model = "solar-activity-outlook"
        ends = (clock.now() + timedelta(days=300)).astimezone(UTC).isoformat()
        asked = {
            "tier": 3,
            "reason": "Two operators of grids read it now, which the questionnaire does not ask.",
            "expires_at": ends,
        }
        made = self._as("owner", model).post(f"{_at(model)}/overrides", asked)
        self._people[RISK].post(f"{_at(model)}/overrides/{made['id']}/confirm")

    def delegate(self, holder: str, delegate: str) -> str:
        """Let somebody vote in another's place for ten days; return the holder's id."""
        now = clock.now()
        ends = now + timedelta(days=10)
        body = {"delegate": self._ids[delegate], "from_at": now.isoformat(), "to_at": ends.isoformat()}
        self._people[holder].post("/delegations", body | {"reason": "On leave until the end of next week."})
        return self._ids[holder]

    def _ask_and(self, model: str, to: str, then: Callable[[str, str], None]) -> None:
        asked = {"model": model, "version": 1, "to": to, "message": "Please look at it for the next release."}
        then(self._as("developer", model).post("/approvals", asked)["id"], model)

    def _reject(self, request: str, model: str) -> None:
        sentence = "The contract grants no audit and nothing is monitored; not on these terms."
        self._as("validator", model).post(f"/approvals/{request}/votes", {"answer": "reject", "sentence": sentence})

    def _withdraw(self, request: str, model: str) -> None:
        self._as("developer", model).post(f"/approvals/{request}/withdraw")

    def _void(self, _request: str, model: str) -> None:
        """Change what was to be approved: the request about the former text falls by itself."""
        purpose = f"{self._entries[model].purpose} It also sorts reminders."
        self._as("developer", model).call("PATCH", _at(model), json={"purpose": purpose})

    def _move(self, model: str, who: str, to: str, reason: str) -> None:
        self._as(who, model).post(f"{_at(model)}/move", {"to": to, "reason": reason})

    def _as(self, who: str, model: str) -> Client:
        entry = self._entries[model]
        parts = {"owner": entry.owner, "developer": entry.developer, "validator": entry.validator}
        return self._people[parts.get(who, who)]


def _at(model: str) -> str:
    return f"/models/{quote(model, safe='')}"


def _answers(entry: Entry) -> dict[str, str] | None:
    """Answer the guided questions as far as the class that the entry is of."""
    match entry.facts.get("eu_class"):
        case "high_annex_i":
            return {**_WAY, "product": "yes"}
        case "high_annex_iii":
            return {**_WAY, "product": "no", "listed-use": _PEOPLE[entry.unit], "profiling": "yes"}
        case "transparency" | "minimal" as found:
            contact = "yes" if found == "transparency" else "no"
            return {**_WAY, "product": "no", "listed-use": "none", "contact": contact}
        case _:
            return None
