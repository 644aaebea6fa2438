"""`snr bench export`: each row is an export that was written, run and tested."""

from pathlib import Path

import pytest

from snr_keras.models import embedder
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.synthetic import synthesize
from snr_keras.reid.deployment import FORMATS
from snr_keras.reid.experiments.benchmarks import benchmark_export, export
from snr_keras.reid.runs import load_run
from snr_keras.reid.targets import embed_dataset, score
from tests.snr_keras.reid.search.conftest import untrained_run


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "night"
    people = {"train_identities": 2, "test_identities": 5, "cameras": 3, "images_per_camera": 2}
    synthesize(folder, domain="night", **people)
    return read_market1501(folder)


@pytest.fixture
def run(small_networks, tmp_path_factory) -> Path:
    """The run folder of a small network."""
    return untrained_run(tmp_path_factory.mktemp("runs") / "run")


def test_rows_are_the_model_and_its_exports_and_have_its_figures(night, run: Path, monkeypatch) -> None:
    monkeypatch.setattr(export, "FORMATS", {"saved_model": FORMATS["saved_model"]})  # the one that needs no extra
    seen: list = []
    rows = benchmark_export(run, night, repeats=1, progress=seen.append)
    assert rows == seen
    assert [(row.format, row.precision) for row in rows] == [("keras", "float32"), ("saved_model", "float32")]
    assert rows[0].size is None
    assert rows[0].difference < 1e-5 * rows[0].largest  # a picture alone, and in a batch
    model = embedder(load_run(run)[1])
    assert 0 < rows[1].size - 4 * model.count_params() < 1e6  # its weights in float32, and a graph
    assert 0 < rows[1].difference < 1e-5 * rows[1].largest
    expected = score(embed_dataset(model, night))
    for row in rows:
        assert row.one > 0
        assert row.batch > 0
        assert (row.mAP, row.rank1) == pytest.approx((expected.mAP, expected.rank(1)), abs=1e-9)


def test_where_nothing_is_timed_there_are_no_times(night, run: Path, monkeypatch) -> None:
    monkeypatch.setattr(export, "FORMATS", {})
    (row,) = benchmark_export(run, night, repeats=0)
    assert (row.format, row.one, row.batch) == ("keras", None, None)


def test_what_cannot_be_measured_is_refused(night) -> None:
    with pytest.raises(ValueError, match="repeats=-1"):
        benchmark_export("pretrained", night, repeats=-1)
    with pytest.raises(ValueError, match=r"of float32, float16, int8, full_int8\. Received: float8"):
        benchmark_export("pretrained", night, precisions=("int8", "float8"))
