"""Make every mutant, run the kit on it, and compare with what is written down.

    python -m tests.mutation            exit status 1 if a survivor is unexplained, or the results are out of date
    python -m tests.mutation --write    bring the results and the page up to date

Name targets to run only those. The page alone, out of the results and the explanations: python -m tests.mutation.page
"""

import argparse
import sys
import warnings

from tests.mutation.page import write_page
from tests.mutation.results import DATA, keep, kept, outcome, survivors_of
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
    explained, problems = explanations(), []
    for target in TARGETS:
        if target.name in arguments.targets or not arguments.targets:
            result = outcome(target)
            problems += gaps(survivors_of(result), explained, target.files)
            if arguments.write:
                keep(target.name, result)
            elif result != kept().get(target.name):
                problems.append(f"{DATA.name} is out of date: run python -m tests.mutation --write, and commit it")
    if arguments.write:
        write_page()
    print("\n".join(problems) or "every survivor is explained")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
