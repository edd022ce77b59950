"""JSON routes of release control: its records, and the inference routes of what is served here."""

from . import inference, records

INFERENCE = [inference.protocol, inference.invocations]
ROUTERS = [*records.ROUTERS, *INFERENCE]
