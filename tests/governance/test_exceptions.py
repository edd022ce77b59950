"""Approvals with a due date, delegation, doing what was granted, emergencies, evidence, and what waits for whom."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, update
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.events.proof.seals import Signer, is_signed, key_id, read_pem, to_pem, version_text
from modelops_platform.governance import jobs, queries, service
from modelops_platform.governance.tables import EmergencyChange
from modelops_platform.identity import passwords
from modelops_platform.identity.tables import User
from modelops_platform.jobs.tables import Job
from modelops_platform.notifications import service as notifications
from modelops_platform.notifications.tables import Notification
from tests.factories import SYSTEM, count_events

from .factories import policy_document
from .setting import RESEARCH, Setting

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # rules, no matter of SQL
PASSWORD = "correct horse battery staple"
SAID = {"sentence": "I looked at it."}


def publish(bank: Setting, **approvals: Any) -> None:
    """Publish the policy of tier 1 with more said about its approvals."""
    document = policy_document(version=2)
    for requirement in document["requirements"]:
        if requirement["check"] == "approvals":
            requirement.update(approvals)
    sent = bank["admin"].post("/api/v1/policies", json={"document": document, "reason": "Time matters."})
    assert sent.status_code == 201, sent.text


def run_jobs(database: Database) -> list[Any]:
    """Do the waiting jobs that take what was granted where it shall go."""
    done = []
    with database.write() as db:
        for job in db.scalars(select(Job).where(Job.kind == service.APPLY, Job.state == "queued")).all():
            done.append(jobs.HANDLERS[service.APPLY].finish(db, job, job.args))
            job.state = "succeeded"
    return done


def request_of(bank: Setting, id: str) -> dict[str, Any]:
    found: dict[str, Any] = bank["viewer"].get(f"/api/v1/approvals/{id}").json()
    return found


@pytest.mark.parametrize("action", ["deny", "escalate"])
def test_a_request_is_reminded_of_and_then_what_the_policy_says_happens(
    bank: Setting, database: Database, action: str
) -> None:
    publish(bank, due_days=10, on_timeout=action)
    id = bank.ask()
    assert request_of(bank, id)["on_timeout"] == action
    bank.vote(id, "owner")
    for days, reminded, timed_out in ((4, 0, 0), (5, 1, 0), (6, 1, 0), (9, 2, 0), (9.5, 2, 0), (10, 2, 1), (11, 2, 1)):
        with clock.frozen(clock.now() + timedelta(days=days, minutes=1)), database.write() as db:
            service.keep_time(db, DEFAULT_WORKSPACE)
            service.keep_time(db, DEFAULT_WORKSPACE)
        with database.read() as db:
            told = count_events(db, "approval.reminded"), count_events(db, "approval.timed_out")
            assert told == (reminded, timed_out), days
    state = request_of(bank, id)["state"]
    assert state == ("expired" if action == "deny" else "open")
    refused = bank.vote(id, "risk").status_code
    assert refused == (412 if action == "deny" else 201)
    with database.read() as db:
        version = queries.get_request(db, SYSTEM, id).version_id
        target = queries.find_target(db, SYSTEM, "alias:champion")
        for days, count in ((0, 1 if action == "deny" else 2), (11, 0 if action == "deny" else 2)):
            at = clock.now() + timedelta(days=days)
            votes = queries.gather(db, queries.Case(version, target), at=at).votes
            assert len(votes) == count  # what was denied by time begins anew, and was there before


def test_a_granted_request_is_done_in_the_name_of_who_asked_once(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    body = {"model": bank.model, "version": 1, "to": "alias:champion", "message": "Please.", "apply": True}
    id = bank["author"].post("/api/v1/approvals", json=body).json()["id"]
    assert bank.vote(id, "owner").json()["state"] == "granted"
    assert run_jobs(database) == [{"outcome": "v1 is champion."}]
    found = request_of(bank, id)
    assert found["applied"] == "v1 is champion."
    with database.read() as db:
        assert count_events(db, "alias.set") == count_events(db, "approval.applied") == 1


def test_of_several_that_do_what_was_granted_one_does_it(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    body = {"model": bank.model, "version": 1, "to": "alias:champion", "message": "Please.", "apply": True}
    id = bank["author"].post("/api/v1/approvals", json=body).json()["id"]
    bank.vote(id, "owner")
    barrier, outcomes = threading.Barrier(3), []

    def work() -> None:
        barrier.wait()
        with database.write() as db:
            outcomes.append(service.apply_granted(db, DEFAULT_WORKSPACE, "approval_request", id))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["v1 is champion."] * 3
    with database.read() as db:
        assert count_events(db, "alias.set") == count_events(db, "approval.applied") == 1


@ON_SQLITE
def test_what_the_asker_may_not_do_any_more_is_not_done(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    body = {"model": bank.model, "version": 1, "to": "alias:champion", "message": "Please.", "apply": True}
    id = bank["author"].post("/api/v1/approvals", json=body).json()["id"]
    bank.vote(id, "owner")
    gone = bank["admin"].post(f"/api/v1/users/{bank.person('author').id}/disable")
    assert gone.status_code in (200, 204), gone.text
    assert "not in use" in run_jobs(database)[0]["outcome"]
    with database.read() as db:
        assert (count_events(db, "alias.set"), count_events(db, "approval.not_applied")) == (0, 1)


def delegate(bank: Setting, holder: str, to: str, *, begin: int = 0, days: int = 5) -> Any:
    now = clock.now()
    body = {
        "delegate": bank.person(to).id,
        "from_at": (now + timedelta(days=begin)).isoformat(),
        "to_at": (now + timedelta(days=begin + days)).isoformat(),
        "reason": "Away.",
    }
    return bank[holder].post("/api/v1/delegations", json=body)


def vote_for(bank: Setting, id: str, by: str, holder: str, answer: str = "approve") -> Any:
    said = {"answer": answer, "in_place_of": bank.person(holder).id, **SAID}
    return bank[by].post(f"/api/v1/approvals/{id}/votes", json=said)


@ON_SQLITE
def test_a_delegate_votes_with_the_roles_of_the_holder_and_both_count_once(bank: Setting, database: Database) -> None:
    id = bank.ask()
    assert vote_for(bank, id, "compliance", "risk").status_code == 403  # nobody has delegated
    assert delegate(bank, "risk", "compliance").status_code == 201
    assert delegate(bank, "risk", "executive").status_code == 409  # twice
    assert delegate(bank, "executive", "risk").status_code == 409  # a chain
    assert delegate(bank, "compliance", "executive").status_code == 409
    voted = vote_for(bank, id, "compliance", "risk")
    assert voted.status_code == 201, voted.text
    vote = voted.json()["votes"][0]
    assert (vote["voter_id"], vote["holder_id"], "risk" in vote["roles"]) == (
        bank.person("compliance").id,
        bank.person("risk").id,
        True,
    )
    assert bank.vote(id, "compliance").status_code == 403  # one person counts once
    seats = {seat["role"]: seat["voter_id"] for seat in _seats(bank)}
    assert seats["risk"] == bank.person("compliance").id
    assert bank.vote(id, "risk").status_code == 201  # the holder's own word stands above the delegate's
    assert {seat["role"]: seat["voter_id"] for seat in _seats(bank)}["risk"] == bank.person("risk").id
    mine = bank["compliance"].get("/api/v1/delegations").json()["items"][0]["id"]
    assert bank["compliance"].post(f"/api/v1/delegations/{mine}/end").status_code == 200
    assert vote_for(bank, bank.ask(to="alias:production"), "compliance", "risk").status_code == 403


def _seats(bank: Setting) -> Iterator[dict[str, Any]]:
    for judgement in bank.gate().json()["judgements"]:
        yield from judgement["seats"]


@ON_SQLITE
def test_who_made_the_version_votes_in_nobodys_place(bank: Setting) -> None:
    id = bank.ask()
    assert delegate(bank, "risk", "author").status_code == 201
    refused = vote_for(bank, id, "author", "risk")
    assert (refused.status_code, "made this version" in refused.json()["detail"]) == (403, True)


def test_of_two_votes_at_once_one_wins_and_the_other_hears_why(bank: Setting) -> None:
    bank.assess(RESEARCH)
    bank.vote(bank.ask(), "owner")
    bank.add_version(b"second")
    publish(bank)  # tier 1 stays as it is; the request below is of tier 4
    id = bank.ask(2)
    peer = bank.person("owner")
    clients = [bank["owner"] for _ in range(4)]
    codes: list[int] = []
    barrier = threading.Barrier(len(clients))

    def say(number: int) -> None:
        barrier.wait()
        answer = "approve" if number % 2 else "reject"
        codes.append(bank.vote(id, "owner", answer).status_code)

    threads = [threading.Thread(target=say, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [201, 412, 412, 412]
    assert peer.id in {vote["voter_id"] for vote in request_of(bank, id)["votes"]}


def ask_emergency(bank: Setting, by: str = "author", **changes: Any) -> Any:
    body = {"model": bank.model, "version": 1, "to": "alias:champion", "reason": "Loans stand still.", **changes}
    return bank[by].post("/api/v1/emergencies", json=body)


def agree(bank: Setting, id: str, by: str, yes: bool = True) -> Any:
    return bank[by].post(f"/api/v1/emergencies/{id}/answers", json={"agree": yes, **SAID})


def test_an_emergency_opens_with_others_and_is_made_good_or_leaves_a_finding(bank: Setting, database: Database) -> None:
    made = ask_emergency(bank)
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    assert (made.json()["approvers"], made.json()["days"]) == (2, 5)
    assert ask_emergency(bank).status_code == 409
    assert agree(bank, id, "author").status_code == 403
    assert agree(bank, id, "admin").status_code == 403
    assert agree(bank, id, "risk").json()["state"] == "requested"
    assert bank.promote().status_code == 409  # not yet
    assert agree(bank, id, "executive").json()["state"] == "active"
    assert run_jobs(database) == [{"outcome": "v1 is champion."}]
    decision = bank["viewer"].get("/api/v1/decisions").json()["items"][0]["decision"]
    assert decision["emergency_id"] == id
    assert decision["sentence"].startswith("Yes, in an emergency until ")
    with clock.frozen(clock.now() + timedelta(days=4)), database.write() as db:
        assert service.settle_emergencies(db, DEFAULT_WORKSPACE) == 0
    with clock.frozen(clock.now() + timedelta(days=6)):
        with database.write() as db:
            assert service.settle_emergencies(db, DEFAULT_WORKSPACE) == 1
            assert service.settle_emergencies(db, DEFAULT_WORKSPACE) == 0
        finding = bank["viewer"].get("/api/v1/findings").json()["items"][0]
        assert (finding["severity"], finding["emergency_id"], finding["source"]) == ("high", id, "emergency")
        assert bank["viewer"].get(f"/api/v1/emergencies/{id}").json()["state"] == "missed"
        assert bank.gate().json()["outcome"] == "deny"


@ON_SQLITE
def test_an_emergency_that_meets_the_gate_in_time_is_settled(bank: Setting, database: Database) -> None:
    id = ask_emergency(bank).json()["id"]
    agree(bank, id, "risk")
    agree(bank, id, "executive")
    run_jobs(database)
    bank.assess(RESEARCH)
    bank.vote(bank.ask(), "owner")
    with database.write() as db:
        assert service.settle_emergencies(db, DEFAULT_WORKSPACE) == 1
        assert db.scalars(select(EmergencyChange.state)).one() == "settled"


@ON_SQLITE
def test_no_emergency_lets_danger_pass(bank: Setting) -> None:
    number = bank.add_version(b"poison", verdict="dangerous")
    refused = ask_emergency(bank, version=number)
    assert (refused.status_code, "No emergency" in refused.json()["detail"]) == (422, True)


@ON_SQLITE
def test_no_emergency_is_asked_for_what_is_barred(bank: Setting) -> None:
    model = bank["author"].get(f"/api/v1/models/{bank.model}")
    edit, here = {"eu_class": "prohibited"}, {"if-match": model.headers["etag"]}
    assert bank["author"].patch(f"/api/v1/models/{bank.model}", json=edit, headers=here).status_code == 200
    refused = ask_emergency(bank)
    assert (refused.status_code, "No emergency" in refused.json()["detail"]) == (422, True)


@ON_SQLITE
def test_an_attestation_is_signed_so_that_anybody_can_check_it(bank: Setting, database: Database) -> None:
    made = bank["owner"].post(f"/api/v1/models/{bank.model}/attestations", json={"word": "owner attestation"})
    assert made.status_code == 201, made.text
    piece = made.json()
    assert "owner" in piece["roles"]
    with database.read() as db:
        public = Signer(db.info["keys"].seal).public
    assert is_signed(piece["signed_text"], piece["signature"], read_pem(to_pem(public))[0])
    assert not is_signed(piece["signed_text"].replace("owner", "other"), piece["signature"], public)
    stated = json.loads(piece["signed_text"])
    assert (stated["text"], stated["by"]) == (piece["text"], bank.person("owner").id)
    assert bank["robot"].post(f"/api/v1/models/{bank.model}/attestations", json={"word": "x"}).status_code == 403
    assert bank["owner"].post(f"/api/v1/models/{bank.model}/attestations", json={"word": "x"}).status_code == 422


@ON_SQLITE
def test_a_signature_counts_while_its_key_is_trusted(bank: Setting, database: Database) -> None:
    private = Ed25519PrivateKey.generate()
    pem = to_pem(private.public_key())
    digest = bank["viewer"].get(f"/api/v1/models/{bank.model}/versions/1").json()["manifest_digest"]
    signature = private.sign(version_text(digest).encode()).hex()
    body = {"version": 1, "key": key_id(private.public_key()), "signature": signature}
    address = f"/api/v1/models/{bank.model}/signatures"
    assert bank["author"].post(address, json=body).status_code == 422  # nobody trusts the key
    key = bank["admin"].post("/api/v1/trusted-keys", json={"name": "Release", "public_key": pem})
    assert key.status_code == 201, key.text
    assert bank["author"].post(address, json={**body, "signature": "0" * 128}).status_code == 422
    assert bank["author"].post(address, json=body).status_code == 201
    with database.read() as db:
        version = (
            queries.page_evidence(db, SYSTEM, queries.get_evidence(db, SYSTEM, _only(bank)).model).items[0].version
        )
        assert version is not None
        kinds = [fact.kind.value for fact in queries.load_evidence(db, {version.id: version}, clock.now())[version.id]]
    assert kinds == ["signature"]
    ended = bank["admin"].post(f"/api/v1/trusted-keys/{key.json()['id']}/end", json={"reason": "It leaked."})
    assert ended.status_code == 200
    with database.read() as db:
        assert queries.load_evidence(db, {version.id: version}, clock.now())[version.id] == ()


def _only(bank: Setting) -> str:
    return str(bank["viewer"].get(f"/api/v1/models/{bank.model}/evidence").json()["items"][0]["id"])


@ON_SQLITE
def test_evidence_is_withdrawn_and_never_edited(bank: Setting, database: Database) -> None:
    body = {"word": "validation report", "title": "Report", "link": "https://example.org/report.pdf"}
    id = bank["validator"].post(f"/api/v1/models/{bank.model}/documents", json=body).json()["id"]
    then = clock.now()
    assert bank["author"].post(f"/api/v1/evidence/{id}/withdraw", json={"reason": "No."}).status_code == 403
    gone = bank["validator"].post(f"/api/v1/evidence/{id}/withdraw", json={"reason": "It was a draft."})
    assert gone.status_code == 200, gone.text
    assert bank["validator"].post(f"/api/v1/evidence/{id}/withdraw", json={"reason": "Again."}).status_code == 412
    with database.read() as db:
        model = queries.get_evidence(db, SYSTEM, id).model
        of = {"any": type("Version", (), {"model_id": model.id})()}
        assert queries.load_evidence(db, of, clock.now())["any"] == ()
        assert [fact.name for fact in queries.load_evidence(db, of, then)["any"]] == ["validation report"]


@ON_SQLITE
def test_a_review_says_when_the_next_is_due_and_it_is_told(bank: Setting, database: Database) -> None:
    due = clock.now().date() + timedelta(days=100)
    body = {"outcome": "continue", "text": "Looked at drift.", "next_due": due.isoformat()}
    assert bank["owner"].post(f"/api/v1/models/{bank.model}/reviews", json=body).status_code == 201
    assert bank["viewer"].get(f"/api/v1/models/{bank.model}").json()["summary"]["next_review"] == due.isoformat()
    for days, soon, late in ((60, 0, 0), (75, 1, 0), (80, 1, 0), (101, 1, 1), (102, 1, 1)):
        with clock.frozen(clock.now() + timedelta(days=days)), database.write() as db:
            service.keep_days(db, DEFAULT_WORKSPACE)
        with database.read() as db:
            assert (count_events(db, "review.due"), count_events(db, "review.overdue")) == (soon, late), days


def test_my_work_names_everything_that_waits_for_me(bank: Setting, database: Database) -> None:
    id = bank.ask()
    finding = (
        bank["validator"]
        .post(
            "/api/v1/findings",
            json={"model": bank.model, "title": "Edge", "description": "Bad.", "category": "data", "severity": "low"},
        )
        .json()["id"]
    )
    waiver = (
        bank["author"]
        .post("/api/v1/waivers", json={"model": bank.model, "finding": finding, "reason": "Late.", "control": "Look."})
        .json()["id"]
    )
    ask_emergency(bank)
    bank.assess(RESEARCH, by="author")

    def kinds(who: str) -> set[str]:
        with database.read() as db:
            return {item.kind.value for item in queries.list_work(db, bank.cast.actor(bank.person(who)))}

    assert kinds("risk") == {"vote", "waiver", "emergency", "tier"}
    assert kinds("owner") == {"vote", "finding", "emergency"}
    assert kinds("author") == {"request"}
    assert kinds("robot") == kinds("viewer") == set()
    for verb in ("accept", "start", "submit"):
        bank["owner"].post(f"/api/v1/findings/{finding}/steps/{verb}", json=SAID)
    assert "verify" in kinds("validator")
    bank["risk"].post(f"/api/v1/waivers/{waiver}/answers", json={"agree": False, **SAID})
    assert "waiver" not in kinds("risk")
    page = bank["owner"].get("/work")
    assert page.status_code == 200
    assert "Findings to work on" not in page.text
    assert bank["risk"].get("/").text.count("Vote") >= 1
    assert bank["risk"].get("/work-count").text == "3"
    assert request_of(bank, id)["state"] == "open"


@ON_SQLITE
def test_whom_it_concerns_is_told(bank: Setting, database: Database) -> None:
    notifications.register(jobs.NOTICES)
    finding = {"model": bank.model, "title": "Edge", "description": "Bad.", "category": "data", "severity": "low"}
    id = bank["validator"].post("/api/v1/findings", json=finding).json()["id"]
    for verb in ("accept", "start", "submit"):
        bank["owner"].post(f"/api/v1/findings/{id}/steps/{verb}", json=SAID)
    for who in ("risk", "executive"):
        bank.person(who)
    bank["author"].post(
        "/api/v1/waivers", json={"model": bank.model, "finding": id, "reason": "Late.", "control": "Look."}
    )
    ask_emergency(bank)
    delegate(bank, "risk", "executive")
    with database.write() as db:
        events.seal_events(db)
        notifications.follow(db)
    with database.read() as db:
        told = {(row.user_id, row.topic) for row in db.scalars(select(Notification))}
    expected = {
        ("owner", "finding"),
        ("validator", "finding"),
        ("risk", "exception"),
        ("executive", "exception"),
        ("executive", "approval_wanted"),
        ("validator", "exception"),
    }
    assert {(bank.person(who).id, topic) for who, topic in expected} <= told
    assert not {user for user, _topic in told} & {bank.person("author").id}


@ON_SQLITE
def test_a_page_asks_for_the_password_again_before_a_strict_attestation(bank: Setting, database: Database) -> None:
    owner = bank.person("owner")
    with database.write() as db:
        db.execute(update(User).where(User.id == owner.id).values(password_hash=passwords.hash_password(PASSWORD)))
    browser = TestClient(bank.app, follow_redirects=False)
    signed_in = browser.post("/login", data={"email": owner.email, "password": PASSWORD})
    assert signed_in.status_code == 303, signed_in.text
    address, said = f"/models/{bank.model}/attestations", {"word": "owner attestation"}
    assert browser.post(address, data=said).status_code == 303  # just signed in
    with clock.frozen(clock.now() + timedelta(minutes=6)):
        assert 'name="password"' in browser.get(f"/models/{bank.model}/records").text
        assert browser.post(address, data=said).status_code == 422
        assert browser.post(address, data={**said, "password": "wrong"}).status_code == 401
        assert browser.post(address, data={**said, "password": PASSWORD}).status_code == 303
    with database.read() as db:
        assert count_events(db, "evidence.added") == 2


@ON_SQLITE
def test_every_page_of_the_story_reads_well(bank: Setting) -> None:
    finding = {"model": bank.model, "title": "Edge", "description": "Bad.", "category": "data", "severity": "low"}
    id = bank["validator"].post("/api/v1/findings", json=finding).json()["id"]
    assert "It is told to its owner" not in bank["owner"].get(f"/findings/{id}").text
    assert "The owner neither" not in bank["owner"].get(f"/findings/{id}").text
    moved = bank["owner"].post(f"/findings/{id}/steps/accept", data=SAID)
    assert (moved.status_code, moved.headers["location"]) == (303, f"/findings/{id}")
    asked = bank["author"].post(
        "/request-waiver", data={"model": bank.model, "finding": id, "reason": "Late.", "control": "Look."}
    )
    assert asked.status_code == 303, asked.text
    waiver = asked.headers["location"]
    assert "You asked for this waiver" in bank["author"].get(waiver).text
    assert bank["risk"].post(f"{waiver}/answers", data={"answer": "yes", **SAID}).status_code == 303
    emergency = {"model": bank.model, "version": "1", "to": "alias:champion", "reason": "Now."}
    opened = bank["author"].post("/request-emergency", data=emergency).headers["location"]
    assert "0 of 2 people have agreed" in bank["risk"].get(opened).text
    raised = bank["risk"].post("/raise-finding", data={**finding, "is_draft": "true"})
    assert "Draft" in bank["risk"].get(raised.headers["location"]).text
    assert "Draft" in bank["viewer"].get("/findings").text
