"""The cost of the layer, a training step and the evaluation, measured on your machine."""

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
