"""Every page of the docs takes part in the tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_page_with_python_is_run() -> None:
    pages = {page for page in (ROOT / "docs").rglob("*.md") if "```python" in page.read_text(encoding="utf-8")}
    command = [sys.executable, "-m", "pytest", "docs", "--collect-only", "-q"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    collected = {ROOT / line.split("::")[0] for line in done.stdout.splitlines() if "::" in line}
    assert len(pages) > 10
    assert pages - collected == set(), done.stderr
