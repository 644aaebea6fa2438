"""`snr bench evaluation`: contestants do the same work, and take turns."""

import sys
from types import ModuleType

import numpy as np
import pytest

import snr_ref
from snr_keras.reid.experiments.benchmarks import benchmark_evaluation

SMALL = {"queries": 20, "gallery": 60, "width": 8, "repeats": 1}


def test_every_task_has_its_contestants_ours_first() -> None:
    seen = []
    rows = benchmark_evaluation(**SMALL, baselines=False, progress=seen.append)
    assert [(row.task, row.name) for row in rows] == [
        ("distances", "snr_keras"),
        ("distances", "snr_ref"),
        ("embeddings", "snr_keras"),
        ("embeddings", "products alone"),
        ("re_ranking", "snr_keras"),
        ("re_ranking", "snr_keras, figures"),
        ("re_ranking", "products alone"),
    ]
    assert seen == rows
    assert all(row.seconds > 0 for row in rows)


def test_torchreid_is_timed_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with torchreid's signatures, which keeps what it was given."""
    given = []

    def evaluate_rank(distmat, q_pids, g_pids, q_camids, g_camids, max_rank=50, use_cython=True):
        given.append((use_cython, distmat, q_pids, g_pids, q_camids, g_camids))

    def re_ranking(q_g_dist, q_q_dist, g_g_dist, k1=20, k2=6, lambda_value=0.3):
        given.append((q_g_dist.shape, q_q_dist.shape, g_g_dist.shape))

    for name in ("torchreid", "torchreid.metrics", "torchreid.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    rank, rerank = ModuleType("rank"), ModuleType("rerank")
    rank.__dict__.update(IS_CYTHON_AVAI=True, evaluate_rank=evaluate_rank)
    rerank.__dict__.update(re_ranking=re_ranking)
    monkeypatch.setitem(sys.modules, "torchreid.metrics.rank", rank)
    monkeypatch.setitem(sys.modules, "torchreid.utils.rerank", rerank)

    rows = benchmark_evaluation(**SMALL, tasks=("distances", "re_ranking"))
    names = [row.name for row in rows]
    assert names == ["snr_keras", "snr_ref", "torchreid, compiled", "torchreid, Python", *names[4:]]
    assert names[4:] == ["snr_keras", "snr_keras, figures", "products alone", "torchreid"]
    (compiled, *arguments), (python, *_), *_ = [call for call in given if isinstance(call[0], bool)][::2]
    assert (compiled, python) == (True, False)
    assert arguments[0].shape == (20, 60)
    result = snr_ref.evaluate_retrieval(*arguments)
    assert 0.2 < result.mAP < 1, "people who can be told apart, not all of them"
    assert len(np.unique(arguments[1])) == 4, "as many a query as in Market-1501: 750 of 3368"
    assert given[-1] == ((20, 60), (20, 20), (60, 60))


@pytest.mark.parametrize("wrong", [{"tasks": ("distance",)}, {"queries": 0}, {"repeats": 0}])
def test_what_cannot_be_measured_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="Received"):
        benchmark_evaluation(**(SMALL | wrong))
