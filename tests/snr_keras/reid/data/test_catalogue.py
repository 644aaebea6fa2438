"""Data sets by name: where they are sought, and what is said where they are not."""

import pytest

from snr_keras.reid.data import catalogue
from snr_keras.reid.data.catalogue import KNOWN, known_datasets, open_dataset, open_trials
from snr_keras.reid.data.synthetic import domains
from snr_keras.reid.settings.datasets import DOMAINS, PLACES
from tests.snr_keras.reid.data import owners
from tests.snr_keras.reid.data.folders import write_dataset


@pytest.fixture
def root(tmp_path):
    return write_dataset(tmp_path / "people")


def test_an_existing_folder_is_opened_as_it_is(root, tmp_path):
    assert open_dataset(root, root=tmp_path / "data").name == "people"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("market1501", "market1501/Market-1501-v15.09.15"),
        ("market1501", "Market-1501-v15.09.15"),
        ("market1501", "market1501"),
        ("dukemtmc-reid", "dukemtmc-reid/DukeMTMC-reID"),
        ("dukemtmc-reid", "DukeMTMC-reID"),
    ],
)
def test_downloaded_data_is_found_where_its_archive_unpacks_to(tmp_path, name, folder):
    write_dataset(tmp_path / folder)
    dataset = open_dataset(name, root=tmp_path, splits=("train",))
    assert (dataset.name, dataset.report.path) == (name, str(tmp_path / folder))


def test_a_published_name_is_the_data_set_even_where_a_folder_is_called_so(tmp_path, monkeypatch):
    write_dataset(tmp_path / "market1501" / "Market-1501-v15.09.15")
    monkeypatch.chdir(tmp_path)
    dataset = open_dataset("market1501", root=".")
    assert dataset.report.path == str(tmp_path / "market1501" / "Market-1501-v15.09.15")
    with pytest.raises(FileNotFoundError, match="Did you mean"):
        open_dataset("./market1501", root=".")


def test_without_scipy_it_is_said_what_to_install(tmp_path, monkeypatch):
    owners.grid(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "snr-reid\[data\]"'):
        open_trials("grid", root=tmp_path)


def test_data_that_is_not_there_is_an_error_with_the_places_looked_at(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not under .* Looked for: '.*/market1501/Market-1501-v15\.09\.15', "):
        open_dataset("market1501", root=tmp_path)


def test_an_unknown_name_is_an_error_with_the_known_ones(tmp_path):
    assert {"market1501", "dukemtmc-reid", "day", "night"} < set(known_datasets())
    with pytest.raises(FileNotFoundError, match=r"market1501, .*dukemtmc-reid, .*day, .* Received: 'markt1501'"):
        open_dataset("markt1501", root=tmp_path)


def test_each_name_is_that_of_one_data_set():
    assert list(KNOWN) == list(PLACES)
    assert list(domains._DOMAINS) == list(DOMAINS)


def test_a_file_is_not_a_data_set(tmp_path):
    (tmp_path / "people.zip").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="Received a file"):
        open_dataset(tmp_path / "people.zip", root=tmp_path)


def test_a_synthetic_domain_is_drawn_into_the_root_with_the_defaults_of_its_world(tmp_path, monkeypatch):
    def synthesize(directory, *, domain, progress):
        progress(1, 1)
        return write_dataset(directory)

    monkeypatch.setattr(catalogue, "synthesize", synthesize)
    calls = []
    dataset = open_dataset("night", root=tmp_path, progress=lambda *call: calls.append(call))
    assert dataset.name == "night"
    assert dataset.report.path == str(tmp_path / "synthetic" / "night")
    assert calls[0] == (1, 1)
    assert calls[-1] == (16, 16)
