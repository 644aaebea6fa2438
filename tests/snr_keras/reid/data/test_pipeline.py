"""Batches of images: what is in the files arrives, in P x K batches that a seed and a step determine."""

import dataclasses
import io
import os
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from snr_keras.reid.data import pipeline
from snr_keras.reid.data.augmentation import Augmentation
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.images import checked_image, decode_image, load_image, read_image
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.pipeline import evaluation_batches, steps_per_epoch, training_batches
from snr_keras.reid.data.scan import examine
from tests.snr_keras.reid.data.folders import TRAIN, bmp, colours, jpeg, png, write

PLAIN = Augmentation(padding=0, flip=0, brightness=0, contrast=0)
P_BY_K = {"identities_per_batch": 3, "images_per_identity": 2}


def people(folder: Path, *, identities: tuple[int, ...] = (7, 300, 41, 2**40), images: int = 3) -> Split:
    """PNG files whose every pixel is (index of the identity, index of the image, 9), and the split that they make."""
    paths, labels = [], []
    for i, identity in enumerate(sorted(identities)):
        for k in range(images):
            name = f"{identity}_c1_{k}.png"
            write(folder, {name: png(np.broadcast_to(np.uint8([i, k, 9]), (4, 2, 3)))})
            paths.append(str(folder / name))
            labels.append(identity)
    return Split(tuple(paths), np.array(labels, np.int64), None)


def arrived(folder: Path, files: dict[str, bytes]) -> np.ndarray:
    """The images of files in an evaluation batch."""
    write(folder, files)
    paths = tuple(str(folder / name) for name in files)
    assert [examine(path).reason for path in paths] == [None] * len(files)
    split = Split(paths, np.arange(len(files)), None)
    (batch,) = evaluation_batches(split, image_size=(8, 4), batch_size=len(files))
    return batch.numpy()


def decoded(folder: Path, contents: bytes) -> np.ndarray:
    """The image that arrives in an evaluation batch."""
    return arrived(folder, {"1_c1.png": contents})[0]


# Training


def test_no_python_runs_within_the_pipelines(tmp_path):
    # A pipeline that calls Python and is dropped half-way can wait for the interpreter that waits for it, for ever.
    split = people(tmp_path)
    training = training_batches(split, image_size=(4, 2), **P_BY_K, seed=0, augmentation=Augmentation(), stop_step=9)
    evaluation = evaluation_batches(split, image_size=(4, 2), batch_size=2)
    for dataset in (training, evaluation):
        variant = tf.data.experimental.to_variant(dataset)
        graph = tf.raw_ops.DatasetToGraphV2(input_dataset=variant).numpy()
        assert b"PrefetchDataset" in graph
        assert b"PyFunc" not in graph


def test_a_batch_is_p_identities_of_k_images_with_labels_from_zero_up(tmp_path):
    split = people(tmp_path)
    batches = training_batches(split, image_size=(4, 2), **P_BY_K, seed=0, augmentation=PLAIN, stop_step=7)
    assert len(batches) == 7
    for images, labels in batches:
        assert (images.shape, images.dtype) == ((6, 4, 2, 3), tf.float32)
        assert (labels.shape, labels.dtype) == ((6,), tf.int32)
        identities, counts = np.unique(labels, return_counts=True)
        assert len(identities) == 3
        assert set(counts) == {2}
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)  # the image is that of the label
        assert len({tuple(pixel) for pixel in images[:, 0, 0].numpy()}) == 6  # no image twice


@pytest.mark.parametrize("domain_balanced", [False, True])
def test_replicas_get_whole_identities_and_together_the_batch_of_one_device(tmp_path, domain_balanced):
    split = people(tmp_path)
    split = dataclasses.replace(split, domains=np.repeat(np.int64([0, 1]), 6))
    settings = {"image_size": (4, 2), "identities_per_batch": 4, "images_per_identity": 2, "seed": 3}
    settings |= {"augmentation": Augmentation(erasing=0.5), "start_step": 2, "stop_step": 5}
    whole = list(training_batches(split, **settings, domain_balanced=domain_balanced))
    pipelines = [
        training_batches(
            split,
            **settings,
            domain_balanced=domain_balanced,
            context=tf.distribute.InputContext(2, pipeline, num_replicas_in_sync=4),
        )
        for pipeline in (0, 1)
    ]
    assert [len(pipeline) for pipeline in pipelines] == [6, 6]  # 3 steps for 2 replicas
    shares = [list(pipeline) for pipeline in pipelines]
    for step, (images, labels) in enumerate(whole):
        of_replicas = [*shares[0][2 * step : 2 * step + 2], *shares[1][2 * step : 2 * step + 2]]
        np.testing.assert_array_equal(tf.concat([share[0] for share in of_replicas], axis=0), images)
        np.testing.assert_array_equal(tf.concat([share[1] for share in of_replicas], axis=0), labels)
        assert all(len(np.unique(share[1])) == 1 for share in of_replicas)


def test_identities_must_come_out_even_among_replicas(tmp_path):
    context = tf.distribute.InputContext(1, 0, num_replicas_in_sync=2)
    settings = {"image_size": (4, 2), **P_BY_K, "seed": 0, "augmentation": PLAIN, "stop_step": 1}
    with pytest.raises(ValueError, match=r"to a multiple of 2\. Received: identities_per_batch=3"):
        training_batches(people(tmp_path), **settings, context=context)


def test_an_epoch_shows_every_identity(tmp_path):
    split = people(tmp_path)
    steps = steps_per_epoch(split, 3, 2)
    epoch = training_batches(split, image_size=(4, 2), **P_BY_K, seed=0, augmentation=PLAIN, stop_step=steps)
    assert set(np.concatenate([labels for _, labels in epoch])) == {0, 1, 2, 3}


@pytest.mark.parametrize("kept_bytes", [0, 2**20])
def test_started_at_a_step_the_batches_continue_bit_for_bit(tmp_path, monkeypatch, kept_bytes):
    monkeypatch.setattr(pipeline, "KEPT_BYTES", kept_bytes)
    start = 5
    settings = P_BY_K | {"seed": 5, "augmentation": Augmentation(saturation=0.2, hue=0.1, erasing=0.5)}
    settings |= {"stop_step": start + 3}
    split = people(tmp_path)
    ran = list(training_batches(split, image_size=(8, 4), **settings))
    started = training_batches(split, image_size=(8, 4), **settings, start_step=start)
    for (images, labels), (expected_images, expected_labels) in zip(started, ran[start:], strict=True):
        np.testing.assert_array_equal(labels, expected_labels)
        np.testing.assert_array_equal(images, expected_images)


def test_images_kept_in_memory_are_those_that_are_read_anew(tmp_path, monkeypatch):
    split = people(tmp_path)

    def batches():
        settings = P_BY_K | {"seed": 1, "augmentation": Augmentation(), "stop_step": 4}
        return list(training_batches(split, image_size=(8, 4), **settings))

    kept = batches()
    monkeypatch.setattr(pipeline, "KEPT_BYTES", 0)
    for (images, _), (expected, _) in zip(batches(), kept, strict=True):
        np.testing.assert_array_equal(images, expected)


def test_another_seed_gives_other_batches(tmp_path):
    split = people(tmp_path)
    first, second = (
        next(
            iter(
                training_batches(
                    split, image_size=(4, 2), **P_BY_K, seed=seed, augmentation=Augmentation(), stop_step=1
                )
            )
        )
        for seed in (0, 1)
    )
    assert not np.array_equal(first[0], second[0])


def test_a_small_split_is_read_once_and_a_large_one_anew(tmp_path, monkeypatch):
    for kept_bytes, survives in ((2**20, True), (0, False)):
        monkeypatch.setattr(pipeline, "KEPT_BYTES", kept_bytes)
        split = people(tmp_path)
        batches = training_batches(split, image_size=(4, 2), **P_BY_K, seed=0, augmentation=PLAIN, stop_step=1)
        for path in split.paths:
            os.remove(path)
        if survives:
            next(iter(batches))
        else:
            with pytest.raises(tf.errors.NotFoundError):
                next(iter(batches))


def test_too_few_identities_are_an_error_before_the_first_batch(tmp_path):
    split = people(tmp_path, identities=(1, 2))
    with pytest.raises(ValueError, match="identities_per_batch=3, a split of 6 images of 2 identities"):
        training_batches(split, image_size=(4, 2), **P_BY_K, seed=0, augmentation=PLAIN, stop_step=1)
    with pytest.raises(ValueError, match="a split of 6 images of 2 identities"):
        steps_per_epoch(split, 3, 2)


# Evaluation


def test_evaluation_shows_every_image_once_and_in_order(tmp_path):
    split = people(tmp_path)
    batches = evaluation_batches(split, image_size=(4, 2), batch_size=5)
    assert len(batches) == 3
    images = [batch.numpy() for batch in batches]
    assert [batch.shape for batch in images] == [(5, 4, 2, 3), (5, 4, 2, 3), (2, 4, 2, 3)]
    assert images[0].dtype == np.float32
    expected = [[i, k, 9] for i in range(4) for k in range(3)]
    np.testing.assert_array_equal(np.concatenate(images)[:, 3, 1], expected)


@pytest.mark.parametrize(("batch_size", "images"), [(0, 1), (4, 0)])
def test_nothing_to_evaluate_is_an_error(batch_size, images):
    split = Split(("a.jpg",) * images, np.zeros(images, np.int64), None)
    with pytest.raises(ValueError, match=f"batch_size={batch_size}, a split of {images} images"):
        evaluation_batches(split, image_size=(4, 2), batch_size=batch_size)


def test_an_image_of_the_right_size_arrives_as_it_is(tmp_path):
    np.testing.assert_array_equal(decoded(tmp_path, png(colours())), colours())


def test_an_image_of_any_size_is_resized(tmp_path):
    shapes = [(1, 1), (3, 5), (31, 7), (64, 32)]
    files = {f"{shape}.png": png(np.full((*shape, 3), (200, 100, 0), np.uint8)) for shape in shapes}
    np.testing.assert_array_equal(arrived(tmp_path, files), np.full((4, 8, 4, 3), (200, 100, 0)))


def test_shrinking_averages_rather_than_picks(tmp_path):
    stripes = np.zeros((64, 32, 3), np.uint8)
    stripes[::2] = 200
    np.testing.assert_allclose(decoded(tmp_path, png(stripes)), 100, atol=8)


def test_the_contents_tell_the_format_and_not_the_extension(tmp_path):
    files = {f"1_c1.{extension}": png(colours()) for extension in ("jpg", "JPEG", "png", "bmp")}
    np.testing.assert_array_equal(arrived(tmp_path, files), [colours()] * 4)


def test_grey_images_have_three_equal_channels(tmp_path):
    grey = colours()[..., :1]
    exact, image = arrived(tmp_path, {"1.png": png(grey), "2.jpg": jpeg(grey, format="grayscale")})
    np.testing.assert_array_equal(exact, np.repeat(grey, 3, axis=-1))
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


def test_progressive_jpeg_is_the_same_image_as_baseline(tmp_path):
    progressive, baseline = arrived(tmp_path, {"1.jpg": jpeg(progressive=True), "2.jpg": jpeg()})
    np.testing.assert_array_equal(progressive, baseline)


def test_transparency_is_dropped(tmp_path):
    alpha = np.full((8, 4, 1), 3, np.uint8)
    np.testing.assert_array_equal(decoded(tmp_path, png(np.concatenate([colours(), alpha], -1))), colours())


def test_of_16_bits_the_upper_8_are_kept(tmp_path):
    deep = colours().astype(np.uint16) * 256 + 77
    np.testing.assert_array_equal(decoded(tmp_path, png(deep)), colours())


def test_rare_kinds_of_image_are_seen_as_pillow_sees_them(tmp_path):
    smooth = np.linspace(0, 255, 96).astype(np.uint8).reshape(8, 4, 3)
    files = {}
    for mode, kind in (("CMYK", "JPEG"), ("P", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("RGBA", "BMP")):
        file = io.BytesIO()
        Image.fromarray(smooth).convert(mode).save(file, format=kind)
        files[f"{mode}.{kind}"] = file.getvalue()
    for name, image in zip(files, arrived(tmp_path, files), strict=True):
        expected = np.asarray(Image.open(tmp_path / name).convert("RGB"), np.float32)
        np.testing.assert_allclose(image, expected, atol=6 if name == "CMYK.JPEG" else 0, err_msg=name)


def test_bmp_is_read_and_one_with_a_colour_palette_refused_since_it_would_be_read_wrongly(tmp_path):
    np.testing.assert_array_equal(decoded(tmp_path, bmp(colours())), colours())
    ramp = np.repeat(np.arange(256)[:, None], 3, axis=1)
    indices = colours()[..., 0]
    np.testing.assert_array_equal(decoded(tmp_path, bmp(indices, ramp))[..., 1], indices)
    (tmp_path / "1_c1_palette.bmp").write_bytes(bmp(indices, ramp[::-1]))
    assert examine(str(tmp_path / "1_c1_palette.bmp")).reason.startswith("BMP with a colour palette")


@pytest.mark.parametrize("contents", [jpeg(), jpeg(progressive=True), png(colours()), bmp(colours())])
@pytest.mark.parametrize("missing", [1, 10, 40])
def test_an_image_that_lacks_its_last_bytes_is_found(tmp_path, contents, missing):
    (tmp_path / "1_c1.jpg").write_bytes(contents[:-missing])
    assert examine(str(tmp_path / "1_c1.jpg")).reason


@given(
    contents=st.sampled_from([jpeg(), jpeg(progressive=True), png(colours()), bmp(colours())]),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
)
def test_an_image_that_passed_the_check_never_fails_later(contents, damage):
    damaged = bytearray(contents)
    for where, byte in damage:
        damaged[int(where * len(damaged))] = byte
    with tempfile.NamedTemporaryFile() as file:
        file.write(damaged)
        file.flush()
        if examine(file.name).reason is None:
            assert load_image(tf.constant(file.name), (4, 2)).shape == (4, 2, 3)


def taken(folder: Path, name: bytes) -> bool:
    """Whether the file system takes a file of this name."""
    path = os.path.join(os.fsencode(folder), name)
    with suppress(OSError), open(path, "wb"):
        pass
    there = os.path.exists(path)
    if there:
        os.remove(path)
    return there


def test_a_file_of_any_name_arrives(tmp_path):
    names = [
        b"1_c1 with spaces .jpg",
        "2_c1_人.jpg".encode(),
        b"3_c1_caf\xe9.jpg",
        b"4_c1_two\nlines.jpg",
        b"5_c1_100%s%20.jpg",
        b"6_c1_*?[a]{b}.jpg",
        b"7_c1_'\"\\.jpg",
    ]
    names = [name for name in names if taken(tmp_path, name)]
    files = {os.fsdecode(name): png(colours(seed=seed)) for seed, name in enumerate(names)}
    write(tmp_path / "100% [mine]" / TRAIN, files)
    dataset = read_market1501(tmp_path / "100% [mine]", splits=("train",))
    assert sorted(dataset.train.identities) == [int(name[:1]) for name in names]
    settings = {"image_size": (8, 4), "identities_per_batch": len(names), "images_per_identity": 1, "seed": 0}
    (evaluated,) = evaluation_batches(dataset.train, image_size=(8, 4), batch_size=len(names))
    ((trained, labels),) = training_batches(dataset.train, **settings, augmentation=PLAIN, stop_step=1)
    for image, path in zip(evaluated.numpy(), dataset.train.paths, strict=True):
        np.testing.assert_array_equal(image, colours(seed=names.index(os.fsencode(os.path.basename(path)))))
    order = np.argsort(dataset.train.identities)
    np.testing.assert_array_equal(trained, evaluated.numpy()[order][labels])
    str(dataset.report).encode()


# Orientation


def stored(kind: str, *, tag: int | None, order: str = ">") -> bytes:
    """An image file with an orientation tag among others, as a camera writes it; or without any."""
    file, exif = io.BytesIO(), Image.Exif()
    if tag is not None:
        exif.endian = order
        exif[0x010F], exif[0x0112], exif[0x0131] = "a camera's maker", tag, "its software"
    Image.fromarray(colours(16, 8)).save(file, kind, **({} if tag is None else {"exif": exif}))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_orientation_tag_is_followed_in_a_pipeline_and_outside(kind):
    as_stored = Image.fromarray(checked_image(stored(kind, tag=None)).numpy())
    tags = [(tag, order) for tag in range(10) for order in "<>"]
    files = [stored(kind, tag=tag, order=order) for tag, order in tags]
    arrived = tf.data.Dataset.from_tensor_slices(files).map(decode_image)
    for (tag, _), file, image in zip(tags, files, arrived, strict=True):
        as_stored.getexif()[0x0112] = tag
        expected = np.asarray(ImageOps.exif_transpose(as_stored))
        np.testing.assert_array_equal(image, expected)
        np.testing.assert_array_equal(checked_image(file), expected)


@given(
    contents=st.sampled_from([stored("JPEG", tag=6), stored("PNG", tag=6)]),
    damage=st.lists(st.tuples(st.integers(0, 140), st.integers(0, 255)), max_size=4),
)
def test_a_damaged_tag_never_stops_what_can_be_decoded(contents, damage):
    damaged = bytearray(contents)
    for where, byte in damage:
        damaged[where] = byte
    with tempfile.NamedTemporaryFile() as file:
        file.write(damaged)
        file.flush()
        if examine(file.name).reason is None:
            image = read_image(file.name)
            size = tuple(image.shape[:2])
            np.testing.assert_array_equal(load_image(tf.constant(file.name), size), image)


# What is not decoded


def png_of(width: int, height: int) -> bytes:
    """A PNG file whose header claims so many pixels."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    contents = png(colours())
    chunk = b"IHDR" + header
    return contents[:12] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + contents[33:]


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (png_of(20_000, 20_000), "20000 x 20000 pixels, where at most 100 million are decoded"),
        (bmp(colours()) + b"abc", "BMP with 3 bytes after its pixels"),
        (bmp(colours())[:28] + b"\x10" + bmp(colours())[29:], "BMP of 16 bits a pixel: supported are 8, 24 and 32"),
        (bmp(colours())[:28] + b"\x01" + bmp(colours())[29:], "BMP of 1 bits a pixel"),
        (bmp(colours())[:30] + b"\x01" + bmp(colours())[31:], "BMP of 24 bits a pixel, compressed"),
        (b"GIF89a" + bytes(40), "not an image (JPEG, PNG or BMP)"),
        (b"", "empty file"),
    ],
)
def test_why_an_image_is_not_decoded_is_said_in_plain_words(tmp_path, contents, reason):
    (tmp_path / "1_c1.jpg").write_bytes(contents)
    assert examine(str(tmp_path / "1_c1.jpg")).reason.startswith(reason)


def test_a_jpeg_of_too_many_pixels_is_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr("snr_keras.reid.data.images.MOST_PIXELS", 10**6)
    Image.new("L", (1000, 1001)).save(tmp_path / "1_c1.jpg")
    assert examine(str(tmp_path / "1_c1.jpg")).reason.startswith("1000 x 1001 pixels, where at most 1 million")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_not_opened(tmp_path, kind):
    path = tmp_path / "1_c1.jpg"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    assert examine(str(path)).reason.startswith("not a regular file but a")
