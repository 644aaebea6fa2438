"""Targets that are divided in several ways."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from snr_keras.reid.data.catalogue import open_trials
from snr_keras.reid.data.images import load_image
from snr_keras.reid.targets import TargetResult, embed_trials, query_table, score, score_trials
from snr_keras.reid.targets.embeddings import embed
from tests.snr_keras.reid.data import owners


@pytest.fixture(scope="module")
def embedder():
    images = keras.Input((8, 4, 3))
    return keras.Model(images, ops.mean(images, axis=1)[:, :, 0])


@pytest.fixture
def trials(tmp_path):
    folder = owners.grid(tmp_path)
    rng = np.random.default_rng(0)
    for path in folder.glob("*/*.jpeg"):
        path.write_bytes(owners.jpeg(rng.integers(0, 256, (8, 4, 3), dtype=np.uint8)))
    return open_trials("grid", root=tmp_path, splits=("query", "gallery"))


def test_each_image_is_embedded_once_and_stands_where_it_is_asked_for(embedder, trials):
    done = []
    embedded = embed_trials(embedder, trials, progress=lambda n, total: done.append((n, total)))
    paths = {path for trial in trials for path in (*trial.query.paths, *trial.gallery.paths)}
    assert done[-1] == (len(paths), len(paths))
    alone = {path: embed(embedder, np.float32(load_image(path, (8, 4)))[None])[0] for path in paths}
    for trial, one in zip(trials, embedded, strict=True):
        for split, rows in ((trial.query, one.query), (trial.gallery, one.gallery)):
            np.testing.assert_allclose(rows, [alone[path] for path in split.paths], rtol=1e-6)


def test_figures_are_means_over_the_divisions_and_counts_are_sums(embedder, trials):
    embedded = embed_trials(embedder, trials)
    results = [score(one) for one in embedded]
    result = score_trials(embedded)
    assert result.splits == tuple(results)
    assert result.mAP == pytest.approx(np.mean([one.mAP for one in results]), rel=1e-12)
    assert result.mINP == pytest.approx(np.mean([one.mINP for one in results]), rel=1e-12)
    for k in (1, 3, 20):
        assert result.rank(k) == pytest.approx(np.mean([one.rank(k) for one in results]), rel=1e-12)
    assert result.num_queries == sum(one.num_queries for one in results) == 30
    assert result.num_gallery == 70
    assert len({one.mAP for one in results}) > 1
    assert [one["mAP"] for one in result.to_json()["splits"]] == [one.mAP for one in results]


def test_the_queries_of_all_divisions_are_one_table_by_image(embedder, trials):
    result = score_trials(embed_trials(embedder, trials))
    table = query_table(result, trials)
    paths = list(dict.fromkeys(path for trial in trials for path in trial.query.paths))
    assert table.shape == (10, len(paths))
    for row, trial, one in zip(table, trials, result.splits, strict=True):
        assert row[paths.index(trial.query.paths[0])] == one.average_precisions[0]
        assert np.count_nonzero(~np.isnan(row)) == one.num_valid_queries
        assert np.nanmean(row) == pytest.approx(one.mAP, rel=1e-12)


def test_a_result_comes_back_from_json_as_it_was(embedder, trials):
    embedded = embed_trials(embedder, trials)
    for result in (score_trials(embedded), score(embedded[0])):
        assert TargetResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_one_division_is_scored_as_ever(embedder, trials):
    (one,) = embed_trials(embedder, trials[:1])
    assert score_trials((one,)) == score(one)
    assert score(one).splits == ()


def test_the_version_of_a_data_set_stands_with_its_figures(embedder, tmp_path):
    owners.msmt17(tmp_path, "V2")
    embedded = embed_trials(embedder, open_trials("msmt17-v2", root=tmp_path))
    assert score_trials(embedded).to_json()["version"] == "MSMT17_V2"
