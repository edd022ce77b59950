"""Where a version may be taken: an alias, a stage, or an environment where it runs."""

from dataclasses import dataclass

from .documents import invalid
from .facts import ACTIVATE, Action, EnvironmentClass, Verb

LONGEST = 250


@dataclass(frozen=True, slots=True)
class Target:
    """An action, and the environment it happens in if it happens in one."""

    action: Action
    environment_id: str = ""
    environment: str = ""
    is_protected: bool = False

    @property
    def environment_class(self) -> EnvironmentClass | None:
        """How careful one has to be there; an alias or a stage is in no environment."""
        if not self.environment_id:
            return None
        return EnvironmentClass.PROTECTED if self.is_protected else EnvironmentClass.OPEN

    @property
    def key(self) -> tuple[str, str]:
        """What tells targets apart in the tables: the action and the environment's id."""
        return str(self.action), self.environment_id

    @property
    def text(self) -> str:
        """The target as addresses and commands name it; `read_target` takes it apart."""
        return self.environment or str(self.action)

    @property
    def words(self) -> str:
        """What the version would do: "go to production", "become champion"."""
        match self.action.verb:
            case Verb.ALIAS:
                return f"become {self.action.target}"
            case Verb.STAGE:
                return f"move to stage {self.action.target}"
            case Verb.DEPLOYMENT:
                return f"go to {self.environment}"
            case Verb.MOVE:
                return f"become {self.action.target.replace('_', ' ')}"

    def question(self, version: str) -> str:
        """Ask in words whether a version may do it: "May v7 go to production?"."""
        return f"May {version} {self.words}?"


def read_target(text: str) -> Action | str:
    """Read `alias:NAME`, `stage:NAME` or `move:STATE` as an action, and anything else as the name of an environment."""
    verb = text.partition(":")[0]
    if verb in (Verb.ALIAS, Verb.STAGE, Verb.MOVE):
        return Action.read(text, "to")
    name = text.strip()
    if not name or len(name) > LONGEST:
        raise invalid("to", text[:80], "is not a target", "Name an environment, alias:NAME, stage:NAME or move:STATE.")
    return name


def activation(environment_id: str, environment: str, *, is_protected: bool) -> Target:
    """Return the target of a deployment's activation in an environment."""
    return Target(ACTIVATE, environment_id, environment, is_protected)
