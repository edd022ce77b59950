"""The committed third-party files are the ones vendor.toml names, and nothing else lies beside them."""

from __future__ import annotations

import gzip
import hashlib
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def named_files() -> dict[Path, str]:
    packages = tomllib.loads((ROOT / "vendor.toml").read_text(encoding="utf-8"))["package"]
    return {
        ROOT / package["folder"] / entry.get("to", Path(entry["from"]).name): entry["sha256"]
        for package in packages
        for entry in package["files"]
    }


def test_vendored_files_have_the_hashes_of_the_manifest() -> None:
    found = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in named_files()}
    assert found == named_files()


def test_no_unnamed_file_lies_among_the_vendored() -> None:
    lying = {path for path in (ROOT / "static" / "vendor").rglob("*") if path.is_file()}
    assert lying <= set(named_files())


def test_a_cold_page_stays_under_200_kb_on_the_wire() -> None:
    static = ROOT / "static"
    compressed = [
        static / "vendor/tabler-1.6.1/tabler.min.css",
        static / "vendor/htmx-4.0.1/htmx.min.js",
        static / "vendor/htmx-4.0.1/hx-sse.min.js",
        static / "app.css",
        static / "app.js",
        static / "theme.js",
        static / "favicon.svg",
    ]
    font = static / "vendor/inter-5.3.0/inter-latin-wght-normal.woff2"
    weight = font.stat().st_size + sum(len(gzip.compress(path.read_bytes(), 6)) for path in compressed)
    page = 20_000
    assert weight + page <= 200_000


def test_static_files_name_no_foreign_address() -> None:
    own = [*(ROOT / "static").glob("*.css"), *(ROOT / "static").glob("*.js")]
    assert own
    for path in own:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert "http://" not in text, path.name
        assert "https://" not in text, path.name
