"""Which run or file a user means, and whether it is there."""

import os
from pathlib import Path

PRETRAINED = "pretrained"
"""The name of the run that comes with the package; a run folder of that name comes first."""

FEATURES_FILE = "a file of features, as `extract` writes them"


def find_run(run_dir: str | os.PathLike[str]) -> Path:
    """The folder of a run: the one that is named, or for "pretrained" that of the run that comes with the package."""
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
    """Refuse a run that is not there before anything else is done; FileNotFoundError."""
    record_file(find_run(run_dir))
