"""The figures in the pages are those that were measured, and what the pages conclude from them is so."""

import json
from statistics import mean, stdev
from typing import Any

import pytest

from docs import generate
from snr_keras.evaluation.seeds import t_interval
from snr_keras.reid.adaptation import AdaptationConfig
from snr_keras.reid.recipes import load_recipe
from snr_keras.reid.runs import TrainingConfig, find_run
from snr_keras.reid.settings.variants import VARIANTS


@pytest.mark.parametrize("page", generate.PAGES, ids=lambda page: page.relative_to(generate.DOCS.parent).as_posix())
def test_every_figure_is_that_of_its_data(page) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate.rendered(text) == text, "run python docs/generate.py"


def test_every_block_is_in_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in generate.PAGES)
    assert [name for name in generate.BLOCKS if f"<!-- generated: {name} -->" not in text] == []


def test_what_the_page_of_results_concludes() -> None:
    study = generate.STUDY_STEPS

    def above(other: str, domains: list[str], ours: str = "snr", results: dict[str, Any] = study) -> list[float]:
        both = (generate.values(results, name, domains) for name in (ours, other))
        return [a - b for a, b in zip(*both, strict=True)]

    unseen, home = study["targets"], [study["home"]]
    assert all(min(above("none", [domain])) > 5 for domain in unseen)
    assert min(above("none", home)) > 0
    assert min(above("in", unseen)) > 0
    assert min(above("in", home)) > 0
    assert (round(mean(above("in", unseen))), round(mean(above("in", home)))) == (2, 3)
    assert mean(above("in", ["dusk"])) < 0
    assert mean(above("snr-fixed", unseen)) < 0
    for ours in ("snr", "snr-fixed"):
        shorter, longer = (above("in", unseen, ours, results)[:3] for results in (study, generate.LONGER))
        interval = t_interval([a - b for a, b in zip(longer, shorter, strict=True)])
        assert interval.low < 0 < interval.high


@pytest.mark.parametrize(
    ("p", "difference", "interval", "decided"),
    [
        (0.0124, 0.02, (0.001, 0.04), "shown"),
        (0.0124, -0.02, (-0.04, -0.001), "shown to harm"),
        (0.0126, 0.02, (0.0, 0.04), "open"),
        (0.5, 0.0, (-0.009, 0.009), "worth little"),
        (0.5, 0.0, (-0.011, 0.009), "open"),
        (0.001, 0.005, (0.001, 0.009), "shown, worth little"),
    ],
)
def test_the_study_decides_by_its_plan(
    p: float, difference: float, interval: tuple[float, float], decided: str
) -> None:
    low, high = interval
    assert generate.decision({"p": p, "mean": difference, "seeds_low": low, "seeds_high": high}) == decided


def test_what_the_study_concludes() -> None:
    study = generate.STUDY_STEPS
    steps = {name: study["steps"][step] for step, name in generate.HYPOTHESES.items()}
    decided = {name: generate.decision(found) for name, found in steps.items()}
    assert decided == {"H1": "shown", "H2": "shown", "H3": "open", "H4": "worth little"}
    assert -0.017 < steps["H3"]["seeds_low"] < steps["H3"]["seeds_high"] < 0
    assert steps["H4"]["detectable"] < 0.006
    assert all(study["differences"][other]["seeds_high"] < 0 for other in ("aibn", "ibn-b"))
    falls_from, to = (mean(generate.values(study, "none", domains)) for domains in (["day"], study["targets"]))
    gain, lost = round(100 * steps["H1"]["mean"]), round(falls_from - to)
    page = (generate.DOCS / "study.md").read_text(encoding="utf-8")
    assert f"falls from {falls_from:.0f} points of mAP on its source to {to:.0f} on unseen domains." in page
    assert f"Instance normalization gives {gain} of these {lost} points back." in page
    at_home = {name: mean(run["day"]["mAP"] for run in study["figures"][name]) for name in ("snr", "aibn", "ibn-b")}
    assert at_home["snr"] > max(at_home["aibn"], at_home["ibn-b"])
    stages = study["gates"]["snr-no-loss"][0]
    varies = {s: mean(run[s]["over_images"] for run in study["gates"]["snr-no-loss"]) for s in stages}
    assert [varies[stage] < 0.05 for stage in sorted(stages)] == [False, True, True, True]


def test_what_the_study_says_of_another_source() -> None:
    day, dusk = (
        {name: r["steps"][step] for step, name in generate.HYPOTHESES.items()}
        for r in (generate.STUDY_STEPS, generate.STUDY_FROM_DUSK)
    )
    assert min(dusk["H1"]["by_seed"]) > 0
    assert min(dusk["H2"]["by_seed"]) > 0
    assert max(dusk["H3"]["by_seed"]) < 0
    assert 0.2 < dusk["H2"]["mean"] / day["H2"]["mean"] < 0.3
    assert dusk["H2"]["p"] > generate.SHOWN_BELOW
    assert day["H4"]["mean"] < 0 < dusk["H4"]["mean"] < 0.005


def test_what_the_ablation_concludes() -> None:
    every = generate.STUDY_ALL

    def unseen(name: str) -> list[float]:
        return generate.values(every, name, every["targets"])

    home = {name: generate.values(every, name, [every["home"]]) for name in every["figures"]}
    for other in ("none", "in"):
        assert all(a > b for a, b in zip(unseen("snr"), unseen(other), strict=True))
        assert all(a > b for a, b in zip(home["snr"], home[other], strict=True))
    for better in ("aibn", "ibn-b", "snr-fixed"):
        found = every["differences"][better]
        assert found["high"] < 0 < found["seeds_high"]
    assert abs(every["differences"]["dualnorm"]["mean"]) < 0.01
    with_snr = {name for name in home if name.startswith("snr")}
    assert mean(home["snr"]) > max(mean(home[name]) for name in set(home) - with_snr)
    for alike in ("snr-random", "snr-no-loss", "snr-plus", "snr-minus"):
        assert abs(mean(unseen("snr")) - mean(unseen(alike))) < stdev(unseen("snr"))
    gains = {name: mean(unseen(name)) - mean(unseen("none")) for name in home}
    assert all(0.55 < gains[f"snr-{stage}"] / gains["snr"] < 0.66 for stage in (1, 2, 3))
    assert gains["snr-4"] < 1
    assert max(gains["gate"], gains["mixstyle"], gains["efdmix"]) < gains["snr"] / 3
    learned = every["steps"]["snr-no-loss - snr-random"]
    assert learned["seeds_low"] < 0 < learned["seeds_high"]
    assert learned["detectable"] > 0.03


def test_what_the_study_says_of_the_readings() -> None:
    readings = generate.best_held_out(generate.STUDY_READINGS)
    assert readings[:2] == ["snr-minus", "snr-sampled"]
    assert readings[-1] == "snr-ten-times"
    scores = generate.STUDY_READINGS["held_out"]
    assert mean(scores["snr-minus"]) - mean(scores[readings[-3]]) < 0.01
    assert max(scores["snr-euclidean"]) - min(scores["snr-euclidean"]) > 0.04
    steps = generate.STUDY_CONFIRMED["steps"]
    decided = {name: generate.decision(steps[f"{name} - snr-no-loss"], shown_below=0.025) for name in readings[:2]}
    assert decided == {"snr-minus": "worth little", "snr-sampled": "shown to harm"}
    assert max(steps["snr-sampled - snr-no-loss"]["by_seed"]) < 0
    assert -0.009 < steps["snr - snr-no-loss"]["seeds_low"] < steps["snr - snr-no-loss"]["seeds_high"] < 0.0095


def test_the_model_in_the_package_is_the_one_that_the_plan_of_the_study_chooses() -> None:
    chosen = generate.shipped(generate.STUDY_SHIPPED)
    assert chosen == generate.best_held_out(generate.STUDY_SHIPPED)[0] == "snr-fixed"
    record = json.loads((find_run("pretrained") / "config.json").read_text(encoding="utf-8"))
    expected = VARIANTS[chosen].config(load_recipe("study").training, seed=10)
    assert TrainingConfig.from_json(record["training"]) == expected
    printed = {domain: round(100 * figures["mAP"], 1) for domain, figures in record["figures"].items()}
    assert str(printed) in (generate.DOCS / "guides" / "your_pictures.md").read_text(encoding="utf-8")


def test_what_the_pages_say_of_speed() -> None:
    rows = [row for found in generate.BENCH_MACHINES if ", tensorflow " in found["machine"] for row in found["rows"]]
    assert all(row["of_literal"] <= (0.5 if row["jit_compile"] else 0.35) for row in rows)
    assert all(row["of_group_norm"] < 1 for row in rows)
    assert all(row["snr_memory"] < 2.5 for row in rows if row["snr_memory"] is not None)


def test_what_the_guide_says_of_networks() -> None:
    assert all(row["change"] < 0.01 for row in generate.FAMILIES)
    assert [row["family"] for row in generate.FAMILIES if row["refused"]] == ["NASNetMobile"]


def test_what_the_guide_says_of_adaptation() -> None:
    def above(ours: str, theirs: str) -> list[float]:
        return generate.adaptation_differences(generate.ADAPTATION, ours, theirs)

    for adapted, direct in (("MAR", "direct"), ("SNR + MAR", "SNR")):
        control, published = f"{direct}, trained further", f"{adapted}, published weight"
        assert min(above(control, direct)) > 0
        assert min(above(adapted, control)) > 4
        assert -2 < mean(above(published, control)) < 0
    for ours, theirs in (
        ("SNR", "direct"),
        ("SNR, trained further", "direct, trained further"),
        ("SNR + MAR, published weight", "MAR, published weight"),
    ):
        assert min(above(ours, theirs)) > 5
    assert 0 < mean(above("SNR + MAR", "MAR")) < stdev(above("SNR + MAR", "MAR"))


def test_what_the_guide_says_of_the_weight_of_consistency() -> None:
    weights = {run["consistency_weight"]: run for run in generate.ADAPTATION_WEIGHT["results"]}
    for normalization in ("none", "snr"):
        values = {weight: run[normalization]["mAP"] for weight, run in weights.items()}
        assert values[8.2e-3] > values[2e-4] + 0.03
        until_default = [value for weight, value in values.items() if 0 < weight <= AdaptationConfig.consistency_weight]
        assert until_default[1:] == sorted(until_default[1:])
        assert max(values.values()) - until_default[-1] < 0.01


def test_what_the_guide_says_of_two_sources() -> None:
    one, two = generate.ADAPTATION, generate.ADAPTATION_TWO_SOURCES
    assert list(one["images"].values()) == list(two["images"].values())
    for adapted, direct in (("MAR", "direct"), ("SNR + MAR", "SNR")):
        control = f"{direct}, trained further"
        assert min(generate.adaptation_differences(two, adapted, control)) > 8
        assert mean(generate.adaptation_differences(two, f"{adapted}, published weight", control)) < 0.5
        for method in (direct, adapted):
            in_one, in_two = ([run["mAP"] for run in measured["results"][method]] for measured in (one, two))
            assert abs(mean(in_one) - mean(in_two)) < min(stdev(in_one), stdev(in_two))


def test_what_the_specification_says_of_opposing_gradients() -> None:
    course = json.loads((generate.DOCS / "data" / "opposing_gradients.json").read_text(encoding="utf-8"))["course"]

    def ends(variable: str, figure: str) -> list[tuple[float, float]]:
        """The smallest and the largest over the modules, before the first epoch and after the last."""
        found = [[halves[variable][figure] for halves in course[epoch].values()] for epoch in (0, -1)]
        return [(round(min(of), 2), round(max(of), 2)) for of in found]

    assert all(halves["z"]["cosine"] < 0 < halves["a"]["cosine"] for epoch in course for halves in epoch.values())
    assert ends("z", "cosine") == [(-0.72, -0.65), (-0.46, -0.37)]
    assert ends("a", "cosine") == [(0.72, 0.85), (0.41, 0.69)]
    assert ends("z", "left") == [(0.38, 0.42), (0.52, 0.66)]
