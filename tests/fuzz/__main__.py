"""Give `snr` damaged, hostile and unwritable files, and print a table of what came of it.

    python -m tests.fuzz                          2,000 damaged files, 200 hostile ones, 50 full disks: an hour or two
    python -m tests.fuzz --seed 7 --damaged 100   others, and fewer

Exit status 1 if any came to a bad end: a wrong answer without a word, a traceback, a hang, a crash, a gibibyte of
memory, a message that names no file, a control character on the terminal, anything outside of the file read or run.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.fuzz.outcomes import Table


def fuzz(*, seed: int, damaged: int, hostiles: int, full: int, folder: Path) -> Table:
    """Try so many files of each kind, chosen by the seed, in an empty folder; what came of them."""
    # Here, since these load TensorFlow, for which `--help` need not wait.
    from tests.fuzz.damage import damage
    from tests.fuzz.full_disk import full_disk
    from tests.fuzz.hostile import hostile
    from tests.fuzz.subjects import Setting, answers, prepare
    from tests.fuzz.worker import Worker

    intact, work, table = folder / "intact", folder / "work", Table()
    intact.mkdir()
    work.mkdir()
    with Worker() as worker:
        prepare(intact, worker)
        whole = answers(intact, work / "out", worker)
        setting = Setting(intact, work, whole, np.random.default_rng(seed), worker, table)
        damage(setting, damaged)
        hostile(setting, hostiles)
        full_disk(setting, full)
    return table


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="chooses bits, files and sizes")
    parser.add_argument("--damaged", type=int, default=2000, help="files with a bit flipped or the end cut off")
    parser.add_argument("--hostile", type=int, default=200, help="files made to do harm")
    parser.add_argument("--full", type=int, default=50, help="commands that run out of room")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = fuzz(
            seed=chosen.seed, damaged=chosen.damaged, hostiles=chosen.hostile, full=chosen.full, folder=Path(folder)
        )
    print("\n\n".join(table.examples))
    print("\n".join(table.lines()))
    return 1 if table.bad() else 0


if __name__ == "__main__":
    sys.exit(main())
