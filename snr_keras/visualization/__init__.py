"""Pictures of a run: loss curves and ranked galleries. Needs matplotlib (`pip install "snr-reid[cli]"`)."""

from snr_keras.visualization.loss_curves import save_loss_curves
from snr_keras.visualization.ranked_gallery import save_ranked_gallery
from snr_keras.visualization.search_gallery import save_search_gallery

__all__ = ["save_loss_curves", "save_ranked_gallery", "save_search_gallery"]
