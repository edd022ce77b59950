"""What keys, values and names may be; raises InvalidInput with the words that clients know."""

import posixpath
import re

from modelops_platform.core.errors import InvalidInput

LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG = 250, 6_000, 8_000
LONGEST_EXPERIMENT_NAME, LONGEST_EXPERIMENT_TAG, LONGEST_LOCATION = 500, 20_000, 2_048
MOST_METRICS, MOST_PARAMS, MOST_TAGS, MOST_IN_BATCH = 1_000, 100, 100, 1_000
_KEY = re.compile(r"[/\w.\- :]*")
_PLAIN_KEY = re.compile(r"\w[\w\-:]*")  # no slash, no dot, no space: nothing more to check
_HOSTS = ("http", "https", "ftp", "ftps", "sftp", "hdfs", "viewfs")


def checked_key(key: str, what: str, field: str = "key") -> str:
    """Return the name of a metric, parameter or tag."""
    if len(key) > LONGEST_KEY:
        raise InvalidInput(f"'{what}' exceeds the maximum length of {LONGEST_KEY} characters.", field=field)
    if _PLAIN_KEY.fullmatch(key):
        return key
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            f"Invalid value \"{key}\" for parameter '{field}' supplied: Names may only contain alphanumerics, "
            "underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
            field=field,
        )
    if not is_own_path(key):
        raise InvalidInput(
            f"Invalid value \"{key}\" for parameter '{field}' supplied: Names may be treated as files in certain "
            "cases, and must not resolve to other names when treated as such. This name would resolve to "
            f"'{posixpath.normpath(key)}'.",
            field=field,
        )
    return key


def is_own_path(name: str) -> bool:
    """Say whether the name, taken for a relative path, leads to itself and nowhere else."""
    return name == posixpath.normpath(name) and name != "." and not name.startswith(("..", "/"))


def checked_experiment_name(name: str) -> str:
    """Return an experiment's name: 1 to 500 characters."""
    if len(name) > LONGEST_EXPERIMENT_NAME:
        raise InvalidInput(
            f"Experiment name exceeds the maximum length of {LONGEST_EXPERIMENT_NAME} characters.", field="name"
        )
    return name


def checked_location(location: str) -> str:
    """Return where an experiment's artifacts are: a storage address that no server of ours would be led to."""
    if len(location) > LONGEST_LOCATION:
        raise _wrong_location(f"is longer than {LONGEST_LOCATION} characters")
    scheme, colon, rest = location.partition(":")
    scheme = scheme.lower() if colon else ""
    if scheme in _HOSTS:
        raise _wrong_location(f"cannot use the '{scheme}' scheme, which names another host")
    if scheme == "runs":
        raise _wrong_location("cannot be inside a run")
    if "#" in location:
        raise _wrong_location("cannot hold a fragment")
    if ".." in rest.partition("?")[2]:
        raise _wrong_location("cannot hold '..' in its query")
    return location.rstrip("/") if len(location) > 1 else location


def _wrong_location(why: str) -> InvalidInput:
    return InvalidInput(
        f"'artifact_location' {why}.", remedy="Leave it out, or name object storage.", field="artifact_location"
    )


def checked_experiment_id(experiment_id: str) -> str:
    """Return an experiment's id in its one spelling."""
    if not experiment_id.isascii() or not experiment_id.isdecimal() or len(experiment_id) > 19:
        raise InvalidInput(
            f"Invalid experiment ID '{experiment_id[:80]}'. Experiment ID must be a valid integer.",
            field="experiment_id",
        )
    return str(int(experiment_id))
