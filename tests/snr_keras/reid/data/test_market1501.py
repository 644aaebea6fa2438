"""Reading folders in Market-1501 layout: what is used, what is reported, what is refused."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from snr_keras.files.regular import read_bytes
from snr_keras.reid.data.catalogue import open_dataset
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.market1501 import read_market1501
from tests.snr_keras.reid.data.folders import GALLERY, QUERY, TRAIN, jpeg, write, write_dataset


@pytest.fixture
def root(tmp_path):
    return write_dataset(tmp_path / "people")


def reports(dataset):
    return {split.folder: split for split in dataset.report.splits}


def names(split):
    return [os.path.basename(path) for path in split.paths]


def test_paths_identities_and_cameras_stand_side_by_side_sorted_by_name(root):
    dataset = read_market1501(root)
    assert dataset.name == "people"
    assert names(dataset.query) == [
        "0003_c1s1_000001_00.jpg",
        "0003_c2s1_000001_00.jpg",
        "0004_c1s1_000001_00.jpg",
        "0004_c2s1_000001_00.jpg",
    ]
    assert dataset.query.paths[0] == str(root / QUERY / "0003_c1s1_000001_00.jpg")
    np.testing.assert_array_equal(dataset.query.identities, [3, 3, 4, 4])
    np.testing.assert_array_equal(dataset.query.cameras, [1, 2, 1, 2])
    assert dataset.query.identities.dtype == dataset.query.cameras.dtype == np.int64
    assert (len(dataset.train), dataset.train.num_identities) == (8, 2)


def test_a_clean_folder_has_a_report_of_one_line_per_split(root):
    report = read_market1501(root).report
    assert report.num_excluded == 0
    assert report.lines() == [
        str(root),
        "  bounding_box_train: 8 images, 2 identities, 2 cameras",
        "  query: 4 images, 2 identities, 2 cameras",
        "  bounding_box_test: 4 images, 2 identities, 2 cameras",
    ]


def test_paths_are_absolute_wherever_the_reader_stands(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert read_market1501("people").train.paths == read_market1501(root).train.paths


def test_odd_files_wrong_names_and_unreadable_images_are_left_out_counted_and_named(root):
    write(
        root / TRAIN,
        {
            "Thumbs.db": b"?",
            ".DS_Store": b"?",
            "._0001_c1s1_000001_00.jpg": b"?",
            "list.txt": b"?",
            "portrait.jpg": jpeg(),
            "12a_c1.jpg": jpeg(),
            "-2_c1.jpg": jpeg(),
            f"{2**63}_c1.jpg": jpeg(),
            "0001_c1_truncated.jpg": jpeg()[:-20],
            "0001_c1_empty.png": b"",
            "0001_c1_text.bmp": b"not an image at all",
        },
    )
    (root / TRAIN / "more").mkdir()
    (root / TRAIN / "0001_c1_folder.jpg").mkdir()
    (root / TRAIN / "0001_c1_broken_link.jpg").symlink_to(root / "nowhere")
    (root / TRAIN / "0001_c1_circle.jpg").symlink_to(root / TRAIN / "0001_c1_circle.jpg")
    os.mkfifo(root / TRAIN / "0001_c1_pipe.jpg")
    dataset = read_market1501(root)
    assert len(dataset.train) == 8
    report = reports(dataset)[TRAIN]
    assert {odd.name: odd.reason for odd in report.odd_files} == {
        ".DS_Store": "hidden file",
        "._0001_c1s1_000001_00.jpg": "hidden file",
        "Thumbs.db": "not one of .jpg .jpeg .png .bmp",
        "list.txt": "not one of .jpg .jpeg .png .bmp",
        "more": "sub-folder, not entered",
        "0001_c1_folder.jpg": "sub-folder, not entered",
        "0001_c1_pipe.jpg": "not a regular file",
    }
    assert {wrong.name: wrong.reason for wrong in report.wrong_names} == {
        "portrait.jpg": "the name does not start with an identity",
        "12a_c1.jpg": "the name does not start with an identity",
        "-2_c1.jpg": "the name does not start with an identity",
        f"{2**63}_c1.jpg": "a number in the name exceeds 64 bits",
    }
    assert {bad.name: bad.reason for bad in report.unreadable} == {
        "0001_c1_truncated.jpg": "truncated or damaged JPEG",
        "0001_c1_empty.png": "empty file",
        "0001_c1_text.bmp": "not an image (JPEG, PNG or BMP)",
        "0001_c1_broken_link.jpg": "No such file or directory",
        "0001_c1_circle.jpg": "Too many levels of symbolic links",
    }
    assert dataset.report.num_excluded == 16
    lines = dataset.report.lines()
    assert "    5 unreadable images: '0001_c1_broken_link.jpg': No such file or directory," in "\n".join(lines)
    assert any(line.startswith("    4 wrong names: ") and line.endswith(", and 1 more") for line in lines)
    assert any(line.startswith("    7 odd files: ") for line in lines)


def test_an_image_that_may_not_be_read_is_reported_with_the_reason(root, monkeypatch):
    forbidden = str(root / TRAIN / "0001_c1s1_000001_00.jpg")

    def guarded(path, **options):
        if path == forbidden:
            raise PermissionError(13, "Permission denied", path)
        return read_bytes(path, **options)

    monkeypatch.setattr("snr_keras.reid.data.images.read_bytes", guarded)
    (bad,) = reports(read_market1501(root))[TRAIN].unreadable
    assert (bad.name, bad.reason) == ("0001_c1s1_000001_00.jpg", "Permission denied")


def test_symbolic_links_to_images_and_folders_are_followed(root, tmp_path):
    kept = write(tmp_path / "kept", ["any.jpg"])
    (root / TRAIN / "0009_c1_linked.jpg").symlink_to(kept / "any.jpg")
    (root / QUERY).rename(tmp_path / "elsewhere")
    (root / QUERY).symlink_to(tmp_path / "elsewhere")
    dataset = read_market1501(root)
    assert 9 in dataset.train.identities
    assert len(dataset.query) == 4


def test_junk_and_distractors_stay_in_the_gallery_and_are_counted(root):
    write(root / GALLERY, ["-1_c1s1_000001_00.jpg", "-1_c2s1_000001_00.jpg", "0000_c1s1_000001_00.jpg"])
    dataset = read_market1501(root)
    np.testing.assert_array_equal(np.sort(dataset.gallery.identities), [-1, -1, 0, 3, 3, 4, 4])
    report = reports(dataset)[GALLERY]
    assert (report.images, report.identities, report.junk, report.distractors) == (7, 2, 2, 1)
    assert "  2 images of identity -1 (junk)" in report.lines()
    assert "  1 image of identity 0 (distractors)" in report.lines()


def test_training_drops_junk_and_takes_identity_0_as_any_other(root):
    write(root / TRAIN, ["-1_c1s1_000001_00.jpg", "0000_c1s1_000001_00.jpg"])
    dataset = read_market1501(root)
    assert set(dataset.train.identities) == {0, 1, 2}
    report = reports(dataset)[TRAIN]
    assert (report.images, report.identities, report.junk, report.distractors) == (9, 3, 1, 0)


@pytest.mark.parametrize("nobody", ["-1_c1s1_000001_00.jpg", "0000_c1s1_000001_00.jpg"])
def test_a_query_that_is_nobody_is_an_error_that_names_the_file(root, nobody):
    write(root / QUERY, [nobody])
    with pytest.raises(ValueError, match=f"1 such image in .*query': '{nobody}'"):
        read_market1501(root)


def test_identities_with_one_image_or_one_camera_are_reported(root):
    write(root / TRAIN, ["0007_c1_a.jpg", "0008_c1_a.jpg", "0008_c1_b.jpg"])
    report = reports(read_market1501(root))[TRAIN]
    assert report.single_image_identities == (7,)
    assert report.single_camera_identities == (7, 8)
    assert "  1 identity with one image: 7" in report.lines()
    assert "  2 identities with one camera: 7, 8" in report.lines()


def test_numbers_may_be_of_any_size(root):
    write(root / GALLERY, [f"{2**63 - 1}_c{2**62}_a.png"])
    gallery = read_market1501(root).gallery
    assert gallery.identities.max() == 2**63 - 1
    assert gallery.cameras.max() == 2**62


def test_people_who_are_in_training_and_test_are_noted(root):
    write(root / QUERY, ["0001_c1_a.jpg"])
    assert any("1 identity in both training and test: 1;" in note for note in read_market1501(root).report.notes)


# Data without camera labels


def without_cameras(root):
    write(root / TRAIN, ["0001_0001.jpg", "0001.jpg", "0002_0001.jpg"])
    write(root / QUERY, ["0003_0001.jpg"])
    write(root / GALLERY, ["0003_0002.jpg"])
    return root


def test_a_set_without_camera_labels_is_read_and_the_report_says_how_to_evaluate_it(tmp_path):
    dataset = read_market1501(without_cameras(tmp_path))
    assert dataset.train.cameras is dataset.query.cameras is dataset.gallery.cameras is None
    assert dataset.report.notes == ("no camera labels: evaluate under the protocol 'no_camera'",)
    report = reports(dataset)[TRAIN]
    assert (report.cameras, report.single_camera_identities) == (None, ())
    assert report.lines()[0] == "bounding_box_train: 3 images, 2 identities, no camera labels"


def test_a_gallery_image_without_camera_among_others_that_have_one_is_a_wrong_name(root):
    write(root / GALLERY, ["0003_0009.jpg"])
    dataset = read_market1501(root)
    (wrong,) = reports(dataset)[GALLERY].wrong_names
    assert str(wrong) == "'0003_0009.jpg': no camera in the name, unlike 4 other images"
    assert len(dataset.gallery) == len(dataset.gallery.cameras) == 4


def test_a_training_image_without_camera_is_kept_since_training_needs_none(root):
    write(root / TRAIN, ["0001_0009.jpg"])
    dataset = read_market1501(root)
    assert len(dataset.train) == 9
    assert dataset.train.cameras is None
    assert dataset.query.cameras is not None
    (note,) = dataset.report.notes
    assert note.startswith("bounding_box_train: 1 of 9 images have no camera in the name")


def test_cameras_of_the_query_alone_are_dropped_and_this_is_noted(root):
    for path in (root / GALLERY).iterdir():
        path.rename(path.with_name(path.name.replace("_c", "_")))
    dataset = read_market1501(root)
    assert dataset.query.cameras is dataset.gallery.cameras is None
    assert dataset.train.cameras is not None
    assert any("bounding_box_test has no camera labels" in note for note in dataset.report.notes)


# Reading a part


def test_a_folder_to_train_with_needs_no_test_folders(tmp_path):
    write(tmp_path / TRAIN, ["1_c1.jpg", "2_c1.jpg"])
    dataset = read_market1501(tmp_path, splits=("train",))
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (2, 0, 0)
    assert [split.folder for split in dataset.report.splits] == [TRAIN]


def test_a_folder_to_test_with_needs_no_training_folder(tmp_path):
    write(tmp_path / QUERY, ["1_c1.jpg"])
    write(tmp_path / GALLERY, ["1_c2.jpg"])
    dataset = read_market1501(tmp_path, splits=("query", "gallery"))
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (0, 1, 1)


@pytest.mark.parametrize("splits", [(), ("test",), ("train", "bounding_box_test")])
def test_an_unknown_split_is_an_error(root, splits):
    with pytest.raises(ValueError, match="must be among"):
        read_market1501(root, splits=splits)


def test_progress_runs_to_the_number_of_images(root):
    calls = []
    read_market1501(root, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 16) for done in range(1, 17)]


def test_an_interruption_does_not_wait_for_the_images_that_are_left(root, monkeypatch):
    write(root / TRAIN, [f"0001_c1_{k}.jpg" for k in range(500)])
    read, stopped = [], threading.Event()

    def reads_twenty_and_then_waits(path):
        read.append(path)
        if len(read) > 20:
            stopped.wait(600)

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            stopped.set()
            super().shutdown(wait)

    monkeypatch.setattr("snr_keras.reid.data.scan.examine", reads_twenty_and_then_waits)
    monkeypatch.setattr("snr_keras.reid.data.scan.ThreadPoolExecutor", Pool)

    def interrupted(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_market1501(root, progress=interrupted)
    assert len(read) <= 20 + os.cpu_count()  # one that waits in each thread


# What cannot be read at all


def test_a_path_that_does_not_exist_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist\. Received: .*nowhere"):
        read_market1501(tmp_path / "nowhere")


def test_a_path_that_is_a_file_is_an_error_that_says_so(tmp_path):
    (tmp_path / "people.zip").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match=r"Received a file: .*people\.zip"):
        read_market1501(tmp_path / "people.zip")


def test_missing_sub_folders_are_named_and_so_is_what_is_there(root):
    (root / QUERY).rename(root / "queries")
    with pytest.raises(
        FileNotFoundError, match="without query; it holds 'bounding_box_test', 'bounding_box_train', 'queries'"
    ):
        read_market1501(root)


def test_an_empty_path_is_an_error_that_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"it holds nothing$"):
        read_market1501(tmp_path)


def test_domains_one_level_deeper_are_suggested(tmp_path):
    write_dataset(tmp_path / "day")
    write_dataset(tmp_path / "night")
    with pytest.raises(FileNotFoundError, match=r"Did you mean '.*/day' or '.*/night'\?"):
        read_market1501(tmp_path)


def test_from_a_split_folder_its_parent_is_suggested(root):
    with pytest.raises(FileNotFoundError, match=r"Did you mean '.*/people'\?"):
        read_market1501(root / TRAIN)


@pytest.mark.parametrize("folder", [TRAIN, QUERY, GALLERY])
def test_a_split_without_a_usable_image_is_an_error_with_what_was_found_instead(root, folder):
    for path in (root / folder).iterdir():
        path.unlink()
    write(root / folder, {"0001_c1.jpg": b"", "readme.txt": b""})
    (root / folder / "0001").mkdir()
    with pytest.raises(ValueError, match=f"directly in '.*{folder}'") as error:
        read_market1501(root)
    assert "1 unreadable image: '0001_c1.jpg': empty file" in str(error.value)
    assert "2 odd files: '0001': sub-folder, not entered, 'readme.txt'" in str(error.value)


def test_one_identity_is_not_enough_to_train_with(tmp_path):
    write(tmp_path / TRAIN, ["1_c1.jpg", "1_c2.jpg", "-1_c1.jpg"])
    expected = rf"at least two identities. Received: in {str(tmp_path)!r}\n.*2 images, 1 identity, 2 cameras"
    with pytest.raises(ValueError, match=expected):
        read_market1501(tmp_path, splits=("train",))


def test_one_identity_or_none_is_enough_to_adapt_to(tmp_path):
    write(tmp_path / TRAIN, ["1_c1.jpg", "1_c2.jpg", "-1_c1.jpg"])
    dataset = open_dataset(tmp_path, root=".", splits=("train",), unlabeled=True)
    assert dataset.train.identities.tolist() == [-1, 1, 1]
    assert "3 images, 1 identity, 2 cameras" in str(dataset.report)


def test_a_split_with_labels_for_other_images_than_its_own_is_an_error():
    with pytest.raises(ValueError, match=r"Received: 1 paths, labels of shapes \[\(2,\)\]"):
        Split(("a.jpg",), np.array([1, 2]), None)


def test_queries_whose_people_are_not_in_the_gallery_are_counted_and_named(root):
    for image in sorted((root / QUERY).glob("0003*")):
        image.rename(image.with_name(f"9{image.name}"))
    assert "2 of 4 queries show people who are not in the gallery: 90003" in read_market1501(root).report.notes


def test_queries_with_matches_in_their_own_camera_only_are_counted(root):
    (root / GALLERY / "0003_c2s1_000002_00.jpg").rename(root / GALLERY / "0003_c1s1_000003_00.jpg")
    notes = [note for note in read_market1501(root).report.notes if "own camera" in note]
    assert [note.split(" have ")[0] for note in notes] == ["1 of 4 queries"]
