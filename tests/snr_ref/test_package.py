"""What importing and reading the package promises."""

import inspect
import subprocess
import sys

import pytest

import snr_ref

FUNCTIONS = [f for f in vars(snr_ref).values() if inspect.isfunction(f)]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_takes_less_than_three_tenths_of_a_second_and_brings_in_nothing_but_numpy():
    """In processor time, the least of three: others may be using the machine."""
    code = "import time; t = time.process_time(); import snr_ref; print(time.process_time() - t)"
    assert min(float(python(code)) for _ in range(3)) < 0.3
    foreign = (
        "import sys, snr_ref; print(sorted({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)))"
    )
    imported = {name for name in eval(python(foreign)) if not name.startswith("_")}
    without = {name for name in eval(python(foreign.replace(", snr_ref", ""))) if not name.startswith("_")}
    assert imported - without == {"numpy", "snr_ref"}


def test_everything_public_is_listed_and_documented():
    assert sorted(snr_ref.__all__) == sorted(set(snr_ref.__all__))
    for name in snr_ref.__all__:
        thing = getattr(snr_ref, name)
        assert name == "RESNET50_WEIGHTS" or inspect.getdoc(thing)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_every_public_function_documents_its_arguments_its_result_and_its_errors(function):
    doc = inspect.getdoc(inspect.unwrap(function))
    assert "Returns:" in doc
    assert "Raises:" in doc
    for argument in inspect.signature(function).parameters:
        assert f"    {argument}: " in doc, argument
