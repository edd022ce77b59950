"""The addresses that clients of MLflow print after each run lead to our pages, also by way of the sign-in."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.factories import Cast

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


def test_printed_addresses_lead_to_our_pages(
    live: int, cast: Cast, browser: Browser, subtests: pytest.Subtests
) -> None:
    cast.person("admin")
    context = browser.new_context(base_url=f"http://127.0.0.1:{live}")
    page = context.new_page()
    for printed, ours in [
        ("experiments/7/runs/01a20f1bb00377ba86d2de52592386f7", "/runs/01a20f1bb00377ba86d2de52592386f7"),
        ("experiments/7/runs/abc/artifacts/model?x=1", "/runs/abc"),
        ("experiments/7/models/m-0123", "/logged-models/m-0123"),
        ("experiments/7/traces?startTime=ALL&selectedEvaluationId=tr-1f", "/traces/tr-1f"),
        ("experiments/7/traces", "/experiments/7/traces"),
        ("experiments/7/evaluation-runs?selectedRunUuid=a", "/experiments/7"),
        ("models/credit%20risk/versions/2", "/models/credit%20risk/versions/2"),
        ("prompts/greeting?promptVersion=1", "/prompts/greeting"),
    ]:
        with subtests.test(printed=printed):
            page.goto("about:blank")
            page.goto(f"/#/{printed}")
            expect(page).to_have_url(re.compile(re.escape(f"/login?next={quote(ours.replace('%20', ' '), safe='')}")))
    page.goto("about:blank")
    page.goto("/#/elsewhere/7")
    expect(page).to_have_url(re.compile("/login#/elsewhere/7$"))
    context.close()
