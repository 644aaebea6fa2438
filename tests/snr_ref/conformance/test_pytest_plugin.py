"""The kit under pytest, in a folder of a user who has a conftest and options of their own."""

import subprocess
import sys

import pytest

#: A user's adapter: right in part, wrong in part, and lacking most.
ADAPTER = """
import snr_ref

cross_entropy = snr_ref.cross_entropy

def snr(F, params, *, epsilon=1e-5):
    return snr_ref.snr(F, params, epsilon=100 * epsilon)
"""

#: The plugins of other packages, which take as long to load as the kit.
WITHOUT_OTHERS = [f"-pno:{name}" for name in ("hypothesispytest", "pytest_cov", "sybil", "xdist", "xdist.looponfail")]


@pytest.fixture
def run(tmp_path):
    """Run pytest as a user does: `run("--implementation=adapter")`; the installed package has registered the plugin."""
    (tmp_path / "my_adapter.py").write_text(ADAPTER)
    (tmp_path / "conftest.py").write_text("def pytest_addoption(parser):\n    parser.addoption('--mine')\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nxfail_strict = true\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *WITHOUT_OTHERS]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=tmp_path)

    return run


KIT = ("--pyargs", "snr_ref.conformance")


def test_a_case_and_dtype_is_a_test_and_what_is_missing_is_skipped_with_the_reason(run):
    chosen = "cross_entropy/smoothing or distances/euclidean_tiny"
    done = run(*KIT, "--implementation=my_adapter", "-k", chosen, "-rA")
    assert done.returncode == 0, done.stdout
    assert "PASSED" in done.stdout
    assert "test_case[cross_entropy/smoothing-float64]" in done.stdout
    assert "not provided: euclidean_distance is not provided" in done.stdout
    assert "test_case[cross_entropy/smoothing-float32]" not in done.stdout


def test_a_failure_says_what_differs_first_and_where_to_look(run):
    done = run(*KIT, "--implementation=my_adapter", "-k", "forward/ordinary")
    assert done.returncode == 1
    assert "forward/ordinary in float64" in done.stdout
    assert "where rounding explains" in done.stdout
    assert "The first quantity that differs is F_tilde; look at" in done.stdout
    assert "1.2: F~ = gamma (F - mu) / sigma + beta" in done.stdout
    assert "Traceback" not in done.stdout


def test_expected_failures_are_shown_as_such_and_so_is_their_passing(run, tmp_path):
    (tmp_path / "known.txt").write_text("forward/ordinary # epsilon\ncross_entropy/smoothing # once\n")
    options = ("--implementation=my_adapter", "--implementation-expected-failures=known.txt")
    done = run(*KIT, *options, "-k", "forward/ordinary or cross_entropy/smoothing", "-rA")
    assert done.returncode == 0, done.stdout
    assert "test_case[forward/ordinary-float64] - epsilon" in done.stdout
    assert "1 xfailed, 1 xpassed" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--implementation=no_such_adapter",), "There is no module 'no_such_adapter' to check"),
        (("--implementation=my_adapter:nothing",), "has no object 'nothing'"),
        (("--implementation=json",), "json provides none of instance_norm, channel_attention, snr"),
        (("--implementation=my_adapter", "--implementation-expected-failures=no.txt"), "no.txt"),
        (("--implementation-expected-failures=no.txt",), "needs --implementation=MODULE"),
    ],
)
def test_wrong_options_are_a_usage_error_that_says_what_is_wrong(run, options, said):
    done = run(*KIT, *options)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_an_adapter_the_kit_says_what_it_needs(run):
    done = run(*KIT)
    assert done.returncode != 0
    assert "The conformance tests need --implementation=MODULE[:OBJECT]" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_option_has_a_name_that_is_the_kits_alone(run):
    done = run(*KIT, "--snr-implementation=my_adapter", "-k", "cross_entropy/smoothing")
    assert done.returncode == 0, done.stdout


def test_an_option_of_that_name_is_the_users_own_where_the_kit_is_not_asked_for(run, tmp_path):
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--implementation', type=int)\n"
    )
    (tmp_path / "test_mine.py").write_text(
        "def test_mine(pytestconfig):\n    assert pytestconfig.getoption('implementation') == 3\n"
    )
    done = run("--implementation=3")
    assert done.returncode == 0, done.stdout + done.stderr


def test_other_runs_of_pytest_are_left_alone(run, tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import sys\n\ndef test_mine():\n"
        "    kit = [name for name in sys.modules if name.startswith('snr_ref.conformance.')]\n"
        "    assert kit == ['snr_ref.conformance.pytest_plugin']\n"
    )
    done = run("--mine=1")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "warning" not in done.stdout
