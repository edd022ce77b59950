"""Where the files beside the code are: at the project root, or packed into the wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def project_folder(name: str) -> Path:
    """Return the folder `templates`, `static` or `migrations`. Raises FileNotFoundError."""
    for parent in (_PACKAGE, _PACKAGE.parents[1]):
        folder = parent / name
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"The folder {name!r} is neither in the package nor at the project root.")
