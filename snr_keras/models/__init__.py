"""ReID models (a backbone, one normalization switch, a BNNeck and a classifier), and SNR in any other model."""

from snr_keras import _keras as _keras
from snr_keras.models.backbones import BACKBONES
from snr_keras.models.insert import insert_snr
from snr_keras.models.network import SNRNetwork
from snr_keras.models.pytorch_resnet import PYTORCH_BACKBONES
from snr_keras.models.reid import embedder, reid_model
from snr_keras.models.snr_model import SNRModel
from snr_keras.networks import NORMALIZATIONS, module_stages

__all__ = [
    "BACKBONES",
    "NORMALIZATIONS",
    "PYTORCH_BACKBONES",
    "SNRModel",
    "SNRNetwork",
    "embedder",
    "insert_snr",
    "module_stages",
    "reid_model",
]
