"""`python -m modelops_platform.cli`."""

from . import app

app(prog_name="modelops")
