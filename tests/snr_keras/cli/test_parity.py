"""`snr parity` is the command line of the conformance kit."""

import pytest

import snr_ref


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_help_lists_what_it_can_do(snr, arguments):
    status, output = snr("parity", *arguments)
    assert status == 0
    for command in ("check", "compare", "export", "list", "snr parity check my_adapter"):
        assert command in output


def test_options_of_its_commands_are_passed_through(snr):
    status, output = snr("parity", "check", "--help")
    assert status == 0
    assert "--expected-failures" in output


def test_it_is_listed_among_the_commands(snr):
    assert "parity" in snr("--help").output


@pytest.mark.parametrize(
    ("functions", "expected", "line"),
    [
        ({"cross_entropy": snr_ref.cross_entropy}, 0, "PASSED: cross_entropy"),
        ({"cross_entropy": lambda logits, labels, *, label_smoothing=0.1: 1.0}, 1, "FAILED: cross_entropy"),
        ({}, 2, "NOTHING TO CHECK"),
    ],
)
def test_the_exit_status_and_the_unwrapped_lines_come_through(snr, monkeypatch, functions, expected, line):
    monkeypatch.setattr(
        snr_ref, "an_adapter", type("Adapter", (), {k: staticmethod(f) for k, f in functions.items()}), raising=False
    )
    status, output = snr("parity", "check", "snr_ref:an_adapter", "--include", "cross_entropy/*")
    assert status == expected
    assert any(shown.startswith(line) for shown in output.splitlines())


def test_what_went_wrong_is_said_without_a_traceback(snr):
    status, output = snr("parity", "check", "no_such_module")
    assert status == 3
    assert "There is no module 'no_such_module' to check" in output
    assert "Traceback" not in output
