"""Keras layers."""

from snr_keras import _keras as _keras
from snr_keras.layers.adaptive_norm import AdaptiveInstanceBatchNormalization
from snr_keras.layers.batch_instance_norm import BatchInstanceNormalization
from snr_keras.layers.channel_gate import ChannelGate
from snr_keras.layers.ibn import IBN
from snr_keras.layers.snr import SNR, SNREmbeddings, SNRMaps
from snr_keras.layers.style_mixing import EFDMix, MixStyle

__all__ = [
    "IBN",
    "SNR",
    "AdaptiveInstanceBatchNormalization",
    "BatchInstanceNormalization",
    "ChannelGate",
    "EFDMix",
    "MixStyle",
    "SNREmbeddings",
    "SNRMaps",
]
