"""Fetch, verify and copy the third-party browser files named in vendor.toml.

Run by `make vendor`. Only whoever upgrades a package needs Node's `npm`; the copied files are committed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "vendor.toml"


class VendorError(Exception):
    """A package that is not what vendor.toml says it is."""


def fetch(name: str, version: str, folder: Path) -> Path:
    """Return the tarball of one exact package version, fetched by the ordinary npm client."""
    command = ["npm", "pack", f"{name}@{version}", "--json", "--ignore-scripts", "--pack-destination", str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return folder / str(json.loads(answer)[0]["filename"])


def verify(tarball: Path, integrity: str) -> None:
    """Raise VendorError unless the tarball has the SHA-512 written in vendor.toml."""
    digest = hashlib.sha512(tarball.read_bytes()).digest()
    found = "sha512-" + base64.b64encode(digest).decode()
    if found != integrity:
        raise VendorError(f"{tarball.name}: integrity is {found}, vendor.toml says {integrity}")


def copy_files(tarball: Path, package: dict[str, Any]) -> dict[Path, str]:
    """Copy the package's named files into its folder and return the SHA-256 of each."""
    folder = ROOT / package["folder"]
    folder.mkdir(parents=True, exist_ok=True)
    hashes: dict[Path, str] = {}
    with tarfile.open(tarball) as archive:
        for entry in package["files"]:
            member = archive.extractfile(f"package/{entry['from']}")
            if member is None:
                raise VendorError(f"{package['name']}: {entry['from']} is not a file of the package")
            target = folder / entry.get("to", Path(entry["from"]).name)
            content = member.read()
            target.write_bytes(content)
            hashes[target] = hashlib.sha256(content).hexdigest()
            known = entry["sha256"]
            if known and known != hashes[target]:
                raise VendorError(f"{target}: SHA-256 is {hashes[target]}, vendor.toml says {known}")
    return hashes


def note_hash(text: str, package: dict[str, Any], source: str, digest: str) -> str:
    """Return the manifest's text with one file's SHA-256 filled in."""
    start = text.index(f'name = "{package["name"]}"')
    pattern = re.compile(r'(\{ from = "' + re.escape(source) + r'"[^}]*?sha256 = )"[0-9a-f]*"')
    return text[:start] + pattern.sub(rf'\g<1>"{digest}"', text[start:], count=1)


def main() -> int:
    """Bring every vendored file up to what vendor.toml says."""
    text = MANIFEST.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        for package in tomllib.loads(text)["package"]:
            tarball = fetch(package["name"], package["version"], Path(scratch))
            verify(tarball, package["integrity"])
            hashes = copy_files(tarball, package)
            for entry, digest in zip(package["files"], hashes.values(), strict=True):
                text = note_hash(text, package, entry["from"], digest)
            print(f"{package['name']} {package['version']}: {len(hashes)} files in {package['folder']}")
    MANIFEST.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
