"""The table of `snr bench layer` is whole in a terminal of 80 columns."""

from rich.console import Console

from snr_keras.cli.bench import layer_table
from snr_keras.reid.experiments.benchmarks import LayerTiming


def test_it_fits_80_columns() -> None:
    slow = LayerTiming((32, 64, 32, 256), "float32", False, 1.2837, 12.4358, 1.3159, 0.0148, 2.25, 10.0, 5.0)
    console = Console(width=80)
    with console.capture() as captured:
        console.print(layer_table([slow]))
    row = next(line for line in captured.get().splitlines() if "32x64x32x256" in line)
    assert row.split() == ["32x64x32x256", "1283.7", "12435.8", "1315.9", "14.8", "0.10", "0.98", "86.74", "2.2"]
    assert "…" not in captured.get()
