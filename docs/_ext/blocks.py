"""How the Python in the pages is run, by the tests and by the build of the site alike."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser


def python_of(*patterns: str, fixtures: tuple[str, ...] = ()) -> Sybil:
    """What finds and runs the blocks of pages; those of one page share their names.

    A block with prompts is compared with the output that stands below them; any other just runs.

    Args:
        *patterns: Which files.
        fixtures: Of pytest, one for each page.
    """
    return Sybil(
        parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE), SkipParser()],
        path=str(Path(__file__).parent.parent),
        patterns=patterns,
        fixtures=fixtures,
    )
