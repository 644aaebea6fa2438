"""Identity and camera out of file names."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from snr_keras.reid.data.report import printable
from snr_keras.reid.data.scan import ImageName, parse_name

numbers = st.integers(0, 2**63 - 1)
padded = st.integers(0, 6).map(lambda zeros: "0" * zeros)
free = st.text(max_size=20)


@pytest.mark.parametrize(
    ("name", "identity", "camera"),
    [
        ("0002_c1s1_000451_03.jpg", 2, 1),
        ("0001_c2_f0046182.jpg", 1, 2),
        ("-1_c3s2_000001_00.jpg", -1, 3),
        ("0000_c1s1_000151_01.jpg", 0, 1),
        ("17_c12_anything.png", 17, 12),
        ("17_C12.PNG", 17, 12),
        ("0002_0001.jpg", 2, None),
        ("0002.jpg", 2, None),
        ("0002", 2, None),
        ("0002_car.jpg", 2, None),
        ("0002 (3).jpg", 2, None),
        ("0002-c3.jpg", 2, None),
        ("0002_x_c3.jpg", 2, None),
    ],
)
def test_names_as_they_occur(name, identity, camera):
    assert parse_name(name) == ImageName(identity, camera)


@pytest.mark.parametrize(
    "name",
    ["", "a.jpg", "_1_c1.jpg", " 1.jpg", "-2_c1.jpg", "-10_c1.jpg", "--1.jpg", "12a.jpg", "0002c1.jpg", "٣_c1.jpg"],
)
def test_a_name_without_an_identity_is_an_error(name):
    with pytest.raises(ValueError, match="does not start with an identity"):
        parse_name(name)


@given(identity=st.just(-1) | numbers, camera=numbers, zeros=padded, rest=free)
def test_identity_and_camera_are_read_back_whatever_follows(identity, camera, zeros, rest):
    number = "-1" if identity == -1 else f"{zeros}{identity}"
    rest = f"s{rest}" if rest[:1].isdigit() else rest
    assert parse_name(f"{number}_c{zeros}{camera}{rest}") == ImageName(identity, camera)


@given(identity=numbers, rest=free)
def test_without_c_and_digits_there_is_no_camera(identity, rest):
    assert parse_name(f"{identity}_x{rest}.jpg") == ImageName(identity, None)


@given(too_large=st.integers(2**63, 2**80))
def test_a_number_that_64_bits_do_not_hold_is_an_error(too_large):
    for name in (f"{too_large}_c1.jpg", f"1_c{too_large}.jpg"):
        with pytest.raises(ValueError, match="exceeds 64 bits"):
            parse_name(name)


@given(name=st.text())
@example("\udcff_c1.jpg")
def test_any_text_is_either_read_or_refused(name):
    try:
        label = parse_name(name)
    except ValueError:
        return
    assert label.identity >= -1
    assert label.camera is None or label.camera >= 0


@given(text=st.text(st.characters(), max_size=30))
@example("caf\udce9\n.jpg")
def test_a_report_prints_any_name_on_one_line_of_any_terminal(text):
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    if text.isprintable():
        assert shown == text
