"""Numbers within an option are digits: `int` and `float` take more."""

import pytest

from snr_keras.cli.bench import parse_shape
from snr_keras.cli.data import parse_image_size
from snr_keras.cli.train import parse_weights
from snr_keras.cli.weights import parse_stages


def test_numbers_with_something_between_them_are_taken() -> None:
    assert parse_image_size("64x32") == (64, 32)
    assert parse_weights("0,1e-3, .5,2") == (0.0, 0.001, 0.5, 2.0)
    assert parse_stages("1,2") == (1, 2)
    assert parse_shape("32x64x32x256") == (32, 64, 32, 256)


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (parse_image_size, "6_4x32", "such as 64x32"),
        (parse_image_size, "٦٤x٣٢", "such as 64x32"),
        (parse_image_size, "0x32", "such as 64x32"),
        (parse_image_size, "64x32x3", "such as 64x32"),
        (parse_weights, "1_0,0,0,0", "such as 0.1,0.1,0.5,0.5"),
        (parse_weights, "nan,0,0,0", "such as 0.1,0.1,0.5,0.5"),
        (parse_stages, "1_0", "such as 1,2,3"),
        (parse_shape, "32x6_4x32x3", "such as 32x64x32x256"),
        (parse_shape, "32x64", "such as 32x64x32x256"),
    ],
)
def test_what_int_and_float_take_besides_is_refused_with_an_example(parse, text, expected) -> None:
    with pytest.raises(ValueError, match=f"{expected}. Received: '{text}'"):
        parse(text)
