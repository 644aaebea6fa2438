"""The README's commands and code are those that work."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_python_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    names: dict = {}
    for block in blocks:
        exec(block, names)


def test_ci_runs_its_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    extract = script[script.index("command=") : script.index("[ -n")]
    done = subprocess.run(["bash", "-c", f'{extract}\necho "$command"'], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().endswith("tox -p")
    assert done.stdout.strip() in README
    assert script.endswith("\n.venv/bin/tox -p -m rest\n")


def test_every_file_it_points_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    local = [link for link in links if "://" not in link]
    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []
