"""What the package promises when it is imported and read."""

import inspect
import subprocess
import sys

import pytest

import snr_ref

FUNCTIONS = [f for f in vars(snr_ref).values() if inspect.isfunction(f)]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_brings_in_nothing_but_numpy():
    """So that it takes no longer than NumPy, in a tenth of a second or two."""
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
