"""The figures in the pages are those that were measured, and what the pages conclude from them is so."""

from statistics import mean, stdev

import pytest

from docs import generate


@pytest.mark.parametrize("page", generate.PAGES, ids=lambda page: page.relative_to(generate.DOCS.parent).as_posix())
def test_every_figure_is_that_of_its_data(page) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate.rendered(text) == text, "run python docs/generate.py"


def test_every_block_is_in_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in generate.PAGES)
    assert [name for name in generate.BLOCKS if f"<!-- generated: {name} -->" not in text] == []


def test_what_the_page_of_results_concludes() -> None:
    demo = generate.DEMO
    unseen, home = generate.unseen(demo), [demo["source"]]
    for domain in unseen:
        assert mean(generate.differences(demo, "none", [domain])) > 10
    assert min(generate.differences(demo, "none", home)) > 0
    over_in = generate.differences(demo, "in", unseen)
    assert min(over_in) > 0
    assert mean(over_in) > stdev(over_in)
    assert mean(over_in) < 2 * stdev(generate.values(demo, "in", unseen))
    over_in_at_home = generate.differences(demo, "in", home)
    assert mean(over_in_at_home) > 5 * stdev(over_in_at_home)
    assert abs(mean(generate.differences(demo, "snr-no-loss", unseen))) < stdev(
        generate.differences(demo, "snr-no-loss", unseen)
    )
    assert abs(mean(generate.differences(demo, "snr-no-loss", home))) < 1


def test_what_the_pages_say_of_speed() -> None:
    assert all(row["of_literal"] <= (0.5 if row["jit_compile"] else 0.35) for row in generate.BENCH)
    assert all(row["of_group_norm"] < 1 for row in generate.BENCH)
    assert all(row["snr_memory"] < 2.5 for row in generate.BENCH)


def test_what_the_guide_says_of_networks() -> None:
    assert all(row["change"] < 0.01 for row in generate.FAMILIES)
    assert [row["family"] for row in generate.FAMILIES if row["refused"]] == ["NASNetMobile"]


def test_what_the_guide_says_of_adaptation() -> None:
    def above(ours: str, theirs: str) -> list[float]:
        return generate.adaptation_differences(generate.ADAPTATION, ours, theirs)

    for adapted, direct in (("MAR", "direct"), ("SNR + MAR", "SNR")):
        assert min(above(adapted, direct)) > 0
        assert mean(above(f"{direct}, trained further", direct)) > mean(above(adapted, direct))
        assert -2 < mean(above(adapted, f"{direct}, trained further")) < 0
    assert max(above("SNR + MAR", "SNR, trained further")) < 0
    for ours, theirs in (("SNR", "direct"), ("SNR + MAR", "MAR"), ("SNR, trained further", "direct, trained further")):
        assert min(above(ours, theirs)) > 5


def test_what_the_guide_says_of_two_sources() -> None:
    one, two = generate.ADAPTATION, generate.ADAPTATION_TWO_SOURCES
    assert list(one["images"].values()) == list(two["images"].values())
    assert max(generate.adaptation_differences(two, "MAR", "direct, trained further")) < 0
    with_snr = generate.adaptation_differences(two, "SNR + MAR", "SNR, trained further")
    assert min(with_snr) < 0 < max(with_snr)
    assert abs(mean(with_snr)) < stdev(with_snr)
    for method in ("direct", "SNR"):
        before, after = ([run["mAP"] for run in measured["results"][method]] for measured in (one, two))
        assert abs(mean(before) - mean(after)) < min(stdev(before), stdev(after))
