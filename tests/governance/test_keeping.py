"""A version that a guarded alias names, or whose approval is waiting, is not archived."""

from .setting import Setting


def archive(bank: Setting, version: int = 1) -> tuple[int, str]:
    answer = bank["author"].post(f"/api/v1/models/{bank.model}/versions/{version}/archive")
    return answer.status_code, answer.json().get("detail", "")


def enforce(bank: Setting, mode: str) -> None:
    change = {"mode": mode, "reason": "For this test."}
    assert bank["admin"].put("/api/v1/workspace/enforcement", json=change).status_code == 200


def test_what_a_guarded_alias_names_stays_until_the_alias_moves(bank: Setting) -> None:
    bank.assess()
    enforce(bank, "observe")
    assert bank.promote().status_code == 200
    enforce(bank, "enforce")
    assert archive(bank) == (409, f"{bank.model} v1 is what alias:champion names.")
    mlflow = {"name": bank.model, "version": "1"}
    refused = bank["author"].request("DELETE", "/api/2.0/mlflow/model-versions/delete", json=mlflow)
    assert (refused.status_code, "alias:champion" in refused.json()["message"]) == (403, True)
    bank.add_version(b"others")
    bank.ask(2, by="author")
    assert archive(bank, 2) == (409, f"An approval of {bank.model} v2 is waiting for votes.")
    assert bank["admin"].delete(f"/api/v1/models/{bank.model}/aliases/champion").status_code in (200, 204)
    assert bank["admin"].put(f"/api/v1/models/{bank.model}/aliases/blue", json={"version": 1}).status_code == 200
    assert archive(bank)[0] == 200  # nothing guards that alias


def test_where_the_workspace_only_observes_nothing_is_refused(bank: Setting) -> None:
    bank.assess()
    enforce(bank, "observe")
    assert bank.promote().status_code == 200
    assert archive(bank)[0] == 200
