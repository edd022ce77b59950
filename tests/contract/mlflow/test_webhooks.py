"""Webhooks through the unmodified client."""

from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_webhook_is_made_listed_changed_tested_and_deleted(client: Any) -> None:
    from mlflow.exceptions import MlflowException

    made = client.create_webhook(
        name="hook", url="https://hooks.invalid/in", events=["model_version.created", "prompt.created"], secret="s3cret"
    )
    assert [str(event) for event in made.events] == ["model_version.created", "prompt.created"]
    assert client.get_webhook(made.webhook_id).url == "https://hooks.invalid/in"
    assert made.webhook_id in {one.webhook_id for one in client.list_webhooks()}
    changed = client.update_webhook(made.webhook_id, status="DISABLED", description="quiet")
    assert (str(changed.status), changed.description, changed.name) == ("DISABLED", "quiet", "hook")
    told = client.test_webhook(made.webhook_id)
    assert (told.success, "hooks.invalid" in str(told.error_message)) == (False, True)
    client.delete_webhook(made.webhook_id)
    with pytest.raises(MlflowException, match="not found"):
        client.get_webhook(made.webhook_id)
    with pytest.raises(MlflowException):
        client.create_webhook(name="hook", url="http://127.0.0.1:1/", events=["registered_model.created"])
