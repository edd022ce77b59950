"""Pages of monitoring: what a person sees and can do without a script."""

import re
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from modelops_platform.core import clock
from tests.monitoring.conftest import Watch

Clients = Callable[..., TestClient]


def page(client: TestClient, url: str, **headers: str) -> str:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def link(html: str, pattern: str) -> str:
    found = re.search(rf'href="({pattern})"', html)
    assert found, pattern
    return found[1]


def test_from_the_list_to_the_single_figure_in_three_clicks(watch: Watch) -> None:
    watch.monitor(unit="AUC")
    watch.post({"value": 0.8312, "at": clock.now().isoformat(), "source": "replay", "note": "<b>bold</b>"})
    tab = page(watch.client, link(page(watch.client, "/monitoring"), "/models/churn/monitoring"))
    direct = link(tab, r"/points/[^\"]+")
    series = page(watch.client, link(tab, r"/models/churn/monitoring/auc[^\"]*"))
    assert link(series, r"/points/[^\"]+") == direct
    point = page(watch.client, direct)
    for shown in ("0.8312", "Admin", "with token test", "warn below 0.85, fail below 0.8", "replay", "&lt;b&gt;bold"):
        assert shown in point, shown
    assert "<b>bold" not in point
    assert "not from live traffic" in tab


def test_a_model_that_nobody_watches_says_how_to_begin(watch: Watch) -> None:
    html = page(watch.client, "/models/churn/monitoring")
    assert "Nobody watches this model yet" in html
    assert "/api/v1/models/churn/metrics" in html
    watch.post({"metric": "latency", "value": 3.0})
    assert "nobody would notice" in page(watch.client, "/models/churn/monitoring")


def test_a_monitor_is_made_edited_and_disabled_by_forms(watch: Watch) -> None:
    form = {
        "name": "roc_auc", "measures": "quality", "unit": "", "description": "", "bad": "below", "warn": "0.85",
        "fail": "", "fewest_rows": "", "stale_after": "",
    }  # fmt: skip
    assert 'name="stale_after"' in page(watch.client, "/models/churn/watch")
    made = watch.client.post("/models/churn/watch", data=form)
    assert (made.status_code, made.headers["location"]) == (303, "/models/churn/monitoring/roc_auc")
    monitor = watch.client.get(f"{watch.url}/monitors/roc_auc").json()
    assert (monitor["warn"], monitor["fail"], monitor["fewest_rows"], monitor["stale_after"]) == (
        0.85,
        None,
        None,
        None,
    )
    url = "/models/churn/monitoring/roc_auc"
    seen = re.search(r'name="seen" value="([^"]*)"', page(watch.client, f"{url}/edit"))
    assert seen
    tag = seen[1].replace("&#34;", '"')
    changed = {**form, "fail": "0.8", "seen": tag}
    del changed["name"]
    assert watch.client.post(f"{url}/edit", data=changed).status_code == 303
    assert watch.client.post(f"{url}/edit", data=changed).status_code == 412
    assert "fail below 0.8" in page(watch.client, url)
    assert watch.client.post(f"{url}/enabled", data={"is_enabled": "false"}).status_code == 303
    assert "disabled" in page(watch.client, url)
    assert watch.client.post("/models/churn/watch", data={**form, "name": "x", "warn": "much"}).status_code == 422


def test_an_alert_is_answered_on_its_page_and_leaves_the_count(watch: Watch, client_as: Clients) -> None:
    assert page(watch.client, "/monitoring/count") == ""
    watch.monitor()
    watch.post({"value": 0.5})
    assert page(watch.client, "/monitoring/count") == "1"
    alert_id = watch.alerts()[0]["id"]
    assert "1 open alert without an answer" in page(watch.client, "/monitoring")
    assert "Your role does not allow it" in page(client_as("viewer"), f"/alerts/{alert_id}")
    answer = watch.client.post(f"/alerts/{alert_id}/acknowledge", data={"reason": "A feed is late."})
    assert answer.status_code == 303
    assert "A feed is late." in page(watch.client, f"/alerts/{alert_id}")
    assert page(watch.client, "/monitoring/count") == ""
    assert page(client_as("viewer", unit="Elsewhere"), "/monitoring/count") == ""
    fragment = page(watch.client, "/alerts?state=open", **{"hx-request": "true", "hx-target": "div#results"})
    assert "<html" not in fragment
    assert "A feed is late." in fragment


def test_the_address_holds_the_time_and_wrong_ones_are_refused(watch: Watch) -> None:
    watch.monitor()
    watch.post({"value": 0.5, "at": "2020-05-03T12:00:00Z"})
    base = "/models/churn/monitoring"
    assert "No figure in this time" in page(watch.client, base)
    for wanted in ("?range=all", "?first=2020-05-03&last=2020-05-03"):
        assert 'id="chart-1-data"' in page(watch.client, f"{base}{wanted}")
        assert "3 May 2020" in page(watch.client, f"{base}/auc{wanted}")
    for wrong in ("?range=8d", "?first=yesterday", "?first=2020-05-04&last=2020-05-03", "?colour=red"):
        assert watch.client.get(f"{base}{wrong}").status_code == 422, wrong


def test_names_of_any_script_have_pages(watch: Watch) -> None:
    name = 'Gütemaß "β" 50 % #1?'
    watch.monitor(name)
    watch.post({"metric": name, "value": 0.5})
    tab = page(watch.client, "/models/churn/monitoring")
    series = link(tab, r"/models/churn/monitoring/G[^\"]*")
    assert "points" in page(watch.client, series)
    csv = watch.client.get(link(page(watch.client, series), r"/api/v1/[^\"]*points\.csv[^\"]*").replace("&amp;", "&"))
    assert csv.status_code == 200


def test_the_page_of_all_models_costs_the_same_for_one_and_for_many(watch: Watch, database: Any) -> None:
    from sqlalchemy import event

    def cost(url: str) -> int:
        statements: list[str] = []

        def count(*args: Any) -> None:
            statements.append(args[2])

        event.listen(database.read_engine, "before_cursor_execute", count)
        try:
            page(watch.client, url)
        finally:
            event.remove(database.read_engine, "before_cursor_execute", count)
        return len(statements)

    watch.monitor()
    watch.post({"value": 0.5})
    urls = ["/monitoring", "/models/churn/monitoring", "/models/churn/monitoring/auc"]
    few = [cost(url) for url in urls]
    for n in range(6):
        other = Watch(watch.client, f"m{n}")
        other.monitor()
        other.post({"value": 0.5})
        watch.monitor(f"m{n}")
        watch.post({"metric": f"m{n}", "value": 0.5}, {"value": 0.5})
    assert [cost(url) for url in urls] == few
