"""The lines of curl in the documentation, run as they stand."""

import os
import re
import subprocess
from pathlib import Path

from tests.contract.mlflow.conftest import Place

PAGE = Path(__file__).resolve().parents[3] / "docs" / "mlflow-compatibility.md"


def test_the_documented_lines_of_curl_work(place: Place) -> None:
    [lines] = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    known = {**os.environ, "MLFLOW_TRACKING_URI": place.url, "MLFLOW_TRACKING_TOKEN": place.token}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines], check=False, env=known, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.endswith("some text\n")
    assert '"run_name":"curl"' in ran.stdout
