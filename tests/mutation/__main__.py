"""Make every mutant, run the kit on it, and compare with what is written down.

    python -m tests.mutation            exit status 1 if a survivor is unexplained, or the docs are out of date
    python -m tests.mutation --write    bring the docs up to date

Name targets to run only those.
"""

import argparse
import json
import sys
import warnings

from tests.mutation.page import page
from tests.mutation.results import DATA, PAGE, is_current, merged, outcome
from tests.mutation.survivors import explanations, gaps
from tests.mutation.targets import TARGETS


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help=f"some of: {', '.join(t.name for t in TARGETS)}; without, all")
    parser.add_argument("--write", action="store_true", help="write the results and the page")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - {target.name for target in TARGETS}
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")  # of mutants
    explained, problems, results = explanations(), [], {}
    for target in TARGETS:
        if target.name in arguments.targets or not arguments.targets:
            results[target.name], survivors = outcome(target, explained)
            problems += gaps(survivors, explained, target.files)
    if arguments.write:
        both = merged(results)
        DATA.parent.mkdir(exist_ok=True)
        DATA.write_text(json.dumps(both, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(page(both), encoding="utf-8")
    elif not is_current(results):
        problems.append(f"{DATA.name} is out of date: run python -m tests.mutation --write, and commit what changed")
    print("\n".join(problems) or "every survivor is explained")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
