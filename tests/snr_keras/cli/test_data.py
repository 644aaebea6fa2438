"""`snr data`."""

import shutil
from pathlib import Path

from snr_keras.reid.data.images import decode_image
from tests.snr_keras.reid.data import owners

SMALL = ("--train-identities", 2, "--test-identities", 2, "--cameras", 2, "--images-per-camera", 2)


def test_synthesize_writes_a_market1501_folder_a_domain(snr, tmp_path: Path) -> None:
    assert snr("data", "synthesize", tmp_path, *SMALL, "--image-size", "32x16").status == 0
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["day", "dusk", "fog", "night"]
    for split, images in (("bounding_box_train", 8), ("query", 4), ("bounding_box_test", 4)):
        assert len(list((tmp_path / "fog" / split).glob("*_c?s1_??????_??.jpg"))) == images


def test_synthesize_leaves_the_same_world_alone_and_refuses_to_overwrite_another(snr, tmp_path: Path) -> None:
    arguments = ("data", "synthesize", tmp_path, *SMALL, "--domain", "day", "--image-size", "32x16")
    assert snr(*arguments).status == 0
    assert snr(*arguments).status == 0
    outcome = snr(*arguments, "--seed", 1)
    assert outcome.status == 1
    assert "seed=0 instead of 1" in outcome.output


def test_a_wrong_image_size_is_named(snr, tmp_path: Path) -> None:
    outcome = snr("data", "synthesize", tmp_path, "--image-size", "64")
    assert outcome.status == 1
    assert "HEIGHTxWIDTH" in outcome.output
    assert "'64'" in outcome.output


def test_info_counts_and_names_what_cannot_be_used(snr, world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "day"
    folder.symlink_to(world / "day")
    outcome = snr("data", "info", folder)
    assert outcome.status == 0
    assert "bounding_box_train: 16 images, 4 identities, 2 cameras" in outcome.output


def test_info_names_every_file_that_cannot_be_used_however_many(snr, world: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(world / "day", tmp_path / "day")
    for number in range(7):
        (folder / "query" / f"notes {number}.txt").write_text("not an image")
    outcome = snr("data", "info", folder)
    assert outcome.status == 0
    for number in range(7):
        assert f"'notes {number}.txt': not one of" in outcome.output


def test_what_is_suggested_after_drawing_can_be_pasted_into_a_shell(snr, tmp_path: Path) -> None:
    directory = tmp_path / "two words"
    arguments = ("data", "synthesize", directory, *SMALL, "--image-size", "32x16", "--domain", "fog")
    assert "snr train" not in snr(*arguments).output  # there is nothing to test on
    outcome = snr(*arguments, "--domain", "dusk")
    assert f"snr train --source '{directory}/fog' --target '{directory}/dusk'" in outcome.output


def test_info_takes_a_name_and_a_folder_counts_every_division_and_writes_a_contact_sheet(snr, tmp_path: Path) -> None:
    folder = owners.prid2011(tmp_path)
    sheet = tmp_path / "pictures" / "sheet.png"
    outcome = snr("data", "info", "prid2011", folder, "--sheet", sheet)
    assert outcome.status == 0
    assert outcome.output.startswith("prid2011, single shot\n")
    assert "train: 6 images of 3 identities, where 200 of 100 are published" in outcome.output
    assert "split 10 of 10: train 6 images of 3, query 3 images of 3, gallery 6 images of 6" in outcome.output
    assert decode_image(sheet.read_bytes()).shape == (9 * 130, 2 * 66, 3)


def test_info_reads_a_list_of_ones_own(snr, world: Path, tmp_path: Path) -> None:
    images = sorted((world / "day" / "bounding_box_train").iterdir())
    lines = [f"{image},{image.name[:4]}" for image in images]
    (tmp_path / "mine.csv").write_text("\n".join(["path,identity", *lines]))
    outcome = snr("data", "info", tmp_path / "mine.csv")
    assert outcome.status == 0
    assert "train: 16 images, 4 identities, no camera labels" in outcome.output
