"""The paths of runs and files that a user names, and whether they exist."""

import os
from pathlib import Path

PRETRAINED = "pretrained"
"""The name of the run in the package; a run folder of that name takes precedence."""

FEATURES_FILE = "a file of features, as `extract` writes them"


def find_run(run_dir: str | os.PathLike[str]) -> Path:
    """The folder of a run: the named one, or for "pretrained" that of the run in the package."""
    run_dir = Path(run_dir)
    if run_dir == Path(PRETRAINED) and not (run_dir / "config.json").is_file():
        return Path(__file__).parents[1] / PRETRAINED
    return run_dir


def record_file(run_dir: Path) -> Path:
    """The `config.json` of a run folder.

    Raises:
        FileNotFoundError: If there is none.
    """
    path = run_dir / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"Expected a run folder, with a config.json. Received: {str(run_dir)!r}")
    return path


def check_run(run_dir: str | os.PathLike[str]) -> None:
    """Raise FileNotFoundError for a missing run before any other work."""
    record_file(find_run(run_dir))
