"""Data sets as their owners distribute them: every label, split and version, on miniatures of the real folders."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from snr_keras.reid.data.catalogue import KNOWN, open_dataset, open_trials
from snr_keras.reid.data.images import decode_image
from snr_keras.reid.data.reading import Counts
from snr_keras.reid.data.trials import shuffled
from snr_keras.reid.targets.scores import protocol_of
from tests.snr_keras.reid.data import owners

BUILDERS = {
    "market1501": lambda root: owners.market1501(root / "market1501"),
    "dukemtmc-reid": lambda root: owners.dukemtmc(root / "dukemtmc-reid"),
    "cuhk03-detected": owners.cuhk03,
    "cuhk03-labeled": owners.cuhk03,
    "cuhk03-detected-classic": owners.cuhk03,
    "cuhk03-labeled-classic": owners.cuhk03,
    "msmt17-v1": lambda root: owners.msmt17(root / "msmt17", "V1"),
    "msmt17-v2": lambda root: owners.msmt17(root / "msmt17", "V2"),
    "cuhk02": lambda root: owners.cuhk02(root / "cuhk02"),
    "cuhk-sysu": lambda root: owners.cuhk_sysu(root / "cuhksysu"),
    "viper": lambda root: owners.viper(root / "viper"),
    "prid2011": lambda root: owners.prid2011(root / "prid2011"),
    "grid": lambda root: owners.grid(root / "grid"),
    "ilids": lambda root: owners.ilids(root / "ilids"),
}


def names(split):
    return [Path(path).name for path in split.paths]


def labels(split):
    triples = zip(split.paths, split.identities.tolist(), split.cameras.tolist(), strict=True)
    return {Path(path).name: (identity, camera) for path, identity, camera in triples}


def people(split):
    return set(split.identities.tolist())


@pytest.mark.parametrize("name", BUILDERS)
def test_a_data_set_is_found_where_its_archive_unpacks_to_and_in_a_folder_that_is_named(tmp_path, name):
    folder = BUILDERS[name](tmp_path / "data")
    by_name = open_trials(name, root=tmp_path / "data")
    assert len(by_name) == KNOWN[name].trials
    assert by_name[0].version == KNOWN[name].version
    elsewhere = folder.rename(tmp_path / "else where")
    by_place = open_trials(f"{name}={elsewhere}", root=tmp_path / "nowhere")
    for one, other in zip(by_name, by_place, strict=True):
        for split in ("train", "query", "gallery"):
            assert names(getattr(one, split)) == names(getattr(other, split))
            np.testing.assert_array_equal(getattr(one, split).identities, getattr(other, split).identities)


@pytest.mark.parametrize("name", BUILDERS)
def test_nobody_is_in_training_and_test_and_a_number_is_one_person(tmp_path, name):
    BUILDERS[name](tmp_path)
    for trial in open_trials(name, root=tmp_path):
        assert not people(trial.train) & (people(trial.query) | people(trial.gallery))
        assert people(trial.query) <= people(trial.gallery)
        # The noise is one image, and of classic CUHK03 each test image is a query and in the gallery.
        told = ("published", "no camera labels", "equal contents", "the same file")
        assert all(any(what in note for what in told) for note in trial.report.notes)


@pytest.mark.parametrize("name", BUILDERS)
def test_counts_that_differ_from_the_published_ones_are_told(tmp_path, name):
    BUILDERS[name](tmp_path)
    trial = open_trials(name, root=tmp_path)[0]
    told = [note for note in trial.report.notes if "published" in note]
    assert len(told) == len(KNOWN[name].published)
    images, identities = KNOWN[name].published["train"].images, KNOWN[name].published["train"].identities
    found = f"train: {len(trial.train)} images of {trial.train.num_identities} identities, where "
    assert told[0].startswith(f"{found}{f'{images} of ' if images else ''}{identities} are published")


def test_counts_as_published_are_not_remarked_upon(tmp_path, monkeypatch):
    BUILDERS["viper"](tmp_path)
    published = {"train": Counts(8, 4), "query": Counts(4, 4), "gallery": Counts(4, 4)}
    monkeypatch.setitem(KNOWN, "viper", replace(KNOWN["viper"], published=published))
    assert not any("published" in note for note in open_trials("viper", root=tmp_path)[0].report.notes)


# Market-1501 and its distractors


def test_the_500k_distractors_are_nobody_whatever_their_names_say(tmp_path):
    folder = owners.market1501(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"distractors_500k\.zip.* must be a folder 'images'"):
        open_dataset("market1501+500k", root=tmp_path)
    owners.distractors_500k(folder)
    plain, more = (open_dataset(name, root=tmp_path) for name in ("market1501", "market1501+500k"))
    assert len(more.gallery) == len(plain.gallery) + 3
    assert [i for p, i in zip(more.gallery.paths, more.gallery.identities, strict=True) if "/images/" in p] == [0, 0, 0]
    assert more.gallery.cameras is not None
    assert labels(plain.gallery).items() <= labels(more.gallery).items()
    assert labels(more.query) == labels(plain.query)


# MSMT17


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_msmt17_trains_on_both_lists_and_gives_test_people_numbers_of_their_own(tmp_path, version):
    owners.msmt17(tmp_path, version.upper())
    dataset = open_dataset(f"msmt17-{version}", root=tmp_path)
    assert len(dataset.train) == 9
    assert people(dataset.train) == {0, 1, 2}
    assert people(dataset.query) == people(dataset.gallery) == {10_000, 10_001}
    assert labels(dataset.train)["0001_002_15_0303morning_0015_2.jpg"] == (1, 15)
    assert labels(dataset.query)["0001_000_01_0303morning_0015_0.jpg"] == (10_001, 1)


def test_a_version_of_msmt17_is_not_read_as_the_other(tmp_path):
    folder = owners.msmt17(tmp_path, "V2")
    with pytest.raises(FileNotFoundError, match=r"without train, test; it holds 'list_gallery\.txt', .* and 3 more"):
        open_dataset(f"msmt17-v1={folder}", root=tmp_path)


def test_what_a_list_says_wrongly_is_told_with_its_line(tmp_path):
    folder = owners.msmt17(tmp_path)
    with (folder / "list_query.txt").open("a") as file:
        file.write("0001/nothing.jpg 1\n0001/0001_000_09_0303noon_1_0.jpg 1\n")
        file.write("0001/0001_000_09_0303noon_1_0.jpg 2\n0001/0001_000_01_0303noon_1_0.jpg 1_0\n")
    dataset = open_dataset("msmt17-v1", root=tmp_path)
    report = dataset.report.splits[1]
    assert [str(wrong) for wrong in report.wrong_names] == [
        "'list_query.txt, line 3': no image, camera and identity in '0001/nothing.jpg 1'",
        "'list_query.txt, line 5': an image that was already listed, '0001/0001_000_09_0303noon_1_0.jpg 2'",
        "'list_query.txt, line 6': no image, camera and identity in '0001/0001_000_01_0303noon_1_0.jpg 1_0'",
    ]
    (bad,) = report.unreadable
    assert (bad.name, bad.reason) == ("test/0001/0001_000_09_0303noon_1_0.jpg", "No such file or directory")


# CUHK03


def test_cuhk03_in_the_new_protocol_is_divided_as_its_file_says(tmp_path):
    owners.cuhk03(tmp_path)
    dataset = open_dataset("cuhk03-labeled", root=tmp_path)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (20, 6, 6)
    assert people(dataset.train) == {1, 2, 3, 4, 5}
    assert labels(dataset.query)["3_001_2_06.png"] == (6, 2)
    assert "3_001_2_07.png" in labels(dataset.gallery)


@pytest.mark.parametrize(("kind", "shade"), [("labeled", 200), ("detected", 100)])
def test_images_of_cuhk03_are_taken_out_of_the_matlab_file_as_they_are(tmp_path, kind, shade):
    owners.cuhk03(tmp_path)
    dataset = open_dataset(f"cuhk03-{kind}", root=tmp_path)
    (path,) = [path for path in dataset.train.paths if path.endswith("/1_003_2_07.png")]
    image = decode_image(Path(path).read_bytes()).numpy()
    np.testing.assert_array_equal(image, np.full((6, 4, 3), (shade, 12, 6)))


def test_cuhk03_has_twenty_classic_divisions_with_the_people_of_its_test_sets(tmp_path):
    owners.cuhk03(tmp_path)
    trials = open_trials("cuhk03-detected-classic", root=tmp_path)
    assert {protocol_of(trial) for trial in trials} == {"single_gallery_shot"}
    assert [people(trial.query) for trial in trials[:3]] == [{1001, 2001}, {1002, 2002}, {1003, 2001}]
    for trial in trials:
        assert names(trial.query) == names(trial.gallery)
        assert len(trial.train) == 24
    assert people(open_dataset("cuhk03-detected-classic:2", root=tmp_path).query) == {1002, 2002}


def test_images_that_others_took_out_are_used_and_none_is_written_twice(tmp_path):
    folder = owners.cuhk03(tmp_path)
    first = open_dataset("cuhk03-labeled", root=tmp_path)
    (folder / "cuhk03_release" / "cuhk-03.mat").unlink()
    again = open_dataset("cuhk03-labeled", root=tmp_path)
    assert first.train.paths == again.train.paths
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["cuhk03_release", "images_labeled"]


def test_taking_images_out_that_breaks_off_leaves_nothing(tmp_path):
    folder = owners.cuhk03(tmp_path)

    def interrupted(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_dataset("cuhk03-labeled", root=tmp_path, progress=interrupted)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["cuhk03_release"]
    assert len(open_dataset("cuhk03-labeled", root=tmp_path).train) == 20


def test_a_matlab_file_that_is_none_is_named(tmp_path):
    folder = owners.cuhk03(tmp_path)
    for name in ("cuhk03_new_protocol_config_labeled.mat", "cuhk03_release/cuhk-03.mat"):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(b"MATLAB, perhaps" * 100)
        with pytest.raises(ValueError, match=f"Expected a MATLAB file of version .*{name}"):
            open_dataset("cuhk03-labeled", root=tmp_path)
        (folder / name).write_bytes(before)
    savemat(folder / "cuhk03_new_protocol_config_labeled.mat", {"labels": np.ones(3)})
    with pytest.raises(ValueError, match=r"Expected filelist, labels.* Received: KeyError\('filelist'\)"):
        open_dataset("cuhk03-labeled", root=tmp_path)


# CUHK02 and CUHK-SYSU


def test_cuhk02_trains_on_four_pairs_and_tests_on_the_fifth(tmp_path):
    owners.cuhk02(tmp_path / "cuhk02")
    dataset = open_dataset("cuhk02", root=tmp_path)
    assert people(dataset.train) == {10_000 * pair + i for pair in (1, 2, 3, 4) for i in (1, 2)}
    assert people(dataset.query) == people(dataset.gallery) == {50_001, 50_002}
    assert set(dataset.query.cameras) == {9}
    assert set(dataset.gallery.cameras) == {10}
    assert set(dataset.train.cameras) == set(range(1, 9))


def test_people_are_cut_out_of_the_pictures_of_cuhk_sysu_where_they_stand(tmp_path):
    owners.cuhk_sysu(tmp_path / "cuhksysu")
    dataset = open_dataset("cuhk-sysu", root=tmp_path)
    assert dict(zip(names(dataset.train), dataset.train.identities.tolist(), strict=True)) == {
        "p11934_s2_1.png": 11934,
        "p1_s1_1.png": 1,
        "p1_s2_2.png": 1,
        "p2_s1_1.png": 2,
    }
    assert dataset.train.cameras is None
    assert (len(dataset.query), len(dataset.gallery)) == (0, 0)
    images = {Path(path).name: decode_image(Path(path).read_bytes()).numpy() for path in dataset.train.paths}
    assert images["p1_s1_1.png"].shape == (20, 10, 3)
    assert images["p1_s1_1.png"].max() < 20  # the left half of the picture is black
    assert images["p1_s2_2.png"].min() > 230  # its right half is white


def test_cropped_images_that_others_made_are_used_without_annotations(tmp_path):
    owners.write(tmp_path / "cuhksysu" / "cropped_images", ["p11422_s16929_1.jpg", "p3_s1_1.jpg"])
    assert people(open_dataset("cuhk-sysu", root=tmp_path).train) == {11422, 3}


def test_what_is_for_training_only_is_no_target(tmp_path):
    owners.cuhk_sysu(tmp_path / "cuhksysu")
    with pytest.raises(ValueError, match="cuhk-sysu has no query and no gallery: its splits are train"):
        open_dataset("cuhk-sysu", root=tmp_path, splits=("query", "gallery"))


# The small targets and their ten divisions


def test_viper_searches_people_of_camera_a_in_camera_b(tmp_path):
    owners.viper(tmp_path)
    trials = open_trials("viper", root=tmp_path)
    for trial in trials:
        assert people(trial.train) | people(trial.query) == {3 * i + 1 for i in range(8)}
        assert people(trial.query) == people(trial.gallery)
        assert len(people(trial.train)) == len(people(trial.query)) == 4
        assert set(trial.query.cameras) == {1}
        assert set(trial.gallery.cameras) == {2}
    assert len({frozenset(people(trial.query)) for trial in trials}) > 5


def test_prid2011_has_a_gallery_of_everyone_whom_camera_b_saw_and_nobody_trained_on(tmp_path):
    owners.prid2011(tmp_path)
    for trial in open_trials("prid2011", root=tmp_path):
        assert people(trial.train) | people(trial.query) == {1, 2, 3, 4, 5, 6}
        assert people(trial.gallery) == people(trial.query) | {201, 202, 203}
        assert len(trial.train) == 6
        assert len(trial.query) == 3


def test_grid_is_divided_as_its_owners_file_says_and_its_strangers_are_distractors(tmp_path):
    owners.grid(tmp_path)
    trials = open_trials("grid", root=tmp_path)
    rng = np.random.default_rng(0)
    for trial in trials:
        assert people(trial.train) == set((1 + rng.permutation(6)[:3]).tolist())
        assert people(trial.gallery) == people(trial.query) | {0}
        assert len(trial.gallery) == 3 + 4
        assert labels(trial.query).keys() & labels(trial.gallery).keys() == set()


def test_grid_without_partitions_is_an_error_that_says_what_is_expected(tmp_path):
    folder = owners.grid(tmp_path)
    savemat(folder / "features_and_partitions.mat", {"features": np.zeros((2, 2))})
    with pytest.raises(ValueError, match=r"Expected `trainIdxAll` in .*features_and_partitions"):
        open_trials("grid", root=tmp_path)


def test_ilids_takes_one_query_and_one_other_image_of_each_person(tmp_path):
    owners.ilids(tmp_path)
    trials = open_trials("ilids", root=tmp_path)
    for trial in trials:
        assert len(people(trial.train)) == 3
        assert trial.query.identities.tolist() == trial.gallery.identities.tolist()
        assert len(trial.query) == len(people(trial.query)) == 4
        assert not set(trial.query.paths) & set(trial.gallery.paths)
        assert trial.query.cameras is None


@pytest.mark.parametrize("name", ["viper", "prid2011", "grid", "ilids"])
def test_divisions_are_the_same_whenever_they_are_made_and_differ_from_each_other(tmp_path, name):
    BUILDERS[name](tmp_path)
    once, again = (open_trials(name, root=tmp_path) for _ in range(2))
    assert [names(trial.query) for trial in once] == [names(trial.query) for trial in again]
    assert any(names(a.query) != names(b.query) for a, b in combinations(once, 2))
    assert names(open_dataset(f"{name}:7", root=tmp_path).query) == names(once[6].query)


def test_the_order_of_people_is_that_of_sha256_and_never_changes():
    assert shuffled(range(6), "viper", 1) == [5, 0, 4, 3, 1, 2]


def test_a_list_of_ones_own_divides_instead(tmp_path):
    folder = owners.ilids(tmp_path)
    own = [{"train": ["Persons/0001001.jpg", "Persons/0002001.jpg"]}]
    own[0] |= {"query": ["Persons/0003001.jpg"], "gallery": ["Persons/0003002.jpg"]}
    owners.write_json(folder / "ten_splits.json", own)
    (trial,) = open_trials("ilids", root=tmp_path)
    assert names(trial.gallery) == ["0003002.jpg"]
    own[0]["gallery"] = ["Persons/9999999.jpg"]
    owners.write_json(folder / "ten_splits.json", own)
    with pytest.raises(ValueError, match=r"names images that are not in .*: 'Persons/9999999\.jpg'"):
        open_trials("ilids", root=tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[", "Invalid JSON"),
        ("{}", "the whole: Input should be a valid array"),
        ("[]", "an empty list"),
        ('[{"train": []}]', "0.query: Field required.* 0.gallery: Field required"),
        ('[{"train": 1, "query": [], "gallery": []}]', "0.train: Input should be a valid array"),
        ('[{"train": [], "query": [], "gallery": [], "probe": []}]', "0.probe: Unexpected keyword argument"),
        (b'[{\n"train": ["\xe9"]}]', "line 2: expected text in UTF-8"),
        ("[" * 100_000, "Invalid JSON: recursion limit"),
    ],
)
def test_a_list_of_another_form_is_refused(tmp_path, content, told):
    folder = owners.viper(tmp_path)
    (folder / "ten_splits.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=rf"ten_splits\.json'.*{told}"):
        open_trials("viper", root=tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_text_of_owners_may_begin_with_a_byte_order_mark(tmp_path, encoding):
    folder = owners.msmt17(tmp_path)
    for path in folder.glob("list_*.txt"):
        path.write_bytes(path.read_text().replace("\n", "\r\n").encode(encoding))
    dataset = open_dataset("msmt17-v1", root=tmp_path)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (9, 2, 4)
    assert not dataset.report.num_excluded


def test_a_list_of_msmt17_in_another_encoding_is_refused_with_its_line(tmp_path):
    folder = owners.msmt17(tmp_path)
    with (folder / "list_query.txt").open("ab") as file:
        file.write(b"0001/\xe9.jpg 1\n")
    with pytest.raises(ValueError, match=r"list_query\.txt', line 3: expected text in UTF-8"):
        open_dataset("msmt17-v1", root=tmp_path)


@pytest.mark.parametrize(
    ("name", "image", "like"),
    [
        ("viper", "cam_a/٣_45.bmp", "000_45.bmp"),
        ("prid2011", "single_shot/cam_a/person_٣٣٣.png", "person_0001.png"),
        ("prid2011", f"single_shot/cam_a/person_{10**20}.png", "person_0001.png"),
        ("cuhk02", "P1/cam1/٣_0001.png", "001_0001.png"),
    ],
)
def test_digits_of_other_scripts_and_more_than_nine_are_no_numbers(tmp_path, name, image, like):
    folder = BUILDERS[name](tmp_path)
    path = next(path for path in folder.rglob("*") if path.suffix in (".bmp", ".png"))
    (folder / image).write_bytes(path.read_bytes())
    report = open_trials(name, root=tmp_path)[0].report
    (wrong,) = {str(bad) for split in report.splits for bad in split.wrong_names}
    assert wrong == f"{image.removeprefix('single_shot/')!r}: not named like {like}"


@pytest.mark.parametrize(("name", "folder"), [("viper", "cam_b"), ("grid", "gallery"), ("ilids", "Persons")])
def test_a_folder_that_is_missing_is_named_with_what_is_there(tmp_path, name, folder):
    root = BUILDERS[name](tmp_path)
    (root / folder).rename(root / "moved")
    with pytest.raises(FileNotFoundError, match=f"without {folder}; it holds .*'moved'"):
        open_trials(name, root=tmp_path)


# Which of several ways


def test_a_data_set_that_is_divided_in_several_ways_must_be_numbered_to_be_one(tmp_path):
    owners.viper(tmp_path)
    with pytest.raises(ValueError, match=r"viper is split in 10 ways: name one of them, viper:1 to viper:10"):
        open_dataset("viper", root=tmp_path)
    with pytest.raises(ValueError, match=r"viper has splits 1 to 10\. Received: viper:11"):
        open_dataset("viper:11", root=tmp_path)
    owners.market1501(tmp_path)
    with pytest.raises(ValueError, match=r"one split, which needs no number\. Received: market1501:1"):
        open_dataset("market1501:1", root=tmp_path)


def test_dukemtmc_goes_by_two_names(tmp_path):
    owners.dukemtmc(tmp_path)
    assert open_dataset("dukemtmc", root=tmp_path).name == "dukemtmc-reid"
