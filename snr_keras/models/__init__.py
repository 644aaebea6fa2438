"""ReID models: a backbone, one normalization switch, a BNNeck and a classifier."""

from snr_keras.models.backbones import BACKBONES
from snr_keras.models.modules import NORMALIZATIONS, module_stages
from snr_keras.models.pytorch_resnet import PYTORCH_BACKBONES
from snr_keras.models.reid import embedder, reid_model

__all__ = ["BACKBONES", "NORMALIZATIONS", "PYTORCH_BACKBONES", "embedder", "module_stages", "reid_model"]
