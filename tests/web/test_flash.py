"""The message for the next page, with the way back."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from modelops_platform.web.flash import LARGEST_COOKIE, flash_key, read_toast, write_toast
from modelops_platform.web.frame import Toast, Undo

KEY = flash_key(b"secret")


def written(text: str, undo: Undo | None = None) -> str:
    return write_toast(text, undo, key=KEY, person="maria")


def read(value: str | None, *, key: bytes = KEY, person: str = "maria") -> Toast | None:
    return read_toast(value, key=key, person=person)


def test_what_is_written_is_read_by_whom_it_was_written_for() -> None:
    undo = Undo("/models/x/tags/remove", {"key": "a;b, \U0001f408"})
    value = written("Tagged \u201ca\u201d.", undo)
    assert read(value) == Toast("Tagged \u201ca\u201d.", undo=undo)
    assert read(value, person="karl") == Toast("Tagged \u201ca\u201d.")
    assert read(value, key=flash_key(b"another")) == Toast("Tagged \u201ca\u201d.")
    assert read(value.replace("tags", "gats")) == Toast("Tagged \u201ca\u201d.")
    assert read(written("Plain")) == Toast("Plain")


def test_a_way_back_that_does_not_fit_is_left_out() -> None:
    value = written("Tagged.", Undo("/x", {"value": "\u00df" * 5000}))
    assert len(value) <= LARGEST_COOKIE
    assert read(value) == Toast("Tagged.")


@pytest.mark.parametrize(
    "made_up",
    ["", "plain", "%7B", "[]", '{"text": 1}', '{"text":"a","url":"/x","fields":{}}', "[" * 5000,
     '{"text":"a","url":"/x","fields":{},"mark":"\u00e4"}', '{"text":"a","mark":1}',
     '{"text":"a","url":1,"fields":3,"mark":""}', '{"text":"a","url":"\\ud800","fields":{},"mark":"\\ud800"}'],
)  # fmt: skip
def test_a_cookie_that_somebody_made_up_leads_nowhere(made_up: str) -> None:
    toast = read(made_up)
    assert toast is None or toast.undo is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("make", "act", "living"),
    [
        (("/api/v1/models", {"name": "a"}), ("/models/a/archive", {}), "/models/a"),
        (("/api/v1/use-cases", {"name": "a", "purpose": "b"}), ("/use-cases/a/archive", {}), "/use-cases/a"),
        (("/api/v1/data-sets", {"name": "a", "digest": "a" * 64}), ("/data-sets/a/archive", {}), "/data-sets/a"),
    ],
    ids=["model", "use case", "data set"],
)
def test_archiving_offers_the_way_back_without_a_script(
    client: TestClient, make: tuple[str, dict[str, str]], act: tuple[str, dict[str, str]], living: str
) -> None:
    assert client.post(make[0], json=make[1]).status_code == 201
    led = client.post(act[0], data=act[1])
    assert led.status_code == 303
    page = client.get(led.headers["location"]).text
    back = page.split('id="toasts"')[1].split('action="')[1].split('"')[0]
    assert 'data-toast="undo"' in page
    assert client.get(living).status_code == 404
    assert client.post(back).status_code == 303
    assert client.get(living).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_tag_goes_back_to_what_it_was(client: TestClient) -> None:
    client.post("/api/v1/models", json={"name": "a", "tags": {"season": "winter"}})

    def undo(path: str, data: dict[str, str]) -> dict[str, str]:
        led = client.post(path, data=data)
        form = client.get(led.headers["location"]).text.split('id="toasts"')[1].split("</form>")[0]
        fields = [part.split('"')[0] for part in form.split('name="')[1:]]
        values = [part.split('"')[0] for part in form.split('value="')[1:]]
        assert client.post(
            form.split('action="')[1].split('"')[0], data=dict(zip(fields, values, strict=True))
        ).is_redirect
        tags: dict[str, str] = client.get("/api/v1/models/a").json()["tags"]
        return tags

    assert undo("/models/a/tags", {"key": "season", "value": "summer"}) == {"season": "winter"}
    assert undo("/models/a/tags", {"key": "team", "value": "x"}) == {"season": "winter"}
    assert undo("/models/a/tags/remove", {"key": "season"}) == {"season": "winter"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_page_shows_whatever_the_cookie_holds(client: TestClient) -> None:
    client.cookies.set("flash", "%7B%22text%22%3A%22%5Cud800%3Cb%3E%22%7D")
    assert "&lt;b&gt;" in client.get("/models").text


def test_all_scripts_of_ours_are_small() -> None:
    static = Path(__file__).resolve().parents[2] / "static"
    assert sum(path.stat().st_size for path in static.glob("*.js")) < 60_000
