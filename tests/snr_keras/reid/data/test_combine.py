"""Several sources as one: nobody collides, nothing is lost, and domains can be balanced."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_keras.reid.data.augmentation import Augmentation
from snr_keras.reid.data.combine import combine, open_source
from snr_keras.reid.data.dataset import ReIDDataset, Split, named_apart
from snr_keras.reid.data.pipeline import training_batches
from snr_keras.reid.data.report import ScanReport
from snr_keras.reid.data.sampler import domain_balanced_batches
from tests.snr_keras.reid.data import owners


def split(name, identities, cameras):
    paths = tuple(f"/{name}/{k}.jpg" for k in range(len(identities)))
    return Split(paths, np.array(identities, np.int64), None if cameras is None else np.array(cameras, np.int64))


def dataset(name, train, query=Split.empty(), gallery=Split.empty()):  # noqa: B008
    return ReIDDataset(name, train, query, gallery, ScanReport(name, ()))


images = st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)), min_size=1, max_size=8)


@given(parts=st.lists(images, min_size=1, max_size=4), with_cameras=st.booleans())
def test_two_images_have_one_number_if_and_only_if_they_are_of_one_person_of_one_source(parts, with_cameras):
    datasets = [
        dataset(str(d), split(str(d), [i for i, _ in part], [c for _, c in part] if with_cameras else None))
        for d, part in enumerate(parts)
    ]
    train = combine(datasets).train
    told = [(d, i, c if with_cameras else 0) for d, part in enumerate(parts) for i, c in part]
    assert train.paths == tuple(path for part in datasets for path in part.train.paths)
    assert train.domains.tolist() == [d for d, _, _ in told]
    for labels, owners_of in (
        (train.identities, [(d, i) for d, i, _ in told]),
        (train.cameras, [(d, c) for d, _, c in told]),
    ):
        assert (
            len(set(zip(labels.tolist(), owners_of, strict=True))) == len(set(owners_of)) == len(set(labels.tolist()))
        )
    assert sorted(set(train.identities.tolist())) == list(range(len({(d, i) for d, i, _ in told})))


def test_all_images_are_those_of_the_test_too_without_junk_and_distractors_and_each_once():
    shared = split("q", [5, 6], [1, 2])
    gallery = Split((*shared.paths, "/g/0.jpg", "/g/1.jpg", "/g/2.jpg"), np.array([5, 6, 5, 0, -1]), np.arange(5))
    one = dataset("one", split("t", [0, 1], [1, 1]), shared, gallery)
    assert len(combine([one]).train) == 2
    train = combine([one], images="all").train
    assert train.paths == ("/t/0.jpg", "/t/1.jpg", "/q/0.jpg", "/q/1.jpg", "/g/0.jpg")
    assert train.identities.tolist() == [0, 1, 2, 3, 2]


def test_names_that_occur_again_are_told_apart():
    opened = [(dataset(name, split(name, [1], [1])),) for name in ("a", "b", "a", "a", "a (2)")]
    assert [trials[0].name for trials in named_apart(opened)] == ["a", "b", "a (2)", "a (3)", "a (2) (2)"]


def test_two_sources_may_have_one_name(tmp_path):
    folders = [owners.market1501(tmp_path / site) for site in ("site1", "site2")]
    source = open_source(",".join(map(str, folders)), root=tmp_path)
    assert source.name == "Market-1501-v15.09.15+Market-1501-v15.09.15 (2)"
    assert source.train.num_identities == 6


def test_one_image_is_not_of_two_people_under_another_path_either(tmp_path):
    folder = owners.market1501(tmp_path)
    (tmp_path / "again").symlink_to(folder)
    with pytest.raises(ValueError, match=r"\.09\.15 and again, which have 6 images in common, such as .*_03\.jpg"):
        open_source(f"{folder},{tmp_path / 'again'}", root=tmp_path)


def test_a_source_says_of_what_versions_it_is_made(tmp_path):
    owners.market1501(tmp_path)
    owners.msmt17(tmp_path, "V2")
    source = open_source("market1501,msmt17-v2", root=tmp_path)
    assert source.name == "market1501+msmt17-v2"
    assert source.version == "market1501; msmt17-v2 (MSMT17_V2); train images"
    assert [part.folder for part in source.report.splits] == [
        "market1501: bounding_box_train",
        "msmt17-v2: list_train.txt and list_val.txt",
    ]
    assert all(note.startswith(("market1501: train: ", "msmt17-v2: train: ")) for note in source.report.notes)
    everything = open_source("market1501,msmt17-v2", root=tmp_path, images="all")
    assert len(everything.train) == (6 + 2 + 4) + (9 + 2 + 4)
    assert everything.train.num_identities == (3 + 2) + (3 + 2)
    assert everything.version.endswith("; all images")


def test_one_source_is_read_as_it_is(tmp_path):
    owners.market1501(tmp_path)
    source = open_source("market1501", root=tmp_path)
    assert (source.name, source.version, source.train.domains) == ("market1501", "", None)


def test_a_folder_with_a_comma_in_its_name_is_one_source(tmp_path):
    folder = owners.market1501(tmp_path).rename(tmp_path / "a,b")
    assert open_source(str(folder), root=tmp_path).name == "a,b"


@pytest.mark.parametrize(
    ("names", "images", "message"),
    [
        (
            "market1501,market1501",
            "train",
            r"market1501 and market1501 \(2\), which have 6 images in common",
        ),
        ("market1501", "test", "one of train, all. Received: 'test'"),
        ("", "train", "Received: none"),
    ],
)
def test_what_makes_no_source_is_refused(tmp_path, names, images, message):
    owners.market1501(tmp_path)
    with pytest.raises(ValueError, match=message):
        open_source(names, root=tmp_path, images=images)


# The domain-balanced sampler

LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 7])
DOMAINS = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])


def batches(steps, start_step=0, seed=3):
    stream = domain_balanced_batches(
        LABELS, DOMAINS, identities_per_batch=4, images_per_identity=2, seed=seed, start_step=start_step
    )
    return [next(stream) for _ in range(steps)]


def test_every_batch_has_as_many_people_of_every_domain_with_their_images_side_by_side():
    for batch in batches(40):
        people = LABELS[batch].reshape(4, 2)
        assert (people[:, 0] == people[:, 1]).all()
        assert DOMAINS[batch].tolist() == [0] * 4 + [1] * 4
        assert len(set(people[:, 0])) == 4


def test_everyone_and_every_image_has_a_turn():
    assert set(np.concatenate(batches(20)).tolist()) == set(range(len(LABELS)))


def test_a_batch_depends_on_seed_and_step_alone():
    np.testing.assert_array_equal(batches(12)[7:], batches(5, start_step=7))
    assert not np.array_equal(batches(12), batches(12, seed=4))


def test_people_who_cannot_be_shared_out_are_an_error_that_says_what_to_set():
    with pytest.raises(ValueError, match=r"`identities_per_batch` to a multiple of 2, of at most 4\."):
        domain_balanced_batches(LABELS, DOMAINS, identities_per_batch=3, images_per_identity=2, seed=0)
    with pytest.raises(ValueError, match="identities_per_batch=6, domains of 2, 6 identities"):
        domain_balanced_batches(LABELS, DOMAINS, identities_per_batch=6, images_per_identity=2, seed=0)


def test_a_split_of_one_data_set_has_no_domains_to_balance():
    with pytest.raises(ValueError, match="a source of several data sets"):
        training_batches(
            split("one", [0, 1], None),
            image_size=(4, 2),
            identities_per_batch=2,
            images_per_identity=1,
            seed=0,
            augmentation=Augmentation(),
            stop_step=1,
            domain_balanced=True,
        )


def test_training_batches_are_balanced_where_that_is_asked_for(tmp_path):
    owners.market1501(tmp_path)
    owners.msmt17(tmp_path)
    source = open_source("market1501,msmt17-v1", root=tmp_path)
    shown = training_batches(
        source.train,
        image_size=(8, 4),
        identities_per_batch=4,
        images_per_identity=2,
        seed=0,
        augmentation=Augmentation(),
        stop_step=5,
        domain_balanced=True,
    )
    for _, labels in shown:
        assert np.count_nonzero(labels.numpy() < 3) == 4
