"""What the layer and the evaluation cost, measured on your machine."""

from snr_keras.benchmarks.evaluation import EvaluationTiming, benchmark_evaluation
from snr_keras.benchmarks.layer import LayerTiming, benchmark_layer

__all__ = ["EvaluationTiming", "LayerTiming", "benchmark_evaluation", "benchmark_layer"]
