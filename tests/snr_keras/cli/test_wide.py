"""No terminal is so narrow that a table is cut: it comes in parts."""

import io
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import pytest
from rich.table import Table

from snr_keras.cli.bench import evaluation_table, layer_table, train_table
from snr_keras.cli.console import PrintableConsole
from snr_keras.cli.demonstration import results_table
from snr_keras.cli.tables import verification_table
from snr_keras.cli.wide import parts
from snr_keras.reid.experiments.ablation import steps_table
from snr_keras.reid.experiments.benchmarks import EvaluationTiming, LayerTiming, TrainTiming
from tests.snr_keras.reid.experiments.ablation.test_report import made_up


def layer() -> Table:
    return layer_table(
        [LayerTiming((32, 64, 32, 256), "float32", False, 1.2837, 12.4358, 1.3159, 0.0148, 2.25, 10.0, 5.0)]
    )


def evaluation() -> Table:
    return evaluation_table([EvaluationTiming("re_ranking", name, 12345.6, 10**11) for name in ("snr_keras", "torch")])


def training() -> Table:
    return train_table(TrainTiming("resnet50", (256, 128), 64, "NVIDIA H100 80GB HBM3", 16, 2.8, 2.9, 3.6, 1800, 1000))


def demo(*models: str) -> Table:
    figures = {"day": {"mAP": 0.8, "rank1": 0.9, "mINP": 0.5}, "fog": {"mAP": 0.7, "rank1": 0.8, "mINP": 0.4}}
    return results_table({model: [figures, figures] for model in models}, "day", 2)


def verification() -> Table:
    rates = (1e-4, 1e-3, 1e-2, 1e-1)
    result = SimpleNamespace(
        false_positive_rates=rates, true_positive_rates=rates, equal_error_rate=0.1, equal_error_threshold=0.1234
    )
    return verification_table({"a square in the north of a city": result})


def steps() -> Table:
    return steps_table(made_up(variants=("none", "in", "snr-fixed", "snr-random", "snr-no-loss", "snr"), seeds=3)[1])


TABLES: Mapping[str, Callable[[], Table]] = {
    "bench layer": layer,
    "bench evaluation": evaluation,
    "bench train": training,
    "demo": lambda: demo("none", "in", "snr", "snr-no-loss"),
    "evaluate --verify": verification,
    "ablate": steps,
}
MANY = ("none", "in", "snr", "snr-no-loss", "snr-fixed", "snr-random", "aibn", "ibn-b")


def of_width(width: int) -> PrintableConsole:
    return PrintableConsole(width=width, file=io.StringIO())


def check_whole(table: Table, width: int) -> str:
    """The table as it is printed: every word of it, and no line that is too long."""
    console = of_width(width)
    console.print(table)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    for column in table.columns:
        for word in " ".join(map(str, (column.header, *column.cells))).split():
            assert word in text
    return text


@pytest.mark.parametrize("name", TABLES)
def test_the_commands_tables_fit_80_columns_in_one_piece(name: str) -> None:
    assert len(list(parts(TABLES[name](), of_width(80)))) == 1
    for width in (80, 60, 50):
        check_whole(TABLES[name](), width)


def test_a_wider_one_comes_in_parts_with_the_first_column_each() -> None:
    text = check_whole(demo(*MANY), 80)
    assert [line.split()[1] for line in text.splitlines() if "mean of unseen" in line] == 2 * ["mean"]
    assert text.count("mean ± standard deviation over 2 seeds") == 1
    order = [text.index(model) for model in ("none", "snr-no-loss", "snr-fixed", "ibn-b")]
    assert order == sorted(order)


def test_one_title_above_all_and_one_caption_below() -> None:
    table = steps()
    lines = check_whole(table, 50).splitlines()
    assert lines[0].strip() == table.title
    assert sum(table.title in line for line in lines) == 1
    assert "probability" in "".join(lines[-2:])


def test_where_two_columns_are_too_wide_they_are_folded() -> None:
    table = Table("a name", "another")
    table.add_row("abcdefghij" * 3, "0123456789" * 3)
    for column in table.columns:
        column.no_wrap = True
    console = of_width(30)
    console.print(table)
    text = console.file.getvalue()
    assert "…" not in text
    for k in range(2):
        assert "".join(line.split("│")[1 + k].strip() for line in text.splitlines() if "│" in line) in (
            "abcdefghij" * 3,
            "0123456789" * 3,
        )


def test_a_sign_of_an_ellipsis_in_a_name_is_no_cut() -> None:
    table = Table("a name…", "another…")
    table.add_row("x…", "y…")
    assert list(parts(table, of_width(80))) == [table]
