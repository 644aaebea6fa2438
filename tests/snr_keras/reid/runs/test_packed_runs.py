"""A run without what only training needs, and the one that comes with the package."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from snr_keras import reid
from snr_keras.files.sealed import write_sealed
from snr_keras.reid.runs import find_run, load_run, pack_run, weights_hash
from snr_keras.reid.runs.run_folder import read_record
from snr_keras.reid.runs.weights import load_weights, save_weights
from snr_keras.reid.targets import TargetResult
from snr_keras.reid.training import train
from tests.snr_keras.reid.small import SMALL

pytestmark = pytest.mark.usefixtures("small_networks")


@pytest.fixture(scope="module")
def packed(finished_run, tmp_path_factory) -> Path:
    return pack_run(finished_run[0], tmp_path_factory.mktemp("packed") / "run")


def test_the_model_is_that_of_the_run(finished_run, packed: Path) -> None:
    config, model = load_run(packed)
    assert config == SMALL
    assert weights_hash(model) == weights_hash(finished_run[1])
    for mine, its in zip(model.weights, finished_run[1].weights, strict=True):
        np.testing.assert_array_equal(mine, its, err_msg=mine.path)


def test_it_is_smaller_and_records_what_the_run_does(finished_run, packed: Path) -> None:
    assert sorted(file.name for file in packed.iterdir()) == ["config.json", "weights.h5"]
    (newest,) = sorted((finished_run[0] / "checkpoints").iterdir())[-1:]
    assert (packed / "weights.h5").stat().st_size < newest.stat().st_size / 2
    record, of_run = (json.loads((run / "config.json").read_text()) for run in (packed, finished_run[0]))
    assert of_run.pop("seal") != record["seal"]
    assert {key: record[key] for key in of_run} == of_run
    assert record["weights"]["step"] == 12
    assert "figures" not in record  # the run was not tested


@pytest.mark.parametrize("by", ["demo", "train"])
def test_figures_of_its_tests_go_with_it(finished_run, tmp_path: Path, by: str) -> None:
    run = shutil.copytree(finished_run[0], tmp_path / "run")
    figures = {"mAP": 0.5, "rank1": 0.75, "mINP": 0.25}
    if by == "demo":
        (run / "results.json").write_text(json.dumps({"day": figures}))
    else:
        (run / "evaluation").mkdir()
        result = TargetResult("day", 0.5, 0.25, (0.75, 1.0), 4, 4, 9, protocol="market1501", distance="cosine")
        (run / "evaluation" / "results.json").write_text(json.dumps([result.to_json()]))
    record = json.loads((pack_run(run, tmp_path / "packed") / "config.json").read_text())
    assert record["figures"] == {"day": figures}


def test_packing_twice_gives_the_same_bytes_and_overwrites_nothing(finished_run, packed: Path, tmp_path: Path) -> None:
    again = pack_run(finished_run[0], tmp_path / "again")
    assert (again / "weights.h5").read_bytes() == (packed / "weights.h5").read_bytes()
    with pytest.raises(FileExistsError, match="new or empty"):
        pack_run(finished_run[0], again)


def test_training_neither_resumes_nor_overwrites_it(source, packed: Path) -> None:
    for resume in (False, True):
        with pytest.raises(ValueError, match="is a packed run"):
            train(SMALL, source, packed, resume=resume)


def test_damage_is_told(packed: Path, tmp_path: Path) -> None:
    run = shutil.copytree(packed, tmp_path / "run")
    contents = bytearray((run / "weights.h5").read_bytes())
    contents[-5] ^= 1
    (run / "weights.h5").write_bytes(contents)
    with pytest.raises(ValueError, match=r"weights.h5' is damaged"):
        load_run(run)


def test_weights_of_another_model_are_refused_and_what_differs_is_named(packed: Path, tmp_path: Path) -> None:
    run = shutil.copytree(packed, tmp_path / "run")
    record = read_record(run)
    record["training"] = replace(SMALL, stages=(4,), reduction=8).to_json()
    write_sealed(run / "config.json", record)
    with pytest.raises(ValueError, match="Expected a file of the weights of") as refused:
        load_run(run)
    assert "stage2_snr/gamma is not in the model" in str(refused.value)
    assert "stage4_snr/w1 has shape (32, 16) instead of (32, 4)" in str(refused.value)


def test_a_file_that_is_none_of_weights_is_refused(finished_run, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["gamma"] = np.ones(3)
    with pytest.raises(ValueError, match="'snr weights' version 1"):
        load_weights(finished_run[1], tmp_path / "other.h5")


def test_the_file_of_weights_has_each_under_its_name(finished_run, tmp_path: Path) -> None:
    save_weights(finished_run[1], tmp_path / "weights.h5")
    with h5py.File(tmp_path / "weights.h5") as file:
        assert file["stage4_snr/w1"].shape == (32, 16)
        np.testing.assert_array_equal(file["stem_bn/moving_mean"], finished_run[1].get_layer("stem_bn").moving_mean)


def test_the_hash_tells_models_apart(finished_run, packed: Path) -> None:
    _, model = load_run(packed)
    gamma = model.get_layer("stage2_snr").gamma
    gamma.assign(np.nextafter(gamma.numpy(), np.float32(np.inf)))
    assert weights_hash(model) != weights_hash(finished_run[1])


def test_the_run_in_the_package_is_found_by_name_unless_a_run_folder_has_it(
    packed: Path, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pretrained").mkdir()  # where evaluation may have left its results
    assert find_run("pretrained") == Path(reid.__file__).parent / "pretrained"
    shutil.copytree(packed, "pretrained", dirs_exist_ok=True)
    assert find_run("pretrained") == Path("pretrained")
    assert load_run("pretrained")[0] == SMALL


def test_the_run_in_the_package_is_a_few_megabytes_with_its_figures_and_finds_people_on_unseen_domains() -> None:
    folder = find_run("pretrained")
    assert sum(file.stat().st_size for file in folder.iterdir()) < 4e6
    record = json.loads((folder / "config.json").read_text())
    assert record["source"]["name"] == "day"
    assert set(record["figures"]) == {"day", "dusk", "night", "fog"}
    assert {"keras", "tensorflow", "numpy", "python"} <= set(record["versions"])
