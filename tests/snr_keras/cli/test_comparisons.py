"""Comparisons and combined sources by the command line, on miniatures of the real folders."""

import json
from pathlib import Path

import pytest

from tests.snr_keras.reid.data import owners

TINY = ("--epochs", 1, "--warmup-epochs", 0, "--identities-per-batch", 4, "--images-per-identity", 2)
TINY = (*TINY, "--image-size", "32x16", "--normalization", "none")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """What protocol-1 and protocol-2 take, each where its archive unpacks to."""
    root = tmp_path_factory.mktemp("data")
    owners.market1501(root / "market1501")
    owners.msmt17(root / "msmt17", "V2")
    owners.cuhk02(root / "cuhk02")
    owners.cuhk03(root)
    owners.cuhk_sysu(root / "cuhksysu")
    owners.viper(root / "viper")
    owners.prid2011(root / "prid2011")
    owners.grid(root / "grid")
    owners.ilids(root / "ilids")
    return root


@pytest.mark.slow
def test_a_protocol_is_one_command_and_says_on_what_its_figures_are(
    snr, root: Path, tmp_path: Path, monkeypatch
) -> None:
    drawn = []
    monkeypatch.setattr("snr_keras.cli.targets.save_ranked_gallery", lambda one, path, **_: drawn.append(path.name))
    run = tmp_path / "run"
    outcome = snr("train", "--comparison", "protocol-1", "--domain-balanced", "--root", root, "--out", run, *TINY)
    assert outcome.status == 0, outcome.output
    assert "mean over 10 splits, counts summed" in " ".join(outcome.output.split())
    config = json.loads((run / "config.json").read_text())
    assert config["training"]["domain_balanced"] is True
    assert config["source"]["name"] == "market1501+cuhk02+cuhk03-detected+cuhk-sysu"
    assert config["source"]["version"].endswith("; all images")
    assert config["source"]["images"] == (6 + 2 + 4) + 40 + 32 + 4
    assert drawn == [
        f"ranked_gallery_{k}_{name}.png" for k, name in enumerate(("prid2011", "grid", "viper", "ilids"), 1)
    ]
    results = json.loads((run / "evaluation" / "results.json").read_text())
    assert [result["target"] for result in results] == ["prid2011", "grid", "viper", "ilids"]
    assert [len(result["splits"]) for result in results] == [10] * 4
    assert [result["protocol"] for result in results] == ["market1501", "market1501", "market1501", "no_camera"]

    arguments = ("evaluate", run, "--comparison", "protocol-2-msmt17", "--root", root, "--out", tmp_path / "again")
    outcome = snr(*arguments)
    assert outcome.status == 1
    assert "The data set 'msmt17-v1' is not under" in outcome.output
    outcome = snr(*arguments, "--use", "msmt17-v2")
    assert outcome.status == 0, outcome.output
    (result,) = json.loads((tmp_path / "again" / "results.json").read_text())
    assert (result["target"], result["version"]) == ("msmt17-v2", "MSMT17_V2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--source DATASET or --comparison NAME"),
        (("--source", "viper", "--comparison", "protocol-1"), "either --source DATASET or"),
        (("--comparison", "protocol-1", "--source-images", "train"), "leave out --source-images"),
        (("--source", "market1501", "--use", "msmt17-v2"), "name the comparison with --comparison"),
        (("--comparison", "protocol-9"), "Received: 'protocol-9'"),
        (("--source", "viper"), "name one of them, viper:1 to viper:10"),
        (("--source", "market1501,cuhk02", "--source-images", "some"), "one of train, all"),
        (("--source", "nowhere", "--source-images", "some"), "one of train, all"),
        (("--source", "market1501", "--target", "cuhk-sysu"), "cuhk-sysu has no query and no gallery"),
        (("--source", "market1501", "--domain-balanced", "--identities-per-batch", 2), "a source of several data sets"),
        (("--source", "market1501,cuhk02", "--domain-balanced", "--identities-per-batch", 3), "a multiple of 2"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_anything_is_trained(
    snr, root: Path, tmp_path: Path, arguments, message
) -> None:
    outcome = snr("train", "--root", root, "--out", tmp_path / "run", *TINY, *arguments)
    assert outcome.status == 1
    assert message in outcome.output
    assert not (tmp_path / "run").exists()


def test_evaluation_needs_a_target(snr, tmp_path: Path) -> None:
    outcome = snr("evaluate", tmp_path)
    assert outcome.status == 1
    assert "--target DATASET, or --comparison NAME" in outcome.output
