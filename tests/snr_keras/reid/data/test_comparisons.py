"""The comparisons of the literature, by name."""

import pytest

from snr_keras.reid.data.catalogue import KNOWN
from snr_keras.reid.data.comparisons import COMPARISONS, find_comparison


def test_every_comparison_is_of_known_data_sets_and_tests_on_what_was_not_trained_on():
    for comparison in COMPARISONS.values():
        assert {*comparison.sources, *comparison.targets} <= KNOWN.keys()
        assert not set(comparison.sources) & set(comparison.targets)
        assert all("query" in KNOWN[target].splits for target in comparison.targets)


def test_the_protocols_are_those_of_the_literature():
    one = COMPARISONS["protocol-1"]
    assert set(one.sources) == {"market1501", "cuhk02", "cuhk03-detected", "cuhk-sysu"}
    assert set(one.targets) == {"prid2011", "grid", "viper", "ilids"}
    assert one.images == "all"
    assert all(KNOWN[target].trials == 10 for target in one.targets)
    for protocol, images in (("protocol-2", "train"), ("protocol-3", "all")):
        for left_out, target in (
            ("market1501", "market1501"),
            ("msmt17", "msmt17-v1"),
            ("cuhk03", "cuhk03-detected"),
        ):
            comparison = COMPARISONS[f"{protocol}-{left_out}"]
            assert comparison.targets == (target,)
            assert set(comparison.sources) == {"market1501", "msmt17-v1", "cuhk03-detected", "cuhk-sysu"} - {target}
            assert comparison.images == images
    assert COMPARISONS["market-to-duke"].sources == COMPARISONS["duke-to-market"].targets == ("market1501",)
    assert len(COMPARISONS["m+d+c+ms"].sources) == 4


def test_another_version_takes_the_place_of_the_default_wherever_it_stands():
    comparison = find_comparison("protocol-2-cuhk03", use=["msmt17-v2=/data/MSMT17_V2", "cuhk03-labeled"])
    assert comparison.sources == ("market1501", "msmt17-v2=/data/MSMT17_V2", "cuhk-sysu")
    assert comparison.targets == ("cuhk03-labeled",)
    assert find_comparison("protocol-1", use=["viper=/data/VIPeR"]).targets[2] == "viper=/data/VIPeR"
    twice = find_comparison("protocol-2-cuhk03", use=["msmt17-v2", "msmt17-v1"])
    assert twice == COMPARISONS["protocol-2-cuhk03"]


@pytest.mark.parametrize("use", ["msmt17-v2", "cuhk03", "nobody=/data"])
def test_what_has_no_place_in_a_comparison_is_refused(use):
    with pytest.raises(ValueError, match=f"protocol-1 uses market1501, .* Received a version to use: '{use}'"):
        find_comparison("protocol-1", use=[use])


def test_an_unknown_comparison_is_an_error_with_the_known_ones():
    with pytest.raises(ValueError, match=r"one of market-to-duke, .*protocol-3-cuhk03\. Received: 'protocol-4'"):
        find_comparison("protocol-4")
