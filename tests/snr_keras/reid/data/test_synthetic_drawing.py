"""People, poses, styles and domains: what a single image of the synthetic world promises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from snr_keras.reid.data.synthetic import DOMAINS, PARTS, contact_sheet, render_sample
from snr_keras.reid.data.synthetic.domains import draw_camera
from snr_keras.reid.data.synthetic.drawing import BACKGROUND, BAG, HAIR, LOWER, SHOES, SKIN, UPPER, draw_person
from snr_keras.reid.data.synthetic.identity import BAGS, HAIRS, HATS, LOWERS, PATTERNS, UPPERS, Identity, draw_identity
from snr_keras.reid.data.synthetic.pose import Pose, draw_pose
from snr_keras.reid.data.synthetic.style import photograph, rephotograph
from snr_keras.reid.data.synthetic.world import person

seeds = st.integers(0, 2**31)
domains = st.sampled_from(DOMAINS)
sizes = st.tuples(st.integers(32, 96), st.integers(16, 96))


def walker(seed: int) -> tuple[Identity, Pose]:
    """A person and a pose that fits the frame, as a detector's box does not always."""
    rng = np.random.default_rng(seed)
    return draw_identity(rng), replace(draw_pose(rng, heading=0.0, tilt=0.1), shift=(0.0, 0.0), scale=1.0)


def drawn(identity: Identity, pose: Pose, size: tuple[int, int] = (128, 64)):
    return draw_person(identity, pose, size, np.random.default_rng(0))


@given(domains, st.integers(1, 99), st.integers(1, 9), st.integers(0, 9), seeds)
def test_the_same_address_gives_the_same_bytes(domain, identity, camera, index, seed):
    first, second = (render_sample(domain, identity, camera, index, seed=seed) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


@given(domains, st.integers(1, 99), st.integers(1, 9), st.integers(0, 9), seeds)
def test_any_other_address_gives_another_image(domain, identity, camera, index, seed):
    image, _ = render_sample(domain, identity, camera, index, seed=seed)
    neighbours = [
        render_sample(domain, identity + 1, camera, index, seed=seed),
        render_sample(domain, identity, camera + 1, index, seed=seed),
        render_sample(domain, identity, camera, index + 1, seed=seed),
        render_sample(domain, identity, camera, index, seed=seed + 1),
    ]
    assert all((image != other).any() for other, _ in neighbours)


def test_an_image_keeps_its_bytes_whatever_was_rendered_before():
    image, _ = render_sample("dusk", 3, 2, 1, seed=5)
    for other in DOMAINS:
        render_sample(other, 9, 1, 0)
    again, _ = render_sample("dusk", 3, 2, 1, seed=5)
    np.testing.assert_array_equal(image, again)


@given(domains, sizes, seeds)
def test_any_size_gives_an_image_and_a_mask_of_known_parts(domain, size, seed):
    image, mask = render_sample(domain, 1, 1, 0, seed=seed, image_size=size)
    assert (image.shape, image.dtype) == ((*size, 3), np.uint8)
    assert (mask.shape, mask.dtype) == (size, np.uint8)
    assert mask.max() < len(PARTS)


@given(seeds)
def test_a_person_shows_every_part_that_person_has(seed):
    identity, pose = walker(seed)
    labels = set(np.unique(drawn(identity, pose).parts))
    assert labels >= {BACKGROUND, SKIN, HAIR, UPPER, LOWER, SHOES}
    if identity.bag == "none":
        assert BAG not in labels
    if identity.bag == "backpack":
        back = drawn(identity, replace(pose, yaw=np.pi))
        assert (back.parts == BAG).mean() > 0.01


@given(seeds)
def test_parts_come_in_the_order_of_a_body(seed):
    parts = drawn(*walker(seed)).parts
    middle = {part: np.nonzero(parts == part)[0].mean() for part in (HAIR, UPPER, LOWER, SHOES)}
    assert middle[HAIR] < middle[UPPER] < middle[LOWER] < middle[SHOES]


@given(seeds)
@example(18124642)
def test_the_mask_covers_what_is_drawn_and_nothing_else(seed):
    drawing = drawn(*walker(seed))
    assert (drawing.coverage[drawing.parts != BACKGROUND] > 0.5).all()
    # Where the mask has none, each shape covers half of the pixel at most: k shapes that meet there, 1 - 1 / 2^k of it.
    assert (drawing.coverage[drawing.parts == BACKGROUND] < 1).all()
    assert (drawing.coverage[drawing.parts == BACKGROUND] > 0.75).mean() < 0.01
    assert 0.08 < (drawing.parts != BACKGROUND).mean() < 0.6
    assert (drawing.colour[drawing.coverage == 0] == 0).all()


@given(seeds)
def test_a_person_has_the_same_proportions_at_every_resolution(seed):
    identity, pose = walker(seed)
    small, large = (drawn(identity, pose, size).parts for size in ((64, 32), (256, 128)))
    for part in range(len(PARTS)):
        assert abs((small == part).mean() - (large == part).mean()) < 0.03, PARTS[part]


@given(seeds)
def test_a_person_stays_in_the_middle_of_a_wider_image(seed):
    identity, pose = walker(seed)
    narrow, wide = drawn(identity, pose, (64, 32)), drawn(identity, pose, (64, 64))
    np.testing.assert_array_equal(narrow.parts, wide.parts[:, 16:48])


def test_every_attribute_occurs_among_a_few_hundred_people():
    people = [person("day", number, seed=0) for number in range(1, 301)]
    for attribute, names in {
        "upper": UPPERS,
        "lower": LOWERS,
        "pattern": PATTERNS,
        "hair": HAIRS,
        "hat": HATS,
        "bag": BAGS,
    }.items():
        assert {getattr(someone, attribute) for someone in people} == set(names)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_shows_unless_the_garment_is_plain(pattern):
    identity, pose = walker(3)
    identity = replace(identity, upper="shirt", bag="none", hair="short", sleeves=0.0, pattern_period=0.08)
    plain = drawn(replace(identity, pattern="plain"), replace(pose, yaw=0.0)).colour
    changed = (drawn(replace(identity, pattern=pattern), replace(pose, yaw=0.0)).colour != plain).any(-1).mean()
    assert changed == 0 if pattern == "plain" else changed > 0.005


def test_no_person_lives_twice():
    people = [person(domain, number, seed=0) for domain in DOMAINS for number in range(1, 301)]
    assert len(set(people)) == len(people)


@given(domains, seeds)
def test_a_photograph_has_the_shape_of_the_drawing_whatever_the_style(domain, seed):
    rng = np.random.default_rng(seed)
    drawing = drawn(*walker(seed), (48, 24))
    image = photograph(drawing, draw_camera(domain, rng), rng)
    assert (image.shape, image.dtype) == ((48, 24, 3), np.uint8)


def test_a_picture_of_a_picture_is_as_the_camera_sees_it():
    rng = np.random.default_rng(0)
    image = render_sample("day", 1, 1, 0)[0]
    neutral = {"exposure": 1.0, "gradient": 0.0, "cast": (1.0, 1.0, 1.0), "haze": 0.0, "blur": 0.0, "detail": 1.0}
    neutral |= {"noise": 0.0, "contrast": 1.0, "saturation": 1.0, "gamma": 1.0}
    camera = replace(draw_camera("night", rng), **neutral)
    again = rephotograph(image, camera, rng)
    assert (again.shape, again.dtype) == (image.shape, image.dtype)
    assert np.abs(again.astype(int) - image).max() <= 10  # the curves of sRGB and of 1 / 2.2 differ so much in shadows
    dark = rephotograph(image, replace(camera, exposure=0.25, cast=(1.0, 1.0, 0.0)), rng)
    assert (dark[..., :2] <= again[..., :2]).all()
    assert dark[..., 2].max() <= 4  # what the curve leaves of no light


def colour_statistics(domain: str, camera: int) -> np.ndarray:
    """Mean and standard deviation of each channel, averaged over a camera's images of 24 people."""
    images = np.stack([render_sample(domain, number, camera, 0, seed=1)[0] for number in range(1, 25)]) / 255.0
    return np.concatenate([images.mean((0, 1, 2)), images.std((1, 2)).mean(0)])


def test_domains_differ_more_than_the_cameras_within_them():
    cameras = np.array([[colour_statistics(domain, camera) for camera in range(1, 7)] for domain in DOMAINS])
    centres = cameras.mean(axis=1)
    within = np.linalg.norm(cameras - centres[:, None], axis=-1).mean()
    between = np.linalg.norm(centres[:, None] - centres[None], axis=-1)[np.triu_indices(len(DOMAINS), 1)]
    assert within > 0.01, "the cameras of a domain must differ too"
    assert between.min() > within


def test_cameras_of_one_domain_differ_more_than_one_cameras_images():
    def style_of(identity: int, camera: int) -> np.ndarray:
        return render_sample("day", identity, camera, 0)[0][:8].mean((0, 1)) / 255.0  # above the heads

    means = np.array([[style_of(identity, camera) for identity in range(1, 13)] for camera in range(1, 7)])
    assert means.mean(axis=1).std(axis=0).mean() > means.std(axis=1).mean()


def test_the_contact_sheet_has_a_row_for_each_domain_and_one_for_the_masks():
    sheet = contact_sheet(people=2, cameras=3, image_size=(32, 16), enlarge=2)
    assert (sheet.shape, sheet.dtype) == (((len(DOMAINS) + 1) * 34 * 2, 2 * 3 * 18 * 2, 3), np.uint8)


def test_the_contact_sheet_keeps_people_and_poses_from_row_to_row():
    one, other = (contact_sheet(domains=[domain], people=2, cameras=2) for domain in ("day", "night"))
    row = len(one) // 2
    np.testing.assert_array_equal(one[row:], other[row:])
    assert (one[:row] != other[:row]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"domain": "dawn"}, r"one of day, dusk, night, fog\. Received: domain='dawn'"),
        ({"identity": 0}, r"identity must be an integer of at least 1\. Received: identity=0"),
        ({"camera": 0}, "camera=0"),
        ({"index": -1}, "index=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"image_size": (31, 16)}, r"at least \(32, 16\)\. Received: image_size=\(31, 16\)"),
        ({"image_size": (64, 15)}, "image_size"),
        ({"image_size": (64, 32, 3)}, "image_size"),
        ({"image_size": (64.5, 32)}, "image_size"),
    ],
)
def test_an_argument_out_of_range_is_named(arguments, message):
    address = {"domain": "day", "identity": 1, "camera": 1, "index": 0} | arguments
    with pytest.raises(ValueError, match=message):
        render_sample(**address)


def test_a_contact_sheet_of_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"len\(domains\)=0"):
        contact_sheet(domains=[])
