"""The demonstration's story, told to a running server over HTTP by its people, each with a token of their own."""

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from modelops_platform.client import Client, Refused

from .catalogue import ENTRIES, GOVERNANCE, PEOPLE
from .logbook import Logbook
from .material import DataSetFile, Entry, Journey, Material, ReplayPlan, Threshold
from .numbers import Numbers
from .oversight import Act, Oversight

PRODUCTION = "production"
UNIT_HEADS = {
    "Retail credit": "gwen.parry",
    "Insurance pricing": "hugo.santos",
    "Health analytics": "ines.weber",
    "Operations": "jonas.lund",
    "Organisation": "grace.novak",
}
REGISTERED_DAYS_AGO = 130.0
AWAY, STAND_IN = "hugo.santos", "isa.romero"
JOURNEY = list(Journey)
PATIENCE_SECONDS = 240.0
LOOK_SECONDS = 0.4
REASONS = {
    "approve": "I have read the record, the figures and the limits, and I agree with this use.",
    "deploy": "First release after approval.",
    "ask": "For “{use_case}”: what it can and cannot do stands in its card.",
}
MEASURES = {"outside_range": "data_quality", "group_gap": "bias"}
Say = Callable[[str], None]


class Story:
    """Tells the demonstration to a server.

    Args:
        url: The server's address.
        tokens: The API token of each person by key, and of the administrator as `admin`.
        say: Told in a line what happens.
    """

    def __init__(self, url: str, tokens: Mapping[str, str], say: Say) -> None:
        self._people = {key: Client(url, token) for key, token in tokens.items()}
        self._ids = {key: client.get("/me")["id"] for key, client in self._people.items()}
        self._keys = {person_id: key for key, person_id in self._ids.items()}
        self._use_cases: set[str] = set()
        self._data_sets: dict[tuple[str, str], str] = {}  # unit and data: the name of the unit's record
        self._logbook = Logbook(url, tokens)
        self._oversight = Oversight(self._people, self._ids, ENTRIES)
        self._say = say

    def close(self) -> None:
        """Close every person's connection."""
        self._logbook.close()
        for client in self._people.values():
            client.close()

    def past(self) -> list[Act]:
        """Return what happened in the months before, each with its day."""
        told = [act for act in self._oversight.acts() if act.days_ago > 0]
        return [Act(REGISTERED_DAYS_AGO, self._begin), *told]

    def _begin(self) -> None:
        self._name_heads()
        self._oversight.prepare()
        for entry in ENTRIES:
            self._register(entry)
            if _reaches(entry, Journey.ASSESSED):
                self._oversight.determine(entry)
            self._assess(entry)
            self._name_validator(entry)

    def tell(self, numbers: Numbers) -> None:
        """Bring in what happens today. Raises ClientError when the server refuses something."""
        with tempfile.TemporaryDirectory(prefix="modelops-demo-") as folder:
            self._say("Preparing data sets and replays from scikit-learn and statsmodels")
            material = numbers.prepare(Path(folder))
            self._keep_data(material)
            runs = self._train(material)
            for each in material:
                self._add_files(each)
            self._wait_for_training(runs)
            for each in material:
                self._watch(each, numbers, Path(folder))
            self._wait_for_scans(material)
            self._say("Filling cards, signing files, testing")
            self._oversight.trust_key()
            for each in material:
                self._oversight.fill_card(each.entry)
                if each.entry.recipes or each.files:
                    self._oversight.sign_files(each.entry)
            self._test(material, numbers, Path(folder))
            self._say("Validating, attesting, raising findings")
            for each in material:
                self._oversight.validate(each.entry)
                self._oversight.attest(each.entry)
            for act in self._oversight.acts():
                if act.days_ago == 0:
                    act.do()
            self._oversight.override()
            self._decide([each.entry for each in material])
            self._oversight.ask_what_if()

    def _decide(self, entries: list[Entry]) -> None:
        """Ask, vote and deploy: some before the gate is enforced, the others through it."""
        early = set(GOVERNANCE["before_enforcement"])
        self._enforce("observe", "The policies are watched for a while before they hold anybody up.")
        for entry in entries:
            if entry.name in early:
                self._approve_and_deploy(entry)
        self._enforce("enforce", "Owners have had their time; from now on the gate refuses.")
        self._say("The gate is enforced: approvals, votes, deployments")
        self._oversight.delegate(AWAY, STAND_IN)
        for entry in entries:
            if entry.name not in early:
                self._approve_and_deploy(entry)
        self._oversight.decide()

    def _enforce(self, mode: str, reason: str) -> None:
        self._as("admin").put("/workspace/enforcement", {"mode": mode, "reason": reason})

    def _test(self, material: Iterable[Material], numbers: Numbers, folder: Path) -> None:
        """Run suites on rows that no training saw, and hand in what pipelines measured."""
        known = {each.entry.name: each for each in material}
        held: dict[str, str] = {}
        waiting: list[tuple[str, str]] = []
        for told in GOVERNANCE["tests"]:
            each = known[told["model"]]
            client, name = self._as(each.entry.developer), each.entry.name
            if name not in held:
                assert each.data_set is not None
                held[name] = f"{each.data_set.name}, held back from {name}"
                file = folder / f"{name}-held-back.csv"
                rows = numbers.write_held_back(each, file)
                _keep_data_set(client, replace(each.data_set, file=file, rows=rows), held[name], each.entry.unit)
            body = {key: value for key, value in told.items() if key != "model"}
            body |= {"data_set": held[name], "target": each.entry.recipes[0].target}
            waiting.append((each.entry.developer, client.post(f"{_place(name)}/versions/1/test-runs", body)["id"]))
        for told in GOVERNANCE["pushed"]:
            self._oversight.push_recorded(known[told["model"]].entry, told["suite"])
        scorecard = known["member-risk-scorecard"]
        measured = numbers.pipeline_results(scorecard)
        for suite, tests in (("tier-1", ("discrimination",)), ("fair-treatment", ("mean-error",))):
            mine = [result for result in measured if result["test"] in tests]
            self._oversight.push_results(scorecard.entry, suite, mine)
        self._wait_for_tests(waiting)

    def _wait_for_tests(self, waiting: list[tuple[str, str]]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while waiting and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            for person, run_id in list(waiting):
                run = self._as(person).get(f"/test-runs/{run_id}")
                if run["ended_at"] is not None:
                    waiting.remove((person, run_id))
                    self._say(f"  {run['model']}, {run['suite']}: {run['light'] or run['failure']}")

    def _as(self, key: str) -> Client:
        return self._people[key]

    def _name_heads(self) -> None:
        admin = self._as("admin")
        for unit in admin.get("/units")["items"]:
            if head := UNIT_HEADS.get(unit["name"]):
                admin.call("PATCH", f"/units/{unit['id']}", json={"head_id": self._ids[head]})

    def _register(self, entry: Entry) -> None:
        developer = self._as(entry.developer)
        if entry.use_case not in self._use_cases:
            self._use_cases.add(entry.use_case)
            developer.post("/use-cases", {"name": entry.use_case, "unit": entry.unit, "owner": _email(entry.owner)})
        developer.register(
            entry.name,
            kind=entry.kind,
            purpose=entry.purpose,
            unit=entry.unit,
            use_case=entry.use_case,
            owner=_email(entry.owner),
            developer=_email(entry.developer),
            validator=_email(entry.validator),
            affects_people=entry.affects_people,
            fields=dict(entry.fields),
            tags={"demo": "", **entry.tags},
        )

    def _keep_data(self, material: Iterable[Material]) -> None:
        for each in material:
            entry = each.entry
            if each.data_set and (entry.unit, each.data_set.name) not in self._data_sets:
                name = self._data_set_name(each.data_set.name, entry.unit)
                _keep_data_set(self._as(entry.developer), each.data_set, name, entry.unit)
                self._data_sets[entry.unit, each.data_set.name] = name

    def _data_set_name(self, name: str, unit: str) -> str:
        """Name a unit's record of a data set; another unit's record of the same data is another one."""
        taken = {kept for (_unit, kept) in self._data_sets}
        return f"{name}, {unit}" if name in taken else name

    def _train(self, material: Iterable[Material]) -> list[tuple[Entry, str]]:
        """Write the recipes down and start each; the challengers come after all champions."""
        runs: list[tuple[Entry, str]] = []
        for position in (0, 1):
            for each in material:
                if len(each.entry.recipes) > position and each.data_set is not None:
                    recipe = each.entry.recipes[position].for_data_set(
                        self._data_sets[each.entry.unit, each.data_set.name]
                    )
                    client = self._as(each.entry.developer)
                    name = f"{each.entry.name} {'champion' if position == 0 else 'challenger'}"
                    wanted = {"name": name, "model": each.entry.name, "document": recipe.to_document()}
                    made = client.post("/recipes", wanted)
                    runs.append((each.entry, client.post(f"/recipes/{made['id']}/runs")["id"]))
        self._say(f"Training {len(runs)} versions by recipes, as jobs of the platform")
        return runs

    def _wait_for_training(self, runs: list[tuple[Entry, str]]) -> None:
        """Wait for each training, and have its developer log what came of it."""
        waiting, ended, until = list(runs), 0, time.monotonic() + PATIENCE_SECONDS
        while waiting:
            if time.monotonic() > until:
                raise RuntimeError(f"{len(waiting)} trainings did not end within {PATIENCE_SECONDS:.0f} s.")
            time.sleep(LOOK_SECONDS)
            for entry, run_id in list(waiting):
                run = self._as(entry.developer).get(f"/training-runs/{run_id}")
                if run["state"] in ("queued", "running"):
                    continue
                waiting.remove((entry, run_id))
                ended += 1
                if run["state"] != "succeeded":
                    raise RuntimeError(f"{run['recipe']['name']}: {run['error']}")
                self._logbook.log(entry.developer, model=entry.name, unit=entry.unit, training=run)
                figures = ", ".join(f"{m['name']} {m['value']:.3g}" for m in run["metrics"][:2])
                self._say(f"  {ended}/{len(runs)} {run['recipe']['name']}: version {run['version_number']}, {figures}")

    def _add_files(self, each: Material) -> None:
        """Make the first version of a model that is not learned here: from its file, or from its record alone."""
        if each.entry.recipes:
            return
        client = self._as(each.entry.developer)
        files = [{"path": file.name, "sha256": client.upload(file, name=file.name)["sha256"]} for file in each.files]
        body: dict[str, Any] = {"files": files, "description": each.entry.limits}
        if each.data_set is not None:
            body["data_set"] = self._data_sets[each.entry.unit, each.data_set.name]
        if each.files and each.entry.recipes == () and each.data_set is not None:
            body |= self._logbook.log_build(each.entry, each.data_set.rows)
        client.post(f"{_place(each.entry.name)}/versions", body)

    def _assess(self, entry: Entry) -> None:
        if _reaches(entry, Journey.ASSESSED):
            facts = {key: value for key, value in entry.facts.items() if key != "eu_class"}
            body = {"answers": dict(entry.answers), "facts": facts, "reason": "First assessment."}
            path = f"/models/{_segment(entry.name)}/assessments"
            made = self._as(entry.developer).post(path, body)
            if made["reviewed_by"] is None and made["tier"] > 1:  # a developer's word alone makes no model harmless
                self._as("karim.haddad").post(f"{path}/{made['id']}/confirm")

    def _name_validator(self, entry: Entry) -> None:
        """Let risk, who has no part in the model, say who checks it: its makers only propose."""
        path = f"/models/{_segment(entry.name)}/name-validator"
        self._as("karim.haddad").post(path, {"validator": _email(entry.validator)})

    def _watch(self, each: Material, numbers: Numbers, folder: Path) -> None:
        """Set limits, have the model answer its replay, and post the history as its developer."""
        entry = each.entry
        if entry.replay is None or each.replay is None:
            return
        client = self._as(entry.developer)
        for threshold in entry.replay.thresholds:
            client.post(f"/models/{_segment(entry.name)}/monitors", _monitor(threshold, entry.replay))
        if each.answered_by == "worker":
            file = next(f for f in _version(client, entry.name, 1)["files"] if f["path"].endswith(".onnx"))
            model = folder / f"{entry.name}.onnx"
            model.write_bytes(client.call("GET", f"/files/{file['sha256']}").content)
            history = numbers.history(each, model, file["sha256"])
        else:
            history = numbers.history_by_formula(each)
        now = datetime.now(UTC)
        client.post_metrics(
            entry.name,
            [
                {
                    "metric": point.metric,
                    "value": point.value,
                    "at": (now - point.age).isoformat(),
                    "n": point.n,
                    "version": 1,
                    "source": "replay",
                    "note": f"Window {point.window} of a replay of real rows",
                }
                for point in history
            ],
        )
        self._say(f"  {entry.name}: {len(history)} points, answered by its {each.answered_by}")

    def _wait_for_scans(self, material: Iterable[Material]) -> None:
        """Wait until every file that an approval needs has been scanned."""
        until = time.monotonic() + PATIENCE_SECONDS
        waiting = [each.entry for each in material if _reaches(each.entry, Journey.WAITING)]
        while waiting and time.monotonic() < until:
            waiting = [entry for entry in waiting if "scan" in " ".join(self._gate(entry)["unmet"])]
            if waiting:
                time.sleep(LOOK_SECONDS)

    def _gate(self, entry: Entry) -> dict[str, Any]:
        asked = {"model": entry.name, "version": 1, "to": PRODUCTION}
        found: dict[str, Any] = self._as(entry.developer).get("/gate", **asked)
        return found

    def _approve_and_deploy(self, entry: Entry) -> None:
        if not _reaches(entry, Journey.WAITING):
            return
        developer = self._as(entry.developer)
        asked = {
            "model": entry.name,
            "version": 1,
            "environment": PRODUCTION,
            "message": REASONS["ask"].format(use_case=entry.use_case),
        }
        request = developer.post("/approvals", asked)
        if not _reaches(entry, Journey.APPROVED):
            return
        self._vote(entry, request["id"])
        if not _reaches(entry, Journey.DEPLOYED):
            return
        name = f"{entry.name}-{PRODUCTION}"
        developer.post(
            "/deployments",
            {"name": name, "environment": PRODUCTION, "model": entry.name, "consumer": entry.use_case},
        )
        wanted = {"version": 1, "reason": REASONS["deploy"]}
        live = developer.post(f"/deployments/{_segment(name)}/revisions", wanted)
        if live["approved_digest"] and entry.kind != "rules":
            developer.post(f"/deployments/{_segment(name)}/report-digest", {"digest": live["approved_digest"]})
        self._say(f"  {entry.name} v1 is approved and recorded as live in {PRODUCTION}")

    def _vote(self, entry: Entry, request_id: str) -> None:
        """Let one person vote for each seat that the decision still wants."""
        voted: set[str] = set()
        while True:
            decision = self._gate(entry)
            seats = [seat for judgement in decision["judgements"] for seat in judgement.get("seats", [])]
            candidates = [
                key
                for seat in seats
                if seat.get("voter_id") is None
                for key in (self._keys.get(person) for person in seat.get("candidates", []))
                if key and key != "admin" and key not in voted
            ]
            if not candidates:
                if "approvals" in decision["unmet"]:
                    raise RuntimeError(f"{entry.name} cannot be approved: {decision['sentence']} {decision['unmet']}")
                return
            voted.add(candidates[0])
            vote: dict[str, Any] = {"answer": "approve", "sentence": REASONS["approve"]}
            voter = candidates[0]
            if voter == AWAY and entry.name not in GOVERNANCE["before_enforcement"]:
                voter, vote["in_place_of"] = STAND_IN, self._ids[AWAY]
            self._as(voter).post(f"/approvals/{request_id}/votes", vote)


def _reaches(entry: Entry, step: Journey) -> bool:
    return JOURNEY.index(entry.journey) >= JOURNEY.index(step)


def _place(model: str) -> str:
    return f"/models/{_segment(model)}"


def _email(key: str) -> str:
    return next(person.email for person in PEOPLE if person.key == key)


def _segment(name: str) -> str:
    return quote(name, safe="")


def _version(client: Client, model: str, number: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/models/{_segment(model)}/versions/{number}")
    return found


def _keep_data_set(client: Client, data_set: DataSetFile, name: str, unit: str) -> None:
    """Store the file and make its record, so that everybody in the unit can train on it."""
    stored = client.upload(data_set.file, name=data_set.file.name)
    try:
        client.post(
            "/data-sets",
            {
                "name": name,
                "unit": unit,
                "digest": stored["sha256"],
                "file_name": data_set.file.name,
                "size": stored["size"],
                "rows": data_set.rows,
                "description": data_set.preparation,
                "source": data_set.source,
                "licence": data_set.licence,
            },
        )
    except Refused as error:
        raise RuntimeError(f"The data set {name} was refused: {error}") from error


def _monitor(threshold: Threshold, plan: ReplayPlan) -> dict[str, Any]:
    return {
        "name": threshold.metric,
        "measures": "quality" if threshold.metric == plan.quality else MEASURES.get(threshold.metric, "drift"),
        "bad": threshold.bad,
        "warn": threshold.warn,
        "fail": threshold.fail,
        "fewest_rows": threshold.fewest_rows,
        "stale_after": f"{threshold.stale_after_days} days",
        "environment": None,
        "description": "Replayed from real rows that no training saw.",
    }
