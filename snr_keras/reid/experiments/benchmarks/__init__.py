"""The cost of the layer, a training step and the evaluation, measured on your machine."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snr_keras.reid.experiments.benchmarks.evaluation import EvaluationTiming, benchmark_evaluation
    from snr_keras.reid.experiments.benchmarks.export import ExportTiming, benchmark_export
    from snr_keras.reid.experiments.benchmarks.layer import LayerTiming, benchmark_layer
    from snr_keras.reid.experiments.benchmarks.train import TrainTiming, benchmark_training

__all__ = [
    "EvaluationTiming",
    "ExportTiming",
    "LayerTiming",
    "TrainTiming",
    "benchmark_evaluation",
    "benchmark_export",
    "benchmark_layer",
    "benchmark_training",
]


def __getattr__(name: str) -> Any:
    """A benchmark, imported when it is asked for: that of the layer runs where TensorFlow is not installed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = name.removesuffix("Timing").removeprefix("benchmark_").lower().replace("training", "train")
    return getattr(import_module(f"{__name__}.{module}"), name)
