"""What the layer and a training step cost, measured on your machine."""

from snr_keras.benchmarks.layer import LayerTiming, benchmark_layer
from snr_keras.benchmarks.train import TrainTiming, benchmark_training

__all__ = ["LayerTiming", "TrainTiming", "benchmark_layer", "benchmark_training"]
