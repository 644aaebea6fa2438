"""A user's own list of images: in Python, and as a CSV file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_keras.reid.data.catalogue import open_dataset
from snr_keras.reid.data.user_list import read_list
from tests.snr_keras.reid.data.folders import jpeg, write

TRAIN = [("a.jpg", 1, 1), ("b.jpg", 2, 1), ("c.jpg", 2, 2)]
TEST = {"query": [("d.jpg", 3, 1)], "gallery": [("c.jpg", 3, 2), ("e.jpg", 0, 1), ("f.jpg", -1, 2)]}


@pytest.fixture
def images(tmp_path):
    return write(tmp_path / "images", [f"{letter}.jpg" for letter in "abcdef"])


def write_csv(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_keeps_its_order_and_its_labels(images):
    dataset = read_list(train=TRAIN[::-1], **TEST, name="mine", root=images)
    assert dataset.name == "mine"
    assert dataset.train.paths == tuple(str(images / f"{letter}.jpg") for letter in "cba")
    assert dataset.train.identities.tolist() == [2, 2, 1]
    assert dataset.train.cameras.tolist() == [2, 1, 1]
    assert dataset.gallery.identities.tolist() == [3, 0, -1]
    junk = dataset.report.splits[2].junk
    assert junk == 1


def test_paths_may_be_absolute_and_numbers_numpys(images):
    rows = [(images / f"{letter}.jpg", np.int32(i), np.int64(1)) for i, letter in enumerate("abc")]
    assert read_list(train=rows, name="mine").train.identities.tolist() == [0, 1, 2]


def test_a_list_without_cameras_is_evaluated_without_them(images):
    rows = {split: [(path, i, None) for path, i, _ in images] for split, images in TEST.items()}
    dataset = read_list(**rows, name="mine", root=images)
    assert dataset.query.cameras is None
    assert "no camera labels: evaluate under the protocol 'no_camera'" in dataset.report.notes


def test_what_cannot_be_read_is_told_and_left_out(images):
    (images / "a.jpg").write_bytes(jpeg()[:-30])
    rows = [*TRAIN, ("g.jpg", 1, 1), ("d.jpg", 1, 1)]
    dataset = read_list(train=rows, name="mine", root=images)
    assert len(dataset.train) == 3
    assert [str(bad) for bad in dataset.report.splits[0].unreadable] == [
        "'a.jpg': truncated or damaged JPEG",
        "'g.jpg': No such file or directory",
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a.jpg", "1", 1)], "'a.jpg' with identity '1', camera 1"),
        ([("a.jpg", -2, 1)], "identity -2"),
        ([("a.jpg", True, 1)], "identity True"),
        ([("a.jpg", 1, -1)], "camera -1"),
        ([("a.jpg", 2**63, 1)], "identity 9223372036854775808"),
        ([("a.jpg", 1, 1), ("a.jpg", 2, 1)], "'a.jpg' again"),
        ([], "Received: none in 'mine'"),
    ],
)
def test_a_wrong_row_is_an_error_that_shows_it(images, rows, message):
    with pytest.raises(ValueError, match=message):
        read_list(train=rows, name="mine", root=images)


def test_a_csv_file_is_opened_like_a_folder_and_its_paths_start_at_it(images, tmp_path):
    text = "path,identity,camera,split\n" + "".join(
        f"images/{path},{identity},{camera},{split}\n"
        for split, rows in {"train": TRAIN, **TEST}.items()
        for path, identity, camera in rows
    )
    path = write_csv(tmp_path / "my people.csv", text)
    dataset = open_dataset(path, root=tmp_path)
    listed = read_list(train=TRAIN, **TEST, name="my people", root=images)
    assert dataset.name == "my people"
    for split in ("train", "query", "gallery"):
        assert getattr(dataset, split).paths == getattr(listed, split).paths
        np.testing.assert_array_equal(getattr(dataset, split).identities, getattr(listed, split).identities)
        np.testing.assert_array_equal(getattr(dataset, split).cameras, getattr(listed, split).cameras)
    assert len(open_dataset(path, root=tmp_path, splits=("train",)).query) == 0


def test_a_csv_file_needs_neither_cameras_nor_splits_and_may_be_excels(images):
    (images / "list.csv").write_bytes("\ufeffidentity,path\r\n1,a.jpg\r\n2,b.jpg\r\n".encode())
    dataset = open_dataset(images / "list.csv", root=".")
    assert dataset.train.identities.tolist() == [1, 2]
    assert dataset.train.cameras is None
    with pytest.raises(ValueError, match=r"split is query and gallery.* with 2 for train, 0 for query, 0 for gallery"):
        open_dataset(images / "list.csv", root=".", splits=("query", "gallery"))


def test_a_csv_file_may_be_in_utf_16_with_its_mark(images):
    (images / "list.csv").write_bytes("path,identity\r\na.jpg,1\r\nb.jpg,2\r\n".encode("utf-16"))
    assert open_dataset(images / "list.csv", root=".").train.identities.tolist() == [1, 2]


def test_a_csv_file_of_another_encoding_is_refused_with_its_line(images):
    (images / "list.csv").write_bytes("path,identity\nä.jpg,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"list\.csv', line 2: expected text in UTF-8.* byte 0xe4"):
        open_dataset(images / "list.csv", root=".")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"Received: \[\]"),
        ("path,person\na.jpg,1\n", r"Received: \['path', 'person'\]"),
        ("path,identity,colour\na.jpg,1,red\n", "'colour'"),
        ("path,identity,identity\na.jpg,1,2\n", r"Received: \['path', 'identity', 'identity'\]"),
        ("path,identity\na.jpg,1\nb.jpg,two\n", "line 3: identity: expected a whole number from -1 .* 'two'"),
        ("path,identity\na.jpg,1\nb.jpg,1_001\n", "line 3: identity: expected .* in digits. Received: '1_001'"),
        ("path,identity\na.jpg,1\nb.jpg,٣\n", "line 3: identity: expected .* in digits. Received: '٣'"),
        ("path,identity\na.jpg,+1\n", "line 2: identity: expected .* in digits. Received: '\\+1'"),
        ("path,identity\na.jpg,1\nb.jpg,-2\n", "line 3: identity: expected a whole number from -1 .* '-2'"),
        (
            f"path,identity\na.jpg,{2**63}\n",
            "line 2: identity: .* to 2.63 - 1, in digits. Received: '9223372036854775808'",
        ),
        ("path,identity,camera\na.jpg,1,c1\n", "line 2: camera: expected a whole number from 0 .* 'c1'"),
        ("path,identity,camera\na.jpg,1,1\nb.jpg,1,-1\n", "line 3: camera: expected a whole number from 0 .* '-1'"),
        ("path,identity,camera\na.jpg,1,1_0\n", "line 2: camera: .* Received: '1_0'"),
        ("path,identity\na.jpg,1\n\na.jpg,2\n", "line 4: an image may occur once in a list. Received: 'a.jpg' again"),
        (
            'path,identity\na.jpg,1\n"b.jpg,2\nc.jpg,3\n',
            "line 3: expected CSV, with quotation marks in pairs.* end of data",
        ),
        ('path,identity\n"a.jpg"1,1\n', "line 2: expected CSV"),
        (f"path,identity\na.jpg,1\n{'b' * 131_073},2\n", "line 3: expected CSV.* larger than field limit .131072."),
        ("path,identity\na.jpg,1\nb\0.jpg,2\n", "list.csv', line 3: expected text in UTF-8.* a zero byte"),
        ("path,identity,split\na.jpg,1,test\n", "line 2: split must be one of train, query, gallery.* 'test'"),
        ("path,identity\na.jpg\n", "line 2: expected as many values as columns, 2"),
        ("path,identity\na.jpg,1,2\n", "line 2: expected as many values as columns, 2"),
        ("path,identity\n", "Received: none in '.*list.csv'"),
    ],
)
def test_a_wrong_csv_file_is_an_error_that_says_where(images, text, message):
    write_csv(images / "list.csv", text)
    with pytest.raises(ValueError, match=message):
        open_dataset(images / "list.csv", root=".")


def test_images_to_adapt_to_need_no_identities(images):
    text = "path,identity,camera,split\na.jpg,,1,train\nb.jpg,-1,2,train\nc.jpg,7,2,train\nd.jpg,{},1,query\n"
    path = write_csv(images / "list.csv", text.format(7))
    train = open_dataset(path, root=".", splits=("train",), unlabeled=True).train
    assert train.identities.tolist() == [-1, -1, 7]
    assert train.cameras.tolist() == [1, 2, 2]
    with pytest.raises(ValueError, match="line 2: identity: expected"):
        open_dataset(path, root=".", splits=("train",))
    assert open_dataset(path, root=".", splits=("query",)).query.identities.tolist() == [7]
    write_csv(path, text.format(""))
    with pytest.raises(ValueError, match="line 5: identity: expected"):
        open_dataset(path, root=".", unlabeled=True)


@given(labels=st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)), min_size=2, max_size=6))
def test_labels_of_any_size_arrive_as_they_are(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("list")
    write(folder, [f"{k}.jpg" for k in range(len(labels))])
    rows = [(f"{k}.jpg", identity, camera) for k, (identity, camera) in enumerate(labels)]
    if len({identity for identity, _ in labels}) < 2:
        with pytest.raises(ValueError, match="at least two identities"):
            read_list(train=rows, name="mine", root=folder)
        return
    dataset = read_list(train=rows, name="mine", root=folder)
    assert list(zip(dataset.train.identities.tolist(), dataset.train.cameras.tolist(), strict=True)) == labels
