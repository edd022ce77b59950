"""The limits of a child process that handles foreign files; shared by the parent and the child."""

import json
from dataclasses import asdict, dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one limited child may use."""

    wall_seconds: float = 120.0
    cpu_seconds: int = 60
    memory_bytes: int = 2048 * MIB
    open_files: int = 64
    output_bytes: int = MIB

    def as_text(self) -> str:
        """Return the limits as one argument of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Limits":
        """Read what `as_text` wrote."""
        return cls(**json.loads(text))
