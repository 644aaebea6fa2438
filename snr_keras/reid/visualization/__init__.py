"""Pictures of models, their training and their results. Needs matplotlib (`pip install "snr-reid[cli]"`).

The t-SNE also needs scikit-learn (`pip install "snr-reid[visualize]"`).
"""

from snr_keras.reid.visualization.adaptation_curves import save_adaptation_curves
from snr_keras.reid.visualization.cmc_curves import save_cmc_curves
from snr_keras.reid.visualization.embedding_map import save_embedding_map
from snr_keras.reid.visualization.gates import GateStatistics, gate_statistics, save_gate_statistics
from snr_keras.reid.visualization.loss_curves import save_loss_curves
from snr_keras.reid.visualization.maps import save_activation_maps
from snr_keras.reid.visualization.ranked_gallery import Ranking, rankings, save_ranked_gallery
from snr_keras.reid.visualization.report import Choices, visualize
from snr_keras.reid.visualization.sample import sample_images
from snr_keras.reid.visualization.search_gallery import save_search_gallery
from snr_keras.reid.visualization.stages import PooledFeatures, StageFeatures, activation_maps, pooled_features
from snr_keras.reid.visualization.verification import save_verification

__all__ = [
    "Choices",
    "GateStatistics",
    "PooledFeatures",
    "Ranking",
    "StageFeatures",
    "activation_maps",
    "gate_statistics",
    "pooled_features",
    "rankings",
    "sample_images",
    "save_activation_maps",
    "save_adaptation_curves",
    "save_cmc_curves",
    "save_embedding_map",
    "save_gate_statistics",
    "save_loss_curves",
    "save_ranked_gallery",
    "save_search_gallery",
    "save_verification",
    "visualize",
]
