"""The command line as a user calls it: what it prints, writes and exits with."""

import json
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

import snr_ref
from snr_ref.conformance import cli, runner
from snr_ref.conformance.clauses import CLAUSES
from tests.snr_ref.conformance.small import CASES, wide_epsilon


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Run a command on the small catalogue in an empty folder: `call("check", "mine")`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # the command searches the current folder too
    monkeypatch.setattr(cli, "catalogue", lambda: CASES)
    monkeypatch.setattr(runner, "catalogue", lambda: CASES)

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            status = cli.main(list(map(str, arguments)))
        except SystemExit as stop:
            status = int(stop.code or 0)
        return status, *capsys.readouterr()

    return call


@pytest.fixture(autouse=True)
def adapters(monkeypatch):
    """Modules that a user may have: right, wrong and empty ones."""

    def provide(name: str, **contents: object) -> None:
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)

    provide("right", snr=snr_ref.snr, cross_entropy=snr_ref.cross_entropy)
    provide("wrong", snr=wide_epsilon, cross_entropy=snr_ref.cross_entropy)
    provide("empty")
    return provide


@pytest.mark.parametrize(("target", "status"), [("right", 0), ("wrong", 1), ("empty", 2), ("snr_ref", 0)])
def test_the_exit_status_says_what_came_out(call, target, status):
    assert call("check", target)[0] == status


def test_failing_functions_are_named_in_plain_unwrapped_text(call):
    _, out, _ = call("check", "wrong")
    assert "FAILED: snr" in out.splitlines()
    assert "PASSED: cross_entropy" in out.splitlines()
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check"], "the following arguments are required: MODULE[:OBJECT]"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        ([], "the following arguments are required: COMMAND"),
        (["check", "no_such_module"], "There is no module 'no_such_module' to check"),
        (["check", "./right.py"], "Expected the name of a module, such as my_adapter, not of a file"),
        (["check", "right", "--expected-failures", "known.txt"], "There is no file of expected failures known.txt"),
        (["check", "right:nothing"], "The module 'right' has no object 'nothing'"),
        (["check", "right", "--include", "smal/*"], "matches the pattern 'smal/*'"),
        (["check", "right", "--json", "no_folder/report.json"], "There is no folder no_folder to write report.json to"),
        (["check", "right", "--html", "no_folder/report.html"], "There is no folder no_folder to write report.html to"),
        (["check", "right", "--expected-failures", "nothing.txt"], "nothing.txt"),
        (["list", "--clause", "99.9"], "There is no clause '99.9'"),
        (["compare", "nothing.h5", "nothing.h5"], "nothing.h5"),
    ],
)
def test_what_the_user_got_wrong_is_said_and_has_a_status_of_its_own(call, arguments, said):
    status, out, err = call(*arguments)
    assert status == 3
    assert said in err
    assert "Traceback" not in err
    assert not out


def test_an_adapter_that_breaks_on_import_is_shown_with_its_place(call, tmp_path, monkeypatch):
    (tmp_path / "broken_adapter.py").write_text("import numpy\nnumpy.no_such_thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    status, _, err = call("check", "broken_adapter")
    assert status == 3
    assert 'broken_adapter.py", line 2' in err


def test_an_interrupt_ends_with_130(call, adapters):
    def snr(F, params, *, epsilon=1e-5):
        raise KeyboardInterrupt

    adapters("slow", snr=snr)
    status, _, err = call("check", "slow")
    assert (status, err) == (130, "interrupted\n")


def test_cases_are_chosen_and_failures_expected(call, tmp_path):
    (tmp_path / "known.txt").write_text("small/ordinary # epsilon\n")
    chosen = ("--include", "snr", "--exclude", "*nan*", "--exclude", "small/large_mean")
    assert call("check", "wrong", *chosen)[0] == 1
    status, out, _ = call("check", "wrong", *chosen, "--expected-failures", "known.txt")
    assert status == 0
    assert "FAILED AS EXPECTED: snr" in out.splitlines()


def test_the_files_of_a_report_are_written_whole(call, tmp_path):
    assert call("check", "wrong", "--json", "report.json", "--html", "report.html")[0] == 1
    assert json.loads((tmp_path / "report.json").read_text())["failed_functions"] == ["snr"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8").endswith("</html>\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_a_case_lists_why_it_is_there(call):
    status, out, _ = call("list")
    assert status == 0
    assert "small (required): the module in little" in out
    assert "small/a_nan, a pattern: snr in float64, float32" in out
    assert "NaN stays in its image." in out
    assert out.splitlines()[-1] == f"{len(CASES)} cases"


def test_the_cases_of_a_clause_are_listed(call):
    _, out, _ = call("list", "--clause", "6.1")
    assert [line.split(":")[0] for line in out.splitlines() if line.startswith("  small/")] == ["  small/large_mean"]
    assert out.splitlines()[-1] == f"1 cases that pin clause 6.1: {CLAUSES['6.1']}"


def test_help_teaches_with_an_adapter_that_works(call, adapters, tmp_path, monkeypatch):
    status, out, _ = call("--help")
    assert status == 0
    for taught in (
        "check",
        "compare",
        "export",
        "list",
        "exit status",
        "python -m snr_ref.conformance check my_adapter",
    ):
        assert taught in out
    example = out[out.index("    import numpy as np") : out.index("    python -m snr_ref")]
    adapters("my_package", snr=_my_snr)
    (tmp_path / "taught_adapter.py").write_text("\n".join(line[4:] for line in example.splitlines()))
    monkeypatch.syspath_prepend(tmp_path)
    status, out, err = call("check", "taught_adapter")
    assert (status, err) == (0, "")
    assert "PASSED: snr" in out.splitlines()


def _my_snr(F, gamma, beta, w1, w2, eps):
    outputs = snr_ref.snr(F, snr_ref.SNRParams(gamma, beta, w1, w2), epsilon=eps)
    return SimpleNamespace(plus=outputs.F_plus, gate=outputs.a)


def test_vectors_are_exported_answered_and_compared(call, tmp_path, monkeypatch):
    from snr_ref.conformance.implementation import Implementation
    from snr_ref.conformance.vectors import write_outputs, writer

    monkeypatch.setattr(writer, "catalogue", lambda: CASES)
    status, out, err = call("export", "vectors.h5")
    assert (status, err) == (0, "")
    assert "wrote vectors.h5" in out
    for name, expected in (("right", 0), ("wrong", 1), ("empty", 2)):
        write_outputs(tmp_path / "vectors.h5", tmp_path / f"{name}.h5", Implementation(sys.modules[name]))
        assert call("compare", "vectors.h5", f"{name}.h5")[0] == expected
    assert call("compare", "vectors.h5", "wrong.h5", "--exclude", "snr")[0] == 0
    status, _, err = call("compare", "vectors.h5", "wrong.h5", "--exclude", "snrr")
    assert (status, "'snrr'" in err) == (3, True)
    (tmp_path / "known.txt").write_text("snr # wrong on purpose\n")
    assert call("compare", "vectors.h5", "wrong.h5", "--expected-failures", "known.txt")[0] == 0
    (tmp_path / "known.txt").write_text("retrieval/* # of the catalogue, but not in these vectors\n")
    status, _, err = call("compare", "vectors.h5", "wrong.h5", "--expected-failures", "known.txt")
    assert (status, "known.txt, line 1 matches no case" in err) == (3, True)


def test_it_runs_as_a_module_and_its_output_may_be_cut_off(tmp_path):
    command = f"'{sys.executable}' -m snr_ref.conformance list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.count("\n") == 1
    assert not done.stderr


def test_it_needs_no_framework(tmp_path):
    code = (
        "import sys\nfor name in ('keras', 'tensorflow', 'torch', 'jax', 'h5py', 'matplotlib', 'ml_dtypes', 'rich'):\n"
        "    sys.modules[name] = None\n"
        "from snr_ref.conformance.cli import main\n"
        "sys.exit(main(['check', 'snr_ref', '--include', 'forward/ordinary', '--include', 'retrieval']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_output_survives_a_terminal_of_few_characters(tmp_path):
    raising = "def snr(F, params, *, epsilon=1e-5):\n    raise RuntimeError('\\u03bc \\u2260 0')\n"
    (tmp_path / "foreign.py").write_text(raising)
    done = subprocess.run(
        [sys.executable, "-m", "snr_ref.conformance", "check", "foreign", "--include", "forward/ordinary"],
        capture_output=True,
        cwd=tmp_path,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )
    assert done.returncode == 1
    assert rb"\u03bc \u2260 0" in done.stdout
