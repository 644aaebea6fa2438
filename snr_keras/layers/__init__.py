"""Keras layers."""

from snr_keras.layers.snr import SNR, SNREmbeddings

__all__ = ["SNR", "SNREmbeddings"]
