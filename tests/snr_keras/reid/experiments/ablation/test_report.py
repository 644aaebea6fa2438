"""Tables of an ablation, from made-up figures: what stands in them is right, whatever things are called."""

import csv
import io
import json
import re
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pytest

from snr_keras.evaluation import GateHealth
from snr_keras.evaluation.seeds import detectable_difference, p_value, t_interval
from snr_keras.reid.experiments.ablation import as_csv, as_latex, as_table, steps_table, summary, width_of
from snr_keras.reid.experiments.ablation.report import MEAN, as_text, caption, results_of, write_reports
from snr_keras.reid.targets import TargetResult

ODD = 'a_b & 100% {x} #1 $ ~ ^ \\ , "q" [red]'
SETTINGS = {
    "training": {"epochs": 4},
    "source": {"name": "home", "version": "V1"},
    "targets": [{"name": ODD, "version": "", "divisions": 1}, {"name": "viper", "divisions": 10}],
}


def run(rng, gain, targets):
    """A run on home and on targets; the last target has three divisions, with queries of their own."""
    results = {}
    for target in ("home", *targets):
        table = np.clip(rng.uniform(size=(3 if (target,) == tuple(targets[-1:]) else 1, 12)) * 0.5 + gain, 0, 1)
        table[:, 3] = np.nan
        if len(table) > 1:
            table[0, :2] = np.nan
        mAP = float(np.mean([np.nanmean(row) for row in table]))
        results[target] = (TargetResult(target, mAP, mAP / 2, (mAP,) * 10, 12, 11, 40, "market1501", "cosine"), table)
    return results


def made_up(variants=("none", "in_x", "snr"), seeds=2, targets=(ODD, "viper"), home="home", held_out=None):
    runs = {
        name: [run(np.random.default_rng(seed), 0.1 * k + 0.03 * seed * k, targets) for seed in range(seeds)]
        for k, name in enumerate(variants)
    }
    health = GateHealth(128, 24, 8, 3, 1, 0.5, 0.01, 0.1)
    results = results_of(
        runs,
        held_out=held_out,
        gates={name: [{"stage1_snr": health}] * seeds if name.startswith("snr") else [] for name in variants},
        settings=SETTINGS,
        recipe="made up",
        variants=dict.fromkeys(variants, "made up"),
        home=home,
        targets=targets,
        versions={"python": "3"},
    )
    return runs, results


def test_figures_are_means_over_trainings_and_targets() -> None:
    runs, results = made_up()
    rows = {row["variant"]: row for row in csv.DictReader(io.StringIO(as_csv(results)))}
    assert list(rows) == ["none", "in_x", "snr"]
    for name, done in runs.items():
        for target in ("home", ODD, "viper"):
            found = [100 * one[target][0].mAP for one in done]
            assert float(rows[name][f"{target} mAP"]) == pytest.approx(mean(found), abs=0.006)
            assert float(rows[name][f"{target} mAP sd"]) == pytest.approx(stdev(found), abs=0.006)
            assert rows[name][f"{target} Rank-1"] == rows[name][f"{target} mAP"]  # as they were made up
        over = [100 * mean(one[target][0].mAP for target in (ODD, "viper")) for one in done]
        assert float(rows[name][f"{MEAN} mAP"]) == pytest.approx(mean(over), abs=0.006)
        assert float(rows[name][f"{MEAN} mAP sd"]) == pytest.approx(stdev(over), abs=0.006)


def test_people_held_out_have_a_column_and_need_no_target(tmp_path: Path) -> None:
    of_variants = {"none": [0.5, 0.6], "in_x": [0.6, 0.7], "snr": [0.75, 0.85]}
    _, results = made_up(targets=(), held_out=of_variants)
    assert results["held_out"] == of_variants
    assert (results["differences"], results["steps"]) == ({}, {})
    table = as_text(as_table(results))
    assert "held out" in table
    assert "80.0 ± 7.1" in table
    assert "mean of targets" not in table
    assert "on people of the source who are not trained on" in " ".join(table.split())
    write_reports(results, tmp_path)
    assert (tmp_path / "results.png").stat().st_size > 1000


def test_the_difference_is_of_seed_to_seed_and_its_interval_around_it() -> None:
    runs, results = made_up()
    assert set(results["differences"]) == {"none", "in_x"}
    for name, found in results["differences"].items():
        pairs = zip(runs["snr"], runs[name], strict=True)
        by_seed = [
            mean(ours[t][0].mAP for t in (ODD, "viper")) - mean(theirs[t][0].mAP for t in (ODD, "viper"))
            for ours, theirs in pairs
        ]
        assert found["by_seed"] == pytest.approx(by_seed, abs=1e-9)
        assert found["mean"] == pytest.approx(mean(by_seed), abs=1e-4)  # of average precisions with five digits
        assert found["low"] <= found["mean"] <= found["high"]
        interval = t_interval(by_seed)
        assert (found["seeds_low"], found["seeds_high"]) == (interval.low, interval.high)
        assert (found["p"], found["detectable"]) == (p_value(by_seed), detectable_difference(by_seed))


def test_each_step_of_the_method_is_compared_with_the_one_before() -> None:
    variants = ("none", "in", "snr-fixed", "snr-random", "snr-no-loss", "snr")
    runs, results = made_up(variants=variants, seeds=3)
    steps = {
        "in - none": 1, "snr-fixed - in": 1, "snr-no-loss - snr-fixed": 2, "snr-no-loss - snr-random": 1,
        "snr - snr-no-loss": 1,
    }  # fmt: skip
    assert list(results["steps"]) == list(steps)
    for step, found in results["steps"].items():
        name, other = step.split(" - ")
        levels = [[mean(one[t][0].mAP for t in (ODD, "viper")) for one in runs[which]] for which in (name, other)]
        assert found["by_seed"] == pytest.approx(np.subtract(*levels).tolist(), abs=1e-9)
        assert found["mean"] == pytest.approx(mean(found["by_seed"]), abs=1e-4)
    again = results["differences"]["snr-no-loss"]
    assert results["steps"]["snr - snr-no-loss"] == again
    shown = as_text(steps_table(results))
    for step, found in results["steps"].items():
        (line,) = [line for line in shown.splitlines() if line.strip().startswith(f"{step} ")]
        assert f"{100 * found['mean']:+.1f} ± {100 * stdev(found['by_seed']):.1f}" in line
        assert f"{100 * found['seeds_low']:+.1f} to {100 * found['seeds_high']:+.1f}" in line
        assert line.endswith(f"{100 * found['detectable']:.1f}")
    assert "that 3 seeds would have shown with probability 80%" in " ".join(shown.split())
    assert made_up(variants=("none", "aibn"))[1]["steps"] == {}
    (health,) = results["gates"]["snr"][2].values()
    assert health["always_off"] == 3


def test_one_seed_has_steps_without_intervals_over_seeds() -> None:
    _, results = made_up(variants=("in", "none"), seeds=1)
    (found,) = results["steps"].values()
    assert (found["seeds_low"], found["seeds_high"], found["p"], found["detectable"]) == (None,) * 4
    assert "for that there must be several" in " ".join(as_text(steps_table(results)).split())


def test_tables_can_be_made_again_from_the_file_alone(tmp_path) -> None:
    _, results = made_up()
    write_reports(results, tmp_path)
    read = json.loads((tmp_path / "results.json").read_text())
    again = tmp_path / "again"
    again.mkdir()
    write_reports(read, again)
    for name in ("results.json", "summary.json", "results.txt", "results.csv", "results.tex"):
        assert (again / name).read_bytes() == (tmp_path / name).read_bytes(), name
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
    assert as_csv(json.loads((tmp_path / "summary.json").read_text())) == as_csv(results)
    assert "average_precisions" not in summary(results)
    (row,) = read["average_precisions"]["snr"][0][ODD]
    assert len(row.split()) == 12
    assert row.split()[3] == "nan"


def test_latex_survives_every_name() -> None:
    _, results = made_up()
    text = as_latex(results)
    lines = text.splitlines()
    columns = len(re.search(r"\\begin\{tabular\}\{(l?r+)\}", text)[1])
    body = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert len(body) == 3
    assert columns == 1 + 2 * 4 + 1
    for line in [*body, lines[lines.index(r"\midrule") - 1]]:
        assert len(re.findall(r"(?<!\\)&", line)) == columns - 1
        assert line.endswith(r"\\")
    bare = re.sub(r"\\[&%$#_{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert "#" not in bare
    assert bare.count("%") == 1  # the comment in the first line
    assert r"a\_b \& 100\% \{x\} \#1 \$ \textasciitilde{} \textasciicircum{} \textbackslash{}" in text
    assert [line for line in body if line.startswith(r"in\_x &")]


def test_the_text_says_what_the_interval_covers_and_what_not() -> None:
    _, results = made_up()
    told = " ".join(as_text(as_table(results)).split())
    assert "95 % interval by paired bootstrap over queries (10000 resamples of the queries of each target" in told
    assert "not how trainings differ" in told
    assert "standard deviation over 2 trainings, after the last of 4 epochs" in told
    assert "Trained on home (V1)" in told
    assert "viper, mean over 10 splits" in told
    assert ODD in told
    assert "…" not in told


def test_in_brief_it_fits_a_terminal() -> None:
    _, results = made_up(targets=("dusk", "night", "fog"))
    assert width_of(as_table(results, brief=True)) <= 80 < width_of(as_table(results))


def test_of_one_training_without_home_and_without_snr() -> None:
    _, results = made_up(variants=("none", "in"), seeds=1, targets=("fog",), home=None)
    assert results["differences"] == {}
    assert "bootstrap" not in caption(results)
    assert "of one training" in caption(results)
    shown = as_text(as_table(results, brief=True))
    assert "fog" in shown
    assert MEAN not in shown
    assert "±" not in shown
    assert [row["fog mAP sd"] for row in csv.DictReader(io.StringIO(as_csv(results)))] == ["", ""]
    assert r"\begin{tabular}{lrr}" in as_latex(results)
