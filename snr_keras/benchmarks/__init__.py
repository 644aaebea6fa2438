"""What the layer costs, measured on your machine."""

from snr_keras.benchmarks.layer import LayerTiming, benchmark_layer

__all__ = ["LayerTiming", "benchmark_layer"]
