"""The script that docs/audit.md gives to auditors, run as it stands there."""

import re
import secrets
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import msgspec

from modelops_platform.core import clock
from modelops_platform.events.proof.checking import Mac
from modelops_platform.events.proof.exports import make_export
from modelops_platform.events.proof.merkle import root_of
from modelops_platform.events.proof.seals import Seal, Signer, Stated, to_pem

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


def export(signer: Signer) -> list[bytes]:
    """Make an export of eleven events under three seals, and two that wait."""
    mac, previous, place = Mac(b"key"), None, 0
    batches: list[tuple[list[tuple[object, ...]], Seal | None]] = []
    for number, count in enumerate((5, 1, 5), start=1):
        contents = [msgspec.json.encode({"event": place + n, "who": "Ada"}).decode() for n in range(1, count + 1)]
        digests = [sha256(content.encode()) for content in contents]
        root = root_of([digest.digest() for digest in digests]).hex()
        at = clock.now().isoformat()
        stated = Stated(number, at, place + 1, place + count, count, root, previous, signer.key_id)
        seal = signer.sign(stated)
        rows: list[tuple[object, ...]] = [
            (place + n, None, content, digest.hexdigest(), mac.of(digest.digest()), None, None)
            for n, (content, digest) in enumerate(zip(contents, digests, strict=True), start=1)
        ]
        batches.append((rows, seal))
        previous, place = seal.digest, place + count
    batches.append(([(None, None, "{}", sha256(b"{}").hexdigest(), "", None, None)] * 2, None))
    return list(make_export(batches, keys=[signer.public], personal=False, made_at=clock.now()))


def run(folder: Path, lines: list[bytes]) -> "subprocess.CompletedProcess[str]":
    script = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert script is not None
    (folder / "check.py").write_text(script[1], encoding="utf-8")
    (folder / "log.jsonl").write_bytes(b"".join(lines))
    command = [sys.executable, "check.py", "log.jsonl", "key.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_script_of_the_docs_checks_an_export(tmp_path: Path) -> None:
    signer = Signer(secrets.token_bytes(32))
    lines = export(signer)
    (tmp_path / "key.pem").write_text(to_pem(signer.public))
    whole = run(tmp_path, lines)
    assert (whole.returncode, whole.stdout) == (0, "whole: 11 events under 3 seals\n"), whole.stderr
    changed = run(tmp_path, [line.replace(b"Ada", b"Eve") if b'"place":7,' in line else line for line in lines])
    assert "the events under seal 3 were changed" in changed.stderr
    assert "place 4 is missing" in run(tmp_path, [*lines[:4], *lines[5:]]).stderr
    other = Signer(secrets.token_bytes(32))
    (tmp_path / "key.pem").write_text(to_pem(other.public))
    assert "InvalidSignature" in run(tmp_path, lines).stderr
